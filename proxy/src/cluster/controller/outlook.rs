//! How fast slots come to where they are wanted: what was to do and what was copied over the last seconds.

use std::collections::VecDeque;
use std::time::Duration;

/// Time between two samples, and how many are kept.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
const SAMPLES_MAX: usize = 11;

/// What was to do and what was copied, second by second.
#[derive(Debug, Default)]
pub(super) struct Outlook(VecDeque<Sample>);

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Duration,
    slots_to_do: u64,
    copied_bytes: u64,
}

impl Outlook {
    /// Takes a sample if it is time to. When more is to do than before, something new is moved, and what was is no measure.
    pub(super) fn note(&mut self, at: Duration, slots_to_do: u64, copied_bytes: u64) {
        match self.0.back() {
            Some(last) if slots_to_do > last.slots_to_do => self.0.clear(),
            Some(last) if at < last.at + SAMPLE_EVERY => return,
            _ => {}
        }
        if self.0.len() >= SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Sample { at, slots_to_do, copied_bytes });
    }

    /// Slots a minute that were done, and bytes a second that were copied; zero before there are two samples.
    pub(super) fn rates(&self) -> (u64, u64) {
        let (Some(first), Some(last)) = (self.0.front(), self.0.back()) else { return (0, 0) };
        let passed = (last.at - first.at).as_millis() as u64;
        let rate = |amount: u64, per_ms: u64| (amount * per_ms).checked_div(passed).unwrap_or(0);
        let slots = first.slots_to_do.saturating_sub(last.slots_to_do);
        (rate(slots, 60_000), rate(last.copied_bytes.saturating_sub(first.copied_bytes), 1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_last_ten_seconds_and_begin_anew_with_more_to_do() {
        let mut outlook = Outlook::default();
        assert_eq!(outlook.rates(), (0, 0));
        for second in 0..20 {
            outlook.note(Duration::from_secs(second), 1000 - 10 * second, 500 * second);
            outlook.note(Duration::from_millis(second * 1000 + 500), 0, 0);
        }
        assert_eq!(outlook.rates(), (600, 500));
        outlook.note(Duration::from_secs(20), 5000, 10_000);
        assert_eq!(outlook.rates(), (0, 0));
    }
}
