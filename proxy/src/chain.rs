//! The chains as a proxy drives them: writes in order down the chain, reads from its tail, and what is done when a view
//! changes, a connection is lost or an entry lacks something.
//!
//! ```text
//! downstream ──submit──► [ line of the slot: commands in order ] ──Execute──► head
//!                                       │ ◄──note, reply──────────────────────┘
//!                                       ├──Apply──► next entry … last entry     ([`repair`] where one lacks operations)
//! downstream ◄──Answer── lease held after the last reply, no hold, the chain is still the same
//! ```
//! It does no I/O and reads no clock: it is told the time, the lease and every answer, and says what to send. What it
//! promises is said in docs/REPLICATION.md; the rules are named where they act.

mod action;
mod answering;
mod holds;
mod line;
mod lines;
mod numbers;
mod operation;
mod passing;
mod repair;
mod straight;
#[cfg(test)]
mod tests;

pub use action::{
    Action, Answered, ClientId, Command, Kind, Lease, Links, Moment, OperationId, Target, Told, Wire,
};
pub use straight::Straight;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::extension::{Ask, Outcome, Rule, Rules, Say, put_request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, Epoch, View};

use holds::Holds;
use line::Line;
use lines::Lines;
pub(crate) use numbers::NumberMap;
use operation::{Active, State};

/// Pause before something that was refused is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// Time in which a head frees what is due in a slot, about.
const TICKED_IN: Duration = Duration::from_millis(1);

/// Time after which an operation that a head has executed and that cannot be brought down the chain is given up; its
/// client was told long before.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time that a command waits for a chain that cannot serve it.
    pub failover_wait: Duration,
    /// Bound of the drift of clocks, as a share of the time that passes.
    pub clock_drift: f64,
    /// Most commands under way to one slot; the others wait.
    pub slot_operations_max: usize,
    /// A write is answered when its head has executed it; it goes down the chain all the same, and can be lost on the
    /// way.
    pub ack_head: bool,
    /// Fewest in-sync entries with which a chain takes writes.
    pub min_in_sync: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            failover_wait: Duration::from_secs(2),
            clock_drift: 0.001,
            slot_operations_max: 256,
            ack_head: false,
            min_in_sync: 1,
        }
    }
}

/// All commands under way.
#[derive(Debug)]
pub struct Chains {
    rules: Rules,
    limits: Limits,
    view: Option<Arc<View>>,
    holds: Holds,
    lines: Lines,
    /// Which slot's line waits for an answer.
    wires: NumberMap<Wire, HashSlot>,
    straight: Rc<Straight>,
    last_id: u64,
}

impl Chains {
    /// No commands, and no view yet.
    #[must_use]
    pub fn new(rules: Rules, limits: Limits) -> Self {
        Self {
            rules,
            limits,
            view: None,
            holds: Holds::default(),
            lines: Lines::new(),
            wires: NumberMap::default(),
            straight: Rc::new(Straight::new(rules)),
            last_id: 0,
        }
    }

    /// For another cluster: no commands and no view, and no number is used again.
    #[must_use]
    pub fn anew(&self) -> Self {
        // Who sends reads straight goes on by the same table.
        self.straight.forget();
        let straight = Rc::clone(&self.straight);
        Self { last_id: self.last_id, straight, ..Self::new(self.rules, self.limits) }
    }

    /// Other limits hold from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The view by which commands are sent.
    #[must_use]
    pub fn view(&self) -> Option<&Arc<View>> {
        self.view.as_ref()
    }

    /// The reads that need no line.
    #[must_use]
    pub fn straight(&self) -> &Rc<Straight> {
        &self.straight
    }

