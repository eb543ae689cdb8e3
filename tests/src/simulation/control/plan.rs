//! What is to be changed next.

use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::extension::Rule;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, Entry, Epoch, MemberIndex, View, ViewParts};

use super::job::Job;
use super::{Control, FAILURE_TIMEOUT, NodeId};

/// Time after which what an acceptor accepted is driven to a decision.
const UNDECIDED_MAX: Duration = Duration::from_millis(60);

/// What a proxy thinks of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// It answered under its boot.
    Answers,
    /// It answered under another boot.
    Reborn,
    /// It does not answer.
    Silent,
}

impl Control {
    pub(super) fn plan(&mut self, now: Duration) {
        let Some(view) = self.view.clone() else { return };
        if self.job.as_ref().is_some_and(|job| job.is_late(now)) {
            self.job = None;
        }
        let is_busy = self.proposal.is_some() || self.job.is_some();
        if is_busy || !self.has_quorum(&view, now) {
            return;
        }
        if self.undecided_since.is_some_and(|since| since + UNDECIDED_MAX <= now) {
            return self.begin(now, self.next_parts(&view));
        }
        if self.remove_dead(now, &view) {
            return;
        }
        let slot = self.settings.slots[self.random.below(self.settings.slots.len())];
        self.plan_slot(now, &view, slot);
    }

    /// Whether enough acceptors answer for a proposal to be worth it.
    fn has_quorum(&self, view: &View, now: Duration) -> bool {
        let answers = |index: &&MemberIndex| {
            let node = self.node(view, **index);
            self.seen.get(&node).is_some_and(|seen| now < seen.at + FAILURE_TIMEOUT)
        };
        view.acceptors().iter().filter(answers).count() > view.acceptors().len() / 2
    }

    /// The parts of the next view, with what has been heard of the members.
    pub(super) fn next_parts(&self, view: &View) -> ViewParts {
        let mut parts = view.parts();
        parts.epoch = view.epoch().next();
        // A proposer that looks back must not name a process that another has replaced.
        for (node, seen) in self.seen.iter().filter(|(_, seen)| seen.at > self.held_since) {
            let name = &self.settings.names[*node];
            if let Some(member) = parts.members.iter_mut().find(|member| member.name.as_str() == name) {
                (member.incarnation, member.boot) = (seen.incarnation, seen.boot);
            }
        }
        parts
    }

    fn health(&self, view: &View, entry: &Entry, now: Duration) -> Health {
        match self.seen.get(&self.node(view, entry.member)) {
            Some(seen) if now >= seen.at + FAILURE_TIMEOUT => Health::Silent,
            Some(seen) if seen.boot == entry.boot => Health::Answers,
            Some(_) if self.settings.rules.keep(Rule::BootsAreEntries) => Health::Reborn,
            Some(_) => Health::Answers,
            None => Health::Silent,
        }
    }

    /// Whether an in-sync entry of the chain answers under its boot.
    pub(super) fn any_answers(&self, view: &View, chain: &Chain, now: Duration) -> bool {
        let in_sync = &chain.entries[..chain.in_sync];
        in_sync.iter().any(|entry| self.health(view, entry, now) == Health::Answers)
    }

    /// Whether the entry at `place` may leave: R10.
    pub(super) fn may_leave(&self, view: &View, chain: &Chain, place: usize, now: Duration) -> bool {
        if place >= chain.in_sync {
            return true;
        }
        let others = (0..chain.in_sync).filter(|other| *other != place);
        let answers = |other: usize| self.health(view, &chain.entries[other], now) == Health::Answers;
        let is_backed = others.clone().any(answers) || !self.settings.rules.keep(Rule::LastInSyncStays);
        others.count() > 0 && is_backed
    }

    /// One view that rids all chains of one dead entry each.
    fn remove_dead(&mut self, now: Duration, view: &Arc<View>) -> bool {
        let mut next = None;
        for slot in &self.settings.slots {
            let chain = view.chain(*slot);
            let is_dead = |place: &usize| {
                self.health(view, &chain.entries[*place], now) != Health::Answers
                    && self.may_leave(view, chain, *place, now)
            };
            let Some(place) = (0..chain.entries.len()).find(is_dead) else { continue };
            // Another boot at the very address: nobody can read the old one any more.
            let is_reborn = self.health(view, &chain.entries[place], now) == Health::Reborn;
            let parts = next.get_or_insert_with(|| self.next_parts(view));
            remove(&mut parts.chains[slot.index()], place, view.epoch().next(), is_reborn);
        }
        let is_needed = next.is_some();
        next.into_iter().for_each(|parts| self.begin(now, parts));
        is_needed
    }

