//! Commands of clients in a cluster whose slots have several copies: the sockets and the clock around
//! [`crate::chain::Chains`], for one data thread.
//!
//! ```text
//! clients ─► route ─► inbox ─► driver: Chains ─► members: lanes for data (attached, a database and protocol each)
//!                       ▲                      └►          questions about slots (attached)
//!                       └─── replies, answers, losses ─────────┘
//! ```
//! Whatever comes is put into the inbox and handled in the order in which it came, by one task: commands of one client
//! reach the chains in their order, and nothing is called from within itself. The task runs once a turn for all that
//! came in it.

mod blocking;
mod driver;
mod everywhere;
mod evictions;
mod inbox;
mod lane;
mod members;
mod route;

pub(crate) use inbox::Inbox;
pub(crate) use route::Route;

use std::rc::Rc;
use std::sync::Arc;

use ringmaster_protocol::extension::Rules;

use crate::chain::{Chains, Limits};
use crate::output::Output;
use crate::shared::Shared;
use crate::upstream::UpstreamContext;
use driver::Driver;

/// A thread's commands on their way, as its clients see them.
pub(crate) struct Replicated {
    inbox: Rc<Inbox>,
}

impl Replicated {
    /// Starts the task of this thread; `None` in a cluster of single copies.
    pub(crate) fn start(shared: &Arc<Shared>, context: &Rc<UpstreamContext>) -> Option<Self> {
        let published = shared.published.as_ref()?;
        let inbox = Rc::new(Inbox::default());
        let chains = Chains::new(Rules::ALL, limits(shared));
        let driver = Driver::new(chains, &inbox, published, shared, context);
        tokio::task::spawn_local(driver.run());
        Some(Self { inbox })
    }

    /// Where commands are put.
    pub(crate) fn inbox(&self) -> &Rc<Inbox> {
        &self.inbox
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

fn limits(shared: &Shared) -> Limits {
    let topology = shared.topology.load();
    let file = topology.file();
    let ack_head = file.ack == ringmaster_protocol::cluster_file::Ack::Head;
    Limits { ack_head, min_in_sync: file.min_in_sync, ..Limits::default() }
}
