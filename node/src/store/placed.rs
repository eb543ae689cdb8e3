//! A slot that is an entry of a chain: its replica beside its content, both under the slot's lock.

use bytes::Bytes;
use ringmaster_protocol::extension::{
    Apply, Ask, Contents, History, Note, Outcome, Passing, Say, put_attribute, put_made,
};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Version};
use std::time::Duration;

use super::effect::Effect;
use super::effect::encoding::framed;
use super::journal::{Section, Whole};
use super::keyspace::Keyspace;
use super::saving::{Limits, Told};
use super::slot::{self, Slot};
use super::{SlotGuard, Store, prefetch};
use crate::cluster::claims::Seat;
use crate::cluster::replica::{Access, Asker, Content, Late, Replica, Shared};
use crate::cluster::row::{Role, Row};

/// What a slot of a member of a cluster has beside its content. Its first two cache lines are what operations need.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Placed {
    /// Epoch of the view by which the replica was placed last.
    adopted: Epoch,
    replica: Replica,
    /// The log's records up to this one were in the snapshot that the slot was loaded from.
    loaded_lsn: u64,
    /// Since when the slot was seen to have content and no place in its chain.
    left: Option<Duration>,
}

/// What the slots of a member are told of its cluster.
pub(crate) struct Place<'p> {
    /// The committed epoch.
    pub(crate) epoch: Epoch,
    /// What its view says of a slot.
    pub(crate) row: &'p dyn Fn(HashSlot) -> Row,
    /// What all slots share.
    pub(crate) shared: &'p Shared,
}

/// A slot's content, as its replica changes it.
struct OfSlot<'s> {
    store: &'s Store,
    number: HashSlot,
    slot: &'s mut Slot,
    /// Epoch in which it is to start empty, when it is cleared for that.
    birth: Option<Epoch>,
    /// Who made the next operation, as [`crate::tracking::Tracking::broadcast`] has it; 0 for nobody. Those that waited
    /// behind it are others'.
    by: u64,
}

/// An operation of which nobody is told: its head has told of it, and the replica has its history.
fn untold(store: &Store, slot: HashSlot, time: u64) -> slot::Operation<'_> {
    let mut operation = store.operation(slot, time);
    (operation.events, operation.versioned) = (None, true);
    operation.pending.forget();
    operation
}

impl OfSlot<'_> {
    fn apply_all(&mut self, time: u64, effects: &[u8]) -> Result<(), Bytes> {
        let mut operation = untold(self.store, self.number, time);
        let (by, mut rest) = (std::mem::take(&mut self.by), effects);
        while !rest.is_empty() {
            let decoded = framed::take(&mut rest, self.number);
            let decoded = decoded.map_err(|error| Bytes::from(format!("an effect is malformed: {error}")))?;
            let effect = decoded.effect();
            self.slot.apply(&mut operation, &effect);
            // Keys are read here, and change here later than at their head: who broadcasts is told of it here, too.
            self.store.events().tracking().tell_of(&effect, by);
        }
        self.slot.reach_time(time);
        Ok(())
    }
}

impl OfSlot<'_> {
    /// Drops all keys, and tells who broadcasts of each: what comes in their place need not name them.
    fn empty(&mut self) {
        let tracking = self.store.events().tracking();
        if tracking.broadcasts() {
            self.slot.entries().for_each(|entry| tracking.broadcast(entry.key(), 0));
        }
        let mut operation = untold(self.store, self.number, 0);
        self.slot.apply(&mut operation, &Effect::Clear { database: None });
    }

    /// Has the log keep that the content is another.
    fn tell_whole(&self, whole: &Whole<'_>) {
        if let Some(journal) = self.store.journal() {
            journal.replaced(self.number, whole);
        }
    }
}

