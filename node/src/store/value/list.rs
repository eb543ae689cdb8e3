//! A list: byte strings in order, cheap at both ends.

use std::collections::VecDeque;

use crate::store::heap::{allocated, boxed};

/// Places that an emptied list keeps.
const ROOM_KEPT: usize = 16;

/// One end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The left end, index 0.
    Front,
    /// The right end, index -1.
    Back,
}

/// A list of byte strings.
#[derive(Clone, Debug, Default)]
pub struct List {
    items: VecDeque<Box<[u8]>>,
    /// What the items take.
    item_bytes: usize,
}

impl List {
    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes of memory that the list takes. O(1).
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        boxed::<Self>() + allocated(self.items.capacity() * size_of::<Box<[u8]>>()) + self.item_bytes
    }

    /// The item at `index`, 0 being the front.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.items.get(index).map(|item| &**item)
    }

    /// The item at `end`.
    #[must_use]
    pub fn at_end(&self, end: End) -> Option<&[u8]> {
        let item = match end {
            End::Front => self.items.front(),
            End::Back => self.items.back(),
        };
        item.map(|item| &**item)
    }

    /// The items, front first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        self.items.iter().map(|item| &**item)
    }

    /// `len` items from `start` on; both lie within the list. Costs what it gives, wherever it starts.
    pub fn range(&self, start: usize, len: usize) -> impl Iterator<Item = &[u8]> {
        self.items.range(start..start + len).map(|item| &**item)
    }

    /// Adds `value` at `end`.
    pub fn push(&mut self, end: End, value: &[u8]) {
        self.item_bytes += allocated(value.len());
        match end {
            End::Front => self.items.push_front(value.into()),
            End::Back => self.items.push_back(value.into()),
        }
    }

    /// Drops up to `count` items at `end`; returns how many.
    pub fn pop(&mut self, end: End, count: usize) -> usize {
        let count = count.min(self.len());
        let dropped = match end {
            End::Front => self.items.drain(..count),
            End::Back => self.items.drain(self.items.len() - count..),
        };
        self.item_bytes -= dropped.map(|item| allocated(item.len())).sum::<usize>();
        self.slim();
        count
    }

    /// Replaces the item at `index`; returns whether there is one.
    pub fn set(&mut self, index: usize, value: &[u8]) -> bool {
        let Some(item) = self.items.get_mut(index) else { return false };
        self.item_bytes = self.item_bytes + allocated(value.len()) - allocated(item.len());
        *item = value.into();
        true
    }

    /// Puts `value` before the item at `index`, at most the length.
    pub fn insert(&mut self, index: usize, value: &[u8]) {
        self.item_bytes += allocated(value.len());
        self.items.insert(index.min(self.len()), value.into());
    }

    /// Removes items equal to `value`: from the front up to `count`, from the back up to `-count`, all if 0.
    /// Returns how many.
    pub fn remove(&mut self, value: &[u8], count: i64) -> usize {
        let limit =
            if count == 0 { usize::MAX } else { usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX) };
        let equal = |(index, item): (usize, &[u8])| (*item == *value).then_some(index);
        let mut doomed: Vec<usize> = match count {
            ..0 => self.iter().enumerate().rev().filter_map(equal).take(limit).collect(),
            _ => self.iter().enumerate().filter_map(equal).take(limit).collect(),
        };
        doomed.sort_unstable();
        self.item_bytes -= doomed.len() * allocated(value.len());
        let (mut index, mut next) = (0, doomed.iter().peekable());
        self.items.retain(|_| {
            let keep = next.next_if_eq(&&index).is_none();
            index += 1;
            keep
        });
        self.slim();
        doomed.len()
    }

    /// Keeps only `len` items from `start` on.
    pub fn trim(&mut self, start: usize, len: usize) {
        self.pop(End::Back, self.len().saturating_sub(start.saturating_add(len)));
        self.pop(End::Front, start);
    }

    /// Gives room back that is not needed any more; seldom enough that it costs nothing per item.
    fn slim(&mut self) {
        if self.items.capacity() > ROOM_KEPT && self.items.capacity() / 4 > self.items.len() {
            self.items.shrink_to(self.items.len() * 2);
        }
    }
}
