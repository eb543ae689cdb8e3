//! A value of one slot built anew in another: effects name keys of one slot only.

use crate::store::effect::{ELEMENTS_MAX, Effect};
use crate::store::entry::EntryRef;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::list::End;
use crate::store::value::{Collection, Hash, List, Set, SortedSet, Value};

/// Gives `to` what `from`, which is present, holds, and its deadline. `to` lies in another slot.
pub(super) fn rebuild(keyspace: &mut Keyspace<'_, '_>, from: Key<'_>, to: Key<'_>) {
    let Some(entry) = keyspace.find(from) else { return };
    let deadline = entry.deadline();
    if let Value::String(value) = entry.value() {
        let value = value.to_vec();
        keyspace.apply(to.slot, &Effect::SetString { key: to, value: &value, deadline });
        return;
    }
    let collection = entry.value().to_collection();
    replace(keyspace, to, &collection);
    if deadline.is_some() {
        keyspace.apply(to.slot, &Effect::SetDeadline { key: to, deadline });
    }
}

/// Gives `key` the collection, whatever it held. An empty one leaves it absent.
pub(super) fn replace(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, collection: &Collection) {
    if keyspace.find(key).map(EntryRef::kind).is_some() {
        keyspace.apply(key.slot, &Effect::Remove { key });
    }
    match collection {
        Collection::List(list) => push(keyspace, key, list),
        Collection::Set(set) => add(keyspace, key, set),
        Collection::Hash(hash) => set_fields(keyspace, key, hash),
        Collection::SortedSet(set) => set_scores(keyspace, key, set),
    }
}

fn push(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, list: &List) {
    let items: Vec<&[u8]> = list.iter().collect();
    for values in items.chunks(ELEMENTS_MAX) {
        keyspace.apply(key.slot, &Effect::PushList { key, end: End::Back, values });
    }
}

fn add(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, set: &Set) {
    let members: Vec<&[u8]> = set.iter().collect();
    for members in members.chunks(ELEMENTS_MAX) {
        keyspace.apply(key.slot, &Effect::AddMembers { key, members });
    }
}

fn set_fields(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, hash: &Hash) {
    let fields: Vec<(&[u8], &[u8])> = hash.iter().collect();
    for fields in fields.chunks(ELEMENTS_MAX) {
        keyspace.apply(key.slot, &Effect::SetFields { key, fields });
    }
}

fn set_scores(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, set: &SortedSet) {
    let scores: Vec<(f64, &[u8])> = set.iter().map(|(member, score)| (score, member)).collect();
    for scores in scores.chunks(ELEMENTS_MAX) {
        keyspace.apply(key.slot, &Effect::SetScores { key, scores });
    }
}
