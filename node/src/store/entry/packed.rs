//! Small collections, whose elements lie in the entry's block.

use std::ops::Range;

use super::{Entry, STRING_BYTES_MAX, Shape};
use crate::store::value::{Collection, Kind};

impl Entry {
    /// An empty collection of `kind`, packed.
    #[must_use]
    pub fn empty(database: u8, key: &[u8], kind: Kind) -> Self {
        Self::allocate(database, key, Shape::new(kind, true, 0), None, &[])
    }

    /// Replaces the bytes of `range` in the elements of a packed collection by `parts`, one after the other.
    ///
    /// # Panics
    /// If the collection is not packed or has no such range.
    pub(in crate::store) fn splice(&mut self, range: Range<usize>, parts: &[&[u8]]) {
        let old = self.shape();
        assert!(old.packed && range.start <= range.end && range.end <= old.value_len);
        let added: usize = parts.iter().map(|part| part.len()).sum();
        let behind = old.value_len - range.end;
        let len = range.start + added + behind;
        assert!(len <= STRING_BYTES_MAX);
        // SAFETY: the bytes behind the range are moved while both places lie within the block (a block that shrinks
        // does so afterwards); the gap between is exactly `added` bytes and is filled.
        unsafe {
            if len > old.value_len {
                self.resize(old, len);
            }
            let value = self.value_ptr();
            value.add(range.start + added).copy_from(value.add(range.end), behind);
            let mut at = value.add(range.start);
            for part in parts {
                at.copy_from_nonoverlapping(part.as_ptr(), part.len());
                at = at.add(part.len());
            }
            if len < old.value_len {
                self.resize(old, len);
            }
        }
    }

    /// Writes `bytes` over the elements of a packed collection from `at` on.
    ///
    /// # Panics
    /// If the collection is not packed or ends before.
    pub(in crate::store) fn overwrite_packed(&mut self, at: usize, bytes: &[u8]) {
        let shape = self.shape();
        assert!(shape.packed && at <= shape.value_len && bytes.len() <= shape.value_len - at);
        // SAFETY: within the value by the assertion.
        unsafe { self.value_ptr().add(at).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// Puts `collection`, which is of the same kind and holds the same elements, in the place of a packed one.
    pub(in crate::store) fn unpack(&mut self, collection: Collection) {
        let old = self.as_ref();
        debug_assert!(old.packed().is_some() && old.kind() == collection.kind());
        *self = Self::collection(old.database(), old.key(), collection, old.deadline());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_splice_does_what_it_does_to_a_vector(
            key in proptest::collection::vec(any::<u8>(), 0..300),
            steps in proptest::collection::vec(
                (any::<usize>(), any::<usize>(), proptest::collection::vec(any::<u8>(), 0..90)), 1..40),
        ) {
            let (mut entry, mut model) = (Entry::empty(3, &key, Kind::Hash), Vec::new());
            for (from, to, bytes) in steps {
                let from = from % (model.len() + 1);
                let to = from + to % (model.len() - from + 1);
                let (first, second) = bytes.split_at(bytes.len() / 2);
                entry.splice(from..to, &[first, second]);
                model.splice(from..to, bytes);
                prop_assert_eq!(entry.as_ref().packed(), Some(&model[..]));
                prop_assert!(entry.as_ref().is(3, &key) && entry.as_ref().kind() == Kind::Hash);
            }
            entry.set_deadline(Some(7));
            let copy = entry.as_ref().copied(2, b"other");
            prop_assert_eq!((copy.as_ref().packed(), copy.as_ref().deadline()), (Some(&model[..]), Some(7)));
            let moved = entry.moved(1, b"third", None);
            prop_assert_eq!((moved.as_ref().packed(), moved.as_ref().deadline()), (Some(&model[..]), None));
        }
    }

    #[test]
    fn packed_bytes_are_overwritten_in_place() {
        let mut entry = Entry::empty(0, b"k", Kind::Set);
        entry.splice(0..0, &[b"abcdef"]);
        entry.overwrite_packed(2, b"XY");
        assert_eq!(entry.as_ref().packed(), Some(&b"abXYef"[..]));
    }
}
