//! Waiting for what happens by itself.

use std::time::{Duration, Instant};

/// Longest wait; what takes longer does not come, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two looks, which leaves the processors to those that are waited for.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until `holds`.
///
/// # Panics
/// When it does not within [`PATIENCE`].
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come true");
        std::thread::sleep(PAUSE);
    }
}
