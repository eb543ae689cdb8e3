//! Changes of one chain that need answers of its entries first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::extension::{Ask, Contents, Report, Rule, Say};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, Entry, Version, View};

use super::plan::remove;
use super::{Control, Order, Question};
use crate::simulation::message::{Id, NodeId};

/// Time after which a job that came to nothing is dropped.
const JOB_MAX: Duration = Duration::from_millis(500);

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The tail is fenced, then leaves.
    Fence,
    /// The joiner is brought in: the tail's version is asked for.
    Version,
    /// The joiner is asked whether it is at it.
    Prove,
    /// What it lacks is fetched.
    Export,
    /// It is brought.
    Import,
    /// The slot is fetched for a newcomer.
    Fetch(NodeId),
    /// It is staged there.
    Stage(NodeId),
    /// All entries of a lost chain report what they hold.
    Reports,
}

/// A change that is being prepared under one view.
#[derive(Debug)]
pub(super) struct Job {
    view: Arc<View>,
    slot: HashSlot,
    step: Step,
    begun: Duration,
    waits: BTreeMap<Id, NodeId>,
    reports: BTreeMap<NodeId, Report>,
}

impl Job {
    fn new(view: &Arc<View>, slot: HashSlot, step: Step) -> Self {
        let (waits, reports) = (BTreeMap::new(), BTreeMap::new());
        Self { view: Arc::clone(view), slot, step, begun: Duration::ZERO, waits, reports }
    }

    pub(super) fn fence(view: &Arc<View>, slot: HashSlot) -> Self {
        Self::new(view, slot, Step::Fence)
    }

    pub(super) fn promote(view: &Arc<View>, slot: HashSlot) -> Self {
        Self::new(view, slot, Step::Version)
    }

    pub(super) fn stage(view: &Arc<View>, slot: HashSlot, node: NodeId) -> Self {
        Self::new(view, slot, Step::Fetch(node))
    }

    pub(super) fn reseat(view: &Arc<View>, slot: HashSlot) -> Self {
        Self::new(view, slot, Step::Reports)
    }

    pub(super) fn awaits(&self, id: Id) -> bool {
        self.waits.contains_key(&id)
    }

    pub(super) fn is_late(&self, now: Duration) -> bool {
        self.begun + JOB_MAX <= now
    }

    fn chain(&self) -> &Chain {
        self.view.chain(self.slot)
    }
}

impl Control {
    /// Starts a job with its first question.
    pub(super) fn start(&mut self, now: Duration, mut job: Job) {
        job.begun = now;
        let (slot, epoch) = (job.slot, job.view.epoch());
        let tail = self.node(&job.view, job.chain().tail().member);
        let asks = match &job.step {
            Step::Fence => vec![(tail, Ask::Fence { slots: vec![slot], epoch: epoch.next() })],
            Step::Version if !self.settings.rules.keep(Rule::ProvenBeforeInSync) => {
                return self.promote(now, &job);
            }
            Step::Version => vec![(tail, Ask::Version { slot })],
            Step::Fetch(_) => vec![(tail, Ask::Export { slot })],
            _ => {
                let node = |entry: &Entry| self.node(&job.view, entry.member);
                let entries = job.chain().entries.iter().map(node);
                entries.map(|node| (node, Ask::Report { slots: vec![slot] })).collect()
            }
        };
        self.job = Some(job);
        asks.into_iter().for_each(|(node, ask)| self.job_asks(node, ask));
    }

    fn job_asks(&mut self, node: NodeId, ask: Ask) {
        let id = self.draw(Question::Job);
        let (Some(job), Some(seen)) = (&mut self.job, self.seen.get(&node)) else { return };
        job.waits.insert(id, node);
        let (attach, incarnation, boot) = (job.view.epoch(), seen.incarnation, seen.boot);
        self.out.push(Order::Ask { id, node, attach, incarnation, boot, ask });
    }

