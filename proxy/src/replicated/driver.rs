//! The task that drives the chains of a thread: what came goes in, what is to be done comes out.

mod traced;
mod waiting;

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::extension::{RawOperation, Say, put_unless};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Epoch, Version, View};
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::time::sleep;

use super::blocking::Waiting;
use super::everywhere;
use super::evictions::Evictions;
use super::inbox::{Event, Inbox, Owner, Submission};
use super::lane::Reading;
use super::ledger::Ledger;
use super::members::Members;
use super::queues::{Number, Queues, Waiter};
use crate::chain::{
    Action, Applied, Chains, ClientId, Command, Handed, Held, Kind, Lease, Moment, OperationId, PlainWrite,
    Target, Told, Wire,
};
use crate::clock;
use crate::control::{self, Chore, Published};
use crate::output::Output;
use crate::shared::Shared;
use crate::traces::Operations;
use crate::upstream::{Lane, UpstreamContext};

/// Runs as long as the thread.
pub(super) async fn run(driver: Rc<RefCell<Driver>>) {
    let (inbox, mut views, mut chores) = {
        let driver = driver.borrow();
        (Rc::clone(&driver.inbox), driver.published.views(), driver.published.take_chores())
    };
    loop {
        let pause = driver.borrow_mut().work();
        if !inbox.is_empty() {
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            () = inbox.notify.notified() => {}
            _ = views.changed() => {}
            chore = next(&mut chores) => inbox.push(Event::Chore(chore)),
            () = sleep(pause) => {}
        }
    }
}

/// Shortest pause between two looks at what waits.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// Longest pause: nothing waits.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long a command whose outcome is unknown may still be sent somewhere.
const LATE: Duration = Duration::from_secs(35);

/// How a tick begins: nobody has submitted it.
const TICK: &[u8] = b"*2\r\n$7\r\nRM.TICK\r\n";

/// A command that was submitted.
struct Submitted {
    /// `None` once it was told.
    owner: Option<Owner>,
    lane: Lane,
    writes: bool,
    bytes: usize,
}

/// The clock and the lease at one moment.
#[derive(Clone, Copy)]
struct Seen {
    now: Duration,
    lease: Lease,
}

impl Seen {
    fn now(published: &Published) -> Self {
        Self { lease: published.lease(), now: clock::now() }
    }

    fn moment<'m>(&self, members: &'m Members) -> Moment<'m> {
        Moment { lease: self.lease, now: self.now, links: members }
    }
}

/// What the task holds.
pub(super) struct Driver {
    chains: Chains,
    members: Members,
    evictions: Evictions,
    shared: Arc<Shared>,
    inbox: Rc<Inbox>,
    published: Arc<Published>,
    views: watch::Receiver<Option<Arc<View>>>,
    submitted: Ledger<Submitted>,
    /// Commands that were told that their outcome is unknown, and when they are forgotten.
    late: VecDeque<(Duration, OperationId)>,
    actions: Vec<Action>,
    /// Emptied, and kept for their memory.
    events: VecDeque<Event>,
    applied: Vec<Wire>,
    /// The clock and the lease, as they were looked at last.
    seen: Seen,
    /// When the task looks again, if nothing comes.
    sleeps_until: Duration,
    /// Reads go to any in-sync entry.
    reads_any: bool,
    /// Clients that wait for keys, by number.
    waiters: HashMap<Waiter, Rc<Waiting>>,
    waiters_drawn: Waiter,
    queues: Queues,
    /// In which process each bell was hung.
    hung_at: HashMap<Number, Boot>,
    /// Commands under way that are traced.
    traced: Operations,
}

impl Driver {
    pub(super) fn new(
        chains: Chains,
        inbox: &Rc<Inbox>,
        published: &Arc<Published>,
        shared: &Arc<Shared>,
        context: &Rc<UpstreamContext>,
    ) -> Self {
        let reading = Reading { straight: Rc::clone(chains.straight()), published: Arc::clone(published) };
        Self {
            chains,
            members: Members::new(inbox, reading, shared, context),
            evictions: Evictions::default(),
            shared: Arc::clone(shared),
            inbox: Rc::clone(inbox),
            published: Arc::clone(published),
            views: new_views(published),
            submitted: Ledger::default(),
            late: VecDeque::new(),
            actions: Vec::new(),
            events: VecDeque::new(),
            applied: Vec::new(),
            seen: Seen::now(published),
            sleeps_until: Duration::MAX,
            reads_any: super::reads_any(shared),
            waiters: HashMap::new(),
            waiters_drawn: 0,
            queues: Queues::default(),
            hung_at: HashMap::new(),
            traced: Operations::default(),
        }
    }

