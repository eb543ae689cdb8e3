//! Traces of single commands ([`ringmaster_runtime::traces`]), as a data thread of the proxy sees them.
//!
//! ```text
//! command (server) ─┬─ route: slot, epoch, chain
//!                   ├─ hop: a request to one node, its reply ──RM.TRACE──► execute, fsync (of the node)
//!                   └─ hop: an operation to the next entry of the chain ─► execute, fsync
//! ```
//! A command that is traced goes the way that it would have gone. While it is being sent it is *current*, and whoever queues a
//! request for a node meanwhile puts an `RM.TRACE` in front and a [`Hop`] beside it; what is sent for it later finds it by its
//! number ([`Operations`]). Commands that are not traced meet a countdown, and a flag where a request is queued.

mod command;
mod hop;
mod operations;

pub(crate) use command::Traced;
pub(crate) use hop::Hop;
pub(crate) use operations::Operations;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use ringmaster_runtime::traces::{Sampler, Traces};

/// What a data thread traces.
#[derive(Debug)]
pub(crate) struct Tracer {
    sampler: Sampler,
    /// Whether there is a current command.
    is_current: Cell<bool>,
    current: RefCell<Option<Rc<Traced>>>,
    traces: Option<Arc<Traces>>,
}

impl Tracer {
    /// Without `traces` nothing is traced.
    pub(crate) fn new(traces: Option<&Arc<Traces>>) -> Self {
        let live = traces.map(|traces| Arc::clone(traces.live_sample()));
        Self {
            sampler: Sampler::new(live, rand::random()),
            is_current: Cell::new(false),
            current: RefCell::default(),
            traces: traces.cloned(),
        }
    }

    /// Whether the next command is to be traced though nobody asks for it.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.sampler.is_due()
    }

    /// Where spans go, if anywhere.
    pub(crate) fn traces(&self) -> Option<&Arc<Traces>> {
        self.traces.as_ref()
    }

    /// Whether what is being sent is traced.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        self.is_current.get()
    }

    /// The command that is being sent, if it is traced.
    #[inline]
    pub(crate) fn current(&self) -> Option<Rc<Traced>> {
        if self.is_current.get() { self.current.borrow().clone() } else { None }
    }

    /// Has this command be the current one; returns the one that was.
    #[cold]
    pub(crate) fn replace(&self, traced: Option<Rc<Traced>>) -> Option<Rc<Traced>> {
        self.is_current.set(traced.is_some());
        self.current.replace(traced)
    }
}
