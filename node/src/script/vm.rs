//! A virtual machine for Lua, alive on a stack of its own.
//!
//! ```text
//!            start(task)            resume
//!   Ready ───────────────► runs ◄───────────── Call (a command lies on the desk), Tick (a millisecond has passed)
//!     ▲                      │ ───────────────►
//!     └──── Ended(outcome) ──┘
//! ```
//! The machine is built on that stack and never leaves it, so its functions may borrow the way back to who runs it.
//! A stack costs the memory that was touched; a switch costs some nanoseconds.

use std::rc::Rc;
use std::time::Instant;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};

use super::desk::{Desk, Outcome, Task};
use super::sandbox;

/// Bytes of address space of a stack. Lua nests 200 calls of C functions, of which `table.concat` has the largest
/// frame (8 KiB and more); JSON and MessagePack nest a thousand times.
const STACK_BYTES: usize = 16 << 20;

/// Bytes that a virtual machine may allocate, what it has compiled included.
pub(crate) const MEMORY_BYTES_MAX: usize = 256 << 20;

/// What who runs the machine says to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Begin the task, or go on.
    Go,
    /// End what runs, as soon as it can be.
    Stop,
    /// End the machine; only when it is ready.
    Quit,
}

/// Why the machine turned its thread over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It waits for a task; how the last one ended lies on the desk.
    Ready,
    /// It waits for the reply to a command.
    Call,
    /// It has run for a while.
    Tick,
}

/// The way back from a script to who runs it.
pub(crate) type Way = corosensei::Yielder<Answer, Event>;

/// A virtual machine.
pub(crate) struct Vm {
    fiber: Coroutine<Answer, Event, ()>,
    desk: Rc<Desk>,
    ready: bool,
}

/// What a task needs of who runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// The reply to a command.
    Call,
    /// That others get a turn.
    Turn,
    /// Nothing more.
    Ended(Outcome),
}

impl Vm {
    /// A machine that waits for its first task, and draws random numbers from `seed` on; `None` when there is no
    /// memory for its stack.
    pub(crate) fn new(seed: i32) -> Option<Self> {
        let desk = Rc::new(Desk::new(seed));
        let stack = DefaultStack::new(STACK_BYTES).ok()?;
        let own = Rc::clone(&desk);
        let fiber = Coroutine::with_stack(stack, move |way: &Way, _| sandbox::live(way, &own));
        let mut vm = Self { fiber, desk, ready: true };
        vm.fiber.resume(Answer::Go);
        Some(vm)
    }

    /// What lies between the machine and who runs it.
    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Begins a task, whose words lie on the desk.
    pub(crate) fn start(&mut self, task: Task) -> Need {
        *self.desk.task.borrow_mut() = Some(task);
        self.desk.stopped.set(false);
        self.ready = false;
        self.desk.turn_began.set(Instant::now());
        self.resume(Answer::Go)
    }

    /// Goes on with the task.
    pub(crate) fn resume(&mut self, answer: Answer) -> Need {
        match self.fiber.resume(answer) {
            CoroutineResult::Yield(Event::Call) => Need::Call,
            CoroutineResult::Yield(Event::Tick) => Need::Turn,
            CoroutineResult::Yield(Event::Ready) | CoroutineResult::Return(()) => {
                self.ready = true;
                Need::Ended(self.desk.outcome.take().unwrap_or(Outcome::Done))
            }
        }
    }

    /// Ends the task that runs, if one does.
    pub(crate) fn stop(&mut self) {
        while !self.ready {
            self.resume(Answer::Stop);
        }
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.stop();
        if !self.fiber.done() {
            self.fiber.resume(Answer::Quit);
        }
    }
}
