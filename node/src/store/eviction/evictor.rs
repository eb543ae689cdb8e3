//! The hand that walks over the tables and takes keys out; each thread has its own.

use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};

use super::super::effect::Effect;
use super::super::entry::EntryRef;
use super::super::event::Class;
use super::super::key::{Key, hash_of};
use super::super::{SlotGuard, Store};
use super::candidates::{Candidate, Pool};
use super::fresh::FreshKey;
use super::ghosts::Ghosts;
use super::policy::{Policy, Score};
use super::record::Touch;
use super::{Mode, Replacement};

/// Slots that are looked into in one step at most, where most are empty.
const STEP_SLOTS: usize = 256;

/// Fresh keys that a step looks up at most, where most are gone already.
const STEP_FRESH: usize = 64;

/// Entries looked at for each key that goes, unless `maxmemory-samples` says otherwise.
const SAMPLES: usize = 8;

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key has gone.
    Evicted,
    /// None yet; go on.
    Nothing,
    /// The hand came round without finding a key that may go.
    Exhausted,
}

/// What may go, and what becomes of what goes.
pub(super) struct Reaping<'r> {
    /// Whether keys of this slot may go.
    pub(super) among: &'r dyn Fn(HashSlot) -> bool,
    /// Ends a key whose slot is held and whose entry has so many bytes; returns whether it did.
    pub(super) end: &'r mut dyn FnMut(SlotGuard<'_>, Key<'_>, usize) -> bool,
}

/// A thread's hand and what it has seen.
#[derive(Debug)]
pub struct Evictor {
    /// The slot where the hand is.
    slot: u16,
    /// The position in that slot's table where it goes on.
    position: u64,
    pool: Pool,
    policy: Policy,
    mode: Mode,
    /// Slots since the last key that went.
    fruitless: usize,
    /// Entries looked at for each key that goes: `maxmemory-samples`, 1..=64.
    pub samples: usize,
}

impl Evictor {
    /// A hand that begins at a slot of its own for each `number`.
    #[must_use]
    pub fn new(number: usize) -> Self {
        // An odd multiplier spreads the hands of several threads over all slots.
        let slot = (number * 6151 % SLOT_COUNT) as u16;
        let (policy, mode) = (Policy::default(), Mode::Wide);
        Self { slot, position: 0, pool: Pool::default(), policy, mode, fruitless: 0, samples: SAMPLES }
    }

    /// Takes out the key that is worth least among those seen, if one was found. Bounded: some microseconds.
    /// Holds one slot at a time and none when it returns.
    pub fn step(&mut self, store: &Store, now: u64) -> Step {
        self.step_among(store, now, &|_| true)
    }

    /// As [`Evictor::step`], out of those slots only.
    pub fn step_among(&mut self, store: &Store, now: u64, among: &dyn Fn(HashSlot) -> bool) -> Step {
        let mut end = |guard: SlotGuard<'_>, key: Key<'_>, _| remove(store, now, guard, key);
        self.reap(store, &mut Reaping { among, end: &mut end })
    }

    /// Ends the key that is worth least among those seen, if one was found. Bounded as [`Evictor::step`].
    pub(super) fn reap(&mut self, store: &Store, reaping: &mut Reaping<'_>) -> Step {
        let replacement = store.replacement();
        let policy = replacement.policy();
        if policy == Policy::NoEviction {
            return Step::Exhausted;
        }
        if (policy, replacement.mode()) != (self.policy, self.mode) {
            (self.policy, self.mode) = (policy, replacement.mode());
            self.pool.clear();
        }
        self.look_around(store, reaping.among);
        let freed = if policy == Policy::S3Fifo && self.mode != Mode::Recent {
            replacement.ready_ghosts();
            self.step_queues(store, reaping)
        } else {
            self.take_worst(store, reaping)
        };
        if freed {
            self.fruitless = 0;
            return Step::Evicted;
        }
        if self.fruitless > 3 * SLOT_COUNT {
            self.fruitless = 0;
            return Step::Exhausted;
        }
        Step::Nothing
    }

