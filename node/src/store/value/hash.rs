//! A hash: fields and their values.
//!
//! A small one without fields that expire is packed in its entry, in the order in which its fields came; one that held many fields or a long one
//! is a table from then on, at the sizes at which Redis's encodings differ.

mod deadlines;
mod fields;

use super::packed::{self, ITEM_BYTES_MAX, Pairs, Place, find_pair};
use super::{Collection, ValueMut};
use crate::store::entry::Entry;
pub use fields::Fields;

/// Most fields of a hash that is packed (`hash-max-listpack-entries`).
const PACKED_MAX: usize = 512;

/// Fields and their values, to read.
#[derive(Clone, Copy)]
pub struct Hash<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Packed(&'a [u8]),
    Spread(&'a Fields),
}

impl<'a> Hash<'a> {
    pub(super) fn packed(bytes: &'a [u8]) -> Self {
        Self(Form::Packed(bytes))
    }

    pub(super) fn spread(fields: &'a Fields) -> Self {
        Self(Form::Spread(fields))
    }

    pub(in crate::store) fn fields(self) -> Option<&'a Fields> {
        match self.0 {
            Form::Packed(_) => None,
            Form::Spread(fields) => Some(fields),
        }
    }

    /// Number of fields.
    #[must_use]
    pub fn len(self) -> usize {
        match self.0 {
            Form::Packed(bytes) => Pairs::new(bytes).count(),
            Form::Spread(fields) => fields.len(),
        }
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(self) -> bool {
        match self.0 {
            Form::Packed(bytes) => bytes.is_empty(),
            Form::Spread(fields) => fields.is_empty(),
        }
    }

    /// Whether the hash is packed (a `listpack` in Redis): it never held many fields, nor long ones.
    #[must_use]
    pub fn is_packed(self) -> bool {
        matches!(self.0, Form::Packed(_))
    }

    /// Bytes of memory that it takes beside its entry's block. O(1).
    #[must_use]
    pub fn heap_bytes(self) -> usize {
        self.fields().map_or(0, Fields::heap_bytes)
    }

    /// The value of `field`.
    #[must_use]
    pub fn get(self, field: &[u8]) -> Option<&'a [u8]> {
        match self.0 {
            Form::Packed(bytes) => Pairs::new(bytes).find(|(name, _)| *name == field).map(|(_, value)| value),
            Form::Spread(fields) => fields.get(field),
        }
    }

    /// When `field` expires, in Unix milliseconds; `None` is never.
    #[must_use]
    pub fn deadline(self, field: &[u8]) -> Option<u64> {
        self.fields().and_then(|fields| fields.deadline(field))
    }

    /// Deadlines and their fields, the earliest first.
    pub fn deadlines(self) -> impl Iterator<Item = (u64, &'a [u8])> {
        self.fields().into_iter().flat_map(Fields::deadlines)
    }

    /// The earliest deadline of a field.
    #[must_use]
    pub fn earliest_deadline(self) -> Option<u64> {
        self.fields().and_then(Fields::earliest_deadline)
    }

    /// The fields whose deadline is not above `time`, the earliest first.
    pub fn due(self, time: u64) -> impl Iterator<Item = &'a [u8]> {
        self.deadlines().take_while(move |(deadline, _)| *deadline <= time).map(|(_, field)| field)
    }

    /// Fields and values; in the order in which they came while packed, else in no stated one.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let (pairs, fields) = match self.0 {
            Form::Packed(bytes) => (Some(Pairs::new(bytes)), None),
            Form::Spread(fields) => (None, Some(fields.iter())),
        };
        pairs.into_iter().flatten().chain(fields.into_iter().flatten())
    }

    /// A field and its value at a place chosen by `random`.
    #[must_use]
    pub fn pick(self, random: u64) -> Option<(&'a [u8], &'a [u8])> {
        match self.0 {
            Form::Packed(bytes) => {
                let place = ((u128::from(random) * self.len() as u128) >> 64) as usize;
                Pairs::new(bytes).nth(place)
            }
            Form::Spread(fields) => fields.pick(random),
        }
    }

    /// Visits fields and values from cursor `from` on, as a table's scan does; all of a packed hash at once.
    pub fn scan(self, from: u32, count: usize, mut visit: impl FnMut(&'a [u8], &'a [u8])) -> Option<u32> {
        match self.0 {
            Form::Packed(bytes) => {
                Pairs::new(bytes).for_each(|(field, value)| visit(field, value));
                None
            }
            Form::Spread(fields) => fields.scan(from, count, visit),
        }
    }
}

/// The hash that an entry holds, to change.
pub struct HashMut<'e>(&'e mut Entry);

impl<'e> HashMut<'e> {
    /// The hash of `entry`, which holds one.
    pub(in crate::store) fn of(entry: &'e mut Entry) -> Self {
        Self(entry)
    }

    fn fields(&mut self) -> Option<&mut Fields> {
        match self.0.value_mut() {
            ValueMut::Hash(fields) => Some(fields),
            _ => None,
        }
    }

    /// Sets `field` to `value`; returns whether the field is new.
    pub fn insert(&mut self, field: &[u8], value: &[u8]) -> bool {
        let Some(pairs) = self.0.as_ref().packed() else {
            return self.fields().is_some_and(|fields| fields.insert(field, value));
        };
        let place = find_pair(pairs, field);
        let full = matches!(place, Place::Nowhere(count) if count >= PACKED_MAX);
        if full || field.len().max(value.len()) > ITEM_BYTES_MAX {
            return self.spread().is_some_and(|fields| fields.insert(field, value));
        }
        match place {
            Place::Nowhere(_) => {
                let end = pairs.len();
                self.0.splice(end..end, &[&packed::length(field), field, &packed::length(value), value]);
                true
            }
            Place::At(pair, at) if pair.end - at == value.len() => {
                self.0.overwrite_packed(at, value);
                false
            }
            Place::At(pair, at) => {
                self.0.splice(at - 1..pair.end, &[&packed::length(value), value]);
                false
            }
        }
    }

