//! Lets work of ours that is long keep pace with the clock, as the hook does for Lua code.

use std::cell::Cell;
use std::rc::Rc;

use mlua::Function;

use super::desk::Desk;
use super::sandbox::stop;

/// Steps between two looks at the clock: some tens of microseconds.
const LOOK_STEPS: usize = 1 << 14;

/// Counts steps of work.
pub(super) struct Pace {
    /// Lets others have a turn.
    tick: Function,
    desk: Rc<Desk>,
    steps: Cell<usize>,
}

impl Pace {
    pub(super) fn new(tick: Function, desk: Rc<Desk>) -> Self {
        Self { tick, desk, steps: Cell::default() }
    }

    /// Does `count` steps. Now and then others get a turn.
    ///
    /// # Errors
    /// The script must end.
    #[inline]
    pub(super) fn step(&self, count: usize) -> mlua::Result<()> {
        let steps = self.steps.get() + count.min(LOOK_STEPS);
        self.steps.set(steps);
        if steps < LOOK_STEPS { Ok(()) } else { self.look() }
    }

    /// Lets others have a turn, if it is time.
    ///
    /// # Errors
    /// The script must end.
    #[cold]
    pub(super) fn look(&self) -> mlua::Result<()> {
        self.steps.set(0);
        if !self.desk.stopped.get() && self.desk.turn_is_over() {
            self.tick.call::<()>(())?;
        }
        if self.desk.stopped.get() { Err(stop()) } else { Ok(()) }
    }
}
