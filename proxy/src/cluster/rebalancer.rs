//! The rebalancer: the next step of each chain toward where it is to be, by the rule of change.
//!
//! ```text
//! an entry is dead ───────► it leaves, if another in-sync entry answers [R10]
//! all in-sync are dead ───► frozen until all have reported or are given up, then re-seated [R16]
//! a target is missing ────► copied to it as to an outsider ─► appended ─► proven [R11] ─► in-sync
//! all targets in-sync ────► the others leave; a tail is fenced first, so that nobody has to wait
//! ```
//! What was seen under a view counts for the next view only, and is forgotten with it.

mod copying;
mod gaining;
mod glance;
mod losing;
mod pace;
mod proving;
mod queue;
mod reseating;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::extension::{Ask, Report, Rule, Say};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Chain, Epoch, Incarnation, View};

use super::successor::Change;
use super::world::World;
use gaining::{Job, Staged};
use glance::{Glance, Glances};
use pace::Pace;
use queue::Queue;

/// Most slots whose chains are altered in one view where there is no hurry. Each view is looked at by every thread of every
/// process, and is the larger the more views the slots were spread over: few views with many slots cost the least.
const SLOTS_A_VIEW: usize = 2048;

/// Slots that may wait for others to be altered with them, and for how long.
const BATCH: (usize, Duration) = (1024, Duration::from_millis(50));

/// Most slots of one question.
const SLOTS_A_QUESTION: usize = 1024;

/// Greatest difference of the rates of two clocks.
const CLOCK_DRIFT: f64 = 0.001;

/// What a question is for; its answer comes back with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To copy or to prove a slot.
    Job {
        /// The slot.
        slot: HashSlot,
        /// Which job of the slot.
        serial: u64,
    },
    /// To stop who is attached below the next view.
    Fence {
        /// Of the view under which it was asked.
        epoch: Epoch,
        /// The slots.
        slots: Vec<HashSlot>,
    },
    /// To know what is left of slots.
    Report {
        /// Of the view under which it was asked.
        epoch: Epoch,
        /// Who was asked.
        node: NodeName,
        /// As which process.
        boot: Boot,
        /// The slots.
        slots: Vec<HashSlot>,
    },
}

/// A question to a node, to be asked over a connection attached at the view that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// What it is for.
    pub purpose: Purpose,
    /// Whom.
    pub node: NodeName,
    /// Its data directory.
    pub incarnation: Incarnation,
    /// Its process.
    pub boot: Boot,
    /// What.
    pub ask: Ask,
}

/// What is to be done now.
#[derive(Debug, Default)]
pub struct Survey {
    /// What the next view is to alter.
    pub changes: BTreeMap<HashSlot, Change>,
    /// Whether any of it cannot wait for others.
    pub is_urgent: bool,
    /// What is to be asked.
    pub inquiries: Vec<Inquiry>,
    /// Slots that are not where they are to be, and slots that nobody serves.
    pub to_do: usize,
    /// Slots that nobody serves.
    pub lost: usize,
}

/// Decides the next step of each chain.
#[derive(Debug)]
pub struct Rebalancer {
    slots: Vec<HashSlot>,
    pace: Pace,
    serial: u64,
    /// The view under which the evidence was gathered.
    epoch: Epoch,
    jobs: BTreeMap<HashSlot, Job>,
    queue: Queue,
    staged: BTreeMap<HashSlot, Staged>,
    /// Joining entries that are proven, and those that lack too much.
    proved: BTreeSet<HashSlot>,
    too_far: BTreeSet<HashSlot>,
    /// Since when an entry is joining.
    joining: BTreeMap<HashSlot, (Epoch, Duration)>,
    /// A slot whose job failed is left alone until then.
    retry: BTreeMap<HashSlot, Duration>,
    fences_asked: BTreeSet<HashSlot>,
    /// To be fenced, until they are asked for; and since when there are any.
    fences_new: Vec<HashSlot>,
    fences_wanted_since: Option<Duration>,
    fenced: BTreeSet<HashSlot>,
    /// To be reported, until they are asked for.
    reports_wanted: Vec<(HashSlot, NodeName, Boot)>,
    reports_asked_at: Duration,
    reports: BTreeMap<(HashSlot, NodeName), (Boot, Option<Report>)>,
    /// Since when nobody serves a slot.
    lost: BTreeMap<HashSlot, Duration>,
    /// When a mark of a removed tail was first seen, by its epoch.
    marks: BTreeMap<Epoch, Duration>,
    /// Entries that cannot go on with a slot, each as one process.
    broken: BTreeSet<(HashSlot, NodeName, u128)>,
    /// Since when something waits that has no hurry.
    waits_since: Option<Duration>,
    /// As of the last survey, what [`Rebalancer::outlook`] says.
    outlook: (usize, usize, usize),
}

