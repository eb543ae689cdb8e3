//! How fast slots are copied: so many bytes a second, whatever the slots are.

use std::time::Duration;

/// Bytes that may be copied now.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: u64,
    /// What may be copied at `at`; below zero after a slot that was larger.
    available: i128,
    at: Duration,
    /// All that was copied.
    copied: u64,
}

impl Pace {
    /// A pace of so many bytes a second.
    #[must_use]
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, available: i128::from(bytes_per_second), at: Duration::ZERO, copied: 0 }
    }

    /// Goes on at another pace.
    pub(super) fn set(&mut self, bytes_per_second: u64) {
        self.bytes_per_second = bytes_per_second;
    }

    /// Whether another slot may be copied. Unused time counts for at most a second.
    pub(super) fn may_copy(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at).as_micros().min(1_000_000) as i128;
        let most = i128::from(self.bytes_per_second);
        self.available = (self.available + most * passed / 1_000_000).min(most);
        self.at = now;
        self.available > 0
    }

    /// So many bytes were copied.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.available -= bytes as i128;
        self.copied += bytes as u64;
    }

    /// All bytes that were copied.
    #[must_use]
    pub(super) fn copied(&self) -> u64 {
        self.copied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_slot_is_paid_for_before_the_next() {
        let mut pace = Pace::new(1000);
        assert!(pace.may_copy(Duration::ZERO));
        pace.spend(3000);
        assert!(!pace.may_copy(Duration::from_millis(1500)));
        assert!(!pace.may_copy(Duration::from_millis(2400)));
        assert!(pace.may_copy(Duration::from_millis(2600)));
        assert_eq!(pace.copied(), 3000);
    }
}
