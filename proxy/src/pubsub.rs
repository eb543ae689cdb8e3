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

mod catalogue;
mod change;
mod line;
mod message;
mod names;
mod numbers;
mod serving;
mod subscriber;
mod tracked;

pub(crate) use names::Kind;
pub(crate) use numbers::LineNumbers;
pub(crate) use subscriber::Subscriber;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::session::Tracking;
use tokio::time::{Instant, sleep};

use crate::link::LinkLimits;
use crate::output::Sequence;
use crate::replicated::Replicated;
use crate::shared::Shared;
use crate::telemetry::ThreadMetrics;
use change::Change;
use line::Line;
use message::Message;
use names::Names;
use serving::Serving;
use tracked::Tracked;

/// Time between two looks at the nodes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a node that serves nothing any more is listened to: others may publish there until they know.
const GRACE: Duration = Duration::from_secs(2);

/// While a node is not heard, clients that track are told so often that everything may have changed.
const DEAF_EVERY: Duration = Duration::from_secs(1);

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
    /// By which numbers nodes know them.
    numbers: Rc<LineNumbers>,
    /// Lines to nodes that left, and when they end.
    leaving: RefCell<Vec<(Instant, Rc<Line>)>>,
    /// Who carries out the commands of clients, once slots are served by views.
    replicated: OnceCell<Rc<Replicated>>,
    /// Who serves, as the lines are for it.
    heard: RefCell<Serving>,
    /// Who serves, as the trackers were told of it.
    told: RefCell<Serving>,
    /// When the trackers were told that a node is not heard.
    deaf_since: Cell<Instant>,
    is_started: Cell<bool>,
}

impl Hub {
    /// Nobody is subscribed, and no node is connected for it.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        metrics: &Arc<ThreadMetrics>,
        numbers: &Rc<LineNumbers>,
    ) -> Rc<Self> {
        Rc::new(Self {
            shared: Arc::clone(shared),
            metrics: Arc::clone(metrics),
            names: RefCell::default(),
            tracked: RefCell::default(),
            lines: RefCell::default(),
            numbers: Rc::clone(numbers),
            leaving: RefCell::default(),
            replicated: OnceCell::new(),
            heard: RefCell::default(),
            told: RefCell::default(),
            deaf_since: Cell::new(Instant::now()),
            is_started: Cell::new(false),
        })
    }

    /// Commands of clients are carried out by `replicated` from here on.
    pub(crate) fn goes_by_views(&self, replicated: &Rc<Replicated>) {
        // That happens once.
        let _ = self.replicated.set(Rc::clone(replicated));
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
        if names.is_empty() && all.is_empty() {
            // Redis confirms even that there was nothing to end.
            change.confirm(None);
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
        tracking: &Tracking,
        place: impl FnOnce() -> Sequence,
    ) -> Result<(), &'static str> {
        self.start();
        if self.lines.borrow().is_empty() {
            return Err(NO_VIEW);
        }
        let is_first = self.tracked.borrow().is_empty();
        self.shared.directory.lose_redirection(who.id(), false);
        self.tracked.borrow_mut().enter(who, tracking, &self.shared);
        self.tell(Change::track(self, who, is_first, place()));
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
            self.look_at_deafness();
            self.tracked.borrow_mut().look();
            let now = Instant::now();
            self.leaving.borrow_mut().retain(|(until, _)| *until > now);
        }
    }

    /// Follows who serves the slots.
    fn look_at_nodes(self: &Rc<Self>) {
        let now = Serving::now(&self.shared);
        if !self.heard.borrow().is(&now) {
            self.listen_to(&now);
            self.heard.replace(now.clone());
        }
        if !self.told.borrow().is(&now) && self.goes_by(&now) {
            let before = self.told.replace(now);
            let lost = before.lost_to(&self.told.borrow());
            self.tracked.borrow_mut().lost(&lost);
        }
    }

    /// Whether no client of the thread is answered any more by whom an earlier view named.
    fn goes_by(&self, serving: &Serving) -> bool {
        match serving {
            Serving::Chains(view) => {
                self.replicated.get().is_some_and(|replicated| replicated.epoch() == view.epoch())
            }
            Serving::Nobody | Serving::Nodes(_) => true,
        }
    }

    /// Opens lines to nodes that came, and lets those to nodes that left end.
    fn listen_to(self: &Rc<Self>, serving: &Serving) {
        let mut old = self.lines.take();
        let lines: Vec<Rc<Line>> = serving
            .nodes(&self.shared)
            .into_iter()
            .map(|node| {
                let known = old.iter().position(|line| line.is_to(&node));
                known.map_or_else(|| Line::open(self, node, self.limits()), |at| old.swap_remove(at))
            })
            .collect();
        // What listens at the address of an old line by now is told all names by the new one: it would tell twice.
        old.retain(|line| !lines.iter().any(|new| new.address() == line.address()));
        old.iter().for_each(|line| line.leave());
        self.lines.replace(lines);
        let until = Instant::now() + GRACE;
        self.leaving.borrow_mut().extend(old.into_iter().map(|line| (until, line)));
    }

    /// While a node is not heard, it may have told of anything.
    fn look_at_deafness(&self) {
        let is_deaf = self.lines.borrow().iter().any(|line| !line.hears());
        if is_deaf && self.deaf_since.get().elapsed() >= DEAF_EVERY {
            self.deaf_since.set(Instant::now());
            self.tracked.borrow_mut().all_changed();
        }
    }

    fn limits(&self) -> LinkLimits {
        let topology = self.shared.topology.load();
        let timeouts = &topology.file().timeouts;
        let (connect, silence) = (timeouts.connect.duration(), timeouts.request.duration());
        LinkLimits { connect, silence, reply_bytes_max: MESSAGE_BYTES_MAX }
    }
}
