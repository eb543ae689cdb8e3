//! When something of a slot falls due first, and whether the search for due keys knows that: in one word, so that a slot
//! and its lock fit two cache lines.

/// Says that the search was not told.
const UNTOLD: u64 = 1 << 63;

/// Nothing ever is due.
const NEVER: u64 = UNTOLD - 1;

/// A Unix time in milliseconds, or never.
#[derive(Clone, Copy, Debug)]
pub(super) struct NextDeadline(u64);

impl Default for NextDeadline {
    fn default() -> Self {
        Self(NEVER)
    }
}

impl NextDeadline {
    /// `u64::MAX` for never.
    #[inline]
    pub(super) fn get(self) -> u64 {
        match self.0 & NEVER {
            NEVER => u64::MAX,
            at => at,
        }
    }

    /// It is this from now on; `u64::MAX` for never.
    #[inline]
    pub(super) fn set(&mut self, at: u64) {
        let at = at.min(NEVER);
        if at != self.0 & NEVER {
            self.0 = at | UNTOLD;
        }
    }

    /// It is at most this from now on.
    #[inline]
    pub(super) fn lower(&mut self, at: u64) {
        self.set(at.min(self.get()));
    }

    /// What the search is to be told, `u64::MAX` for never; `None` if it knows.
    #[inline]
    pub(super) fn take_untold(&mut self) -> Option<u64> {
        let is_untold = self.0 & UNTOLD != 0;
        self.0 &= NEVER;
        is_untold.then(|| self.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_never_is_the_latest_time_of_all() {
        let mut next = NextDeadline::default();
        assert_eq!((next.get(), next.take_untold()), (u64::MAX, None));
        next.lower(700);
        next.lower(900);
        assert_eq!((next.get(), next.take_untold(), next.take_untold()), (700, Some(700), None));
        next.set(700);
        assert_eq!(next.take_untold(), None, "it is what it was");
        next.set(u64::MAX);
        assert_eq!((next.get(), next.take_untold(), next.take_untold()), (u64::MAX, Some(u64::MAX), None));
        next.lower(u64::MAX - 1);
        assert_eq!(next.get(), u64::MAX, "what does not fit is never");
    }
}
