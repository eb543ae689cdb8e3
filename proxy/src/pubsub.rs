//! Publish and subscribe: what the clients of one thread are subscribed to.
//!
//! ```text
//! SUBSCRIBE ─► Hub ──RM.LISTEN name count──► a line to each node, one a thread
//! client ◄─── who is subscribed ◄──message──┘
//! ```
//! A message is published at one node: by PUBLISH at the head of its channel's slot, by a script or a transaction at
//! the node that runs it, a keyspace event at the head of the key's slot. A thread listens at all nodes to every name
//! that one of its clients is subscribed to, so a message reaches them from wherever it comes, once, and a slot that
//! gets another head needs no new subscription. A node is told for how many clients a thread listens: what PUBLISH and
//! PUBSUB NUMSUB count is the clients of all proxies.
//!
//! Clients that track keys ([`tracked`]) hear of them over the same lines.
//!
//! A change is confirmed when all nodes that are reached know of it. A node that is not reached is told of all names when
//! it is again; what is published there until then does not come to this thread's clients.

mod change;
mod line;
mod message;
mod names;
mod subscriber;
mod tracked;

pub(crate) use names::Kind;
pub(crate) use subscriber::Subscriber;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::session::TrackingMode;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::MemberIndex;
use tokio::time::{Instant, sleep};

use crate::link::LinkLimits;
use crate::output::Sequence;
use crate::shared::Shared;
use crate::telemetry::{NodeStatus, ThreadMetrics};
use change::Change;
use line::Line;
use message::Message;
use names::Names;
use tracked::Tracked;

/// Time between two looks at the nodes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a node that serves nothing any more is listened to: others may publish there until they know.
const GRACE: Duration = Duration::from_secs(2);

/// Longest message with its channel, in bytes: Redis's longest string twice, and then some.
const MESSAGE_BYTES_MAX: usize = (1 << 30) + (64 << 10);

/// Most names that the clients of a thread are subscribed to, each counted once; a node takes no more from one connection.
const NAMES_MAX: usize = 1 << 20;

/// Most subscriptions of the clients of a thread.
const SUBSCRIPTIONS_MAX: usize = 1 << 22;

/// Most bytes of the names of all subscriptions of the clients of a thread.
const NAME_BYTES_MAX: usize = 256 << 20;

const TOO_MANY: &str = "ERR too many subscriptions: this thread of the proxy holds as many as it may";

const NO_VIEW: &str = "CLUSTERDOWN the cluster has no view yet; the command was not executed";

/// What the clients of a thread are subscribed to.
pub(crate) struct Hub {
    shared: Arc<Shared>,
    metrics: Arc<ThreadMetrics>,
    names: RefCell<Names>,
    tracked: RefCell<Tracked>,
    lines: RefCell<Vec<Rc<Line>>>,
    /// Lines to nodes that left, and when they end.
    leaving: RefCell<Vec<(Instant, Rc<Line>)>>,
    is_started: Cell<bool>,
}

impl Hub {
    /// Nobody is subscribed, and no node is connected for it.
    pub(crate) fn new(shared: &Arc<Shared>, metrics: &Arc<ThreadMetrics>) -> Rc<Self> {
        Rc::new(Self {
            shared: Arc::clone(shared),
            metrics: Arc::clone(metrics),
            names: RefCell::default(),
            tracked: RefCell::default(),
            lines: RefCell::default(),
            leaving: RefCell::default(),
            is_started: Cell::new(false),
        })
    }

