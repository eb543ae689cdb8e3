//! R16: Chains whose in-sync entries are all dead: frozen until it is known what is left, then re-seated.
//!
//! ```text
//! an entry's node      recovers ─────────────────────────────► nothing is given up
//!                      answers as another process ───────────► it reports what it has
//!                      answers as another data directory ────► reported: nothing
//!                      does not answer, nor any other proxy ─► waited for, as long as the cluster.yaml says
//! all are settled ─► the longest history of the chain's birth goes on alone; if there is none, the slot starts empty
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::extension::{Ask, Report, Rule, Say};
use ringmaster_protocol::heartbeat::NodeState;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Chain, Entry, Word};

use super::super::successor::Change;
use super::super::world::{Standing, World};
use super::{Inquiry, Purpose, Rebalancer, chunks};

/// Reports that were asked for are waited for so long before slots go on that need them not.
const REPORTS_WITHIN: Duration = Duration::from_millis(200);

/// What is known of an entry's data.
enum Left {
    /// This, or nothing.
    Known(Option<Report>),
    /// It is not known yet.
    Unknown,
}

impl Rebalancer {
    /// Whether nobody serves the slot, and then how it goes on, as soon as that is known.
    pub(super) fn frozen(
        &mut self,
        world: &World<'_>,
        slot: HashSlot,
        chain: &Chain,
    ) -> Option<Option<Change>> {
        let in_sync = &chain.entries[..chain.in_sync];
        if !in_sync.iter().all(|entry| self.is_dead(world, slot, entry)) {
            self.lost.remove(&slot);
            return None;
        }
        self.lost.entry(slot).or_insert(world.now);
        let (mut reports, mut is_settled) = (Vec::new(), true);
        for entry in in_sync {
            match self.left(world, slot, entry) {
                Left::Known(report) => reports.extend(report.map(|report| (entry, report))),
                Left::Unknown => is_settled = false,
            }
        }
        if let Some(joining) = chain.joining().filter(|entry| world.standing(entry) == Standing::Answers) {
            match self.report(slot, world.name(joining), joining.boot) {
                Some(report) if report.proven >= joining.since => reports.push((joining, report)),
                Some(_) => {}
                None => is_settled = false,
            }
        }
        let is_settled = is_settled || !world.rules.keep(Rule::ReportsBeforeReseating);
        Some(if is_settled { self.reseated(world, slot, chain, &reports) } else { None })
    }

    /// The longest history of the chain's birth; of equal ones the first in the chain.
    fn reseated(
        &self,
        world: &World<'_>,
        slot: HashSlot,
        chain: &Chain,
        reports: &[(&Entry, Report)],
    ) -> Option<Change> {
        let mut best: Option<&(&Entry, Report)> = None;
        for one in reports.iter().filter(|(_, report)| report.born == chain.born) {
            let length = |(_, report): &(&Entry, Report)| report.history.version().n;
            if best.is_none_or(|best| length(one) > length(best)) {
                best = Some(one);
            }
        }
        match best {
            Some((entry, _)) => Some(Change::Reseat { node: world.name(entry).clone(), is_empty: false }),
            None => Some(Change::Reseat { node: anybody(world, slot)?, is_empty: true }),
        }
    }

    fn left(&mut self, world: &World<'_>, slot: HashSlot, entry: &Entry) -> Left {
        let name = world.name(entry);
        match world.answering(name) {
            Some(known) if known.boot != entry.boot || self.is_broken(slot, name, entry.boot) => {
                if known.incarnation != world.member(entry).incarnation {
                    Left::Known(None)
                } else if matches!(known.state, NodeState::Recovering { .. }) || !world.is_ours(known) {
                    Left::Unknown
                } else {
                    self.report(slot, name, known.boot)
                        .map_or(Left::Unknown, |report| Left::Known(Some(report)))
                }
            }
            Some(_) => Left::Unknown,
            None => self.unreachable(world, slot, entry),
        }
    }

    fn is_broken(&self, slot: HashSlot, name: &NodeName, boot: Boot) -> bool {
        self.broken.contains(&(slot, name.clone(), boot.0))
    }

    fn unreachable(&self, world: &World<'_>, slot: HashSlot, entry: &Entry) -> Left {
        let member = world.member(entry);
        if member.word == Word::GivenUp {
            return Left::Known(None);
        }
        let is_reached = !world.detector.is_reached_by_nobody(world.now, &member.name);
        let since = self.lost.get(&slot).copied().unwrap_or(world.now);
        match world.file.when_last_replica_lost.wait(member.is_durable) {
            Some(wait) if world.now >= since + wait.duration() && !is_reached => Left::Known(None),
            _ => Left::Unknown,
        }
    }

    /// What the process says it has; where it was not asked yet, it will be.
    fn report(&mut self, slot: HashSlot, node: &NodeName, boot: Boot) -> Option<Report> {
        let key = (slot, node.clone());
        match self.reports.get(&key) {
            Some((of, report)) if *of == boot => report.clone(),
            _ => {
                self.reports_wanted.push((slot, node.clone(), boot));
                None
            }
        }
    }

    pub(super) fn ask_for_reports(&mut self, world: &World<'_>, inquiries: &mut Vec<Inquiry>) {
        let mut by_node: BTreeMap<(NodeName, u128), Vec<HashSlot>> = BTreeMap::new();
        if !self.reports_wanted.is_empty() {
            self.reports_asked_at = world.now;
        }
        for (slot, node, boot) in std::mem::take(&mut self.reports_wanted) {
            self.reports.insert((slot, node.clone()), (boot, None));
            by_node.entry((node, boot.0)).or_default().push(slot);
        }
        for ((node, boot), slots) in by_node {
            let (boot, epoch) = (Boot(boot), self.epoch);
            let Some(known) = world.nodes.known(&node).filter(|known| known.boot == boot) else { continue };
            for slots in chunks(&slots) {
                let ask = Ask::Report { slots: slots.clone() };
                let purpose = Purpose::Report { epoch, node: node.clone(), boot, slots };
                let (node, incarnation) = (node.clone(), known.incarnation);
                inquiries.push(Inquiry { purpose, node, incarnation, boot, ask });
            }
        }
    }

    /// Whether reports are about to come: what is known by then goes into one view.
    pub(super) fn awaits_reports(&self, world: &World<'_>) -> bool {
        let is_fresh = world.now < self.reports_asked_at + REPORTS_WITHIN;
        is_fresh && self.reports.values().any(|(_, report)| report.is_none())
    }

    pub(super) fn reported(&mut self, node: &NodeName, boot: Boot, slots: &[HashSlot], say: Option<Say>) {
        slots.iter().for_each(|slot| _ = self.reports.remove(&(*slot, node.clone())));
        if let Some(Say::Reports(reports)) = say {
            for report in reports.into_iter().filter(|report| slots.contains(&report.slot)) {
                self.reports.insert((report.slot, node.clone()), (boot, Some(report)));
            }
        }
    }
}

/// A node for a slot that starts empty: one that the target wants, else any.
fn anybody(world: &World<'_>, slot: HashSlot) -> Option<NodeName> {
    let is_fit = |name: &&NodeName| world.fit(name).is_some();
    let wanted = world.target.and_then(|target| target.chain(slot).find(is_fit));
    let holders = world.view.members().iter().filter(|member| member.weight > 0);
    wanted.or_else(|| holders.map(|member| &member.name).find(is_fit)).cloned()
}