impl Rebalancer {
    /// One that looks after these slots and copies so many bytes a second.
    #[must_use]
    pub fn new(slots: Vec<HashSlot>, bytes_per_second: u64) -> Self {
        Self {
            slots,
            pace: Pace::new(bytes_per_second),
            serial: 0,
            epoch: Epoch::default(),
            jobs: BTreeMap::new(),
            queue: Queue::default(),
            staged: BTreeMap::new(),
            proved: BTreeSet::new(),
            too_far: BTreeSet::new(),
            joining: BTreeMap::new(),
            retry: BTreeMap::new(),
            fences_asked: BTreeSet::new(),
            fences_new: Vec::new(),
            fences_wanted_since: None,
            fenced: BTreeSet::new(),
            reports_wanted: Vec::new(),
            reports_asked_at: Duration::ZERO,
            reports: BTreeMap::new(),
            lost: BTreeMap::new(),
            marks: BTreeMap::new(),
            broken: BTreeSet::new(),
            waits_since: None,
            outlook: (0, 0, 0),
        }
    }

    /// The slots that it looks after.
    #[must_use]
    pub fn slots(&self) -> &[HashSlot] {
        &self.slots
    }

    /// Copies at another pace.
    pub fn set_pace(&mut self, bytes_per_second: u64) {
        self.pace.set(bytes_per_second);
    }

    /// Slots that are not where they are to be, slots that nobody serves, and slots that are being copied, as of the last
    /// survey.
    #[must_use]
    pub fn outlook(&self) -> (usize, usize, usize) {
        self.outlook
    }

    /// All bytes that were copied.
    #[must_use]
    pub fn copied(&self) -> u64 {
        self.pace.copied()
    }

    /// An entry cannot go on with a slot: for that slot it is dead.
    pub fn broken(&mut self, slot: HashSlot, node: &NodeName, boot: Boot) {
        if self.slots.contains(&slot) {
            self.broken.insert((slot, node.clone(), boot.0));
        }
    }

    /// Another cluster takes the place of the one that was looked after: nothing of that holds.
    pub fn begin_anew(&mut self) {
        let slots = std::mem::take(&mut self.slots);
        let pace = std::mem::replace(&mut self.pace, Pace::new(0));
        *self = Self { pace, serial: self.serial, ..Self::new(slots, 0) };
    }

    /// A new view is held: what was seen under the one before is void.
    pub fn adopted(&mut self, now: Duration, view: &View) {
        self.epoch = view.epoch();
        self.proved.clear();
        self.too_far.clear();
        self.fences_asked.clear();
        self.fenced.clear();
        self.reports.clear();
        self.waits_since = None;
        let is_same = |slot: HashSlot, changed| view.chain(slot).changed == changed;
        self.jobs.retain(|slot, job| job.is_copy() && is_same(*slot, job.changed));
        self.staged.retain(|slot, staged| is_same(*slot, staged.changed));
        self.broken.retain(|(slot, node, boot)| {
            let is_entry = |entry: &ringmaster_protocol::view::Entry| {
                view.member(entry.member).name == *node && entry.boot.0 == *boot
            };
            view.chain(*slot).entries.iter().any(is_entry)
        });
        let marks: BTreeSet<Epoch> =
            self.slots.iter().filter_map(|slot| view.chain(*slot).unsealed).collect();
        self.marks.retain(|mark, _| marks.contains(mark));
        marks.into_iter().for_each(|mark| _ = self.marks.entry(mark).or_insert(now));
        let joining = |slot: &HashSlot| Some((*slot, view.chain(*slot).joining()?.since));
        let joining: BTreeMap<HashSlot, Epoch> = self.slots.iter().filter_map(joining).collect();
        self.joining.retain(|slot, (since, _)| joining.get(slot) == Some(since));
        joining.into_iter().for_each(|(slot, since)| _ = self.joining.entry(slot).or_insert((since, now)));
    }

    /// Looks at all slots; closely only at those where something is to be done.
    pub fn survey(&mut self, world: &World<'_>) -> Survey {
        let mut survey = Survey::default();
        let mut unhurried = BTreeMap::new();
        self.drop_old_jobs(world);
        self.fences_new.clear();
        self.begin_copies(world, usize::MAX, &mut survey.inquiries);
        let mut glances = self.broken.is_empty().then(|| Glances::new(world));
        for at in 0..self.slots.len() {
            let slot = self.slots[at];
            let glance = glances.as_mut().map_or(Glance::Unclear, |glances| glances.of(world, slot));
            if glance == Glance::Still || self.is_under_way(world, slot, glance) {
                survey.to_do += usize::from(glance != Glance::Still);
                if !self.lost.is_empty() {
                    self.lost.remove(&slot);
                }
                continue;
            }
            let chain = world.view.chain(slot);
            let urgent = match self.frozen(world, slot, chain) {
                Some(reseated) => {
                    survey.lost += 1;
                    reseated
                }
                None => self.lose_dead(world, slot, chain),
            };
            let is_frozen = self.lost.contains_key(&slot);
            match urgent {
                Some(change) => _ = survey.changes.insert(slot, change),
                None if is_frozen || !world.moves_slots => {}
                None => self.move_on(world, slot, chain, (&mut unhurried, &mut survey)),
            }
        }
        self.ask_for_reports(world, &mut survey.inquiries);
        self.ask_for_fences(world, &mut survey.inquiries);
        if self.awaits_reports(world) {
            survey.changes.retain(|_, change| !matches!(change, Change::Reseat { .. }));
        }
        survey.is_urgent = !survey.changes.is_empty();
        self.add_unhurried(world, unhurried, &mut survey);
        let copies = self.jobs.values().filter(|job| job.is_whole_copy()).count();
        self.outlook = (survey.to_do, survey.lost, copies);
        survey
    }

