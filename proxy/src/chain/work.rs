//! Work on one slot's line: what is sent, answered, begun anew and given up, in the order of the line.

use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::extension::{Ask, Outcome, Rule, put_request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, Epoch, View};

use super::line::{FRONT, Line};
use super::operation::{Active, State};
use super::{
    Action, Answered, Chains, ClientId, Command, GIVEN_UP, Kind, Moment, OperationId, RETRY, TICKED_IN,
    Target, Told, Wire,
};

/// Work on one slot's line.
pub(super) struct Work<'w, 'm> {
    pub(super) chains: &'w mut Chains,
    pub(super) slot: HashSlot,
    pub(super) line: &'w mut Line,
    pub(super) moment: Moment<'m>,
    pub(super) out: &'w mut Vec<Action>,
}

impl Work<'_, '_> {
    pub(super) fn view(&self) -> Option<Arc<View>> {
        self.chains.view.clone()
    }

    pub(super) fn target(view: &View, chain: &Chain, place: usize) -> Target {
        let entry = &chain.entries[place];
        Target { member: entry.member, boot: entry.boot, epoch: view.epoch(), changed: chain.changed }
    }

    pub(super) fn draw_wire(&mut self) -> Wire {
        let wire = Wire(self.chains.draw() << 1);
        self.chains.wires.insert(wire, self.slot);
        wire
    }

    pub(super) fn ask(&mut self, to: Target, ask: Ask) -> Wire {
        let wire = self.draw_wire();
        self.out.push(Action::Ask { wire, to, ask });
        wire
    }

    /// Sends, answers and gives up whatever can be, in the order of the line: at its front each time, and everywhere now and
    /// then, so that a long line costs no more than a short one.
    pub(super) fn go_on(&mut self) {
        let is_whole = self.line.is_to_be_seen_whole(self.moment.now);
        let mut under_way = self.line.under_way(if is_whole { usize::MAX } else { FRONT });
        let (mut place, mut seen) = (0, 0);
        while place < self.line.commands.len() && (is_whole || seen < FRONT) {
            seen += 1;
            let was_sent = self.line.commands[place].is_sent();
            let is_exempt = was_sent || self.line.commands[place].is_tick;
            if is_exempt || under_way < self.chains.limits.slot_operations_max {
                self.send_if_ready(place);
            }
            if self.line.commands[place].state == State::Finished {
                self.try_answer(place);
            } else if self.chains.limits.ack_head {
                self.acknowledge_early(place);
            }
            let is_sent = self.line.commands[place].is_sent();
            if self.is_over(place) {
                self.remove(place);
                under_way = under_way.saturating_sub(usize::from(was_sent));
            } else {
                place += 1;
                under_way += usize::from(is_sent && !was_sent);
            }
        }
    }

    fn send_if_ready(&mut self, place: usize) {
        let active = &self.line.commands[place];
        // What was told not to have been executed stays so.
        let is_void = active.is_told && active.version.is_none();
        if !is_void && matches!(active.state, State::Ready(at) if at <= self.moment.now) {
            self.send(place);
        }
    }

    /// Sends a command to where the view has it executed or read.
    fn send(&mut self, place: usize) {
        let Some(view) = self.view() else { return };
        let chain = view.chain(self.slot);
        let is_behind = self.line.commands[place].command.is_behind_reads;
        if is_behind && self.chains.straight.has_reads(self.slot)
            || !self.line.may_send(place, (view.epoch(), chain.changed))
        {
            return;
        }
        if self.is_refused(place, chain) {
            return self.refuse(place);
        }
        let active = &self.line.commands[place];
        let (entry, unless) = match active.command.kind {
            Kind::Write => (0, active.version),
            Kind::Publish | Kind::ReadHead => (0, None),
            Kind::Read => (chain.in_sync - 1, None),
            Kind::ReadAny(any) => (any % chain.in_sync, None),
        };
        let needed = if active.command.kind == Kind::Write {
            &chain.entries[..]
        } else {
            &chain.entries[entry..=entry]
        };
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
        let is_new = active.command.kind == Kind::Write && !active.is_tick && active.version.is_none();
        is_new && chain.in_sync < self.chains.limits.min_in_sync
    }

