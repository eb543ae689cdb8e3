//! What patterns name: weights to sort by and values to get, anywhere in the store.

use std::collections::BTreeSet;

use ringmaster_protocol::command::sort::Pattern;
use ringmaster_protocol::slot::HashSlot;

use super::options::{Get, Options};
use super::{elements, sorted};
use crate::command::CommandError;
use crate::store::entry::EntryRef;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::{Text, Value};

/// Holds the slots of all keys that the patterns name, too.
pub(super) fn reach(keyspace: &mut Keyspace<'_, '_>, options: &Options<'_>) -> Result<(), CommandError> {
    if let Some(by) = options.by.filter(|_| !options.unsorted) {
        let slots = slots_of(keyspace, &[by], &elements(keyspace)?);
        slots.into_iter().try_for_each(|slot| keyspace.reach(slot))?;
    }
    let gets: Vec<Pattern<'_>> = options.gets.iter().filter_map(pattern_of).collect();
    if !gets.is_empty() {
        let slots = slots_of(keyspace, &gets, &sorted(keyspace, options)?);
        slots.into_iter().try_for_each(|slot| keyspace.reach(slot))?;
    }
    Ok(())
}

fn pattern_of<'a>(get: &Get<'a>) -> Option<Pattern<'a>> {
    match get {
        Get::Value(pattern) => Some(*pattern),
        Get::Element | Get::Null => None,
    }
}

fn slots_of(keyspace: &Keyspace<'_, '_>, patterns: &[Pattern<'_>], of: &[Text<'_>]) -> BTreeSet<HashSlot> {
    let keys = of.iter().flat_map(|element| patterns.iter().map(|pattern| pattern.key(element)));
    keys.map(|key| Key::new(&key, keyspace.database()).slot).collect()
}

/// What the pattern names for `element`: a string, or a field of a hash.
pub(super) fn value(keyspace: &Keyspace<'_, '_>, pattern: Pattern<'_>, element: &[u8]) -> Option<Vec<u8>> {
    let key = pattern.key(element);
    match (keyspace.find(Key::new(&key, keyspace.database())).map(EntryRef::value)?, pattern.field) {
        (Value::String(text), None) => Some(text.to_vec()),
        (Value::Hash(hash), Some(field)) => hash.get(field).map(<[u8]>::to_vec),
        _ => None,
    }
}

/// By the texts that the pattern names, byte by byte; first the elements that have none.
pub(super) fn in_order_of_texts<'k>(
    keyspace: &Keyspace<'_, '_>,
    by: Pattern<'_>,
    elements: Vec<Text<'k>>,
) -> Vec<Text<'k>> {
    let weighed = elements.into_iter().map(|element| (value(keyspace, by, &element), element));
    let mut weighed: Vec<(Option<Vec<u8>>, Text<'k>)> = weighed.collect();
    weighed.sort_by(|one, other| one.0.cmp(&other.0));
    weighed.into_iter().map(|(_, element)| element).collect()
}
