//! A connection to a node for one client alone: for what would hold up everybody else on a shared one (a blocking
//! command), or what the node remembers of a connection (watched keys).

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Lane, State, TakePart, Upstream, UpstreamContext, end_hop, task};
use crate::output::{Output, Sequence};
use crate::telemetry::NodeStatus;

/// For how long no reply is late: a command that blocks is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Patience {
    /// For no longer than any command may take.
    #[default]
    None,
    /// Its node is to answer by then, and has from then on as long as any command may take.
    Until(Instant),
    /// It may wait for ever.
    Forever,
}

/// What a private connection has beside what all have.
#[derive(Debug, Default)]
pub(super) struct Privacy {
    /// For how long the command that is under way may block.
    pub(super) patience: Cell<Patience>,
    /// Times that the connection was lost.
    pub(super) losses: Cell<u64>,
    /// The number by which the node knows the connection; 0 until it is connected.
    pub(super) id: Cell<u64>,
    /// Told when the connection is there, and at its end.
    pub(super) changed: Notify,
}

impl Upstream {
    /// Opens a connection for one client.
    pub(crate) fn open_private(
        node: &Arc<NodeStatus>,
        lane: Lane,
        context: &Rc<UpstreamContext>,
    ) -> Rc<Self> {
        let upstream = Self::new(Arc::clone(node), lane, Rc::clone(context), Some(Privacy::default()));
        tokio::task::spawn_local(task::run(Rc::clone(&upstream)));
        upstream
    }

    /// Sets for how long the command that is sent next may block.
    pub(crate) fn set_patience(&self, patience: Patience) {
        if let Some(privacy) = &self.privacy {
            privacy.patience.set(patience);
            privacy.changed.notify_waiters();
        }
    }

    pub(super) fn patience(&self) -> Patience {
        self.privacy.as_ref().map_or(Patience::None, |privacy| privacy.patience.get())
    }

    /// Times that a private connection was lost: what the node remembered of it went with it.
    pub(crate) fn losses(&self) -> u64 {
        self.privacy.as_ref().map_or(0, |privacy| privacy.losses.get())
    }

    /// The number by which the node knows a private connection, once it is connected; `None` if it never is, or nothing
    /// is waited for any more.
    pub(crate) async fn id_at_node(&self) -> Option<u64> {
        let privacy = self.privacy.as_ref()?;
        loop {
            if self.retired.get() || privacy.patience.get() == Patience::None {
                return None;
            }
            if self.state.get() == State::Ready {
                return Some(privacy.id.get());
            }
            privacy.changed.notified().await;
        }
    }

    /// Whether this connection is to `node` for `lane`.
    pub(crate) fn is_to(&self, node: &Arc<NodeStatus>, lane: Lane) -> bool {
        Arc::ptr_eq(&self.node, node) && Lane::new(self.database, self.protocol) == lane
    }

    /// Its client has gone: closes at once, whatever is under way.
    pub(crate) fn abandon(&self) {
        self.retired.set(true);
        self.privacy.iter().for_each(|privacy| privacy.changed.notify_waiters());
        self.broken.replace(Some(io::ErrorKind::ConnectionAborted.into()));
        self.wake();
    }

    /// Sends requests that must not be torn apart, all or none. The reply of the last goes to `place` of the client,
    /// the others are dropped.
    pub(crate) fn send_together(
        self: &Rc<Self>,
        client: &Rc<Output>,
        place: Sequence,
        requests: &[&[u8]],
        writes: bool,
    ) {
        if self.refuses(&self.queue.borrow()) {
            return client.answer(place, &self.refusal());
        }
        let last = u32::try_from(requests.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let reply = Rc::new(LastReply { client: Rc::clone(client), place, last });
        let mut queue = self.queue.borrow_mut();
        let hop = self.begin_hop(&mut queue);
        for (request, index) in requests.iter().zip(0..) {
            let to = Rc::clone(&reply) as Rc<dyn TakePart>;
            queue.push_part(to, index, request, writes);
        }
        end_hop(&mut queue, hop);
        self.touch();
    }
}

/// Hands on the last of several replies.
struct LastReply {
    client: Rc<Output>,
    place: Sequence,
    last: u32,
}

impl TakePart for LastReply {
    fn take_part(self: Rc<Self>, index: u32, reply: &[u8]) {
        if index == self.last {
            self.client.answer(self.place, reply);
        }
    }
}