    /// Commands under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.iter().map(|(_, line)| line.commands.len()).sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// A later view holds from now on. Lines whose chain it alters are decided anew.
    pub fn adopt(&mut self, view: &Arc<View>, moment: Moment<'_>, out: &mut Vec<Action>) {
        if self.view.as_ref().is_some_and(|known| known.epoch() >= view.epoch()) {
            return;
        }
        self.holds.learn(view, moment.now, self.limits.clock_drift);
        self.view = Some(Arc::clone(view));
        self.straight.adopt(view);
        let slots: Vec<HashSlot> = self.lines.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.with_line(slot, moment, out, |work| {
                work.chain_may_have_changed();
            });
        }
    }

    /// A command has come.
    pub fn submit(&mut self, command: Command, moment: Moment<'_>, out: &mut Vec<Action>) -> OperationId {
        let id = OperationId(self.draw());
        let slot = command.slot;
        self.with_line(slot, moment, out, |work| {
            work.line.commands.push_back(Active::new(id, command, moment.now));
        });
        id
    }

    /// A read that went straight was not answered: it begins anew, in front of what its client sent behind it.
    pub fn again(&mut self, command: Command, moment: Moment<'_>, out: &mut Vec<Action>) -> OperationId {
        let (id, slot) = (OperationId(self.draw()), command.slot);
        self.straight.end(slot);
        self.with_line(slot, moment, out, |work| {
            let commands = &mut work.line.commands;
            let is_behind = |active: &Active| active.command.is_behind(command.client);
            let place = commands.iter().position(is_behind).unwrap_or(commands.len());
            commands.insert(place, Active::new(id, command, moment.now));
        });
        id
    }

    /// No read that went straight is under way in a slot any more: what waited for that goes on.
    pub fn go_on(&mut self, slot: HashSlot, moment: Moment<'_>, out: &mut Vec<Action>) {
        if self.lines.get(slot).is_some() {
            self.with_line(slot, moment, out, |_| {});
        }
    }

    /// Keys are due in a slot: has its head free them, at every entry.
    pub fn tick(&mut self, slot: HashSlot, moment: Moment<'_>, out: &mut Vec<Action>) {
        self.with_line(slot, moment, out, |work| {
            work.tick();
        });
    }

    /// A head or tail has answered a command.
    pub fn answered(&mut self, wire: Wire, answer: Answered, moment: Moment<'_>, out: &mut Vec<Action>) {
        self.with_wire(wire, moment, out, |work, place| work.answered(place, answer));
    }

    /// A question was answered.
    pub fn said(&mut self, wire: Wire, say: Say, moment: Moment<'_>, out: &mut Vec<Action>) {
        let Some(&slot) = self.wires.get(&wire) else { return };
        if self.is_of_repair(slot, wire) {
            self.wires.remove(&wire);
            return self.with_line(slot, moment, out, |work| work.repair_said(wire, say));
        }
        self.with_wire(wire, moment, out, |work, place| work.said(place, &say));
    }

    /// A message got no answer: its connection was lost, or was never there. `sent` is false where it is certain that
    /// nobody got it.
    pub fn lost(&mut self, wire: Wire, sent: bool, moment: Moment<'_>, out: &mut Vec<Action>) {
        let Some(&slot) = self.wires.get(&wire) else { return };
        if self.is_of_repair(slot, wire) {
            self.wires.remove(&wire);
            return self.with_line(slot, moment, out, |work| {
                work.repair_failed();
            });
        }
        self.with_wire(wire, moment, out, |work, place| work.lost(place, sent));
    }

    /// The clock has moved, a lease was renewed or a connection came: goes on with what waited for that.
    pub fn poll(&mut self, moment: Moment<'_>, out: &mut Vec<Action>) {
        // What is set anew lies ahead.
        while let Some(slot) = self.lines.pop_alarm(moment.now) {
            if self.lines.get(slot).is_some() {
                self.with_line(slot, moment, out, |_| {});
            }
        }
    }

    fn is_of_repair(&self, slot: HashSlot, wire: Wire) -> bool {
        let repair = self.lines.get(slot).and_then(|line| line.repair.as_ref());
        repair.is_some_and(|repair| repair.awaits(wire))
    }

    /// When [`Chains::poll`] is to be called at the latest.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Duration> {
        self.lines.next_alarm()
    }

    /// Whether an answer that was got under `changed` may be handed to a client now: the lease is held, the chain is
    /// still the same, and nobody can read an earlier tail of it.
    #[must_use]
    pub fn may_answer(&self, slot: HashSlot, changed: Epoch, now: Duration, lease: Lease) -> bool {
        let Some(view) = &self.view else { return false };
        let chain = view.chain(slot);
        // Between `changed` and the view's epoch every view has this very chain.
        let is_held = (changed..=view.epoch()).contains(&lease.epoch) && now < lease.until;
        chain.changed == changed
            && (is_held || !self.rules.keep(Rule::LeaseAtTheAnswer))
            && (self.holds.is_over(chain, now) || !self.rules.keep(Rule::HoldAfterATail))
    }

    fn draw(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Works on the command that waits for `wire`; an answer that nobody waits for any more is dropped.
    fn with_wire(
        &mut self,
        wire: Wire,
        moment: Moment<'_>,
        out: &mut Vec<Action>,
        work: impl FnOnce(&mut Work<'_, '_>, usize),
    ) {
        let Some(slot) = self.wires.remove(&wire) else { return };
        self.with_line(slot, moment, out, |line| {
            if let Some(place) = line.line.commands.iter().position(|active| active.wire() == Some(wire)) {
                work(line, place);
            }
        });
    }

    /// Works on the line of `slot`, then sends what can be sent and answers what can be answered.
    fn with_line(
        &mut self,
        slot: HashSlot,
        moment: Moment<'_>,
        out: &mut Vec<Action>,
        work: impl FnOnce(&mut Work<'_, '_>),
    ) {
        let mut line = self.lines.take(slot);
        let mut on_line = Work { chains: self, slot, line: &mut line, moment, out };
        work(&mut on_line);
        on_line.go_on();
        let is_over = line.commands.is_empty() && line.repair.is_none();
        self.straight.set_line(slot, !is_over);
        if is_over {
            return self.lines.put_spare(line);
        }
        let alarm = Work { chains: self, slot, line: &mut line, moment, out }.next_alarm();
        self.lines.put(slot, line, alarm);
    }
}

