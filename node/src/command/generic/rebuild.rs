//! A value of one slot built anew in another: effects name keys of one slot only.

use crate::store::describe::describe;
use crate::store::effect::{ELEMENTS_MAX, Effect};
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::list::End;

/// Gives `to` what `from`, which is present, holds, and its deadline. `to` lies in another slot.
pub(super) fn rebuild(keyspace: &mut Keyspace<'_, '_>, from: Key<'_>, to: Key<'_>) {
    let Some(entry) = keyspace.find(from) else { return };
    // The copy has no key: it only holds the value while the slots change.
    let (copy, deadline) = (entry.copied(0, b""), entry.deadline());
    remove(keyspace, to);
    describe(to, copy.as_ref().value(), deadline, &mut |effect| {
        keyspace.apply(to.slot, effect);
    });
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