    fn plan_slot(&mut self, now: Duration, view: &Arc<View>, slot: HashSlot) {
        let chain = view.chain(slot);
        let all_answer = chain.entries.iter().all(|entry| self.health(view, entry, now) == Health::Answers);
        if !self.any_answers(view, chain, now) {
            return self.start(now, Job::reseat(view, slot));
        }
        if let Some(mark) = chain.unsealed
            && self.is_mark_over(view, mark, now)
        {
            let mut parts = self.next_parts(view);
            parts.chains[slot.index()].unsealed = None;
            return self.begin(now, parts);
        }
        let is_wild = self.is_unruly && self.random.chance(300);
        if is_wild && chain.entries.len() > 1 && all_answer {
            return self.remove_living(now, view, slot);
        }
        if chain.joining().is_some() {
            return self.start(now, Job::promote(view, slot));
        }
        if chain.in_sync < self.settings.replicas || (is_wild && chain.entries.len() < 4) {
            self.append(now, view, slot);
        }
    }

    /// Some time more than a proxy's hold, so that none holds on a mark that is gone.
    fn is_mark_over(&self, view: &View, mark: Epoch, now: Duration) -> bool {
        let hold = view.longest_lease().duration().mul_f64(1.01);
        self.marks.get(&mark).is_some_and(|learned| *learned + hold < now)
    }

    /// Removes an entry though it answers: after a fence at a tail, or with the mark.
    fn remove_living(&mut self, now: Duration, view: &Arc<View>, slot: HashSlot) {
        let chain = view.chain(slot);
        let place = self.random.below(chain.entries.len());
        if !self.may_leave(view, chain, place, now) {
            return;
        }
        let is_tail = place + 1 == chain.in_sync;
        if is_tail && self.random.chance(500) {
            return self.start(now, Job::fence(view, slot));
        }
        let mut parts = self.next_parts(view);
        remove(&mut parts.chains[slot.index()], place, view.epoch().next(), false);
        self.begin(now, parts);
    }

    fn append(&mut self, now: Duration, view: &Arc<View>, slot: HashSlot) {
        let chain = view.chain(slot);
        let is_outside = |node: &NodeId| {
            let is_entry = chain.entries.iter().any(|entry| self.node(view, entry.member) == *node);
            !is_entry && self.seen.get(node).is_some_and(|seen| now < seen.at + FAILURE_TIMEOUT)
        };
        let outside: Vec<NodeId> = (0..self.settings.names.len()).filter(is_outside).collect();
        let Some(node) = self.random.pick(&outside) else { return };
        if self.random.chance(500) {
            return self.start(now, Job::stage(view, slot, node));
        }
        let parts = self.with_joiner(view, slot, node);
        self.begin(now, parts);
    }

    /// The next view, in which the node is appended to the slot's chain.
    pub(super) fn with_joiner(&self, view: &View, slot: HashSlot, node: NodeId) -> ViewParts {
        let mut parts = self.next_parts(view);
        let Some(entry) = self.new_entry(view, &parts, node) else { return parts };
        let chain = &mut parts.chains[slot.index()];
        chain.changed = entry.since;
        chain.entries.push(entry);
        parts
    }

    /// An entry for a node as it is known now.
    pub(super) fn new_entry(&self, view: &View, parts: &ViewParts, node: NodeId) -> Option<Entry> {
        let name = &self.settings.names[node];
        let at = parts.members.iter().position(|member| member.name.as_str() == name)?;
        let member = MemberIndex::new(u16::try_from(at).ok()?);
        Some(Entry { member, boot: parts.members[at].boot, since: view.epoch().next() })
    }
}

/// Takes an entry out of a chain in `epoch`; `is_sealed` says that nobody can read it any more.
pub(crate) fn remove(chain: &mut Chain, place: usize, epoch: Epoch, is_sealed: bool) {
    let is_in_sync = place < chain.in_sync;
    let is_tail = place + 1 == chain.in_sync;
    chain.entries.remove(place);
    chain.changed = epoch;
    chain.in_sync -= usize::from(is_in_sync);
    if is_tail && !is_sealed {
        chain.unsealed = Some(epoch);
    }
}
