//! A list: byte strings in order, cheap at both ends.
//!
//! A small one is packed in its entry, a larger one is a queue of chunks.

mod chunk;
mod chunks;
mod items;

use super::{Collection, ValueMut};
use crate::store::entry::Entry;
pub use chunks::Chunks;
use chunks::without;
use items::{Frame, Items, framed_len};

/// Most bytes of a list that is packed. Redis 7.0 calls all lists `quicklist`, so this is ours to choose.
const PACKED_BYTES_MAX: usize = 512;

/// One end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The left end, index 0.
    Front,
    /// The right end, index -1.
    Back,
}

/// A list of byte strings, to read.
#[derive(Clone, Copy)]
pub struct List<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Packed(Items<'a>),
    Spread(&'a Chunks),
}

impl<'a> List<'a> {
    pub(super) fn packed(bytes: &'a [u8]) -> Self {
        Self(Form::Packed(Items::new(bytes)))
    }

    pub(super) fn spread(chunks: &'a Chunks) -> Self {
        Self(Form::Spread(chunks))
    }

    pub(super) fn chunks(self) -> Option<&'a Chunks> {
        match self.0 {
            Form::Packed(_) => None,
            Form::Spread(chunks) => Some(chunks),
        }
    }

    /// Number of items.
    #[must_use]
    pub fn len(self) -> usize {
        match self.0 {
            Form::Packed(items) => items.count(),
            Form::Spread(chunks) => chunks.len(),
        }
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.at_end(End::Front).is_none()
    }

    /// Bytes of memory that it takes beside its entry's block. O(1).
    #[must_use]
    pub fn heap_bytes(self) -> usize {
        self.chunks().map_or(0, Chunks::heap_bytes)
    }

    /// The item at `index`, 0 being the front.
    #[must_use]
    pub fn get(self, index: usize) -> Option<&'a [u8]> {
        match self.0 {
            Form::Packed(mut items) => items.nth(index),
            Form::Spread(chunks) if index < chunks.len() => chunks.get(index),
            Form::Spread(_) => None,
        }
    }

    /// The item at `end`.
    #[must_use]
    pub fn at_end(self, end: End) -> Option<&'a [u8]> {
        match (self.0, end) {
            (Form::Packed(mut items), End::Front) => items.next(),
            (Form::Packed(mut items), End::Back) => items.next_back(),
            (Form::Spread(chunks), _) => chunks.at_end(end),
        }
    }

    /// The items, front first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator {
        let (packed, chunks) = match self.0 {
            Form::Packed(items) => (items, None),
            Form::Spread(chunks) => (Items::default(), Some(chunks.iter())),
        };
        Counted { items: packed.chain(chunks.into_iter().flatten()), left: self.len() }
    }

    /// `len` items from `start` on; both lie within the list. Costs what it gives, and a little for where it starts.
    pub fn range(self, start: usize, len: usize) -> impl Iterator<Item = &'a [u8]> {
        let (packed, chunks) = match self.0 {
            Form::Packed(items) => (Some(items.skip(start)), None),
            Form::Spread(chunks) => (None, Some(chunks.from(start))),
        };
        packed.into_iter().flatten().chain(chunks.into_iter().flatten()).take(len)
    }
}

/// Items whose number is known.
struct Counted<I> {
    items: I,
    left: usize,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Iterator for Counted<I> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.saturating_sub(1);
        self.items.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a, I: DoubleEndedIterator<Item = &'a [u8]>> DoubleEndedIterator for Counted<I> {
    #[inline]
    fn next_back(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.saturating_sub(1);
        self.items.next_back()
    }
}

impl<'a, I: Iterator<Item = &'a [u8]>> ExactSizeIterator for Counted<I> {}

/// The list that an entry holds, to change.
pub struct ListMut<'e>(&'e mut Entry);

impl<'e> ListMut<'e> {
    /// The list of `entry`, which holds one.
    pub(in crate::store) fn of(entry: &'e mut Entry) -> Self {
        Self(entry)
    }

    fn chunks(&mut self) -> Option<&mut Chunks> {
        match self.0.value_mut() {
            ValueMut::List(chunks) => Some(chunks),
            _ => None,
        }
    }

