//! A set of distinct byte strings.
//!
//! A small one is packed in its entry: integers in ascending order, or the members one after the other. One that held
//! many members or a long one is a table from then on. Integers alone are an `intset` in Redis, at the same sizes;
//! anything else Redis 7.0 calls a `hashtable`.

mod integers;
mod members;

use ringmaster_protocol::resp::number::parse_integer;

use super::packed::{self, ITEM_BYTES_MAX, Items};
use super::text::Text;
use super::{Collection, ValueMut};
use crate::store::entry::Entry;
use integers::{Edit, Integers};
pub use members::Members;

/// Most integers of a packed set (`set-max-intset-entries`).
const INTEGERS_MAX: usize = 512;

/// Most members of a packed set if one of them is no integer.
const TEXTS_MAX: usize = 128;

/// The first byte of packed members that are not all integers; integers begin with their width.
const TEXTS: u8 = 0;

/// Distinct byte strings, to read.
#[derive(Clone, Copy)]
pub struct Set<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Integers(Integers<'a>),
    Texts(&'a [u8]),
    Spread(&'a Members),
}

impl<'a> Set<'a> {
    pub(super) fn packed(bytes: &'a [u8]) -> Self {
        match bytes {
            [TEXTS, members @ ..] => Self(Form::Texts(members)),
            _ => Self(Form::Integers(Integers::new(bytes))),
        }
    }

    pub(super) fn spread(members: &'a Members) -> Self {
        Self(Form::Spread(members))
    }

    pub(in crate::store) fn members(self) -> Option<&'a Members> {
        match self.0 {
            Form::Spread(members) => Some(members),
            _ => None,
        }
    }

    /// Number of members.
    #[must_use]
    pub fn len(self) -> usize {
        match self.0 {
            Form::Integers(integers) => integers.len(),
            Form::Texts(bytes) => Items::new(bytes).count(),
            Form::Spread(members) => members.len(),
        }
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(self) -> bool {
        match self.0 {
            Form::Integers(integers) => integers.len() == 0,
            Form::Texts(bytes) => bytes.is_empty(),
            Form::Spread(members) => members.is_empty(),
        }
    }

    /// Whether Redis would keep the set packed (an `intset`): it never held anything but integers, and few.
    #[must_use]
    pub fn is_packed(self) -> bool {
        matches!(self.0, Form::Integers(_))
    }

    /// Bytes of memory that it takes beside its entry's block. O(1).
    #[must_use]
    pub fn heap_bytes(self) -> usize {
        self.members().map_or(0, Members::heap_bytes)
    }

    /// Whether `member` is in the set.
    #[must_use]
    pub fn contains(self, member: &[u8]) -> bool {
        match self.0 {
            Form::Integers(integers) => {
                parse_integer(member).is_some_and(|number| integers.search(number).is_ok())
            }
            Form::Texts(bytes) => Items::new(bytes).any(|item| item == member),
            Form::Spread(members) => members.contains(member),
        }
    }

    /// The members: integers in ascending order, others in no stated one.
    pub fn iter(self) -> impl Iterator<Item = Text<'a>> {
        let (integers, texts, members) = match self.0 {
            Form::Integers(integers) => (Some(integers.iter()), None, None),
            Form::Texts(bytes) => (None, Some(Items::new(bytes)), None),
            Form::Spread(members) => (None, None, Some(members.iter())),
        };
        let bytes = texts.into_iter().flatten().chain(members.into_iter().flatten());
        integers.into_iter().flatten().map(Text::number).chain(bytes.map(Text::bytes))
    }

    /// A member at a place chosen by `random`.
    #[must_use]
    pub fn pick(self, random: u64) -> Option<Text<'a>> {
        if let Form::Spread(members) = self.0 {
            return members.pick(random).map(Text::bytes);
        }
        self.iter().nth(((u128::from(random) * self.len() as u128) >> 64) as usize)
    }

    /// Visits members from cursor `from` on, as a table's scan does; all of a packed set at once.
    pub fn scan(self, from: u32, count: usize, mut visit: impl FnMut(Text<'a>)) -> Option<u32> {
        if let Form::Spread(members) = self.0 {
            return members.scan(from, count, |member| visit(Text::bytes(member)));
        }
        self.iter().for_each(visit);
        None
    }
}

/// The set that an entry holds, to change.
pub struct SetMut<'e>(&'e mut Entry);

