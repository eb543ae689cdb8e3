//! Consumer groups: how far a group has read, and what was delivered to whom and not yet acknowledged.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, BTreeSet};

use super::id::StreamId;
use super::tree_bytes;
use crate::store::heap::{allocated, boxed};

/// A group of consumers that share a stream's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The last entry delivered to anybody.
    pub last_id: StreamId,
    /// Entries of the stream's whole life up to the last delivered one; `None` when that cannot be told.
    pub read: Option<i64>,
    pending: BTreeMap<StreamId, Pending>,
    /// Places of consumers, by which pending entries name them; a free one is `None`.
    consumers: Vec<Option<Consumer>>,
    /// Taken places, by the consumers' names.
    order: Vec<u32>,
    /// Bytes of the consumers' names as they are allocated.
    names_bytes: usize,
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it was last delivered, in Unix milliseconds.
    pub time: u64,
    /// How often it was delivered.
    pub count: u64,
    consumer: u32,
}

/// A delivery: what makes an entry pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The entry.
    pub id: StreamId,
    /// When, in Unix milliseconds.
    pub time: u64,
    /// The how manieth.
    pub count: u64,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last asked for entries, in Unix milliseconds.
    pub seen: u64,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Ids of the entries from `first` to `last`, both included, that are pending for it, ascending.
    pub fn pending_range(&self, first: StreamId, last: StreamId) -> impl Iterator<Item = StreamId> {
        // An inverted range of a BTreeSet panics.
        let ids = (first <= last).then(|| self.pending.range(first..=last));
        ids.into_iter().flatten().copied()
    }

    /// Ids of the entries delivered to it and not acknowledged, ascending.
    #[must_use]
    pub fn pending(&self) -> &BTreeSet<StreamId> {
        &self.pending
    }
}

impl Group {
    /// A group without consumers that has read this far.
    pub(super) fn at(last_id: StreamId, read: Option<i64>) -> Self {
        Self { last_id, read, ..Self::default() }
    }

    /// Number of pending entries.
    #[must_use]
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// What is known of a pending entry.
    #[must_use]
    pub fn pending(&self, id: StreamId) -> Option<Pending> {
        self.pending.get(&id).copied()
    }

    /// The pending entries from `first` to `last`, both included, ascending, and whose they are.
    pub fn pending_range(
        &self,
        first: StreamId,
        last: StreamId,
    ) -> impl DoubleEndedIterator<Item = (StreamId, Pending, &Consumer)> {
        // An inverted range of a BTreeMap panics; one with `last` twice is empty where `first` is above it.
        let pending = (first <= last).then(|| self.pending.range(first..=last));
        pending.into_iter().flatten().filter_map(|(id, pending)| Some((*id, *pending, self.owner(*pending)?)))
    }

    /// Whose a pending entry is.
    #[must_use]
    pub fn owner(&self, pending: Pending) -> Option<&Consumer> {
        self.consumers.get(pending.consumer as usize)?.as_ref()
    }

    /// Number of consumers.
    #[must_use]
    pub fn consumers_len(&self) -> usize {
        self.order.len()
    }

    /// The consumers, by name.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.order.iter().filter_map(|place| self.consumers[*place as usize].as_ref())
    }

    /// The consumer `name`.
    #[must_use]
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        let index = self.find(name).ok()?;
        self.consumers[self.order[index] as usize].as_ref()
    }

    /// Where in the order `name` is, or would be.
    fn find(&self, name: &[u8]) -> Result<usize, usize> {
        let name_of = |place: &u32| self.consumers[*place as usize].as_ref().map(|consumer| &*consumer.name);
        self.order.binary_search_by(|place| name_of(place).cmp(&Some(name)))
    }

    /// The place of the consumer `name`, made if there is none.
    fn place(&mut self, name: &[u8], seen: u64) -> u32 {
        let index = match self.find(name) {
            Ok(index) => return self.order[index],
            Err(index) => index,
        };
        let consumer = Consumer { name: name.into(), seen, pending: BTreeSet::new() };
        let all_taken = self.order.len() == self.consumers.len();
        let free = if all_taken { None } else { self.consumers.iter().position(Option::is_none) };
        let place = free.unwrap_or_else(|| {
            self.consumers.push(None);
            self.consumers.len() - 1
        });
        self.names_bytes += allocated(name.len());
        self.consumers[place] = Some(consumer);
        let place = u32::try_from(place).expect("consumers are fewer than bytes of memory");
        self.order.insert(index, place);
        place
    }

    /// The consumer `name` (made if there is none) was seen at `seen` and has these entries pending from now on,
    /// whosever they were. Returns whether anything changed.
    pub fn deliver(&mut self, name: &[u8], seen: u64, deliveries: &[Delivery]) -> bool {
        let consumers = self.order.len();
        let place = self.place(name, seen);
        let mut changed = consumers < self.order.len() || !deliveries.is_empty();
        for delivery in deliveries {
            self.assign(place, *delivery);
        }
        if let Some(consumer) = &mut self.consumers[place as usize] {
            changed |= consumer.seen != seen;
            consumer.seen = seen;
        }
        changed
    }

    fn assign(&mut self, place: u32, Delivery { id, time, count }: Delivery) {
        let pending = Pending { time, count, consumer: place };
        let old = match self.pending.entry(id) {
            Place::Vacant(vacant) => {
                vacant.insert(pending);
                None
            }
            Place::Occupied(mut occupied) => Some(occupied.insert(pending).consumer),
        };
        if old == Some(place) {
            return;
        }
        if let Some(old) = old.and_then(|old| self.consumers[old as usize].as_mut()) {
            old.pending.remove(&id);
        }
        if let Some(consumer) = &mut self.consumers[place as usize] {
            consumer.pending.insert(id);
        }
    }

    /// The entry is pending no more. Returns whether it was.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        if let Some(consumer) = &mut self.consumers[pending.consumer as usize] {
            consumer.pending.remove(&id);
        }
        true
    }

    /// Takes a consumer out, and what is pending for it. Returns how much that was, `None` if there is none.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let index = self.find(name).ok()?;
        let place = self.order.remove(index);
        let consumer = self.consumers[place as usize].take()?;
        self.names_bytes -= allocated(name.len());
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// Bytes allocated, its own struct included, about. O(1).
    pub(super) fn heap_bytes(&self) -> usize {
        let places = allocated(self.consumers.capacity() * size_of::<Option<Consumer>>());
        let order = allocated(self.order.capacity() * size_of::<u32>());
        // Each pending entry is in the group's tree and in that of its consumer.
        let pending = self.pending.len();
        let trees = tree_bytes::<(StreamId, Pending)>(pending) + tree_bytes::<StreamId>(pending);
        boxed::<Self>() + places + order + self.names_bytes + trees
    }
}
