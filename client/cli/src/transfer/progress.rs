//! How far it is: a bar on a terminal, elsewhere a line every few seconds. To standard error; what came of it goes to
//! standard output.

use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::Tally;

/// Between two lines where there is no terminal.
const LINES_EVERY: Duration = Duration::from_secs(5);

/// What is counted to tell how much is left.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Total {
    /// So many keys, as the source said at the beginning.
    Keys(u64),
    /// So many bytes of files.
    Bytes(u64),
    /// Nobody knows.
    Unknown,
}

/// Shows how far it is.
pub(crate) struct Progress {
    total: Total,
    bar: Option<ProgressBar>,
    begun: Instant,
    told: Instant,
}

impl Progress {
    /// Begins to show.
    pub(crate) fn begin(total: Total) -> Progress {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(match total {
                Total::Keys(count) | Total::Bytes(count) => count,
                Total::Unknown => 0,
            });
            if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        let begun = Instant::now();
        Progress { total, bar, begun, told: begun }
    }

    /// Tells of what was done since the beginning; `position` is in the files that are read.
    pub(crate) fn tell(&mut self, tally: &Tally, position: u64) {
        let done = match self.total {
            Total::Bytes(_) => position,
            Total::Keys(_) | Total::Unknown => tally.seen(),
        };
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(self.line(tally, done));
        } else if self.told.elapsed() >= LINES_EVERY {
            self.told = Instant::now();
            eprintln!("{}", self.line(tally, done));
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.bar.as_ref().map(ProgressBar::finish_and_clear).unwrap_or_default();
    }

    /// Since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn line(&self, tally: &Tally, done: u64) -> String {
        line(tally, done, self.total, self.begun.elapsed())
    }
}

/// `120 of about 1000 keys, 3.2 MB, 60 keys/s, 14 s left`.
fn line(tally: &Tally, done: u64, total: Total, elapsed: Duration) -> String {
    let seconds = elapsed.as_millis().max(1);
    let rate = u128::from(tally.seen()) * 1000 / seconds;
    let of = if let Total::Keys(total) = total { format!(" of about {total}") } else { String::new() };
    let left = match total {
        Total::Keys(total) | Total::Bytes(total) if done > 0 => {
            let millis = u128::from(total.saturating_sub(done)) * elapsed.as_millis() / u128::from(done);
            format!(", {} left", time(millis / 1000))
        }
        _ => String::new(),
    };
    format!("{}{of} keys, {}, {rate} keys/s{left}", tally.seen(), size(tally.bytes))
}

fn time(seconds: u128) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} kB", tenths(1 << 10)),
        0x10_0000..0x4000_0000 => format!("{} MB", tenths(1 << 20)),
        _ => format!("{} GB", tenths(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_is_done_how_fast_and_what_is_left() {
        let tally = Tally { keys: 120, bytes: 3 << 20, ..Tally::default() };
        let two = Duration::from_secs(2);
        let of_keys = line(&tally, 120, Total::Keys(1000), two);
        assert_eq!(of_keys, "120 of about 1000 keys, 3.0 MB, 60 keys/s, 14 s left");
        let of_bytes = line(&tally, 1 << 20, Total::Bytes(1 << 30), two);
        assert_eq!(of_bytes, "120 keys, 3.0 MB, 60 keys/s, 34 min left");
        assert_eq!(line(&Tally::default(), 0, Total::Unknown, Duration::ZERO), "0 keys, 0 bytes, 0 keys/s");
        assert_eq!(
            line(&tally, 120, Total::Keys(5), two),
            "120 of about 5 keys, 3.0 MB, 60 keys/s, 0 s left"
        );
    }
}