    /// Begins subscriptions of a client; they are confirmed at `place` when the nodes know of them.
    ///
    /// # Errors
    /// The error to answer; then nothing is changed.
    pub(crate) fn subscribe(
        self: &Rc<Self>,
        who: &Rc<Subscriber>,
        kind: Kind,
        names: &[&[u8]],
        place: impl FnOnce() -> Sequence,
    ) -> Result<(), &'static str> {
        self.start();
        if self.lines.borrow().is_empty() {
            return Err(NO_VIEW);
        }
        if !self.names.borrow().has_room_for(names) {
            return Err(TOO_MANY);
        }
        let mut change = Change::begin(self, who, kind, place());
        for name in names {
            let told = self.names.borrow_mut().enter(kind, name, who);
            change.add(name, told, who.enter(kind, name));
        }
        self.tell(change);
        Ok(())
    }

    /// Ends subscriptions of a client, all of the kind if `names` is empty; confirmed as they are begun.
    pub(crate) fn unsubscribe(
        self: &Rc<Self>,
        who: &Rc<Subscriber>,
        kind: Kind,
        names: &[&[u8]],
        place: Sequence,
    ) {
        let mut change = Change::end(self, who, kind, place);
        let all = if names.is_empty() { who.names(kind) } else { Vec::new() };
        for name in names.iter().copied().chain(all.iter().map(|name| &**name)) {
            let is_left = who.leave(kind, name);
            let told = is_left.then(|| self.names.borrow_mut().leave(kind, name)).flatten();
            change.add(name, told, is_left);
        }
        self.tell(change);
    }

    /// A client is told of keys that change from now on, in this way; `place` is answered OK when the nodes know.
    ///
    /// # Errors
    /// The error to answer; then nothing is changed.
    pub(crate) fn track(
        self: &Rc<Self>,
        who: &Rc<Subscriber>,
        mode: &TrackingMode,
        place: impl FnOnce() -> Sequence,
    ) -> Result<(), &'static str> {
        self.start();
        if self.lines.borrow().is_empty() {
            return Err(NO_VIEW);
        }
        self.tracked.borrow_mut().enter(who, mode);
        self.tell(Change::track(self, who, place()));
        Ok(())
    }

    /// A client is told no more; whether it was.
    pub(crate) fn untrack(self: &Rc<Self>, who: &Rc<Subscriber>) -> bool {
        let was_there = self.tracked.borrow_mut().leave(who.id());
        if was_there && self.tracked.borrow().is_empty() {
            self.tell(Change::untrack(self, who));
        }
        was_there
    }

    /// A client that tracks is about to read keys.
    pub(crate) fn remember<'k>(&self, who: &Subscriber, keys: impl Iterator<Item = &'k [u8]>) {
        let mut tracked = self.tracked.borrow_mut();
        keys.for_each(|key| tracked.remember(who.id(), key));
    }

    /// A client has gone, or is subscribed to nothing from now on: it gets no message after this.
    pub(crate) fn leave(self: &Rc<Self>, who: &Rc<Subscriber>) {
        self.untrack(who);
        who.go();
        for kind in Kind::ALL {
            let mut change = Change::unconfirmed(self, who, kind);
            for name in who.names(kind) {
                who.leave(kind, &name);
                let told = {
                    let mut names = self.names.borrow_mut();
                    names.remove(kind, &name, who.id());
                    names.leave(kind, &name)
                };
                change.add(&name, told, true);
            }
            self.tell(change);
        }
    }

    /// Tells all nodes of a change.
    fn tell(&self, change: Change) {
        let change = Rc::new(change);
        for line in &*self.lines.borrow() {
            line.tell(&change);
        }
        change.told();
    }

    /// Hands on a message that a node sent.
    fn deliver(&self, frame: &[u8]) {
        if self.tracked.borrow_mut().hear(frame) {
            return;
        }
        let Some(message) = Message::parse(frame) else { return };
        let delivered = self.names.borrow().deliver(&message);
        self.metrics.messages.add(delivered);
    }

    /// Starts the task that looks after the lines, with the first subscription.
    fn start(self: &Rc<Self>) {
        self.look_at_nodes();
        if !self.is_started.replace(true) {
            tokio::task::spawn_local(Rc::clone(self).look_after());
        }
    }

    async fn look_after(self: Rc<Self>) {
        loop {
            sleep(LOOK_EVERY).await;
            self.look_at_nodes();
            self.lines.borrow().iter().for_each(|line| line.look());
            self.tracked.borrow_mut().look();
            let now = Instant::now();
            self.leaving.borrow_mut().retain(|(until, _)| *until > now);
        }
    }

    /// Opens lines to nodes that came, and lets those to nodes that left end.
    fn look_at_nodes(self: &Rc<Self>) {
        let nodes = nodes(&self.shared);
        let is_same = {
            let lines = self.lines.borrow();
            lines.len() == nodes.len() && lines.iter().zip(&nodes).all(|(line, node)| line.is_to(node))
        };
        if is_same {
            return;
        }
        let mut old = self.lines.take();
        let lines = nodes.into_iter().map(|node| {
            let known = old.iter().position(|line| line.is_to(&node));
            known.map_or_else(|| Line::open(self, node, self.limits()), |at| old.swap_remove(at))
        });
        self.lines.replace(lines.collect());
        let until = Instant::now() + GRACE;
        self.leaving.borrow_mut().extend(old.into_iter().map(|line| (until, line)));
    }

    fn limits(&self) -> LinkLimits {
        let topology = self.shared.topology.load();
        let timeouts = &topology.file().timeouts;
        let (connect, silence) = (timeouts.connect.duration(), timeouts.request.duration());
        LinkLimits { connect, silence, reply_bytes_max: MESSAGE_BYTES_MAX }
    }
}

/// The nodes that serve slots.
fn nodes(shared: &Shared) -> Vec<Arc<NodeStatus>> {
    let Some(published) = shared.published() else {
        let topology = shared.topology.load();
        return topology.nodes().iter().map(|node| shared.nodes.status_of(node)).collect();
    };
    let Some(view) = published.view() else { return Vec::new() };
    let mut serving = vec![false; view.members().len()];
    for entry in HashSlot::all().flat_map(|slot| &view.chain(slot).entries) {
        serving[entry.member.index()] = true;
    }
    let places = (0..).map(MemberIndex::new);
    let members = places.zip(view.members()).filter(|(place, _)| serving[place.index()]);
    members.map(|(_, member)| shared.nodes.status_of_member(member)).collect()
}
