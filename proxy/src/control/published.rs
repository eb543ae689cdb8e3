//! What the control thread and the data threads tell each other.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, View};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::watch;

use crate::chain::Lease;
use crate::cluster::controller::Status;

/// Messages of data threads that wait at most. They repeat what a heartbeat tells too, so those above may be lost.
const TOLD_MAX: usize = 64;

/// Lists of slots with due keys that wait at most; each comes again with the next heartbeat.
const DUE_MAX: usize = 16;

/// What a data thread has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A slot is fenced for this epoch, or its node has committed it.
    Undecided(Epoch),
}

/// What the control thread has for the data threads.
pub(crate) struct Published {
    view: watch::Sender<Option<Arc<View>>>,
    lease: ArcSwap<Lease>,
    status: ArcSwap<Status>,
    told: Sender<Told>,
    due: Sender<Vec<HashSlot>>,
    /// Taken by the data thread that looks after them.
    due_heard: Mutex<Option<Receiver<Vec<HashSlot>>>>,
}

impl Published {
    /// Nothing yet; and where the control thread hears what the data threads tell.
    pub(crate) fn new() -> (Arc<Self>, Receiver<Told>) {
        let (told, heard) = mpsc::channel(TOLD_MAX);
        let (due, due_heard) = mpsc::channel(DUE_MAX);
        let (view, lease, status) = (watch::Sender::new(None), ArcSwap::default(), ArcSwap::default());
        let due_heard = Mutex::new(Some(due_heard));
        (Arc::new(Self { view, lease, status, told, due, due_heard }), heard)
    }

    /// The view that is held, if there is one.
    pub(crate) fn view(&self) -> Option<Arc<View>> {
        self.view.borrow().clone()
    }

    /// The views from now on.
    pub(crate) fn views(&self) -> watch::Receiver<Option<Arc<View>>> {
        self.view.subscribe()
    }

    /// The lease that is held, as of now: epoch and end belong together.
    pub(crate) fn lease(&self) -> Lease {
        **self.lease.load()
    }

    /// How things stand, as of a moment ago.
    pub(crate) fn status(&self) -> Arc<Status> {
        self.status.load_full()
    }

    /// Tells the control thread, if it has time for it.
    pub(crate) fn tell(&self, told: Told) {
        let _ = self.told.try_send(told);
    }

    /// Where slots with due keys are told; for the first thread that asks.
    pub(crate) fn take_due(&self) -> Option<Receiver<Vec<HashSlot>>> {
        self.due_heard.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keys are due in these slots, says their head.
    pub(super) fn due(&self, slots: Vec<HashSlot>) {
        if !slots.is_empty() {
            let _ = self.due.try_send(slots);
        }
    }

    /// How things stand.
    pub(super) fn set_status(&self, status: Status) {
        if **self.status.load() != status {
            self.status.store(Arc::new(status));
        }
    }

    /// Holds a later view.
    pub(super) fn adopt(&self, view: Arc<View>) {
        self.view.send_replace(Some(view));
    }

    /// The lease was renewed, or is another view's.
    pub(super) fn renew(&self, lease: Lease) {
        if self.lease() != lease {
            self.lease.store(Arc::new(lease));
        }
    }
}
