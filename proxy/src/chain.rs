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
mod plain;
mod repair;
mod straight;
#[cfg(test)]
mod tests;
mod work;
mod writing;

pub use action::{
    Action, Answered, ClientId, Command, Kind, Lease, Links, Moment, OperationId, Target, Told, Wire,
};
pub use straight::{Held, Straight};
pub use writing::{Applied, Handed, PlainWrite};

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::extension::{Rule, Rules, Say};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, View};

use holds::Holds;
use lines::Lines;
pub(crate) use numbers::NumberMap;
use operation::Active;
use plain::Plain;
use work::Work;

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
    plain: Plain,
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
            plain: Plain::new(),
            last_id: 0,
        }
    }

    /// For another cluster: no commands and no view, and no number is used again.
    #[must_use]
    pub fn anew(&self) -> Self {
        // Who sends reads straight goes on by the same table.
        self.straight.forget();
        let straight = Rc::clone(&self.straight);
        Self {
            last_id: self.last_id,
            straight,
            plain: self.plain.anew(),
            ..Self::new(self.rules, self.limits)
        }
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
        self.lines.iter().map(|(_, line)| line.commands.len()).sum::<usize>() + self.plain.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.plain.len() == 0
    }

    /// A later view holds from now on. Lines whose chain it alters are decided anew.
    pub fn adopt(&mut self, view: &Arc<View>, moment: Moment<'_>, out: &mut Vec<Action>) {
        if self.view.as_ref().is_some_and(|known| known.epoch() >= view.epoch()) {
            return;
        }
        for slot in self.plain.slots() {
            self.enter_line(slot);
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

    /// A command has come. Its number is its own until it is answered.
    pub fn submit(&mut self, id: OperationId, command: Command, moment: Moment<'_>, out: &mut Vec<Action>) {
        let write = PlainWrite { id, ..PlainWrite::of(&command) };
        if let Some((wire, to)) = (command.kind == Kind::Write).then(|| self.begin(&write, moment)).flatten()
        {
            let request = command.request;
            return out.push(Action::Execute { wire, to, operation: id, request, unless: None });
        }
        self.with_line(command.slot, moment, out, |work| {
            work.line.commands.push_back(Active::new(id, command, moment.now));
        });
    }

    /// A read that went straight was not answered: it begins anew, in front of what its client sent behind it.
    pub fn again(&mut self, id: OperationId, command: Command, moment: Moment<'_>, out: &mut Vec<Action>) {
        let slot = command.slot;
        self.straight.end(slot);
        self.with_line(slot, moment, out, |work| {
            let commands = &mut work.line.commands;
            let is_behind = |active: &Active| active.command.is_behind(command.client);
            let place = commands.iter().position(is_behind).unwrap_or(commands.len());
            commands.insert(place, Active::new(id, command, moment.now));
        });
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
        if self.answered_plain(wire, &answer, out) {
            return;
        }
        self.leave_plain(wire);
        self.with_wire(wire, moment, out, |work, place| work.answered(place, answer));
    }

    /// A question was answered.
    pub fn said(&mut self, wire: Wire, say: Say, moment: Moment<'_>, out: &mut Vec<Action>) {
        if say == Say::Done && self.said_plain(wire, moment, out) {
            return;
        }
        self.leave_plain(wire);
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
        self.leave_plain(wire);
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
        for slot in self.plain.old(moment.now) {
            self.with_line(slot, moment, out, |_| {});
        }
        // What is set anew lies ahead.
        while let Some(slot) = self.lines.pop_alarm(moment.now) {
            if self.lines.get(slot).is_some() {
                self.with_line(slot, moment, out, |_| {});
            }
        }
    }

    /// The command for which a message of this number is under way.
    #[must_use]
    pub fn operation_of(&self, wire: Wire) -> Option<OperationId> {
        let in_line = || {
            let line = self.lines.get(*self.wires.get(&wire)?)?;
            line.commands.iter().find(|active| active.wire() == Some(wire)).map(|active| active.id)
        };
        self.plain.operation_of(wire).or_else(in_line)
    }

    fn is_of_repair(&self, slot: HashSlot, wire: Wire) -> bool {
        let repair = self.lines.get(slot).and_then(|line| line.repair.as_ref());
        repair.is_some_and(|repair| repair.awaits(wire))
    }

    /// When [`Chains::poll`] is to be called at the latest.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Duration> {
        self.lines.next_alarm().into_iter().chain(self.plain.looks_at()).min()
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
        self.enter_line(slot);
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
