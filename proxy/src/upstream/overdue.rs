//! Notices that a command waits for too long, without a clock reading per command.
//!
//! A timer ticks [`TICKS`] times in the longest time that a command may take, and each tick notes how many commands
//! were queued by then. A command is overdue when it was there a whole round of ticks ago and is not answered now.
//! So it is noticed after one timeout, at the latest one tick later.

/// Ticks in one timeout.
pub(super) const TICKS: u32 = 8;

/// The notes of the last round of ticks.
#[derive(Debug, Default)]
pub(super) struct Overdue {
    /// Commands queued up to each of the last ticks; that at `next` is the oldest.
    queued: [u64; TICKS as usize],
    next: usize,
}

impl Overdue {
    /// One tick: `answered` and `queued` commands so far. Whether one of them is overdue.
    pub(super) fn tick(&mut self, answered: u64, queued: u64) -> bool {
        let late = answered < self.queued[self.next];
        self.queued[self.next] = queued;
        self.next = (self.next + 1) % self.queued.len();
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_overdue_a_round_after_it_was_noted() {
        let mut overdue = Overdue::default();
        let ticks = (0..20).position(|_| overdue.tick(4, 5));
        assert_eq!(ticks, Some(TICKS as usize));
    }

    #[test]
    fn a_node_that_keeps_answering_is_never_late() {
        let mut overdue = Overdue::default();
        assert!((0..100).all(|n| !overdue.tick(n * 10, (n + u64::from(TICKS)) * 10)));
    }

    #[test]
    fn a_node_that_answers_too_slowly_is_late() {
        let mut overdue = Overdue::default();
        assert!((0..100).any(|n| overdue.tick(n, n * 2)));
    }
}