    pub(super) fn job_said(&mut self, now: Duration, id: Id, say: Say) {
        let Some(mut job) = self.job.take() else { return };
        let Some(from) = job.waits.remove(&id) else {
            self.job = Some(job);
            return;
        };
        let (slot, epoch) = (job.slot, job.view.epoch().next());
        match (job.step.clone(), say) {
            (Step::Fence, Say::Done) => {
                let place = job.chain().in_sync - 1;
                // The tail may have stood still for long: who answered when it was asked may be gone.
                if !self.may_leave(&job.view, job.chain(), place, now) {
                    return;
                }
                let mut parts = self.next_parts(&job.view);
                remove(&mut parts.chains[slot.index()], place, epoch, true);
                self.begin(now, parts);
            }
            (Step::Version, Say::At(version)) => self.prove(job, version),
            (Step::Prove, Say::At(_)) => {
                let tail = self.node(&job.view, job.chain().tail().member);
                job.step = Step::Export;
                self.job = Some(job);
                self.job_asks(tail, Ask::Export { slot });
            }
            (Step::Prove | Step::Import, Say::Done) => self.promote(now, &job),
            (Step::Export, Say::Contents(contents)) => self.import(job, contents),
            (Step::Fetch(node), Say::Contents(contents)) => {
                job.step = Step::Stage(node);
                self.job = Some(job);
                self.job_asks(node, Ask::Stage { slot, contents });
            }
            (Step::Stage(node), Say::Done) => {
                let parts = self.with_joiner(&job.view, slot, node);
                self.begin(now, parts);
            }
            (Step::Reports, Say::Reports(reports)) => {
                job.reports.extend(reports.into_iter().map(|report| (from, report)));
                self.reseat(now, job);
            }
            _ => {}
        }
    }

    fn joiner(&self, job: &Job) -> Option<(NodeId, Entry)> {
        let joiner = *job.chain().joining()?;
        Some((self.node(&job.view, joiner.member), joiner))
    }

    fn prove(&mut self, mut job: Job, version: Version) {
        let Some((node, Entry { since, .. })) = self.joiner(&job) else { return };
        let slot = job.slot;
        job.step = Step::Prove;
        self.job = Some(job);
        self.job_asks(node, Ask::Prove { slot, since, version });
    }

    fn import(&mut self, mut job: Job, contents: Contents) {
        let Some((node, Entry { since, .. })) = self.joiner(&job) else { return };
        let slot = job.slot;
        job.step = Step::Import;
        self.job = Some(job);
        self.job_asks(node, Ask::Import { slot, since, contents });
    }

    fn promote(&mut self, now: Duration, job: &Job) {
        let mut parts = self.next_parts(&job.view);
        let chain = &mut parts.chains[job.slot.index()];
        (chain.changed, chain.in_sync) = (job.view.epoch().next(), chain.in_sync + 1);
        self.begin(now, parts);
    }

    /// R16: of those that were in-sync, when all have reported, the one with the longest history.
    fn reseat(&mut self, now: Duration, job: Job) {
        let (chain, view) = (job.chain(), Arc::clone(&job.view));
        if self.any_answers(&view, chain, now) {
            return;
        }
        let in_sync = chain.entries[..chain.in_sync].iter();
        let all_reported =
            in_sync.clone().all(|entry| job.reports.contains_key(&self.node(&view, entry.member)));
        if !all_reported && self.settings.rules.keep(Rule::ReportsBeforeReseating) {
            self.job = Some(job);
            return;
        }
        let of_chain = |entry: &Entry| {
            let node = self.node(&view, entry.member);
            let report = job.reports.get(&node).filter(|report| report.born == chain.born)?;
            Some((node, report.history.version().n))
        };
        let best = in_sync.rev().filter_map(of_chain).max_by_key(|(_, n)| *n);
        let first = self.node(&view, chain.head().member);
        let (node, keeps) = best.map_or((first, false), |(node, _)| (node, true));
        let mut parts = self.next_parts(&view);
        let Some(entry) = self.new_entry(&view, &parts, node) else { return };
        let epoch = view.epoch().next();
        let chain = &mut parts.chains[job.slot.index()];
        chain.born = if keeps { chain.born } else { epoch };
        (chain.changed, chain.unsealed) = (epoch, Some(epoch));
        (chain.entries, chain.in_sync) = (vec![entry], 1);
        self.begin(now, parts);
    }
}