    /// The items, while they are packed.
    fn packed(&self) -> Option<Items<'_>> {
        self.0.as_ref().packed().map(Items::new)
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.0.as_ref().value() {
            super::Value::List(list) => list.len(),
            _ => 0,
        }
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The large form, also if the list is packed and would be too long for that with `added` bytes more.
    fn spread(&mut self, added: usize) -> Option<&mut Chunks> {
        if let Some(items) = self.packed() {
            if items.bytes().len() + added <= PACKED_BYTES_MAX {
                return None;
            }
            let chunks = Chunks::of(items.bytes());
            self.0.unpack(Collection::List(Box::new(chunks)));
        }
        self.chunks()
    }

    /// Adds `value` at `end`.
    pub fn push(&mut self, end: End, value: &[u8]) {
        if let Some(chunks) = self.spread(framed_len(value)) {
            return chunks.push(end, value);
        }
        let frame = Frame::of(value);
        let back = self.packed().map_or(0, |items| items.bytes().len());
        let at = if end == End::Front { 0 } else { back };
        self.0.splice(at..at, &[frame.before(), value, frame.behind()]);
    }

    /// Drops up to `count` items at `end`; returns how many.
    pub fn pop(&mut self, end: End, count: usize) -> usize {
        let count = count.min(self.len());
        let Some(items) = self.packed() else {
            self.chunks().into_iter().for_each(|chunks| chunks.pop(end, count));
            return count;
        };
        let len = items.bytes().len();
        let range = match end {
            End::Front => 0..items.front_bytes(count),
            End::Back => len - items.back_bytes(count)..len,
        };
        self.0.splice(range, &[]);
        count
    }

    /// Replaces the item at `index`; returns whether there is one.
    pub fn set(&mut self, index: usize, value: &[u8]) -> bool {
        if index >= self.len() {
            return false;
        }
        self.edit(index, value, true);
        true
    }

    /// Puts `value` before the item at `index`, at most the length.
    pub fn insert(&mut self, index: usize, value: &[u8]) {
        self.edit(index.min(self.len()), value, false);
    }

    fn edit(&mut self, index: usize, value: &[u8], replaced: bool) {
        if let Some(chunks) = self.spread(framed_len(value)) {
            return chunks.edit(index, value, replaced);
        }
        let mut range = self.packed().map_or(0..0, |items| items.range(index));
        if !replaced {
            range.end = range.start;
        }
        let frame = Frame::of(value);
        self.0.splice(range, &[frame.before(), value, frame.behind()]);
    }