    /// Handles all that has come; how long nothing else is to be done.
    fn work(&mut self) -> Duration {
        if self.views.has_changed().unwrap_or(false) {
            self.adopt();
        }
        self.take_events();
        self.poll();
        self.evict();
        self.serve_queues();
        self.inbox.release_held();
        let pause = self.pause();
        self.sleeps_until = clock::now() + pause;
        pause
    }

    /// Until something that waits is to be looked at.
    fn pause(&self) -> Duration {
        let wakes_at = self.chains.wakes_at().into_iter().chain(self.queues.wakes_at()).min();
        let wished = wakes_at.map(|at| at.saturating_sub(clock::now()));
        wished.map_or(PAUSE_MAX, |wished| wished.clamp(PAUSE_MIN, PAUSE_MAX))
    }

    fn adopt(&mut self) {
        self.look();
        let Some(view) = self.views.borrow_and_update().clone() else { return };
        if self.chains.view().is_some_and(|known| known.cluster() != view.cluster()) {
            self.begin_anew();
        }
        self.members.adopt(&view);
        self.evictions.adopt(&view);
        self.with_chains(|chains, moment, out| chains.adopt(&view, moment, out));
        self.look_after_bells(false);
    }

    /// The cluster was founded anew, or goes on as another: versions of the one before mean nothing in it.
    fn begin_anew(&mut self) {
        self.chains = self.chains.anew();
        self.late.clear();
        self.traced.clear();
        for submitted in self.submitted.take_all() {
            let why = "the cluster was founded anew";
            let told = if submitted.writes { Told::Maybe(why) } else { Told::NotExecuted(why) };
            self.inbox.done(submitted.bytes);
            submitted.owner.into_iter().for_each(|owner| owner.answer(&reply(&told)));
        }
    }

    fn poll(&mut self) {
        self.chains.set_limits(super::limits(&self.shared));
        self.reads_any = super::reads_any(&self.shared);
        self.with_chains(Chains::poll);
        let now = clock::now();
        while let Some((_, operation)) = self.late.pop_front_if(|(until, _)| *until <= now) {
            self.submitted.remove(operation);
        }
    }

    /// The clock is read after all of them have come, once: what is answered depends on nothing that comes later.
    fn take_events(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        self.inbox.take(&mut events);
        self.look();
        self.take_applied();
        for event in events.drain(..) {
            self.inbox.tell_next();
            self.take_event(event);
        }
        self.events = events;
    }

    fn take_applied(&mut self) {
        let mut applied = std::mem::take(&mut self.applied);
        self.inbox.take_applied(&mut applied);
        applied.drain(..).for_each(|wire| self.applied(wire));
        self.applied = applied;
    }

    /// An entry has applied something.
    fn applied(&mut self, wire: Wire) {
        if !self.traced.is_empty() {
            self.traced.answered(wire, b"");
        }
        let mut out = std::mem::take(&mut self.actions);
        let moment = self.seen.moment(&self.members);
        let applied = self.chains.applied(wire, moment, &mut out);
        self.carry_out(out);
        match applied {
            Applied::HandOn(handed) => {
                self.hand_on(&handed, None);
            }
            Applied::Answer(operation, reply) => self.answer(operation, &Told::Reply(reply)),
            Applied::InLine => {}
            Applied::Other => self.take_event(Event::Said(wire, Say::Done)),
        }
    }

    /// A head has made this operation of a write; `false` if its answer is to be told as any other.
    pub(super) fn made(
        &mut self,
        wire: Wire,
        slot: HashSlot,
        operation: RawOperation<'_>,
        reply: &[u8],
    ) -> bool {
        let Some(handed) = self.chains.made(wire, slot, operation, reply) else { return false };
        self.hand_on(&handed, Some(operation.bytes));
        true
    }

    /// Hands an operation on: these bytes, or those that the chains keep.
    fn hand_on(&mut self, handed: &Handed, operation: Option<&[u8]>) {
        if !self.apply(handed, operation) {
            self.inbox.push(Event::Lost(handed.wire, false));
        }
    }

    fn look(&mut self) {
        self.seen = Seen::now(&self.published);
    }