impl Content for OfSlot<'_> {
    #[inline]
    fn apply(&mut self, operation: &Passing<'_>) -> Result<(), Bytes> {
        self.apply_all(operation.time, operation.effects)?;
        if let Some(journal) = self.store.journal() {
            let section = Section::of(operation.new, operation.time, operation.effects);
            journal.commit(&[(self.number, &section)]);
        }
        Ok(())
    }

    fn export(&mut self) -> (u64, Bytes) {
        let mut told = Told::default();
        let limits = Limits { bytes: usize::MAX, until: None };
        // Without limits one hold tells all.
        let _ = self.slot.save(limits, &mut told);
        (told.time, told.effects.into())
    }

    fn replace(&mut self, contents: &Contents) -> Result<(), Bytes> {
        self.empty();
        self.apply_all(contents.time, &contents.effects)?;
        let Contents { born, history, time, effects, .. } = contents;
        self.tell_whole(&Whole { born: *born, history, time: *time, effects });
        Ok(())
    }

    fn clear(&mut self) {
        self.empty();
        let born = self.birth.take().unwrap_or_default();
        let time = self.slot.time;
        self.tell_whole(&Whole { born, history: &History::born(born), time, effects: &[] });
    }

    /// The log is told of an operation without effects, the first one of an epoch.
    fn found(&mut self, born: Epoch) -> Option<History> {
        if self.slot.is_empty() {
            return None;
        }
        let version = Version { changed: born, n: self.slot.version.n + 1 };
        if let Some(journal) = self.store.journal() {
            journal.commit(&[(self.number, &Section::of(version, self.slot.time, &[]))]);
        }
        Some(History::founded(version))
    }
}

impl Slot {
    /// Takes over what the view says, if that is new.
    pub(crate) fn adopt(&mut self, number: HashSlot, store: &Store, place: &Place<'_>, late: &mut Vec<Late>) {
        if self.placed.as_ref().is_some_and(|placed| placed.adopted >= place.epoch) {
            return;
        }
        let mut placed = self.placed.take().unwrap_or_default();
        placed.adopted = place.epoch;
        let row = (place.row)(number);
        if row.role != Role::Outside {
            placed.left = None;
        }
        let birth = (row.born > placed.replica.born()).then_some(row.born);
        let mut content = OfSlot { store, number, slot: self, birth, by: 0 };
        placed.replica.adopt(row, &mut content, place.shared, late);
        self.put_back(placed);
    }

