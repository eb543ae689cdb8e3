//! Entries that come: copied to, appended, proven, in-sync.

use std::time::Duration;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::extension::{Rule, Say};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Chain, ENTRIES_MAX, Entry, Epoch};

use super::super::nodes::Known;
use super::super::successor::Change;
use super::super::world::World;
use super::copying::{Copying, Next, Side};
use super::proving::Proving;
use super::{Inquiry, Purpose, Rebalancer};

/// A joining entry that is not in-sync after this time is removed and copied to again.
const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// A slot whose job failed is left alone for so long.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// A copy that was not appended for so long is made anew.
const STAGED_LIFE: Duration = Duration::from_secs(5);

/// Most jobs at a time: as many as one view may alter. Whole copies have a bound of their own.
const JOBS_MAX: usize = super::SLOTS_A_VIEW;

/// Most slots that wait to be copied which are looked at when one is done.
const TRIES_MAX: usize = 64;

/// A slot that is being copied or proven.
#[derive(Debug)]
pub(super) struct Job {
    serial: u64,
    pub(super) node: NodeName,
    boot: Boot,
    work: Work,
    begun: Duration,
    /// Of the chain.
    pub(super) changed: Epoch,
    /// It waits until a whole slot may be copied.
    waits: bool,
}

#[derive(Debug)]
enum Work {
    Copying(Copying),
    Proving(Proving),
}

/// A slot that is ready to be appended.
#[derive(Debug)]
pub(super) struct Staged {
    node: NodeName,
    boot: Boot,
    pub(super) changed: Epoch,
    at: Duration,
}

impl Job {
    pub(super) fn is_copy(&self) -> bool {
        matches!(self.work, Work::Copying(_))
    }

    pub(super) fn is_whole_copy(&self) -> bool {
        matches!(&self.work, Work::Copying(copying) if copying.is_whole())
    }
}

/// Whether all that serve the slot are about to stop.
fn is_left_alone(world: &World<'_>, chain: &Chain) -> bool {
    chain.entries[..chain.in_sync].iter().all(|entry| world.is_leaving(world.name(entry)))
}

/// A node that takes a slot which would be left alone, where none that the target wants can: any that holds slots.
fn refuge<'w>(world: &World<'w>, slot: HashSlot, chain: &Chain) -> Option<(&'w NodeName, &'w Known)> {
    if !is_left_alone(world, chain) {
        return None;
    }
    let members = world.view.members().iter().filter(|member| member.weight > 0);
    let fit: Vec<_> = members.filter_map(|member| Some((&member.name, world.fit(&member.name)?))).collect();
    fit.get(slot.index() % fit.len().max(1)).copied()
}

impl Rebalancer {
    pub(super) fn drop_old_jobs(&mut self, world: &World<'_>) {
        let now = world.now;
        self.jobs.retain(|_, job| now.saturating_sub(job.begun) < JOIN_TIMEOUT);
        self.staged.retain(|_, staged| now.saturating_sub(staged.at) < STAGED_LIFE);
        self.retry.retain(|_, until| *until > now);
    }

    /// A joining entry becomes in-sync when it is proven, or leaves if that does not come about.
    pub(super) fn join(
        &mut self,
        world: &World<'_>,
        slot: HashSlot,
        chain: &Chain,
        inquiries: &mut Vec<Inquiry>,
    ) -> Option<Change> {
        let joining = chain.joining()?;
        let name = world.name(joining);
        let since = self.joining.get(&slot).map_or(world.now, |(_, since)| *since);
        let is_superfluous = world.target.is_some_and(|target| !target.has(slot, name));
        let is_unwanted = world.is_leaving(name) || (is_superfluous && !is_left_alone(world, chain));
        if is_unwanted || self.too_far.contains(&slot) || world.now >= since + JOIN_TIMEOUT {
            return Some(Change::Lose { places: vec![chain.in_sync], mark: false });
        }
        if self.proved.contains(&slot) || !world.rules.keep(Rule::ProvenBeforeInSync) {
            return world.attests(joining).then_some(Change::Promote);
        }
        if self.may_begin(slot) && world.attests(joining) && world.attests(chain.tail()) {
            let (proving, next) = Proving::begin(slot, joining.since);
            let process = (name.clone(), joining.boot);
            inquiries.extend(self.begin(world, slot, process, Work::Proving(proving), next));
        }
        None
    }

    /// A node that the target wants and the chain lacks is copied to, then appended.
    pub(super) fn gain(
        &mut self,
        world: &World<'_>,
        slot: HashSlot,
        chain: &Chain,
        inquiries: &mut Vec<Inquiry>,
    ) -> Option<Change> {
        let has = |name: &NodeName| chain.entries.iter().any(|entry| world.name(entry) == name);
        let mut missing = world.target?.chain(slot).filter(|name| !has(name));
        let wanted = missing.find_map(|name| Some((name, world.fit(name)?)));
        let (node, known) = wanted.or_else(|| refuge(world, slot, chain))?;
        let is_calm = chain.entries.iter().all(|entry| world.attests(entry));
        if !is_calm || chain.entries.len() >= ENTRIES_MAX {
            return None;
        }
        let is_staged = |staged: &Staged| staged.node == *node && staged.boot == known.boot;
        if self.staged.get(&slot).is_some_and(is_staged) {
            return Some(Change::Append(node.clone()));
        }
        if self.may_begin(slot) {
            let (copying, next) = Copying::begin(slot, chain.born);
            let process = (node.clone(), known.boot);
            inquiries.extend(self.begin(world, slot, process, Work::Copying(copying), next));
        }
        None
    }