/// Work on one slot's line.
struct Work<'w, 'm> {
    chains: &'w mut Chains,
    slot: HashSlot,
    line: &'w mut Line,
    moment: Moment<'m>,
    out: &'w mut Vec<Action>,
}

impl Work<'_, '_> {
    fn view(&self) -> Option<Arc<View>> {
        self.chains.view.clone()
    }

    fn target(view: &View, chain: &Chain, place: usize) -> Target {
        let entry = &chain.entries[place];
        Target { member: entry.member, boot: entry.boot, epoch: view.epoch(), changed: chain.changed }
    }

    fn draw_wire(&mut self) -> Wire {
        let wire = Wire(self.chains.draw());
        self.chains.wires.insert(wire, self.slot);
        wire
    }

    fn ask(&mut self, to: Target, ask: Ask) -> Wire {
        let wire = self.draw_wire();
        self.out.push(Action::Ask { wire, to, ask });
        wire
    }

    /// Sends, answers and gives up whatever can be, in the order of the line.
    fn go_on(&mut self) {
        let mut place = 0;
        while place < self.line.commands.len() {
            let active = &self.line.commands[place];
            // What was told not to have been executed stays so.
            let is_void = active.is_told && active.version.is_none();
            if !is_void && matches!(active.state, State::Ready(at) if at <= self.moment.now) {
                self.send(place);
            }
            if self.line.commands[place].state == State::Finished {
                self.try_answer(place);
            } else if self.chains.limits.ack_head {
                self.acknowledge_early(place);
            }
            if self.is_over(place) {
                self.remove(place);
            } else {
                place += 1;
            }
        }
    }

