//! One slot's place in its chain: what is taken, what is refused, what waits.
//!
//! ```text
//!             Apply, its previous is ours ──► applied, Done         proven ◄── Apply that follows · Prove at our version
//!  Ask ──►    Apply, in our proven history ─► Done                       ◄── Import that names our `since`
//!             Apply, ahead of us ───────────► held, Behind after 5 ms    ◄── executing as head
//!             not proven ───────────────────► Gap
//! ```
//! It is driven under the slot's lock: every question is checked and carried out in one hold. An entry whose content is
//! not proven since it was appended may hold operations that no history has (those of a former head), so it confirms
//! nothing because it "has" it.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::extension::{
    Apply, Ask, Contents, History, Operation, Passing, Report, Rule, Rules, Say,
};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Version};

use super::backlog::Backlog;
use super::budget::Budget;
use super::held::{Buffer, Held, Ticket, Waits};
use super::recent::Recent;
use super::row::{Role, Row};

/// What a slot holds, as its replica changes it.
pub trait Content {
    /// Applies an operation of the head: its effects and its time.
    ///
    /// # Errors
    /// Why it cannot be applied: the slot is broken.
    fn apply(&mut self, operation: &Passing<'_>) -> Result<(), Bytes>;

    /// The slot's time in Unix milliseconds, and effects that make the content out of nothing.
    fn export(&mut self) -> (u64, Bytes);

    /// Holds this content from now on.
    ///
    /// # Errors
    /// Why it cannot: the slot is broken.
    fn replace(&mut self, contents: &Contents) -> Result<(), Bytes>;

    /// Holds nothing from now on.
    fn clear(&mut self);

    /// What it held before there were views is, from now on, the content of a slot that began in the epoch `born`: its
    /// history; `None` if it holds nothing.
    fn found(&mut self, born: Epoch) -> Option<History> {
        let _ = born;
        None
    }
}

/// What a client's command wants of the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To be executed and ordered.
    Execute,
    /// To read what is acknowledged.
    Read,
    /// To read what any in-sync entry has.
    ReadAny,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Names the question.
    pub ticket: Ticket,
    /// Epoch at which the connection is attached.
    pub attached: Epoch,
}

/// An answer to a question that was asked earlier.
pub type Late = (Ticket, Say);

/// What all slots of a node share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// All recent operations.
    pub recent: Arc<Backlog>,
    /// Bound of all that is held.
    pub held: Arc<Budget>,
    /// The rules that are kept.
    pub rules: Rules,
}

impl Shared {
    /// With these bounds in bytes, and all rules.
    #[must_use]
    pub fn new(recent_bytes_max: usize, held_bytes_max: usize) -> Self {
        let (recent, held) = (Backlog::new(recent_bytes_max), Budget::new(held_bytes_max));
        Self { recent: Arc::new(recent), held: Arc::new(held), rules: Rules::ALL }
    }
}

/// A slot's place in its chain, and its history.
///
/// In this order: with the eight bytes that stand before it where it lives, what every operation asks fills one cache line
/// and what every operation changes fills the next.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Replica {
    row: Row,
    /// The highest epoch since which the content was proven to be the chain's.
    proven: Epoch,
    /// Nothing is done for who is attached below it.
    fence: Epoch,
    buffer: Buffer,
    history: History,
    recent: Recent,
    born: Epoch,
    /// Somebody copies the slot: recent operations are kept though nobody follows.
    is_copied: bool,
}

impl Replica {
    /// A replica of a content that was found on disk.
    #[must_use]
    pub fn recovered(born: Epoch, history: History) -> Self {
        Self { born, history, ..Self::default() }
    }

    /// An operation that the log has of the content was applied.
    pub fn replayed(&mut self, version: Version) {
        self.history.advance(version);
    }

    /// What the view says.
    #[must_use]
    pub fn row(&self) -> &Row {
        &self.row
    }

    /// The operations that the content has.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Epoch in which the content started empty.
    #[must_use]
    pub fn born(&self) -> Epoch {
        self.born
    }