    fn may_begin(&self, slot: HashSlot) -> bool {
        !self.jobs.contains_key(&slot) && !self.retry.contains_key(&slot) && !self.is_busy()
    }

    /// Whether no other job may begin.
    pub(super) fn is_busy(&self) -> bool {
        self.jobs.len() >= JOBS_MAX
    }

    fn begin(
        &mut self,
        world: &World<'_>,
        slot: HashSlot,
        (node, boot): (NodeName, Boot),
        work: Work,
        next: Next,
    ) -> Option<Inquiry> {
        self.serial += 1;
        let changed = world.view.chain(slot).changed;
        let (serial, begun) = (self.serial, world.now);
        self.jobs.insert(slot, Job { serial, node, boot, work, begun, changed, waits: false });
        self.go_on(world, slot, next)
    }

    /// Whole slots are copied when the pace allows it and neither of their two nodes has too many under way. Looks at so many
    /// of those that wait.
    pub(super) fn begin_copies(&mut self, world: &World<'_>, most: usize, inquiries: &mut Vec<Inquiry>) {
        if !world.moves_slots || self.queue.is_empty() {
            return;
        }
        let limit = world.file.limits.rebalance_parallel;
        let mut busy = self.queue.busy(&self.jobs, |slot| world.name(world.view.chain(slot).tail()).clone());
        for slot in self.queue.first(most) {
            let Some(job) = self.jobs.get_mut(&slot).filter(|job| job.waits) else {
                self.queue.leave(slot);
                continue;
            };
            let source = world.name(world.view.chain(slot).tail());
            let is_busy = |node| busy.get(node).is_some_and(|count| *count >= limit);
            if is_busy(source) || is_busy(&job.node) {
                continue;
            }
            if !self.pace.may_copy(world.now) {
                return;
            }
            let Work::Copying(copying) = &mut job.work else { continue };
            job.waits = false;
            [source, &job.node].into_iter().for_each(|node| *busy.entry(node.clone()).or_insert(0) += 1);
            let next = copying.copy();
            self.queue.begin(slot);
            inquiries.extend(self.go_on(world, slot, next));
        }
    }

    pub(super) fn job_said(
        &mut self,
        world: &World<'_>,
        (slot, serial): (HashSlot, u64),
        say: Option<Say>,
        inquiries: &mut Vec<Inquiry>,
    ) {
        let Some(job) = self.jobs.get_mut(&slot).filter(|job| job.serial == serial) else { return };
        let was_whole = job.is_whole_copy();
        let next = match (&mut job.work, say) {
            (Work::Copying(copying), Some(say)) => copying.said(say, |bytes| self.pace.spend(bytes)),
            (Work::Proving(proving), Some(say)) => proving.said(say),
            (_, None) => Next::Failed,
        };
        let is_over = was_whole && !job.is_whole_copy() || next == Next::Failed;
        inquiries.extend(self.go_on(world, slot, next));
        if is_over {
            // At once: the next look at all slots is milliseconds away.
            self.begin_copies(world, TRIES_MAX, inquiries);
        }
    }

    fn go_on(&mut self, world: &World<'_>, slot: HashSlot, next: Next) -> Option<Inquiry> {
        let job = self.jobs.get_mut(&slot)?;
        match next {
            Next::Copy => {
                job.waits = true;
                self.queue.enter(slot);
            }
            Next::Done | Next::Failed => {
                let job = self.jobs.remove(&slot)?;
                self.finished(world, slot, job, next == Next::Done);
            }
            Next::Ask(side, ask) => {
                let purpose = Purpose::Job { slot, serial: job.serial };
                let (node, incarnation, boot) = match side {
                    Side::Source => {
                        let tail: &Entry = world.view.chain(slot).tail();
                        let (incarnation, boot) = world.process(tail);
                        (world.name(tail).clone(), incarnation, boot)
                    }
                    Side::Newcomer => {
                        let known = world.nodes.known(&job.node)?;
                        (job.node.clone(), known.incarnation, job.boot)
                    }
                };
                return Some(Inquiry { purpose, node, incarnation, boot, ask });
            }
        }
        None
    }

    fn finished(&mut self, world: &World<'_>, slot: HashSlot, job: Job, is_done: bool) {
        let Job { node, boot, changed, work, .. } = job;
        match work {
            Work::Copying(_) if is_done => {
                self.staged.insert(slot, Staged { node, boot, changed, at: world.now });
            }
            Work::Proving(_) if is_done => _ = self.proved.insert(slot),
            Work::Proving(proving) if proving.is_too_far() => _ = self.too_far.insert(slot),
            _ => _ = self.retry.insert(slot, world.now + RETRY_AFTER),
        }
    }
}