    /// Sends a command to where the view has it executed or read.
    fn send(&mut self, place: usize) {
        let Some(view) = self.view() else { return };
        let chain = view.chain(self.slot);
        let is_behind = self.line.commands[place].command.is_behind_reads;
        if is_behind && self.chains.straight.has_reads(self.slot)
            || !self.line.may_send(place, (view.epoch(), chain.changed), &self.chains.limits)
        {
            return;
        }
        if self.is_refused(place, chain) {
            return self.refuse(place);
        }
        let active = &self.line.commands[place];
        let (entry, unless) = match active.command.kind {
            Kind::Write => (0, active.version),
            Kind::Read => (chain.in_sync - 1, None),
            Kind::ReadAny(any) => (any % chain.in_sync, None),
        };
        let needed = if active.is_write() { &chain.entries[..] } else { &chain.entries[entry..=entry] };
        if !needed.iter().all(|entry| self.moment.links.is_up(entry.member)) {
            return self.restart(place, self.moment.now + RETRY);
        }
        if active.is_told && self.chains.limits.ack_head && active.sent_to != chain.head().boot {
            // It was acknowledged, and lost with its head: commands behind it may have been executed since.
            return self.forget(place);
        }
        if unless.is_some() && active.had_under == Some(chain.changed) {
            // The head of this very chain has it: it goes on down the chain.
            self.line.commands[place].changed = chain.changed;
            return self.pass(place, 1);
        }
        let unless = unless.filter(|_| self.chains.rules.keep(Rule::ExecutedOnce));
        let (operation, request) = (active.id, active.command.request.clone());
        let (to, wire) = (Self::target(&view, chain, entry), self.draw_wire());
        self.out.push(Action::Execute { wire, to, operation, request, unless });
        let active = &mut self.line.commands[place];
        active.state = State::Executing(wire);
        (active.sent_at, active.changed, active.sent_to) = (view.epoch(), chain.changed, to.boot);
        active.sent_in = self.line.tries;
    }

    /// Whether a write that no head has executed finds too few copies.
    fn is_refused(&self, place: usize, chain: &Chain) -> bool {
        let active = &self.line.commands[place];
        let is_new = active.is_write() && !active.is_tick && active.version.is_none();
        is_new && chain.in_sync < self.chains.limits.min_in_sync
    }

    fn refuse(&mut self, place: usize) {
        self.tell(place, Told::TooFewCopies);
        self.line.commands[place].state = State::Finished;
    }

    fn answered(&mut self, place: usize, answer: Answered) {
        let now = self.moment.now;
        match answer {
            Answered::Done { note: Some(Outcome::HasIt), .. } => self.continue_under_this_chain(place),
            Answered::Done { note: Some(Outcome::Forgotten), .. } => {
                self.give_up(place, "whether the command was executed is forgotten");
            }
            Answered::Done { note, reply } => {
                self.line.commands[place].reply = reply;
                self.executed(place, note);
            }
            Answered::Expiring => {
                self.restart(place, now + TICKED_IN);
                self.tick();
            }
            Answered::Refused(epoch) => {
                let changed = self.line.commands[place].changed;
                self.line.tries += 1;
                self.differs(0, epoch);
                let is_same = self.chain_changed() == Some(changed);
                self.restart(place, if is_same { now + RETRY } else { now });
            }
        }
    }

    /// Has the head move the slot's time, unless that is under way.
    fn tick(&mut self) {
        if self.line.commands.iter().any(|active| active.is_tick) {
            return;
        }
        let mut request = Vec::new();
        put_request(&mut request, &[b"RM.TICK", self.slot.number().to_string().as_bytes()]);
        let (client, slot, kind) = (ClientId(0), self.slot, Kind::Write);
        let command = Command { client, slot, kind, request: request.into(), is_behind_reads: false };
        let id = OperationId(self.chains.draw());
        self.line.commands.push_back(Active { is_tick: true, ..Active::new(id, command, self.moment.now) });
    }

    /// The head has made something of the command, or the tail has read.
    fn executed(&mut self, place: usize, note: Option<Outcome>) {
        let active = &mut self.line.commands[place];
        (active.version, active.had_under, active.operation) = (None, None, None);
        match note {
            Some(Outcome::Made(operation)) => {
                (active.version, active.operation) = (Some(operation.new), Some(operation));
                self.continue_under_this_chain(place);
            }
            Some(Outcome::Alone(version)) => {
                active.version = Some(version);
                self.continue_under_this_chain(place);
            }
            Some(Outcome::Saw(version)) => {
                active.seen = Some(version);
                self.confirm(place);
            }
            _ => active.state = State::Finished,
        }
    }