    /// Removes items equal to `value`: from the front up to `count`, from the back up to `-count`, all if 0.
    /// Returns how many.
    pub fn remove(&mut self, value: &[u8], count: i64) -> usize {
        let all = count == 0;
        let limit =
            if all { usize::MAX } else { usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX) };
        let end = if count < 0 { End::Back } else { End::Front };
        let Some(items) = self.packed() else {
            return self.chunks().map_or(0, |chunks| chunks.remove(value, end, limit));
        };
        let (len, kept) = (items.bytes().len(), without(items, value, end, limit));
        kept.map_or(0, |(kept, removed)| {
            self.0.splice(0..len, &[&kept]);
            removed
        })
    }

    /// Keeps only `len` items from `start` on.
    pub fn trim(&mut self, start: usize, len: usize) {
        let behind = self.len().saturating_sub(start.saturating_add(len));
        self.pop(End::Back, behind);
        self.pop(End::Front, start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::value::{Kind, Value};
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn list(entry: &Entry) -> List<'_> {
        match entry.as_ref().value() {
            Value::List(list) => list,
            _ => panic!("a list"),
        }
    }

    #[derive(Clone, Debug)]
    enum Change {
        Push(bool, Vec<u8>),
        Pop(bool, usize),
        Set(usize, Vec<u8>),
        Insert(usize, Vec<u8>),
        Remove(Vec<u8>, i64),
        Trim(usize, usize),
    }

    fn value() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            30 => proptest::collection::vec(0u8..3, 0..3),
            10 => proptest::collection::vec(any::<u8>(), 0..100),
            2 => proptest::collection::vec(any::<u8>(), 200..700),
            1 => proptest::collection::vec(any::<u8>(), 3000..9000),
        ]
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            40 => (any::<bool>(), value()).prop_map(|(front, value)| Change::Push(front, value)),
            8 => (any::<bool>(), 0usize..4).prop_map(|(front, count)| Change::Pop(front, count)),
            1 => (any::<bool>(), 0usize..200).prop_map(|(front, count)| Change::Pop(front, count)),
            8 => (any::<usize>(), value()).prop_map(|(index, value)| Change::Set(index, value)),
            8 => (any::<usize>(), value()).prop_map(|(index, value)| Change::Insert(index, value)),
            2 => (proptest::collection::vec(0u8..3, 0..3), -3i64..4).prop_map(|(v, n)| Change::Remove(v, n)),
            1 => (0usize..20, 0usize..900).prop_map(|(start, len)| Change::Trim(start, len)),
        ]
    }

    fn end(front: bool) -> End {
        if front { End::Front } else { End::Back }
    }

    fn apply(entry: &mut Entry, model: &mut VecDeque<Vec<u8>>, change: Change) {
        let mut list = ListMut::of(entry);
        match change {
            Change::Push(front, value) => {
                list.push(end(front), &value);
                if front { model.push_front(value) } else { model.push_back(value) }
            }
            Change::Pop(front, count) => {
                let count = count.min(model.len());
                assert_eq!(list.pop(end(front), count), count);
                if front { drop(model.drain(..count)) } else { model.truncate(model.len() - count) }
            }
            Change::Set(index, value) => {
                let index = index % (model.len() + 1);
                assert_eq!(list.set(index, &value), index < model.len());
                model.get_mut(index).into_iter().for_each(|item| *item = value.clone());
            }
            Change::Insert(index, value) => {
                let index = index % (model.len() + 1);
                list.insert(index, &value);
                model.insert(index, value);
            }
            Change::Remove(value, count) => {
                assert_eq!(list.remove(&value, count), remove(model, &value, count));
            }
            Change::Trim(start, len) => {
                list.trim(start, len);
                model.truncate(start + len);
                drop(model.drain(..start.min(model.len())));
            }
        }
    }

    fn remove(model: &mut VecDeque<Vec<u8>>, value: &[u8], count: i64) -> usize {
        let equal = |(index, item): (usize, &Vec<u8>)| (item == value).then_some(index);
        let limit = if count == 0 { usize::MAX } else { usize::try_from(count.unsigned_abs()).unwrap() };
        let mut doomed: Vec<usize> = if count < 0 {
            model.iter().enumerate().rev().filter_map(equal).take(limit).collect()
        } else {
            model.iter().enumerate().filter_map(equal).take(limit).collect()
        };
        doomed.sort_unstable();
        doomed.iter().rev().for_each(|index| drop(model.remove(*index)));
        doomed.len()
    }

    fn compare(entry: &Entry, model: &VecDeque<Vec<u8>>) {
        let list = list(entry);
        assert_eq!(
            (list.len(), list.is_empty(), list.iter().len()),
            (model.len(), model.is_empty(), model.len())
        );
        assert!(list.iter().eq(model.iter().map(|item| &item[..])));
        assert!(list.iter().rev().eq(model.iter().rev().map(|item| &item[..])));
        for (index, item) in model.iter().enumerate().step_by(7) {
            assert_eq!(list.get(index), Some(&item[..]));
            let len = (model.len() - index).min(20);
            assert!(list.range(index, len).eq(model.range(index..index + len).map(|item| &item[..])));
        }
        assert_eq!(list.get(model.len()), None);
        assert_eq!(list.at_end(End::Front), model.front().map(|item| &item[..]));
        assert_eq!(list.at_end(End::Back), model.back().map(|item| &item[..]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_list_behaves_as_a_queue_of_strings(changes in proptest::collection::vec(change(), 1..800)) {
            let (mut entry, mut model) = (Entry::empty(0, b"key", Kind::List), VecDeque::new());
            for (number, change) in changes.into_iter().enumerate() {
                apply(&mut entry, &mut model, change);
                if number % 40 == 0 {
                    compare(&entry, &model);
                }
            }
            compare(&entry, &model);
            compare(&entry.as_ref().copied(0, b"copy"), &model);
        }
    }

    #[test]
    fn a_long_list_takes_little_more_than_its_items() {
        let mut entry = Entry::empty(0, b"key", Kind::List);
        (0..100_000).for_each(|n| ListMut::of(&mut entry).push(end(n % 2 == 0), b"0123456789"));
        let bytes = entry.as_ref().heap_bytes() / 100_000;
        assert!((12..14).contains(&bytes), "{bytes}");
        assert_eq!(ListMut::of(&mut entry).pop(End::Back, 99_990), 99_990);
        assert!(entry.as_ref().heap_bytes() < 1500, "{}", entry.as_ref().heap_bytes());
    }
}
