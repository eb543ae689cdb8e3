//! What one thread counts.

use hdrhistogram::Histogram;

use super::super::{clock::Nanos, link::Reply};

/// Longest time that a histogram tells apart from longer ones: ten minutes.
const LONGEST: Nanos = 600_000_000_000;

/// Significant decimal digits of a histogram: values are within 0.1 %.
const DIGITS: u8 = 3;

/// Counts and times of a window.
pub(crate) struct Tally {
    warm: Nanos,
    end: Nanos,
    /// From the intended time of sending to the reply, in nanoseconds.
    pub(crate) latency: Histogram<u64>,
    /// How late the generator itself was to send a request that had a free connection, in nanoseconds.
    pub(crate) lateness: Histogram<u64>,
    /// Replies that came within the measured time.
    pub(crate) completed: u64,
    /// Of all counted replies, those that were errors.
    pub(crate) errors: u64,
    /// The first of them.
    pub(crate) first_error: Option<String>,
    /// Counted requests without a reply, unsent ones included.
    pub(crate) unanswered: u64,
    /// CPU time of the generator while it measured.
    pub(crate) cpu: Nanos,
}

/// An empty histogram of times.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("constant bounds that are valid")
}

impl Tally {
    /// Counts requests that were intended from `warm` on, and replies that came between it and `end`.
    pub(crate) fn new(warm: Nanos, end: Nanos) -> Tally {
        Tally {
            warm,
            end,
            latency: histogram(),
            lateness: histogram(),
            completed: 0,
            errors: 0,
            first_error: None,
            unanswered: 0,
            cpu: 0,
        }
    }

    /// A request was sent `late` after it could have been.
    pub(super) fn sent_late(&mut self, intended: Nanos, late: Nanos) {
        if intended >= self.warm {
            self.lateness.saturating_record(late.max(1));
        }
    }

    /// A reply came at `now`.
    pub(super) fn reply(&mut self, reply: &Reply<'_>, now: Nanos) {
        self.completed += u64::from((self.warm..self.end).contains(&now));
        if reply.intended < self.warm {
            return;
        }
        self.latency.saturating_record(now.saturating_sub(reply.intended).max(1));
        if matches!(reply.bytes.first(), Some(b'-' | b'!')) {
            self.errors += 1;
            self.first_error.get_or_insert_with(|| {
                String::from_utf8_lossy(reply.bytes).trim_start_matches('-').trim_end().to_owned()
            });
        }
    }

    /// A request has no reply at `now`, and none is awaited any more.
    pub(super) fn unanswered(&mut self, intended: Nanos, now: Nanos) {
        if intended >= self.warm {
            self.unanswered += 1;
            self.latency.saturating_record(now.saturating_sub(intended).max(1));
        }
    }

    /// Takes another thread's counts in.
    pub(crate) fn add(&mut self, other: Tally) {
        self.latency.add(&other.latency).expect("histograms of the same bounds");
        self.lateness.add(&other.lateness).expect("histograms of the same bounds");
        self.completed += other.completed;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
        self.unanswered += other.unanswered;
        self.cpu += other.cpu;
    }
}
