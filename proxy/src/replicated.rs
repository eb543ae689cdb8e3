//! Commands of clients in a cluster whose slots have several copies: the sockets and the clock around
//! [`crate::chain::Chains`], for one data thread.
//!
//! ```text
//! clients ─► route ─► driver: Chains ─► members: lanes for data (attached, a database and protocol each)
//!            inbox ────┘▲             └►          questions about slots (attached)
//!              └───── replies, answers, losses ───────┘
//! ```
//! Commands reach the chains at once, in the order in which they came. What comes back is put into the inbox and handled
//! in its order by one task, so that nothing is called from within itself; it runs once a turn for all that came in it.
//! Most reads need none of that and go straight to their tail ([`crate::chain::Straight`]).

mod blocking;
mod driver;
mod everywhere;
mod evictions;
mod inbox;
mod lane;
mod ledger;
mod members;
mod next_entry;
mod observing;
mod queues;
mod route;
mod walking;

pub(crate) use blocking::Waiting;
#[cfg(test)]
pub(crate) use observing::WATCHED_BYTES_MAX;
pub(crate) use observing::{Observed, WATCHED_MAX};
pub(crate) use route::{Route, time_of};

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use ringmaster_protocol::cluster_file::ReadFrom;
use ringmaster_protocol::extension::Rules;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Epoch;

use crate::chain::{Chains, Limits};
use crate::output::Output;
use crate::shared::Shared;
use crate::upstream::{Lane, UpstreamContext};
use driver::Driver;
use inbox::{Event, Inbox, Submission};

/// A thread's commands on their way, as its clients see them.
pub(crate) struct Replicated {
    inbox: Rc<Inbox>,
    driver: Rc<RefCell<Driver>>,
}

impl Replicated {
    /// Starts the task of this thread; `None` while the cluster.yaml alone says where slots are.
    pub(crate) fn start(shared: &Arc<Shared>, context: &Rc<UpstreamContext>) -> Option<Rc<Self>> {
        let published = shared.published()?;
        let inbox = Rc::new(Inbox::default());
        let chains = Chains::new(Rules::ALL, limits(shared));
        let driver = Driver::new(chains, &inbox, published, shared, context);
        let driver = Rc::new(RefCell::new(driver));
        inbox.is_worked_on_by(&driver);
        tokio::task::spawn_local(driver::run(Rc::clone(&driver)));
        Some(Rc::new(Self { inbox, driver }))
    }

    /// Whether reads go to any in-sync entry.
    #[inline]
    pub(crate) fn reads_any(&self) -> bool {
        self.driver.borrow().reads_any()
    }

    /// The view by which commands are carried out: no answer that was got by an earlier one is handed on any more. 0 while
    /// there is none.
    pub(crate) fn epoch(&self) -> Epoch {
        self.driver.borrow().epoch()
    }

    /// The view by which commands are sent, and the names of the nodes of a slot's chain, head first.
    pub(crate) fn chain_of(&self, slot: HashSlot) -> (Epoch, Vec<String>) {
        self.driver.borrow().chain_of(slot)
    }

    /// Sends a client's read straight to the tail of its slot; `false` if it is to be submitted.
    #[inline]
    fn read(&self, client: &Rc<Output>, read: (HashSlot, &[u8]), lane: Lane, wanted: bool) -> bool {
        self.driver.borrow().read(client, read, lane, wanted)
    }

    /// A command for one slot, as it was read.
    #[inline]
    fn submit_raw(&self, submission: Submission<&[u8]>) {
        let mut driver = self.driver.borrow_mut();
        driver.hear_failures();
        driver.submit_raw(submission);
    }

    /// A command for one slot.
    fn submit(&self, submission: Submission) {
        let mut driver = self.driver.borrow_mut();
        driver.hear_failures();
        driver.submit(submission);
    }

    /// A client waits for keys, or takes what is there.
    fn join(&self, waiting: &Rc<Waiting>) {
        let mut driver = self.driver.borrow_mut();
        driver.hear_failures();
        driver.join(waiting);
    }

    /// Something for the task.
    fn push(&self, event: Event) {
        self.inbox.push(event);
    }

    /// Whether so many bytes of commands are under way that clients should not be read for now.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.inbox.is_full()
    }

    /// Wakes `client` when there is room again.
    pub(crate) fn hold(&self, client: &Rc<Output>) {
        self.inbox.hold(client);
    }
}

fn reads_any(shared: &Shared) -> bool {
    shared.topology.load().file().read_from == ReadFrom::Any
}

fn limits(shared: &Shared) -> Limits {
    let topology = shared.topology.load();
    let file = topology.file();
    let ack_head = file.ack == ringmaster_protocol::cluster_file::Ack::Head;
    let failover_wait = file.timeouts.request.duration();
    Limits { ack_head, min_in_sync: file.min_in_sync, failover_wait, ..Limits::default() }
}
