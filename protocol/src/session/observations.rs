//! What a process has observed of its commands' times: `SLOWLOG` and `LATENCY`.

use std::time::Duration;

/// The slow log and the latency events of a process.
pub trait Observations {
    /// The newest `most` entries of the slow log, newest first.
    fn slow_calls(&self, most: usize) -> Vec<SlowCall>;

    /// Number of entries of the slow log.
    fn slow_calls_len(&self) -> usize;

    /// Empties the slow log.
    fn forget_slow_calls(&self);

    /// From how long on a call comes into the slow log; `None` if none does.
    fn slow_threshold(&self) -> Option<Duration>;

    /// All latency events of which there are samples, by name.
    fn latency_events(&self) -> Vec<LatencyEvent>;

    /// Forgets the events of these names, or all if there are none; how many were forgotten.
    fn forget_latency_events(&self, names: &mut dyn ExactSizeIterator<Item = &[u8]>) -> usize;

    /// From how long on an event is noted, in milliseconds; 0 if none is.
    fn latency_threshold_millis(&self) -> u64;

    /// The latencies of the commands that were called.
    fn latencies(&self) -> Vec<CommandLatencies>;
}

/// An entry of the slow log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowCall {
    /// Rises by one from entry to entry.
    pub id: u64,
    /// When, since the Unix epoch.
    pub at: Duration,
    /// How long it took, without the time that it waited.
    pub took: Duration,
    /// The arguments, shortened and without secrets.
    pub args: Vec<Vec<u8>>,
    /// The client's address, `host:port`.
    pub peer_address: String,
    /// The client's name, empty if it has none.
    pub name: String,
}

/// A kind of event and its latest samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyEvent {
    /// Its name: `command`, `fast-command`, `expire-cycle`.
    pub name: &'static str,
    /// At most one sample a second, oldest first, never empty.
    pub samples: Vec<LatencySample>,
    /// The longest ever, in milliseconds.
    pub longest_millis: u32,
}

/// One sample of a [`LatencyEvent`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencySample {
    /// When, in Unix seconds.
    pub at_seconds: u64,
    /// How long it took at most in that second.
    pub millis: u32,
}

/// The latencies of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLatencies {
    /// The command's full name.
    pub name: &'static str,
    /// Its calls.
    pub calls: u64,
    /// Pairs of a bound in microseconds and the number of calls up to it.
    pub counts: Vec<(u64, u64)>,
}