    fn refuse(&mut self, place: usize) {
        self.tell(place, Told::TooFewCopies);
        self.line.commands[place].state = State::Finished;
    }

    pub(super) fn answered(&mut self, place: usize, answer: Answered) {
        let now = self.moment.now;
        let is_published = self.line.commands[place].command.kind == Kind::Publish;
        match answer {
            Answered::Done { reply, .. } if is_published => {
                // What was told is told, whoever is the head by now.
                self.tell(place, Told::Reply(reply));
                self.forget(place);
            }
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
    pub(super) fn tick(&mut self) {
        if self.line.commands.iter().any(|active| active.is_tick) {
            return;
        }
        let mut request = Vec::new();
        put_request(&mut request, &[b"RM.TICK", self.slot.number().to_string().as_bytes()]);
        let (client, slot, kind) = (ClientId(0), self.slot, Kind::Write);
        let command = Command { client, slot, kind, request: request.into(), is_behind_reads: false };
        // In front: no command is older than the time that it is to see, and those that wait for it would stand in its way.
        self.line.commands.push_front(Active {
            is_tick: true,
            ..Active::new(OperationId::NOBODYS, command, self.moment.now)
        });
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
            Some(Outcome::Published(version)) => {
                (active.seen, active.has_published) = (Some(version), true);
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
    /// One that changed nothing and that its client's next commands have overtaken is not executed at all; one that
    /// changed nothing and published a message is not executed again.
    pub(super) fn restart(&mut self, place: usize, at: Duration) {
        if let Some(wire) = self.line.commands[place].wire() {
            self.chains.wires.remove(&wire);
        }
        if self.line.commands[place].has_published {
            return self.give_up(place, "the chain changed after it had published a message");
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

    pub(super) fn lost(&mut self, place: usize, sent: bool) {
        let active = &self.line.commands[place];
        match active.state {
            State::Executing(_) if sent && active.is_write() => {
                self.give_up(place, "the node was lost before it answered");
            }
            State::Executing(_) => {
                // What was sent behind it is lost with it, or will be refused: none may overtake it.
                self.line.tries += 1;
                self.restart(place, self.moment.now + RETRY);
            }
            _ => self.restart(place, self.moment.now + RETRY),
        }
    }

    /// The node at this place of the chain is at another epoch.
    pub(super) fn differs(&mut self, entry: usize, epoch: Epoch) {
        let Some(view) = self.view() else { return };
        if let Some(entry) = view.chain(self.slot).entries.get(entry) {
            self.out.push(Action::Differs { member: entry.member, epoch });
        }
    }

    pub(super) fn chain_changed(&self) -> Option<Epoch> {
        self.chains.view.as_ref().map(|view| view.chain(self.slot).changed)
    }

    /// What is under way under an older chain is decided anew, but for what is at a head or tail: its answer tells more.
    pub(super) fn chain_may_have_changed(&mut self) {
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
    pub(super) fn next_alarm(&self) -> Option<Duration> {
        let now = self.moment.now;
        let hold = self.view().and_then(|view| self.chains.holds.until(view.chain(self.slot)));
        let wish = |active: &Active| match active.state {
            State::Ready(at) if at > now => at,
            State::Ready(_) => now + RETRY,
            State::Finished => hold.unwrap_or_default().max(now + RETRY),
            _ if active.is_told => active.begun + GIVEN_UP,
            _ => (active.begun + self.chains.limits.failover_wait).max(now + RETRY),
        };
        // Those further behind wait for these, and no less long.
        self.line.commands.iter().take(FRONT).map(wish).min()
    }
}