    /// Takes `field` out; returns whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let Some(pairs) = self.0.as_ref().packed() else {
            return self.fields().is_some_and(|fields| fields.remove(field));
        };
        match find_pair(pairs, field) {
            Place::Nowhere(_) => false,
            Place::At(pair, _) => {
                self.0.splice(pair, &[]);
                true
            }
        }
    }

    /// Gives `field` another deadline, in Unix milliseconds; returns whether that changed anything.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<u64>) -> bool {
        let fields = match self.0.as_ref().packed() {
            None => self.fields(),
            Some(pairs) if deadline.is_none() || matches!(find_pair(pairs, field), Place::Nowhere(_)) => None,
            Some(_) => self.spread(),
        };
        fields.is_some_and(|fields| fields.set_deadline(field, deadline))
    }

    /// From here on the fields are found by a table.
    fn spread(&mut self) -> Option<&mut Fields> {
        let mut fields = Fields::default();
        for (field, value) in Pairs::new(self.0.as_ref().packed().unwrap_or_default()) {
            fields.insert(field, value);
        }
        self.0.unpack(Collection::Hash(Box::new(fields)));
        self.fields()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::value::{Kind, Value};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn hash(entry: &Entry) -> Hash<'_> {
        match entry.as_ref().value() {
            Value::Hash(hash) => hash,
            _ => panic!("a hash"),
        }
    }

    #[derive(Clone, Debug)]
    enum Change {
        Insert(u16, Vec<u8>),
        Remove(u16),
    }

    fn change(fields: u16) -> impl Strategy<Value = Change> {
        let value = prop_oneof![
            50 => proptest::collection::vec(any::<u8>(), 0..20),
            1 => proptest::collection::vec(any::<u8>(), 60..70),
        ];
        prop_oneof![
            4 => (0..fields, value).prop_map(|(field, value)| Change::Insert(field, value)),
            1 => (0..fields).prop_map(Change::Remove),
        ]
    }

    fn compare(entry: &Entry, model: &BTreeMap<Vec<u8>, Vec<u8>>, spread: bool) {
        let hash = hash(entry);
        assert_eq!((hash.len(), hash.is_empty(), hash.is_packed()), (model.len(), model.is_empty(), !spread));
        let all: BTreeMap<Vec<u8>, Vec<u8>> = hash.iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect();
        assert_eq!(&all, model);
        model.iter().for_each(|(field, value)| assert_eq!(hash.get(field), Some(&value[..])));
        assert_eq!(hash.pick(u64::MAX / 3).is_some(), !model.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_hash_behaves_as_a_map(changes in (1u16..900)
            .prop_flat_map(|fields| proptest::collection::vec(change(fields), 1..1500)))
        {
            let (mut entry, mut model) = (Entry::empty(0, b"key", Kind::Hash), BTreeMap::new());
            let (mut most, mut long) = (0, false);
            for (number, change) in changes.into_iter().enumerate() {
                let mut hash = HashMut::of(&mut entry);
                match change {
                    Change::Insert(field, value) => {
                        let field = field.to_string().into_bytes();
                        long |= value.len() > ITEM_BYTES_MAX;
                        prop_assert_eq!(hash.insert(&field, &value), model.insert(field, value).is_none());
                    }
                    Change::Remove(field) => {
                        let field = field.to_string().into_bytes();
                        prop_assert_eq!(hash.remove(&field), model.remove(&field).is_some());
                    }
                }
                most = most.max(model.len());
                if number % 50 == 0 {
                    compare(&entry, &model, long || most > PACKED_MAX);
                }
            }
            compare(&entry, &model, long || most > PACKED_MAX);
            compare(&entry.as_ref().copied(0, b"copy"), &model, long || most > PACKED_MAX);
        }
    }

    #[test]
    fn a_field_takes_values_of_any_length_one_after_the_other() {
        let mut entry = Entry::empty(0, b"key", Kind::Hash);
        assert!(HashMut::of(&mut entry).insert(b"f", b"abc"));
        for value in [&b"xyz"[..], b"", b"longer than before", b"s", &[7; 65], b"", &[8; 70]] {
            assert!(!HashMut::of(&mut entry).insert(b"f", value));
            assert_eq!((hash(&entry).get(b"f"), hash(&entry).len()), (Some(value), 1));
        }
        assert!(!hash(&entry).is_packed());
    }

    #[test]
    fn five_short_fields_fit_the_entry_and_memory_is_counted() {
        let mut entry = Entry::empty(0, b"hash:00000000001", Kind::Hash);
        (0..5)
            .for_each(|n| assert!(HashMut::of(&mut entry).insert(format!("field{n}").as_bytes(), b"value0")));
        assert_eq!(entry.as_ref().heap_bytes(), 96);
        (0..1000)
            .for_each(|n| assert!(HashMut::of(&mut entry).insert(format!("f{n:015}").as_bytes(), b"value0")));
        let bytes = entry.as_ref().heap_bytes();
        assert!((32 * 1000 + 8 * 1100..36 * 1000 + 16 * 1100).contains(&bytes), "{bytes}");
    }
}