    /// Whether the content was proven since the node was appended.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.row.since > Epoch::default() && self.proven >= self.row.since
    }

    /// Takes over what a committed view says. Who waits under an older chain is answered in `late`.
    pub fn adopt(&mut self, row: Row, content: &mut dyn Content, shared: &Shared, late: &mut Vec<Late>) {
        let has_changed = row.changed != self.row.changed;
        self.row = row;
        if row.born > self.born {
            self.history = self.begin(&row, content);
            self.born = row.born;
            self.proven = Epoch::default();
            self.recent.clear();
        }
        if row.is_proof() {
            self.proven = self.proven.max(row.since);
        }
        if row.role == Role::Outside {
            self.proven = Epoch::default();
        }
        if has_changed {
            self.is_copied = false;
            self.release(content, shared, late);
        }
    }

    /// The history of a slot that starts in this view: empty, but where the node goes into the first view with what it
    /// holds.
    fn begin(&self, row: &Row, content: &mut dyn Content) -> History {
        let is_of_no_view = self.born == Epoch::default() && self.history == History::default();
        let founded = (row.is_founder && is_of_no_view).then(|| content.found(row.born)).flatten();
        founded.unwrap_or_else(|| {
            content.clear();
            History::born(row.born)
        })
    }

    /// Whether who is attached at this epoch may use the slot at all.
    ///
    /// # Errors
    /// The refusal.
    #[inline]
    pub fn check_attached(&self, attached: Epoch, shared: &Shared) -> Result<(), Say> {
        if attached < self.row.changed && shared.rules.keep(Rule::CheckedUnderTheLock) {
            return Err(Say::Stale(self.row.changed));
        }
        if attached < self.fence {
            return Err(Say::Fenced(self.fence));
        }
        Ok(())
    }

    /// Whether a command may be carried out.
    ///
    /// # Errors
    /// The refusal.
    #[inline]
    pub fn check(&self, attached: Epoch, access: Access, shared: &Shared) -> Result<(), Say> {
        self.check_attached(attached, shared)?;
        let may = match access {
            Access::Execute => self.row.role == Role::Head,
            Access::Read => self.row.is_tail,
            Access::ReadAny => self.row.is_in_sync(),
        };
        if may { Ok(()) } else { Err(Say::Stale(self.row.changed)) }
    }

    /// The version of the next operation that is executed here as head.
    #[inline]
    #[must_use]
    pub fn next_version(&self) -> Version {
        self.history.next(self.row.changed)
    }

    /// Whether others may ask for the operations of this one.
    #[inline]
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.row.is_shared || self.is_copied
    }

    /// The node has executed an operation as head.
    #[inline]
    pub fn executed(&mut self, operation: &Passing<'_>, shared: &Shared) {
        self.executed_alone(operation.new);
        if self.keeps() {
            self.recent.push(operation, &shared.recent);
        }
    }

    /// The node has executed an operation of which it [keeps](Self::keeps) nothing.
    #[inline]
    pub fn executed_alone(&mut self, new: Version) {
        self.history.advance(new);
        self.proven = self.row.since;
    }

    /// Refuses whoever is attached below `epoch`, until the process ends.
    pub fn fence(&mut self, epoch: Epoch) {
        self.fence = self.fence.max(epoch);
    }

    /// What the slot holds.
    #[must_use]
    pub fn report(&self, slot: HashSlot) -> Report {
        Report { slot, born: self.born, history: self.history.clone(), proven: self.proven }
    }

    /// Carries out a question about this slot; `None` if its answer comes later. Answers to others come in `late`.
    pub fn ask(
        &mut self,
        ask: Ask,
        asker: Asker,
        content: &mut dyn Content,
        (shared, now): (&Shared, Duration),
        late: &mut Vec<Late>,
    ) -> Option<Say> {
        if let Err(refusal) = self.check_attached(asker.attached, shared) {
            return Some(refusal);
        }
        let say = match ask {
            Ask::Apply { since, operation, .. } => {
                if let Err(refusal) = self.check_entry(since) {
                    return Some(refusal);
                }
                return self.apply(operation, asker, content, (shared, now), late);
            }
            Ask::Await { since, version, .. } => return self.wait(since, version, asker, (shared, now)),
            Ask::Version { .. } => Ok(Say::At(self.history.version())),
            Ask::Prove { since, version, .. } => self.prove(since, version),
            Ask::Ring { after, .. } => Ok(self.ring(after, shared)),
            Ask::Export { .. } => self.export(content),
            Ask::Import { since, contents, .. } => {
                let say = self.import(since, &contents, content, shared);
                self.release(content, shared, late);
                say
            }
            Ask::Stage { contents, .. } => self.stage(&contents, content),
            Ask::StageMore { operations, .. } => self.stage_more(operations, content),
            // About many slots: their node takes them apart.
            // And bells hang outside of a slot's history.
            Ask::Fence { .. }
            | Ask::Report { .. }
            | Ask::Victims { .. }
            | Ask::Hang { .. }
            | Ask::TakeDown { .. } => Err(Say::Stale(self.row.changed)),
        };
        Some(say.unwrap_or_else(|refusal| refusal))
    }

    /// Applies an operation to an entry that has all before it, while nothing waits there; `None`, and nothing done, if it is
    /// not so. Then [`Replica::ask`] knows what to say.
    #[inline]
    pub fn apply_next(
        &mut self,
        apply: &Apply<'_>,
        attached: Epoch,
        content: &mut impl Content,
        shared: &Shared,
    ) -> Option<Say> {
        let is_next = apply.operation.previous == self.history.version()
            && self.buffer.is_empty()
            && self.check_attached(attached, shared).is_ok()
            && self.check_entry(apply.since).is_ok();
        is_next.then(|| self.follow(&apply.operation, content, shared))
    }

    /// Whether this is the entry behind the head that was meant.
    fn check_entry(&self, since: Epoch) -> Result<(), Say> {
        let is_behind = matches!(self.row.role, Role::Behind | Role::Joining);
        if is_behind && self.row.since == since { Ok(()) } else { Err(Say::Stale(self.row.changed)) }
    }

    fn apply(
        &mut self,
        operation: Operation,
        asker: Asker,
        content: &mut dyn Content,
        (shared, now): (&Shared, Duration),
        late: &mut Vec<Late>,
    ) -> Option<Say> {
        if operation.previous == self.history.version() {
            let say = self.follow(&operation.passing(&mut Vec::new()), content, shared);
            self.release(content, shared, late);
            return Some(say);
        }
        let is_here = operation.new == self.history.version();
        if is_here {
            self.proven = self.row.since;
        }
        if is_here || self.confirms(operation.new, shared) {
            return Some(Say::Done);
        }
        if !self.is_proven() {
            return Some(Say::Gap(self.history.version()));
        }
        if !shared.rules.keep(Rule::GapsAreTold) {
            return Some(self.follow(&operation.passing(&mut Vec::new()), content, shared));
        }
        self.hold(Waits::Operation(operation), asker, (shared, now))
    }

    /// Applies an operation that follows.
    #[inline]
    fn follow<C: Content + ?Sized>(
        &mut self,
        operation: &Passing<'_>,
        content: &mut C,
        shared: &Shared,
    ) -> Say {
        if let Err(why) = content.apply(operation) {
            return self.broken(why, content);
        }
        self.executed(operation, shared);
        Say::Done
    }

    /// A slot that cannot go on holds nothing: half of it would be worse.
    #[cold]
    fn broken<C: Content + ?Sized>(&mut self, why: Bytes, content: &mut C) -> Say {
        self.forget(content);
        Say::Broken(why)
    }

    /// Holds nothing, as a slot that never had anything.
    pub fn forget<C: Content + ?Sized>(&mut self, content: &mut C) {
        content.clear();
        (self.born, self.history) = (Epoch::default(), History::default());
        self.proven = Epoch::default();
        self.recent.clear();
    }

    fn confirms(&self, version: Version, shared: &Shared) -> bool {
        let is_proven = self.is_proven() || !shared.rules.keep(Rule::ProvenOnly);
        is_proven && self.history.has(version) == Some(true)
    }

    fn wait(
        &mut self,
        since: Epoch,
        version: Version,
        asker: Asker,
        (shared, now): (&Shared, Duration),
    ) -> Option<Say> {
        if self.row.since != since {
            return Some(Say::Stale(self.row.changed));
        }
        if self.confirms(version, shared) {
            return Some(Say::Done);
        }
        if !self.is_proven() {
            return Some(Say::Gap(self.history.version()));
        }
        self.hold(Waits::Version(version), asker, (shared, now))
    }

    fn hold(&mut self, what: Waits, asker: Asker, (shared, now): (&Shared, Duration)) -> Option<Say> {
        let Asker { ticket, attached } = asker;
        let held = Held { ticket, attached, arrived: now, what };
        self.buffer.push(held, &shared.held).err().map(|_| Say::Overloaded)
    }

    fn prove(&mut self, since: Epoch, version: Version) -> Result<Say, Say> {
        self.check_entry(since)?;
        if self.history.version() != version {
            return Ok(Say::At(self.history.version()));
        }
        self.proven = since;
        Ok(Say::Done)
    }

    fn ring(&self, after: Version, shared: &Shared) -> Say {
        if after == self.history.version() {
            return Say::Operations(Vec::new());
        }
        self.recent.after(after, &shared.recent).map_or(Say::Forgotten, Say::Operations)
    }

    fn export(&mut self, content: &mut dyn Content) -> Result<Say, Say> {
        if !self.row.is_in_sync() {
            return Err(Say::Stale(self.row.changed));
        }
        self.is_copied = true;
        let (time, effects) = content.export();
        let (changed, born, history) = (self.row.changed, self.born, self.history.clone());
        Ok(Say::Contents(Contents { changed, born, history, time, effects }))
    }

    fn import(
        &mut self,
        since: Epoch,
        contents: &Contents,
        content: &mut dyn Content,
        shared: &Shared,
    ) -> Result<Say, Say> {
        self.check_entry(since)?;
        if contents.changed != self.row.changed && shared.rules.keep(Rule::ImportsOfOneChain) {
            return Err(Say::Stale(self.row.changed));
        }
        if self.is_proven() && shared.rules.keep(Rule::ImportsOnlyAdd) {
            if self.history.has(contents.history.version()) == Some(true) {
                return Ok(Say::Done);
            }
            if contents.history.has(self.history.version()) != Some(true) {
                return Ok(Say::At(self.history.version()));
            }
        }
        self.take(contents, content)?;
        self.proven = since;
        Ok(Say::Done)
    }

    /// Holds the content from now on.
    fn take(&mut self, contents: &Contents, content: &mut dyn Content) -> Result<Say, Say> {
        if let Err(why) = content.replace(contents) {
            return Err(self.broken(why, content));
        }
        (self.born, self.history) = (contents.born, contents.history.clone());
        self.recent.clear();
        Ok(Say::Done)
    }

    fn stage(&mut self, contents: &Contents, content: &mut dyn Content) -> Result<Say, Say> {
        if self.row.role != Role::Outside {
            return Err(Say::Stale(self.row.changed));
        }
        self.take(contents, content)
    }

    fn stage_more(&mut self, operations: Vec<Operation>, content: &mut dyn Content) -> Result<Say, Say> {
        if self.row.role != Role::Outside {
            return Err(Say::Stale(self.row.changed));
        }
        let mut encoded = Vec::new();
        for operation in operations {
            if operation.previous != self.history.version() {
                return Ok(Say::At(self.history.version()));
            }
            if let Err(why) = content.apply(&operation.passing(&mut encoded)) {
                return Err(self.broken(why, content));
            }
            self.history.advance(operation.new);
        }
        Ok(Say::Done)
    }

    /// Answers all whose time has come, one way or the other.
    fn release(&mut self, content: &mut dyn Content, shared: &Shared, late: &mut Vec<Late>) {
        if self.buffer.is_empty() {
            return;
        }
        while let Some((place, refusal)) = self.first_refused(shared) {
            let ticket = self.buffer.take_at(place, &shared.held).ticket;
            late.push((ticket, refusal));
        }
        while let Some(held) = self.take_ready(shared) {
            let say = match held.what {
                Waits::Operation(operation) if operation.previous == self.history.version() => {
                    self.follow(&operation.passing(&mut Vec::new()), content, shared)
                }
                _ => Say::Done,
            };
            late.push((held.ticket, say));
        }
    }

    /// The first that is attached below the chain, and what it is told.
    fn first_refused(&self, shared: &Shared) -> Option<(usize, Say)> {
        let mut held = self.buffer.iter().enumerate();
        held.find_map(|(place, held)| Some((place, self.check_attached(held.attached, shared).err()?)))
    }

    /// Takes out one that can be answered now.
    fn take_ready(&mut self, shared: &Shared) -> Option<Held> {
        let is_ready = |held: &Held| match &held.what {
            Waits::Operation(operation) if operation.previous == self.history.version() => true,
            _ => self.confirms(held.version(), shared),
        };
        let place = self.buffer.iter().position(is_ready)?;
        Some(self.buffer.take_at(place, &shared.held))
    }

    /// Tells those that wait for operations that are missing.
    pub fn poll(&mut self, shared: &Shared, now: Duration, late: &mut Vec<Late>) {
        while let Some(held) = self.buffer.take_due(now, &shared.held) {
            late.push((held.ticket, Say::Behind(self.history.version())));
        }
    }

    /// When [`Replica::poll`] is to be called, if ever.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Duration> {
        self.buffer.due_at()
    }
}
