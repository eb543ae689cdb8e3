//! A value told as effects: what an absent key must undergo to hold it.
//!
//! Used where a value goes to another slot or to a snapshot. No effect has more than [`ELEMENTS_MAX`] elements.

mod stream;

use super::effect::{ELEMENTS_MAX, Effect};
use super::key::Key;
use super::value::list::End;
use super::value::{Hash, Value};

/// Takes one effect after the other.
pub(crate) type Tell<'t> = &'t mut dyn FnMut(&Effect<'_>);

/// Tells the effects that give `key`, which is absent, this value and deadline (Unix milliseconds).
pub(crate) fn describe(key: Key<'_>, value: Value<'_>, deadline: Option<u64>, tell: Tell<'_>) {
    match value {
        Value::String(value) => return tell(&Effect::SetString { key, value, deadline }),
        Value::List(list) => in_parts(list.iter(), |values| {
            tell(&Effect::PushList { key, end: End::Back, values });
        }),
        Value::Set(set) => {
            let mut members = set.iter().peekable();
            while members.peek().is_some() {
                let texts: Vec<_> = members.by_ref().take(ELEMENTS_MAX).collect();
                let members: Vec<&[u8]> = texts.iter().map(|text| &**text).collect();
                tell(&Effect::AddMembers { key, members: &members });
            }
        }
        Value::Hash(hash) => describe_hash(key, hash, tell),
        Value::SortedSet(set) => in_parts(set.iter().map(|(member, score)| (score, member)), |scores| {
            tell(&Effect::SetScores { key, scores });
        }),
        Value::Stream(stream) => stream::describe(key, stream, tell),
    }
    if deadline.is_some() {
        tell(&Effect::SetDeadline { key, deadline });
    }
}

fn describe_hash(key: Key<'_>, hash: Hash<'_>, tell: Tell<'_>) {
    in_parts(hash.iter(), |fields| tell(&Effect::SetFields { key, fields }));
    if hash.earliest_deadline().is_none() {
        return;
    }
    let deadlines: Vec<(u64, &[u8])> = hash.deadlines().collect();
    for same in deadlines.chunk_by(|first, second| first.0 == second.0) {
        let deadline = Some(same[0].0);
        in_parts(same.iter().map(|(_, field)| *field), |fields| {
            tell(&Effect::SetFieldDeadlines { key, deadline, fields });
        });
    }
}

/// Hands over the items, at most [`ELEMENTS_MAX`] at a time.
fn in_parts<T>(mut items: impl Iterator<Item = T>, mut take: impl FnMut(&[T])) {
    let mut part = Vec::new();
    loop {
        part.extend(items.by_ref().take(ELEMENTS_MAX));
        if part.is_empty() {
            return;
        }
        take(&part);
        part.clear();
    }
}