    /// Lets the next few entries into the pool.
    fn look_around(&mut self, store: &Store, among: &dyn Fn(HashSlot) -> bool) {
        let touch = store.replacement().touch();
        let mut wanted = self.samples;
        for _ in 0..STEP_SLOTS {
            let Some(slot) = HashSlot::new(self.slot) else { return };
            if !among(slot) {
                self.next_slot();
                continue;
            }
            let Some(guard) = store.try_lock(slot) else { return self.next_slot() };
            let mut entries: [Option<EntryRef<'_>>; 8] = [None; 8];
            let (seen, next) = guard.sample(self.position, &mut entries[..wanted.min(8)]);
            for entry in entries.iter().flatten() {
                if let Some(score) = self.score(*entry, touch)
                    && self.pool.wants(score)
                {
                    let order = super::super::table::order(hash_of(entry.key()));
                    self.pool.push(Candidate { score, slot, order, record: entry.record() });
                }
            }
            wanted -= seen;
            drop(guard);
            match next {
                Some(position) => self.position = position,
                None => self.next_slot(),
            }
            if wanted == 0 {
                return;
            }
        }
    }

    fn next_slot(&mut self) {
        self.slot = if usize::from(self.slot) + 1 < SLOT_COUNT { self.slot + 1 } else { 0 };
        self.position = 0;
        self.fruitless += 1;
    }

    fn score(&self, entry: EntryRef<'_>, touch: Touch) -> Option<Score> {
        if self.policy != Policy::S3Fifo {
            return self.policy.score(entry, touch);
        }
        let record = entry.record();
        let young = u64::from(u32::MAX - touch.age(record));
        if self.mode == Mode::Recent {
            return Some(Score(young));
        }
        // The queue decides on the fresh; one that it has lost is as any other, and all are if there are no others.
        let queued = Touch::is_fresh(record) && touch.age(record) < self.mode.fresh_ticks();
        let spared = queued && self.fruitless < SLOT_COUNT;
        (!spared).then(|| Score(u64::from(touch.uses(record)) << 32 | young))
    }

    /// One step of the queues: the oldest fresh key proves itself against the worst of the others, or goes.
    fn step_queues(&mut self, store: &Store, reaping: &mut Reaping<'_>) -> bool {
        let replacement = store.replacement();
        for _ in 0..STEP_FRESH {
            if replacement.fresh.bytes() <= replacement.window_bytes() {
                break;
            }
            let Some(fresh) = replacement.fresh.pop() else { break };
            if !(reaping.among)(fresh.slot) {
                continue;
            }
            match self.judge(store, fresh) {
                Verdict::Gone => {}
                Verdict::Stays(loser) => return take(store, reaping, loser, true),
                Verdict::Goes(itself) => return take(store, reaping, itself, false),
            }
        }
        self.take_worst(store, reaping)
    }

    /// Whether `fresh` was used more often than the worst of the pool; then it is fresh no more.
    fn judge(&mut self, store: &Store, fresh: FreshKey) -> Verdict {
        let Some(guard) = store.try_lock(fresh.slot) else { return Verdict::Gone };
        let Some(entry) = guard.entry_of_order(fresh.order) else { return Verdict::Gone };
        let record = entry.record();
        if !Touch::is_fresh(record) {
            return Verdict::Gone;
        }
        let uses = store.replacement().touch().uses(record);
        if let Some(worst) = self.pool.pop() {
            if u64::from(uses) > worst.score.0 >> 32 {
                entry.set_record(Touch::seasoned(record));
                return Verdict::Stays(worst);
            }
            self.pool.push(worst);
        }
        Verdict::Goes(Candidate { score: Score(0), slot: fresh.slot, order: fresh.order, record })
    }

    /// Takes out the worst key of the pool that was not used since it was seen.
    fn take_worst(&mut self, store: &Store, reaping: &mut Reaping<'_>) -> bool {
        while let Some(worst) = self.pool.pop() {
            if (reaping.among)(worst.slot) && take(store, reaping, worst, true) {
                return true;
            }
        }
        false
    }
}

/// What becomes of a fresh key.
enum Verdict {
    /// It was there no more, or not fresh.
    Gone,
    /// It stays; this other key goes.
    Stays(Candidate),
    /// It goes itself.
    Goes(Candidate),
}

/// Has a key end; with `unused`, only if its record is as it was. Returns whether it did.
fn take(store: &Store, reaping: &mut Reaping<'_>, candidate: Candidate, unused: bool) -> bool {
    let Some(guard) = store.try_lock(candidate.slot) else { return false };
    let Some(entry) = guard.entry_of_order(candidate.order) else { return false };
    if unused && entry.record() != candidate.record {
        return false;
    }
    let replacement = store.replacement();
    let (database, bytes, size) = (entry.database(), entry.key().to_vec(), entry.block_bytes());
    let key = Key { bytes: &bytes, hash: hash_of(&bytes), slot: candidate.slot, database };
    replacement.bury(key.hash, entry.record());
    (reaping.end)(guard, key, size)
}

/// Takes a key out of a slot that is this node's own.
fn remove(store: &Store, now: u64, mut guard: SlotGuard<'_>, key: Key<'_>) -> bool {
    if !guard.is_own() {
        return false;
    }
    store.events().notify(Class::Evicted, "evicted", key);
    let mut operation = store.operation(key.slot, now);
    let changed = guard.apply(&mut operation, &Effect::Remove { key }).changed;
    guard.end_unnoted(&mut operation, store.replicas());
    changed
}

impl Mode {
    /// Fresh keys that were not used for so many ticks have been lost by the queue.
    fn fresh_ticks(self) -> u32 {
        match self {
            Self::Narrow => 4,
            Self::Wide | Self::Recent => 16,
        }
    }
}

impl Replacement {
    /// Bytes that the queue of new keys may have.
    fn window_bytes(&self) -> u64 {
        self.mode().window(self.bytes.load(std::sync::atomic::Ordering::Relaxed))
    }

    /// Remembers a key that goes.
    fn bury(&self, hash: u64, record: u32) {
        if self.policy() == Policy::S3Fifo {
            let uses = self.touch().uses(record);
            self.ghosts.load().put(hash, uses as u8);
        }
    }

    /// Makes room for ghosts, as many as there are keys.
    fn ready_ghosts(&self) {
        let keys = self.keys.load(std::sync::atomic::Ordering::Relaxed);
        if !self.ghosts.load().fits(keys) {
            self.ghosts.store(std::sync::Arc::new(Ghosts::new(keys)));
        }
    }
}
