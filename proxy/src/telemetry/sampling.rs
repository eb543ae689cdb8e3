//! Which commands are timed: the clock costs as much as some hundredths of a command, so one of [`STEP`] is.

use std::cell::Cell;
use std::time::Instant;

use ringmaster_protocol::command::{Flags, Spec};

use super::CommandKind;

/// One command of so many is timed: a prime, so that the rhythm of a pipeline is not sampled in one place.
const STEP: u32 = 17;

/// A thread's first commands that are all timed, so that a proxy with little to do has figures, too.
const EACH: u32 = 1024;

/// Chooses the commands of one data thread that are timed.
#[derive(Debug)]
pub(crate) struct Sampling {
    /// Commands until the next that is timed.
    left: Cell<u32>,
    /// Commands that are yet timed one by one.
    each: Cell<u32>,
}

/// A command whose time is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timed {
    pub(crate) began: Instant,
    pub(crate) kind: CommandKind,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { left: Cell::new(1), each: Cell::new(EACH) }
    }
}

impl Sampling {
    /// Begins to time a command that has come, if it is its turn.
    #[inline]
    pub(crate) fn begin(&self, spec: &Spec) -> Option<Timed> {
        let left = self.left.get() - 1;
        self.left.set(left);
        if left > 0 { None } else { self.take(spec) }
    }

    #[cold]
    fn take(&self, spec: &Spec) -> Option<Timed> {
        let each = self.each.get();
        self.each.set(each.saturating_sub(1));
        self.left.set(if each > 0 { 1 } else { STEP });
        // What waits for others says nothing of this proxy.
        let waits = spec.flags.contains(Flags::BLOCKING);
        (!waits).then(|| Timed { began: Instant::now(), kind: CommandKind::of(spec) })
    }
}

#[cfg(test)]
mod tests {
    use ringmaster_protocol::command::lookup;

    use super::*;

    #[test]
    fn the_first_commands_are_all_timed_then_a_few_and_never_what_blocks() {
        let (sampling, get) = (Sampling::default(), lookup(b"get").unwrap());
        let timed = |count| (0..count).filter(|_| sampling.begin(get).is_some()).count();
        assert_eq!(timed(EACH), EACH as usize);
        assert_eq!(timed(1700), 100);
        let (sampling, blpop) = (Sampling::default(), lookup(b"blpop").unwrap());
        assert!((0..100).all(|_| sampling.begin(blpop).is_none()));
        assert_eq!(CommandKind::of(lookup(b"set").unwrap()), CommandKind::Write);
        assert_eq!(CommandKind::of(lookup(b"ping").unwrap()), CommandKind::Other);
    }
}