    /// Frees the content of a slot that has had no place in its chain, and was not copied to, for `life`.
    pub(crate) fn free_if_left(
        &mut self,
        (number, store): (HashSlot, &Store),
        (place, now, life): (&Place<'_>, Duration, Duration),
        late: &mut Vec<Late>,
    ) {
        self.adopt(number, store, place, late);
        let Some(mut placed) = self.placed.take() else { return };
        let is_left = placed.replica.row().role == Role::Outside && !self.is_empty();
        let since = *placed.left.get_or_insert(now);
        if !is_left {
            placed.left = None;
        } else if now.saturating_sub(since) >= life {
            placed.replica.forget(&mut OfSlot { store, number, slot: self, birth: None, by: 0 });
            placed.left = None;
        }
        self.put_back(placed);
    }

    fn put_back(&mut self, placed: Box<Placed>) {
        self.version = placed.replica.history().version();
        self.placed = Some(placed);
    }

    /// Carries out a question about this slot, by whom its operation is, if it brings one; see [`Replica::ask`].
    pub(crate) fn ask(
        &mut self,
        (number, store): (HashSlot, &Store),
        (ask, by): (Ask, u64),
        asker: Asker,
        (place, now): (&Place<'_>, Duration),
        late: &mut Vec<Late>,
    ) -> Option<Say> {
        self.adopt(number, store, place, late);
        let mut placed = self.placed.take()?;
        placed.left = None;
        let mut content = OfSlot { store, number, slot: self, birth: None, by };
        let say = placed.replica.ask(ask, asker, &mut content, (place.shared, now), late);
        self.put_back(placed);
        say
    }

    /// Applies an operation of the head, whoever it is by, in the common case; see [`Replica::apply_next`]. `None`, and nothing done, if it is
    /// another case, or the slot has not taken over the view of this epoch.
    #[inline]
    pub(crate) fn apply_next(
        &mut self,
        store: &Store,
        (apply, by): (&Apply<'_>, u64),
        (attached, epoch): (Epoch, Epoch),
    ) -> Option<Say> {
        if self.placed.as_ref()?.adopted < epoch {
            return None;
        }
        let mut placed = self.placed.take()?;
        let mut content = OfSlot { store, number: apply.slot, slot: self, birth: None, by };
        let say = placed.replica.apply_next(apply, attached, &mut content, store.replicas());
        self.put_back(placed);
        say
    }

    /// The slot was an entry of chains when the log was written: its content started empty in the epoch `born` and has
    /// this history; records up to `loaded_lsn` are in it.
    pub(super) fn set_recovered(&mut self, born: Epoch, history: History, loaded_lsn: u64) {
        self.version = history.version();
        let replica = Replica::recovered(born, history);
        let loaded_lsn = loaded_lsn.max(self.loaded_lsn());
        self.placed = Some(Box::new(Placed { replica, loaded_lsn, ..Placed::default() }));
    }

    /// An operation of the log was applied. The first one of an epoch says that the slot went into the first view with what
    /// it held.
    pub(super) fn replayed(&mut self, version: Version) {
        match &mut self.placed {
            Some(placed) => placed.replica.replayed(version),
            None if version.changed > Epoch::default() => {
                self.set_recovered(version.changed, History::founded(version), 0);
            }
            None => {}
        }
    }

    /// The log's records up to this one are in what the slot was loaded from; 0 where that is not known.
    pub(crate) fn loaded_lsn(&self) -> u64 {
        self.placed.as_ref().map_or(0, |placed| placed.loaded_lsn)
    }

    /// When the content of an entry of chains started empty, and its history.
    pub(super) fn lineage(&self) -> Option<(Epoch, History)> {
        let replica = &self.placed.as_ref()?.replica;
        Some((replica.born(), replica.history().clone()))
    }

    /// The replica, where the slot has one.
    pub(crate) fn replica(&mut self) -> Option<&mut Replica> {
        self.placed.as_mut().map(|placed| &mut placed.replica)
    }

    /// The replica, where it has taken over the view of this epoch.
    #[inline]
    pub(crate) fn placed_at(&self, epoch: Epoch) -> Option<&Replica> {
        self.placed.as_ref().filter(|placed| placed.adopted >= epoch).map(|placed| &placed.replica)
    }

    /// Brings what is asked of the replica near the processor, and for who `writes` what operations change in it.
    #[inline]
    pub(super) fn prefetch_place(&self, writes: bool) {
        let Some(placed) = &self.placed else { return };
        let begin = std::ptr::from_ref(&**placed).cast::<u8>();
        prefetch(begin);
        if writes {
            prefetch(begin.wrapping_add(64));
        }
    }

    /// Whether somebody waits for something to happen in the slot.
    #[inline]
    pub(crate) fn has_observers(&self) -> bool {
        self.observers.is_some()
    }

    /// What the view said when it was last looked at, where the slot has a replica.
    pub(crate) fn row(&self) -> Option<&Row> {
        self.placed.as_ref().map(|placed| placed.replica.row())
    }

    /// Whether nobody but this node decides what becomes of the slot's keys.
    pub(crate) fn is_own(&self) -> bool {
        self.row().is_none_or(|row| row.role == Role::Head && !row.is_shared)
    }

    /// Whether the slot's keys are to be counted and walked over here: one node of the chain does.
    pub(crate) fn is_read_here(&self) -> bool {
        self.row().is_none_or(|row| row.is_tail)
    }

    /// The version that the next operation gets.
    #[inline]
    pub(super) fn next_version(&self) -> Version {
        match &self.placed {
            None => Version { n: self.version.n + 1, ..self.version },
            Some(placed) => placed.replica.next_version(),
        }
    }

    /// The slot's time is at least this from now on.
    fn reach_time(&mut self, time: u64) {
        self.time = self.time.max(time);
    }

    /// What is to be said of an operation that is not to be executed if the history has it, or may have it.
    pub(crate) fn known(&self, version: Version) -> Option<Outcome> {
        let placed = self.placed.as_ref()?;
        match placed.replica.history().has(version) {
            Some(true) => Some(Outcome::HasIt),
            None => Some(Outcome::Forgotten),
            Some(false) => None,
        }
    }

    /// The slot's time in Unix milliseconds.
    pub(crate) fn time(&self) -> u64 {
        self.time
    }

    /// An operation of this slot ends: hands what it has done to the replica, and appends the note of it to `out`; `seen` is
    /// what is noted of one that changed nothing.
    #[inline]
    pub(crate) fn end_operation(
        &mut self,
        operation: &mut slot::Operation<'_>,
        shared: &Shared,
        out: &mut Vec<u8>,
        seen: fn(Version) -> Outcome,
    ) {
        let Some(placed) = self.placed.as_mut() else { return };
        let (slot, replica) = (operation.slot, &mut placed.replica);
        let (versions, time) = ((replica.history().version(), self.version), self.time);
        let has_made = operation.pending.end(|effects| {
            if replica.row().is_shared {
                let made = put_made(out, slot, versions, time, effects);
                return replica.executed(&made, shared);
            }
            put_attribute(out, &Note { slot, outcome: Outcome::Alone(versions.1) });
            if replica.keeps() {
                replica.executed(&Passing::put(&mut Vec::new(), versions, time, effects), shared);
            } else {
                replica.executed_alone(versions.1);
            }
        });
        if !has_made {
            put_attribute(out, &Note { slot, outcome: seen(versions.0) });
        }
    }

    /// As [`Slot::end_operation`], in a slot that is this node's [own](Slot::is_own): nobody else needs to hear of it.
    pub(crate) fn end_unnoted(&mut self, operation: &mut slot::Operation<'_>, shared: &Shared) {
        self.end_operation(operation, shared, &mut Vec::new(), Outcome::Saw);
    }
}

impl Store {
    /// Locks `slot` for a command of a client that is attached, if nobody holds it.
    pub(crate) fn enter<'s>(
        &'s self,
        slot: HashSlot,
        (seat, access): (&Seat, Access),
        place: &Place<'_>,
        late: &mut Vec<Late>,
    ) -> Option<Result<SlotGuard<'s>, Say>> {
        let mut guard = self.try_lock(slot)?;
        guard.adopt(slot, self, place, late);
        // R17: asked for while the slot is held.
        let attached = seat.epoch();
        let checked = guard.replica().map_or(Ok(()), |replica| replica.check(attached, access, place.shared));
        Some(checked.map(|()| guard))
    }
}

impl Keyspace<'_, '_> {
    /// The command on one slot is done: appends the note of what it has made of the slot to `out`.
    pub(crate) fn end_operation(&mut self, shared: &Shared, out: &mut Vec<u8>) {
        let seen = if self.has_published() { Outcome::Published } else { Outcome::Saw };
        self.visit_held(|slot, operation| {
            slot.end_operation(operation, shared, out, seen);
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::testing::Inbox;
    use crate::store::key::Key;
    use crate::tracking::Tracker;

    /// Looks at the slot of `key` as a node of this role, so many seconds after the first time.
    fn look(store: &Store, key: Key<'_>, epoch: u64, role: Role, seconds: u64) -> usize {
        let row = move |_| Row { changed: Epoch(1), born: Epoch(1), role, ..Row::default() };
        let place = Place { epoch: Epoch(epoch), row: &row, shared: store.replicas() };
        let now = Duration::from_secs(seconds);
        let mut guard = store.lock(key.slot);
        guard.free_if_left((key.slot, store), (&place, now, Duration::from_secs(600)), &mut Vec::new());
        guard.len()
    }

    fn put(store: &Store, key: Key<'_>) {
        store.apply(key.slot, 0, &Effect::SetString { key, value: b"v", deadline: None });
    }

    #[test]
    fn what_has_no_place_is_freed_after_ten_minutes_and_not_before() {
        let (store, key) = (Store::new(None), Key::new(b"k", 0));
        assert_eq!(look(&store, key, 1, Role::Outside, 0), 0);
        put(&store, key);
        assert_eq!(look(&store, key, 1, Role::Outside, 10), 1);
        assert_eq!(look(&store, key, 1, Role::Outside, 609), 1);
        assert_eq!(look(&store, key, 1, Role::Outside, 610), 0);
    }

    #[test]
    fn who_broadcasts_is_told_of_keys_that_vanish_with_what_takes_their_place() {
        let (store, key, inbox) = (Store::new(None), Key::new(b"k", 0), Inbox::new(1));
        store
            .events()
            .tracking()
            .begin(Tracker { prefixes: vec![Vec::new()], ..Tracker::new(inbox.clone()) });
        let told = ">2 $10 invalidate *1 $1 k";
        put(&store, key);
        inbox.take();
        let (epoch, history) = (Epoch(1), History::born(Epoch(1)));
        let contents = Contents { changed: epoch, born: epoch, history, time: 0, effects: Bytes::new() };
        let mut guard = store.lock(key.slot);
        let slot = &mut *guard;
        let mut content = OfSlot { store: &store, number: key.slot, slot, birth: None, by: 0 };
        assert_eq!(content.replace(&contents), Ok(()));
        assert_eq!(inbox.take(), told);
        assert_eq!(content.replace(&contents), Ok(()));
        assert_eq!(inbox.take(), "");
        drop(guard);
        put(&store, key);
        inbox.take();
        let mut guard = store.lock(key.slot);
        OfSlot { store: &store, number: key.slot, slot: &mut guard, birth: None, by: 0 }.clear();
        assert_eq!(inbox.take(), told);
    }

    #[test]
    fn what_has_a_place_again_is_kept() {
        let (store, key) = (Store::new(None), Key::new(b"k", 0));
        look(&store, key, 1, Role::Outside, 0);
        put(&store, key);
        look(&store, key, 1, Role::Outside, 10);
        assert_eq!(look(&store, key, 2, Role::Behind, 300), 1);
        assert_eq!(look(&store, key, 3, Role::Outside, 700), 1);
        assert_eq!(look(&store, key, 3, Role::Outside, 1299), 1);
    }

    /// The slot of `key` takes over the first view, in which the node has this row of it.
    fn adopt_first(store: &Store, key: Key<'_>, row: Row) {
        let row = move |_| Row { changed: Epoch(1), born: Epoch(1), ..row };
        let place = Place { epoch: Epoch(1), row: &row, shared: store.replicas() };
        store.lock(key.slot).adopt(key.slot, store, &place, &mut Vec::new());
    }

    const FOUNDER: Row = Row {
        changed: Epoch(1),
        born: Epoch(1),
        since: Epoch(1),
        role: Role::Head,
        is_tail: true,
        is_shared: false,
        has_joiner: false,
        is_founder: true,
    };

    #[test]
    fn a_slot_goes_into_the_first_view_with_what_it_holds_if_it_is_the_nodes_own() {
        let (store, key) = (Store::new(None), Key::new(b"k", 0));
        put(&store, key);
        adopt_first(&store, key, FOUNDER);
        let mut guard = store.lock(key.slot);
        let version = guard.replica().unwrap().history().version();
        assert_eq!((guard.len(), version), (1, Version { changed: Epoch(1), n: 2 }));
        assert!(guard.replica().unwrap().is_proven());
        drop(guard);
        let other = Store::new(None);
        put(&other, key);
        adopt_first(&other, key, Row::default());
        let mut guard = other.lock(key.slot);
        let version = guard.replica().unwrap().history().version();
        assert_eq!((guard.len(), version), (0, Version { changed: Epoch(1), n: 0 }));
    }

    #[test]
    fn a_process_that_ended_before_it_took_over_the_first_view_has_its_slots_all_the_same() {
        let (store, key) = (Store::new(None), Key::new(b"k", 0));
        put(&store, key);
        let again = Row { role: Role::Outside, is_tail: false, since: Epoch(0), ..FOUNDER };
        adopt_first(&store, key, again);
        let mut guard = store.lock(key.slot);
        let replica = guard.replica().unwrap();
        assert_eq!((replica.born(), replica.is_proven()), (Epoch(1), false));
        assert_eq!((guard.len(), guard.version.n), (1, 2));
    }

    #[test]
    fn the_first_operation_of_an_epoch_in_the_log_says_that_a_slot_went_into_the_first_view() {
        let (store, key) = (Store::new(None), Key::new(b"k", 0));
        put(&store, key);
        let version = Version { changed: Epoch(1), n: 2 };
        store.restore(key.slot, (version, 5), std::iter::empty());
        let (born, history) = store.lock(key.slot).lineage().unwrap();
        assert_eq!((born, history.version()), (Epoch(1), version));
        assert_eq!(store.lock(key.slot).len(), 1);
    }
}