    fn take_event(&mut self, event: Event) {
        if !self.traced.is_empty() {
            self.trace_event(&event);
        }
        match event {
            Event::Again(submission) => self.read_anew(submission),
            Event::ReadsEnded(slot) => {
                self.with_chains(|chains, moment, out| chains.go_on(slot, moment, out));
            }
            Event::Everywhere(command) => everywhere::send(command, &mut self.members),
            Event::Walk(walking) => walking.ask(&mut self.members, self.chains.straight().epoch()),
            Event::Walked(walking) => {
                let holds = self.chains.straight().held(self.seen.now, self.seen.lease) == Held::All;
                walking.heard(&self.members, self.epoch(), holds);
            }
            Event::Answered(wire, answer) => {
                self.with_chains(|chains, moment, out| chains.answered(wire, answer, moment, out));
            }
            Event::Tried(waiting, reply) => self.tried(&waiting, &reply),
            Event::GivesUp(waiting) => self.gives_up(&waiting),
            Event::Rung(bell) => self.queues.rung(bell),
            Event::Said(wire, say) if waiting::is_about_bell(wire) => self.hung(wire, Some(&say)),
            Event::Lost(wire, _) if waiting::is_about_bell(wire) => self.hung(wire, None),
            Event::Said(wire, say) if Evictions::awaits(wire) => self.named(wire, Some(say)),
            Event::Lost(wire, _) if Evictions::awaits(wire) => self.named(wire, None),
            Event::Said(wire, say) => {
                self.with_chains(|chains, moment, out| chains.said(wire, say, moment, out));
            }
            Event::Lost(wire, sent) => {
                self.with_chains(|chains, moment, out| chains.lost(wire, sent, moment, out));
            }
            Event::Differs(epoch) => self.differs(epoch),
            Event::Chore(Chore::Due(slots)) => {
                for slot in slots {
                    self.with_chains(|chains, moment, out| chains.tick(slot, moment, out));
                }
            }
            Event::Chore(Chore::Pressed(member, bytes)) => self.evictions.pressed(member, bytes),
            Event::Connected => self.look_after_bells(true),
        }
    }

    /// Asks for keys that are to go, if that is the time for it.
    fn evict(&mut self) {
        if let Some(question) = self.evictions.question(rand::random::<u32>() as usize)
            && !self.members.ask(question.wire, &question.to, &question.ask)
        {
            self.named(question.wire, None);
        }
    }

    /// Has those that were named go.
    fn named(&mut self, wire: Wire, say: Option<Say>) {
        for (slot, request) in self.evictions.said(wire, say) {
            let owner = Owner::Part(self.evictions.under_way(), 0);
            let (client, lane, kind) = (ClientId(0), Lane::OWN, Kind::Write);
            self.submit(Submission { client, lane, slot, kind, request, owner, is_behind_reads: false });
        }
    }

    /// The view by which commands are carried out; 0 while there is none.
    pub(super) fn epoch(&self) -> Epoch {
        self.chains.straight().epoch()
    }

    /// Whether reads go to any in-sync entry.
    pub(super) fn reads_any(&self) -> bool {
        self.reads_any
    }

    /// Sends a client's read straight to the tail of its slot; `false` if it is to be submitted.
    #[inline]
    pub(super) fn read(
        &self,
        client: &Rc<Output>,
        (slot, request): (HashSlot, &[u8]),
        lane: Lane,
        wanted: bool,
    ) -> bool {
        self.members.read(client, (slot, request), lane, wanted)
    }

    /// A command has come.
    pub(super) fn submit_raw(&mut self, submission: Submission<&[u8]>) {
        if let Err(submission) = self.write_plainly(submission) {
            self.submit(submission.into_whole());
        }
    }

