//! What the control thread and the data threads tell each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Incarnation, View};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::watch;

use crate::chain::Lease;
use crate::cluster::controller::Status;
use crate::cluster::target::Target;

/// Messages of data threads that wait at most. They repeat what a heartbeat tells too, so those above may be lost.
const TOLD_MAX: usize = 64;

/// Chores that wait at most; each comes again with the next heartbeat.
const CHORES_MAX: usize = 64;

/// What a heartbeat has shown to be done, by one data thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    /// Keys are due in these slots, says their head.
    Due(Vec<HashSlot>),
    /// A member is above its watermark; so many bytes of that are this proxy's to evict, 0 when it is not any more.
    Pressed(Incarnation, u64),
}

/// What a data thread has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A slot is fenced for this epoch, or its node has committed it.
    Undecided(Epoch),
}

/// What the control thread has for the data threads.
pub(crate) struct Published {
    /// Whether slots are served by views: from the start where they have copies, else from the first view on.
    by_views: Arc<AtomicBool>,
    /// Whether nothing is sent to nodes by the file for the moment.
    is_held: AtomicBool,
    /// Told when that has changed.
    holds: watch::Sender<bool>,
    /// Whether the control thread knows what the nodes say of views.
    has_looked: Mutex<bool>,
    looked: Condvar,
    view: watch::Sender<Option<Arc<View>>>,
    lease: ArcSwap<Lease>,
    status: ArcSwap<Status>,
    target: ArcSwapOption<Target>,
    told: Sender<Told>,
    chores: Sender<Chore>,
    /// Taken by the data thread that looks after them.
    chores_heard: Mutex<Option<Receiver<Chore>>>,
}

impl Published {
    /// Nothing yet; and where the control thread hears what the data threads tell. `by_views`: set if nothing is served
    /// before there is a view, and from the first view on.
    pub(crate) fn new(by_views: Arc<AtomicBool>) -> (Arc<Self>, Receiver<Told>) {
        let (told, heard) = mpsc::channel(TOLD_MAX);
        let (chores, chores_heard) = mpsc::channel(CHORES_MAX);
        let (view, lease, status) = (watch::Sender::new(None), ArcSwap::default(), ArcSwap::default());
        let chores_heard = Mutex::new(Some(chores_heard));
        let (is_held, holds) = (AtomicBool::new(false), watch::Sender::new(false));
        let (has_looked, looked) = (Mutex::default(), Condvar::new());
        let published = Self {
            by_views,
            is_held,
            holds,
            has_looked,
            looked,
            view,
            lease,
            status,
            target: ArcSwapOption::empty(),
            told,
            chores,
            chores_heard,
        };
        (Arc::new(published), heard)
    }

    /// Whether slots are served by views. Once they are they stay so.
    #[inline]
    pub(crate) fn by_views(&self) -> bool {
        self.by_views.load(Ordering::Acquire)
    }

    /// Whether nothing is to be sent to nodes by the file for the moment: they are about to be served by views.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Acquire)
    }

    /// Told when [`Published::is_held`] changes.
    pub(crate) fn holds(&self) -> watch::Receiver<bool> {
        self.holds.subscribe()
    }

    /// Sets whether something is to be sent to nodes by the file.
    pub(super) fn hold(&self, is_held: bool) {
        if self.is_held.swap(is_held, Ordering::AcqRel) != is_held {
            self.holds.send_replace(is_held);
        }
    }

    /// The control thread has looked what the nodes say of views.
    pub(super) fn note_look(&self) {
        *self.has_looked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.looked.notify_all();
    }

    /// Waits until the control thread has looked what the nodes say of views, for at most so long: what nobody has said by
    /// then is taken for not being so.
    pub(super) fn first_look(&self, longest: Duration) {
        let has_looked = self.has_looked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.looked.wait_timeout_while(has_looked, longest, |has_looked| !*has_looked);
        drop(waited);
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

    /// Where the slots are to be, if that is known and the cluster.yaml in force.
    pub(crate) fn target(&self) -> Option<Arc<Target>> {
        self.target.load_full()
    }

    /// Tells the control thread, if it has time for it.
    pub(crate) fn tell(&self, told: Told) {
        let _ = self.told.try_send(told);
    }

    /// Where chores are told; for the first thread that asks.
    pub(crate) fn take_chores(&self) -> Option<Receiver<Chore>> {
        self.chores_heard.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// There is something to be done, if somebody has time for it.
    pub(super) fn hand_over(&self, chore: Chore) {
        let _ = self.chores.try_send(chore);
    }

    /// How things stand.
    pub(super) fn set_status(&self, status: Status) {
        if **self.status.load() != status {
            self.status.store(Arc::new(status));
        }
    }

    /// Where the slots are to be.
    pub(super) fn set_target(&self, target: Option<Arc<Target>>) {
        let is_same = match (&*self.target.load(), &target) {
            (Some(known), Some(target)) => Arc::ptr_eq(known, target),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            self.target.store(target);
        }
    }

    /// Holds a later view.
    pub(super) fn adopt(&self, view: Arc<View>) {
        self.view.send_replace(Some(view));
        // After the view: who serves by views finds it.
        self.by_views.store(true, Ordering::Release);
    }

    /// The lease was renewed, or is another view's.
    pub(super) fn renew(&self, lease: Lease) {
        if self.lease() != lease {
            self.lease.store(Arc::new(lease));
        }
    }
}
