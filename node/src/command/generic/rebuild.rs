//! A value of one slot built anew in another: effects name keys of one slot only.

mod stream;

use crate::store::effect::{ELEMENTS_MAX, Effect};
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::list::End;
use crate::store::value::{Hash, Set, SortedSet, Text, Value};

/// Gives `to` what `from`, which is present, holds, and its deadline. `to` lies in another slot.
pub(super) fn rebuild(keyspace: &mut Keyspace<'_, '_>, from: Key<'_>, to: Key<'_>) {
    let Some(entry) = keyspace.find(from) else { return };
    let deadline = entry.deadline();
    if let Value::String(value) = entry.value() {
        let value = value.to_vec();
        remove(keyspace, to);
        keyspace.apply(to.slot, &Effect::SetString { key: to, value: &value, deadline });
        return;
    }
    // The copy has no key: it only holds the value while the slots change.
    let copy = entry.copied(0, b"");
    remove(keyspace, to);
    match copy.as_ref().value() {
        Value::String(_) => {}
        Value::List(list) => push(keyspace, to, &list.iter().collect::<Vec<_>>()),
        Value::Set(set) => add(keyspace, to, set),
        Value::Hash(hash) => set_fields(keyspace, to, hash),
        Value::SortedSet(set) => set_scores(keyspace, to, set),
        Value::Stream(stream) => stream::build(keyspace, to, stream),
    }
    if deadline.is_some() {
        keyspace.apply(to.slot, &Effect::SetDeadline { key: to, deadline });
    }
}

/// Makes `key` a list of `items`, whatever it held. Without items it is absent.
pub(super) fn replace_list(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, items: &[&[u8]]) {
    let present = keyspace.find(key).map(EntryRef::kind).is_some();
    keyspace.replace(key);
    push(keyspace, key, items);
    if !items.is_empty() {
        keyspace.notify(Class::List, "sortstore", key);
    } else if present {
        keyspace.notify(Class::Generic, "del", key);
    }
}

fn remove(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>) {
    if keyspace.find(key).map(EntryRef::kind).is_some() {
        keyspace.apply(key.slot, &Effect::Remove { key });
    }
}

fn push(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, items: &[&[u8]]) {
    for values in items.chunks(ELEMENTS_MAX) {
        keyspace.apply(key.slot, &Effect::PushList { key, end: End::Back, values });
    }
}

fn add(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, set: Set<'_>) {
    let members: Vec<Text<'_>> = set.iter().collect();
    let members: Vec<&[u8]> = members.iter().map(|member| &**member).collect();
    for members in members.chunks(ELEMENTS_MAX) {
        keyspace.apply(key.slot, &Effect::AddMembers { key, members });
    }
}

fn set_fields(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, hash: Hash<'_>) {
    let fields: Vec<(&[u8], &[u8])> = hash.iter().collect();
    for fields in fields.chunks(ELEMENTS_MAX) {
        keyspace.apply(key.slot, &Effect::SetFields { key, fields });
    }
    let deadlines: Vec<(u64, &[u8])> = hash.deadlines().collect();
    for same in deadlines.chunk_by(|first, second| first.0 == second.0) {
        let deadline = Some(same[0].0);
        let fields: Vec<&[u8]> = same.iter().map(|(_, field)| *field).collect();
        for fields in fields.chunks(ELEMENTS_MAX) {
            keyspace.apply(key.slot, &Effect::SetFieldDeadlines { key, deadline, fields });
        }
    }
}

fn set_scores(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, set: SortedSet<'_>) {
    let scores: Vec<(f64, &[u8])> = set.iter().map(|(member, score)| (score, member)).collect();
    for scores in scores.chunks(ELEMENTS_MAX) {
        keyspace.apply(key.slot, &Effect::SetScores { key, scores });
    }
}