    /// Sends a write on without a copy of it, where that can be.
    fn write_plainly<'r>(&mut self, submission: Submission<&'r [u8]>) -> Result<(), Submission<&'r [u8]>> {
        if submission.kind != Kind::Write {
            return Err(submission);
        }
        let Submission { client, lane, slot, kind, request, owner, is_behind_reads } = submission;
        let bytes = request.len();
        let id = self.submitted.insert(Submitted { owner: Some(owner), lane, writes: true, bytes });
        self.trace(id);
        self.look();
        let write = PlainWrite { id, client, slot, request, is_behind_reads };
        let Some((wire, to)) = self.chains.begin(&write, self.seen.moment(&self.members)) else {
            self.traced_no_more(id);
            let owner = self.submitted.remove(id).and_then(|submitted| submitted.owner);
            return owner.map_or(Ok(()), |owner| {
                Err(Submission { client, lane, slot, kind, request, owner, is_behind_reads })
            });
        };
        self.inbox.begun(bytes);
        self.members.execute(wire, &to, lane, request, true);
        self.wake_in_time();
        Ok(())
    }

    /// What failed is known before another command of a client is looked at: it may not overtake one that is to be sent
    /// again. Never while events are taken, which are told in their order.
    #[inline]
    pub(super) fn hear_failures(&mut self) {
        if self.inbox.has_failure() {
            // They concern other commands than the one that is being sent.
            let current = self.members.tracer().replace(None);
            self.take_events();
            self.members.tracer().replace(current);
        }
    }

    /// A command has come that goes through the lines.
    pub(super) fn submit(&mut self, submission: Submission) {
        self.take(submission, Chains::submit);
        self.wake_in_time();
    }

    /// The task sleeps no longer than until something is to be looked at.
    fn wake_in_time(&self) {
        if self.chains.wakes_at().is_some_and(|at| at < self.sleeps_until) {
            self.inbox.notify.notify_one();
        }
    }

    fn read_anew(&mut self, submission: Submission) {
        if let Owner::Client(client, _) = &submission.owner {
            client.ended_read();
        }
        self.take(submission, Chains::again);
    }

    fn take(
        &mut self,
        submission: Submission,
        put: impl FnOnce(&mut Chains, OperationId, Command, Moment<'_>, &mut Vec<Action>),
    ) {
        let Submission { client, lane, slot, kind, request, owner, is_behind_reads } = submission;
        let bytes = request.len();
        self.inbox.begun(bytes);
        let submitted = Submitted { owner: Some(owner), lane, writes: kind.is_write(), bytes };
        let command = Command { client, slot, kind, request, is_behind_reads };
        let mut out = std::mem::take(&mut self.actions);
        self.seen = Seen::now(&self.published);
        let id = self.submitted.insert(submitted);
        self.trace(id);
        put(&mut self.chains, id, command, self.seen.moment(&self.members), &mut out);
        self.carry_out(out);
    }

    fn with_chains(&mut self, work: impl FnOnce(&mut Chains, Moment<'_>, &mut Vec<Action>)) {
        let mut out = std::mem::take(&mut self.actions);
        let moment = self.seen.moment(&self.members);
        work(&mut self.chains, moment, &mut out);
        self.carry_out(out);
    }

    fn carry_out(&mut self, mut actions: Vec<Action>) {
        for action in actions.drain(..) {
            self.act(action);
        }
        self.actions = actions;
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Execute { wire, to, operation, request, unless } => {
                self.execute(wire, &to, operation, &request, unless);
            }
            Action::Ask { wire, to, ask } => {
                if !self.ask(wire, &to, &ask) {
                    self.inbox.fail(Event::Lost(wire, false));
                }
            }
            Action::Answer { operation, told } => self.answer(operation, &told),
            Action::Differs { epoch, .. } => self.differs(epoch),
        }
    }

    fn execute(
        &mut self,
        wire: Wire,
        to: &Target,
        operation: OperationId,
        request: &Bytes,
        unless: Option<Version>,
    ) {
        let known = self.submitted.get(operation).map(|submitted| (submitted.lane, submitted.writes));
        // What the chains do by themselves concerns all databases; a command that was forgotten cannot be sent, as its
        // database is not known any more.
        let own = request.starts_with(TICK).then_some((Lane::OWN, true));
        let Some((lane, writes)) = known.or(own) else {
            self.inbox.fail(Event::Lost(wire, false));
            return;
        };
        if self.is_tracing() {
            return self.execute_traced((wire, operation), (to, lane, writes), request, unless);
        }
        self.send((wire, writes), (to, lane), request, unless);
    }

    fn send(
        &mut self,
        (wire, writes): (Wire, bool),
        (to, lane): (&Target, Lane),
        request: &Bytes,
        unless: Option<Version>,
    ) {
        match unless {
            None => self.members.execute(wire, to, lane, request, writes),
            Some(version) => {
                let mut whole = Vec::with_capacity(request.len() + 64);
                put_unless(&mut whole, version, request);
                self.members.execute(wire, to, lane, &whole, writes);
            }
        }
    }

    fn answer(&mut self, operation: OperationId, told: &Told) {
        self.traced_no_more(operation);
        let Some(submitted) = self.submitted.get_mut(operation) else { return };
        self.inbox.done(std::mem::take(&mut submitted.bytes));
        let owner = submitted.owner.take();
        match told {
            Told::Maybe(_) => self.late.push_back((clock::now() + LATE, operation)),
            Told::Reply(_) | Told::NotExecuted(_) | Told::TooFewCopies => {
                self.submitted.remove(operation);
            }
        }
        if let Some(owner) = owner {
            owner.answer(&reply(told));
        }
    }

    fn differs(&self, epoch: Epoch) {
        if self.chains.view().is_none_or(|view| view.epoch() < epoch) {
            self.published.tell(control::Told::Undecided(epoch));
        }
    }
}

/// The views, the one that is there already among them.
fn new_views(published: &Published) -> watch::Receiver<Option<Arc<View>>> {
    let mut views = published.views();
    views.mark_changed();
    views
}

/// The next chore; never, where another thread looks after them.
async fn next(chores: &mut Option<Receiver<Chore>>) -> Chore {
    match chores {
        Some(chores) => match chores.recv().await {
            Some(chore) => chore,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

/// What the client gets, as a whole reply.
fn reply(told: &Told) -> Bytes {
    match told {
        Told::Reply(reply) => reply.clone(),
        Told::NotExecuted(why) => format!("-TRYAGAIN {why}; the command was not executed\r\n").into(),
        Told::TooFewCopies => Bytes::from_static(b"-NOREPLICAS Not enough good replicas to write.\r\n"),
        Told::Maybe(why) => format!("-MAYBE {why}; the command may have been executed\r\n").into(),
    }
}