    /// Whether nothing is to be decided of a slot before its copy or its proof is done, or before others are.
    fn is_under_way(&self, world: &World<'_>, slot: HashSlot, glance: Glance) -> bool {
        match glance {
            _ if !world.moves_slots => false,
            Glance::Joins => self.jobs.contains_key(&slot) && world.rules.keep(Rule::ProvenBeforeInSync),
            Glance::Lacks => {
                self.jobs.contains_key(&slot) || (self.is_busy() && !self.staged.contains_key(&slot))
            }
            Glance::Still | Glance::Unclear => false,
        }
    }

    /// A step that has no hurry.
    fn move_on(
        &mut self,
        world: &World<'_>,
        slot: HashSlot,
        chain: &Chain,
        (unhurried, survey): (&mut BTreeMap<HashSlot, Change>, &mut Survey),
    ) {
        let (is_there, change) = match chain.joining() {
            Some(_) => (false, self.join(world, slot, chain, &mut survey.inquiries)),
            None => {
                let is_short = self.gain(world, slot, chain, &mut survey.inquiries);
                let change = is_short.or_else(|| self.lose_extra(world, slot, chain));
                (is_at_target(world, slot, chain), change)
            }
        };
        survey.to_do += usize::from(!is_there);
        let change = change.or_else(|| self.unmark(world, chain));
        if let Some(change) = change {
            unhurried.insert(slot, change);
        }
    }

    /// The mark of a removed tail is over when nobody can read that tail any more.
    fn unmark(&self, world: &World<'_>, chain: &Chain) -> Option<Change> {
        let seen = self.marks.get(&chain.unsealed?)?;
        let hold = hold(world.view);
        (world.now >= *seen + hold).then_some(Change::Unmark)
    }

    /// Few views with many changes, rather than one for each.
    fn add_unhurried(
        &mut self,
        world: &World<'_>,
        unhurried: BTreeMap<HashSlot, Change>,
        survey: &mut Survey,
    ) {
        if unhurried.is_empty() {
            self.waits_since = None;
            return;
        }
        let since = *self.waits_since.get_or_insert(world.now);
        if survey.is_urgent || self.has_fenced() || self.is_batch(unhurried.len(), since, world.now) {
            // Those that nobody reads come first.
            let (fenced, others): (Vec<_>, Vec<_>) =
                unhurried.into_iter().partition(|(slot, _)| self.fenced.contains(slot));
            survey.changes.extend(fenced.into_iter().chain(others).take(SLOTS_A_VIEW));
        }
    }

    /// Whether so many slots, of which the first waits since then, are to wait for no others.
    fn is_batch(&self, count: usize, since: Duration, now: Duration) -> bool {
        count >= BATCH.0.min(self.slots.len()) || self.jobs.is_empty() || now >= since + BATCH.1
    }

    /// Goes on with an answer, or without one where it is lost: what is to be asked now.
    pub fn said(&mut self, world: &World<'_>, purpose: Purpose, say: Option<Say>) -> Vec<Inquiry> {
        let mut inquiries = Vec::new();
        match purpose {
            Purpose::Job { slot, serial } => self.job_said(world, (slot, serial), say, &mut inquiries),
            Purpose::Fence { epoch, slots } if epoch == self.epoch => {
                if say == Some(Say::Done) {
                    self.fenced.extend(slots);
                } else {
                    slots.iter().for_each(|slot| _ = self.fences_asked.remove(slot));
                }
            }
            Purpose::Report { epoch, node, boot, slots } if epoch == self.epoch => {
                self.reported(&node, boot, &slots, say);
            }
            Purpose::Fence { .. } | Purpose::Report { .. } => {}
        }
        inquiries
    }
}

/// How long nothing is answered for a slot whose tail was removed without a fence: until no lease holds any more, by
/// whatever clock.
#[must_use]
pub fn hold(view: &View) -> Duration {
    let longest = view.longest_lease().duration();
    longest.mul_f64((1.0 + CLOCK_DRIFT) / (1.0 - CLOCK_DRIFT)) + Duration::from_millis(1)
}

/// Whether the chain's members are just those of the target.
fn is_at_target(world: &World<'_>, slot: HashSlot, chain: &Chain) -> bool {
    let Some(target) = world.target else { return true };
    let is_wanted = |entry| target.has(slot, world.name(entry));
    target.chain(slot).count() == chain.entries.len() && chain.entries.iter().all(is_wanted)
}

fn chunks(slots: &[HashSlot]) -> impl Iterator<Item = Vec<HashSlot>> {
    slots.chunks(SLOTS_A_QUESTION).map(<[HashSlot]>::to_vec)
}