    /// Brings down the chain what its head has; where the chain is another by now, its head is asked first.
    fn continue_under_this_chain(&mut self, place: usize) {
        let active = &mut self.line.commands[place];
        active.had_under = Some(active.changed);
        if self.chain_changed() == Some(self.line.commands[place].changed) {
            self.pass(place, 1);
        } else {
            self.restart(place, self.moment.now);
        }
    }

    /// Begins a command anew, at the earliest then. What a head has made of it is not forgotten: it is asked for first.
    /// One that changed nothing and that its client's next commands have overtaken is not executed at all.
    fn restart(&mut self, place: usize, at: Duration) {
        if let Some(wire) = self.line.commands[place].wire() {
            self.chains.wires.remove(&wire);
        }
        self.read_again_behind(place, at);
        let is_overtaken = self.line.is_followed(place);
        let active = &mut self.line.commands[place];
        let has_only_seen = active.is_write() && active.seen.take().is_some() && active.version.is_none();
        active.state = State::Ready(at);
        if has_only_seen && is_overtaken {
            self.tell(
                place,
                Told::NotExecuted("the chain changed under it, and commands behind it were executed"),
            );
        }
    }

    /// What a client read behind a read that begins anew is read anew, too: it would be older than that.
    fn read_again_behind(&mut self, place: usize, at: Duration) {
        if self.line.commands[place].is_write() {
            return;
        }
        let client = self.line.commands[place].command.client;
        for behind in self.line.commands.range_mut(place + 1..) {
            if behind.command.client == client && !behind.is_write() && !behind.is_told && behind.is_sent() {
                behind.wire().map(|wire| self.chains.wires.remove(&wire));
                (behind.state, behind.seen) = (State::Ready(at), None);
            }
        }
    }

    fn lost(&mut self, place: usize, sent: bool) {
        let active = &self.line.commands[place];
        match active.state {
            State::Executing(_) if sent && active.is_write() => {
                self.give_up(place, "the node was lost before it answered");
            }
            _ => self.restart(place, self.moment.now + RETRY),
        }
    }

    /// The node at this place of the chain is at another epoch.
    fn differs(&mut self, entry: usize, epoch: Epoch) {
        let Some(view) = self.view() else { return };
        if let Some(entry) = view.chain(self.slot).entries.get(entry) {
            self.out.push(Action::Differs { member: entry.member, epoch });
        }
    }

    fn chain_changed(&self) -> Option<Epoch> {
        self.chains.view.as_ref().map(|view| view.chain(self.slot).changed)
    }

    /// What is under way under an older chain is decided anew, but for what is at a head or tail: its answer tells more.
    fn chain_may_have_changed(&mut self) {
        let Some(changed) = self.chain_changed() else { return };
        for place in 0..self.line.commands.len() {
            let active = &self.line.commands[place];
            let is_under_way = !matches!(active.state, State::Executing(_) | State::Ready(_));
            if active.changed != changed && is_under_way {
                self.restart(place, self.moment.now);
            }
        }
        if let Some(repair) = self.line.repair.take_if(|repair| repair.changed != changed) {
            repair.wires().for_each(|wire| {
                self.chains.wires.remove(&wire);
            });
        }
    }

    fn remove(&mut self, place: usize) {
        if let Some(wire) = self.line.commands.remove(place).and_then(|active| active.wire()) {
            self.chains.wires.remove(&wire);
        }
    }

    /// When the line is to be looked at again.
    fn next_alarm(&self) -> Option<Duration> {
        let now = self.moment.now;
        let hold = self.view().and_then(|view| self.chains.holds.until(view.chain(self.slot)));
        let wish = |active: &Active| match active.state {
            State::Ready(at) if at > now => at,
            State::Ready(_) => now + RETRY,
            State::Finished => hold.unwrap_or_default().max(now + RETRY),
            _ if active.is_told => active.begun + GIVEN_UP,
            _ => (active.begun + self.chains.limits.failover_wait).max(now + RETRY),
        };
        self.line.commands.iter().map(wish).min()
    }
}