impl<'e> SetMut<'e> {
    /// The set of `entry`, which holds one.
    pub(in crate::store) fn of(entry: &'e mut Entry) -> Self {
        Self(entry)
    }

    fn members(&mut self) -> Option<&mut Members> {
        match self.0.value_mut() {
            ValueMut::Set(members) => Some(members),
            _ => None,
        }
    }

    /// The set, while it is packed.
    fn packed(&self) -> Option<Set<'_>> {
        self.0.as_ref().packed().map(Set::packed)
    }

    /// Puts `member` in; returns whether it is new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let Some(Set(form)) = self.packed() else {
            return self.members().is_some_and(|members| members.insert(member));
        };
        match form {
            Form::Integers(integers) => match parse_integer(member) {
                Some(number) => match integers.search(number) {
                    Ok(_) => false,
                    Err(_) if integers.len() >= INTEGERS_MAX => self.insert_spread(member),
                    Err(rank) => {
                        let edit = integers.insertion(number, rank);
                        self.edit(edit)
                    }
                },
                None if integers.len() >= TEXTS_MAX || member.len() > ITEM_BYTES_MAX => {
                    self.insert_spread(member)
                }
                None => {
                    self.spell_out();
                    self.insert(member)
                }
            },
            Form::Texts(bytes) => {
                let mut count = 0;
                if Items::new(bytes).inspect(|_| count += 1).any(|item| item == member) {
                    return false;
                }
                if count >= TEXTS_MAX || member.len() > ITEM_BYTES_MAX {
                    return self.insert_spread(member);
                }
                let end = bytes.len() + 1;
                self.0.splice(end..end, &[&packed::length(member), member]);
                true
            }
            Form::Spread(_) => unreachable!("packed"),
        }
    }

    fn edit(&mut self, edit: Edit) -> bool {
        match edit {
            Edit::Insert(at, bytes, width) => self.0.splice(at..at, &[&bytes[..width]]),
            Edit::Rebuild(block) => self.replace(&block),
        }
        true
    }

    fn replace(&mut self, block: &[u8]) {
        let len = self.0.as_ref().packed().map_or(0, <[u8]>::len);
        self.0.splice(0..len, &[block]);
    }

    /// From here on members are kept as bytes.
    fn spell_out(&mut self) {
        let mut block = vec![TEXTS];
        for member in self.packed().into_iter().flat_map(Set::iter) {
            block.extend_from_slice(&packed::length(&member));
            block.extend_from_slice(&member);
        }
        self.replace(&block);
    }

    /// From here on members are found by a table.
    fn insert_spread(&mut self, member: &[u8]) -> bool {
        let mut members = Members::default();
        self.packed().into_iter().flat_map(Set::iter).for_each(|member| {
            members.insert(&member);
        });
        let new = members.insert(member);
        self.0.unpack(Collection::Set(Box::new(members)));
        new
    }

    /// Takes `member` out; returns whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let Some(Set(form)) = self.packed() else {
            return self.members().is_some_and(|members| members.remove(member));
        };
        let (range, last) = match form {
            Form::Integers(integers) => {
                let rank = parse_integer(member).and_then(|number| integers.search(number).ok());
                (rank.map(|rank| integers.range(rank)), integers.len() == 1)
            }
            Form::Texts(bytes) => {
                let mut at = 1;
                let found = Items::new(bytes).find(|item| {
                    at += 1 + item.len();
                    *item == member
                });
                (
                    found.map(|item| at - 1 - item.len()..at),
                    found.is_some_and(|item| item.len() + 1 == bytes.len()),
                )
            }
            Form::Spread(_) => (None, false),
        };
        let Some(range) = range else { return false };
        if last {
            // An empty collection has no bytes.
            self.replace(&[]);
        } else {
            self.0.splice(range, &[]);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::value::{Kind, Value};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(entry: &Entry) -> Set<'_> {
        match entry.as_ref().value() {
            Value::Set(set) => set,
            _ => panic!("a set"),
        }
    }

    fn compare(entry: &Entry, model: &BTreeSet<Vec<u8>>) {
        let set = set(entry);
        assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
        assert_eq!(&set.iter().map(|member| member.to_vec()).collect::<BTreeSet<_>>(), model);
        let mut scanned = BTreeSet::new();
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            cursor = set.scan(from, 10, |member| {
                scanned.insert(member.to_vec());
            });
        }
        assert_eq!(&scanned, model);
        assert!(model.iter().all(|member| set.contains(member)));
        assert!(!set.contains(b"absent") && !set.contains(b"123456789012"));
    }

    /// Integers of all widths, seldom something else.
    fn member(texts: u32) -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            100 => (-300i64..300).prop_map(|n| n.to_string().into_bytes()),
            20 => (0i64..40).prop_map(|n| (n * 1000 - 20_000).to_string().into_bytes()),
            4 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(1 << 40), Just(-100_000)]
                .prop_map(|n| n.to_string().into_bytes()),
            texts => proptest::collection::vec(any::<u8>(), 0..4),
            texts / 10 => proptest::collection::vec(any::<u8>(), 60..70),
        ]
    }

    fn check(changes: Vec<(bool, Vec<u8>)>) {
        let (mut entry, mut model, mut most) = (Entry::empty(0, b"key", Kind::Set), BTreeSet::new(), 0);
        let mut integers = true;
        for (number, (add, member)) in changes.into_iter().enumerate() {
            if add {
                integers &= parse_integer(&member).is_some();
                assert_eq!(SetMut::of(&mut entry).insert(&member), model.insert(member));
            } else {
                assert_eq!(SetMut::of(&mut entry).remove(&member), model.remove(&member));
            }
            if model.is_empty() {
                // A key without members is gone; the next one is a new set.
                assert!(entry.as_ref().value().is_empty());
                (entry, integers, most) = (Entry::empty(0, b"key", Kind::Set), true, 0);
            }
            most = most.max(model.len());
            assert_eq!(set(&entry).is_packed(), integers && most <= INTEGERS_MAX);
            if number % 50 == 0 {
                compare(&entry, &model);
            }
        }
        compare(&entry, &model);
        compare(&entry.as_ref().copied(0, b"copy"), &model);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_set_of_integers_behaves_as_a_set(
            changes in proptest::collection::vec((proptest::bool::weighted(0.7), member(0)), 1..1200))
        {
            check(changes);
        }

        #[test]
        fn a_set_of_anything_behaves_as_a_set(
            changes in proptest::collection::vec((any::<bool>(), member(30)), 1..400))
        {
            check(changes);
        }
    }

    #[test]
    fn integers_stay_packed_up_to_512_and_other_members_up_to_128() {
        let mut entry = Entry::empty(0, b"key", Kind::Set);
        (0..512).for_each(|n| assert!(SetMut::of(&mut entry).insert(n.to_string().as_bytes())));
        assert!(set(&entry).is_packed() && SetMut::of(&mut entry).insert(b"512") && !set(&entry).is_packed());
        let mut entry = Entry::empty(0, b"key", Kind::Set);
        (0..128).for_each(|n| assert!(SetMut::of(&mut entry).insert(format!("m{n}").as_bytes())));
        assert!(set(&entry).members().is_none() && SetMut::of(&mut entry).insert(b"one more"));
        assert!(set(&entry).members().is_some());
    }

    #[test]
    fn ten_small_integers_fit_the_entry() {
        let mut entry = Entry::empty(0, b"set:000000000001", Kind::Set);
        (0..10).for_each(|n| assert!(SetMut::of(&mut entry).insert((n * 37).to_string().as_bytes())));
        assert_eq!(entry.as_ref().heap_bytes(), 48);
    }
}
