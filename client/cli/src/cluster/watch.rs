//! `ringmaster cluster watch`: how the cluster stands, again and again, until Ctrl-C.
//!
//! On a terminal it is one picture that is kept up to date; elsewhere a line a look, or with `--json` one object a line.

mod look;
mod screen;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ringmaster_protocol::cluster_file::ClusterFile;
use ringmaster_runtime::signal;

use super::asking::Answers;
use look::Look;
use screen::Screen;

/// What the process ends with when no node answers at the first look: somebody has to look at the nodes or the file.
const NOBODY: u8 = 2;

/// What it ends with when the nodes do not believe us: somebody has to look at the secret.
const REFUSED: u8 = 3;

/// How it is watched.
#[derive(clap::Args, Debug)]
pub(super) struct Options {
    /// Seconds between two looks: 0.2 to 3600.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    every: Duration,
    /// End after so many looks.
    #[arg(long, value_name = "LOOKS", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "give a number of seconds".to_owned())?;
    let is_good = (0.2..=3600.0).contains(&number);
    is_good.then(|| Duration::from_secs_f64(number)).ok_or_else(|| "give 0.2 to 3600".to_owned())
}

/// Where looks are shown.
enum Show {
    Screen(Screen),
    Lines(Instant),
    Json,
}

impl Show {
    fn show(&mut self, look: &Look) -> io::Result<()> {
        let line = match self {
            Self::Screen(screen) => return screen.show(look),
            Self::Lines(begun) => format!("+{:.0}s {}", begun.elapsed().as_secs_f64(), look.line()),
            Self::Json => look.json().to_string(),
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    }
}

/// Watches until it is told to stop, or nobody reads what it writes.
///
/// # Errors
/// The file cannot be read, or nothing can be written.
pub(super) fn run(path: &Path, first: ClusterFile, options: &Options) -> anyhow::Result<ExitCode> {
    let mut file = first;
    let answers = Answers::of(&file);
    if answers.nobody() {
        return Ok(give_up(&answers));
    }
    let stop = stops()?;
    let mut show = match (options.json, io::stdout().is_terminal()) {
        (true, _) => Show::Json,
        (false, true) => Show::Screen(Screen::begin()?),
        (false, false) => Show::Lines(Instant::now()),
    };
    let (mut answers, mut looks, mut most_to_do) = (answers, 0, 0);
    loop {
        let begun = Instant::now();
        if looks > 0 {
            // An edit is followed; while the file is wrong the one before counts, as for the proxies.
            if file.discovery.is_none() {
                file = super::read(path).unwrap_or(file);
            }
            answers = Answers::of(&file);
        }
        let look = Look::of(&file, &answers, &mut most_to_do);
        looks += 1;
        match show.show(&look) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            shown => shown.context("cannot write")?,
        }
        if options.count.is_some_and(|count| looks >= count) {
            return Ok(ExitCode::SUCCESS);
        }
        match stop.recv_timeout(options.every.saturating_sub(begun.elapsed())) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Hears of Ctrl-C and SIGTERM.
fn stops() -> io::Result<Receiver<()>> {
    let (told, heard) = mpsc::channel();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        // Where signals cannot be watched they end the process as they do anyway.
        if signal::wait_for_stop().is_ok() {
            // Nobody listens any more when the looks have ended by themselves.
            let _ = told.send(());
        } else {
            loop {
                std::thread::park();
            }
        }
    })?;
    Ok(heard)
}

/// Says in one line why nothing can be watched.
fn give_up(answers: &Answers) -> ExitCode {
    let errors = || answers.nodes.iter().filter_map(|(node, answer)| Some((node, answer.as_ref().err()?)));
    let refused = |error: &io::Error| {
        let text = error.to_string();
        ["NOAUTH", "WRONGPASS", "NOPERM"].iter().any(|code| text.contains(code))
    };
    if let Some((node, error)) = errors().find(|(_, error)| refused(error)) {
        eprintln!(
            "ringmaster: node {} at {} refuses: {error}; name the cluster's secret in `secret_file` of the cluster.yaml, or in \
             RINGMASTER_SECRET",
            node.name, node.address
        );
        return ExitCode::from(REFUSED);
    }
    let first = errors().next().map(|(node, error)| format!("{} at {}: {error}", node.name, node.address));
    eprintln!(
        "ringmaster: no node answers ({}); are they started, and is --file the cluster.yaml that the proxies have?",
        first.unwrap_or_else(|| "the file names none".to_owned())
    );
    ExitCode::from(NOBODY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_bounds() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "-1", "0.1", "3601", "nan", "inf", "", "1s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
