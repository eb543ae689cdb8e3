//! Asking for cache lines before they are needed, so that the waiting for those of several commands overlaps.

use ringmaster_protocol::slot::HashSlot;
use smallvec::SmallVec;

use super::entry::EntryRef;
use super::key::{Key, hash_of};
use super::table::{Block, Hash, Table};
use super::value::Value;
use super::{Store, prefetch};

impl Store {
    /// Brings the lock and the table's place of `slot` near the processor, and for who `writes` what a change needs.
    #[inline]
    pub(crate) fn prefetch_slot(&self, slot: HashSlot, writes: bool) {
        let (lookup, change) = self.slots[slot.index()].lines();
        prefetch(lookup);
        if writes {
            prefetch(change);
        }
    }

    /// Brings the bucket of `hash` near, by the table's published place.
    #[inline]
    pub(crate) fn prefetch_bucket(&self, slot: HashSlot, hash: u64) {
        let hint = self.slots[slot.index()].table_hint();
        if hint != 0 {
            prefetch(<Table>::hinted_bucket(hint, hash));
        }
    }

    /// Brings the entry of `hash` near; looks at the table under the slot's lock.
    #[inline]
    pub(crate) fn prefetch_entry(&self, slot: HashSlot, hash: u64) {
        let Some(guard) = self.try_lock(slot) else { return };
        if let Some(address) = guard.candidate(hash) {
            // The header and key, and where a value of some size goes on.
            prefetch(address);
            prefetch(address.wrapping_add(64));
        }
    }

    /// As [`Store::prefetch_bucket`], and the slot's place in its chain, for who `writes` what an operation changes there.
    #[inline]
    pub(crate) fn prefetch_place(&self, slot: HashSlot, hash: u64, writes: bool) {
        self.prefetch_bucket(slot, hash);
        if let Some(guard) = self.try_lock(slot) {
            guard.prefetch_place(writes);
        }
    }

    /// Brings the elements near that commands on the collection at `key` will look for. Each command is told by its
    /// first argument behind the key and its last one. Small collections need nothing: they lie with their key.
    pub(crate) fn prefetch_elements<'a>(
        &self,
        key: Key<'_>,
        commands: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) {
        let Some(guard) = self.try_lock(key.slot) else { return };
        match guard.find(key, 0).map(EntryRef::value) {
            Some(Value::Set(set)) => {
                if let Some(members) = set.members() {
                    members.prefetch(commands.map(|(first, _)| first));
                }
            }
            Some(Value::Hash(hash)) => {
                if let Some(fields) = hash.fields() {
                    fields.prefetch(commands.map(|(first, _)| first));
                }
            }
            // A score may stand in front of a member.
            Some(Value::SortedSet(set)) => {
                if let Some(ranked) = set.ranked() {
                    ranked.prefetch(commands.map(|(_, last)| last));
                }
            }
            _ => {}
        }
    }
}

impl<T: Block> Table<T> {
    /// Brings the buckets and blocks of `names` near.
    pub(crate) fn prefetch<'a>(&self, names: impl Iterator<Item = &'a [u8]>) {
        let hashes: SmallVec<[Hash; 16]> = names.map(hash_of).collect();
        hashes.iter().for_each(|hash| prefetch(self.bucket(*hash)));
        hashes.iter().filter_map(|hash| self.candidate(*hash)).for_each(|address| {
            prefetch(address);
            prefetch(address.wrapping_add(64));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::effect::Effect;

    #[test]
    fn to_ask_ahead_fits_any_value_and_changes_nothing() {
        let store = Store::new(None);
        let names: Vec<String> = (0..2000).map(|number| format!("name {number}")).collect();
        let bytes: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
        let pairs: Vec<(&[u8], &[u8])> = bytes.iter().map(|name| (*name, *name)).collect();
        let scores: Vec<(f64, &[u8])> = bytes.iter().map(|name| (1.0, *name)).collect();
        let key = |name: &'static str| Key::new(name.as_bytes(), 0);
        for effect in [
            Effect::SetString { key: key("string"), value: b"v", deadline: None },
            Effect::AddMembers { key: key("small"), members: &bytes[..2] },
            Effect::AddMembers { key: key("set"), members: &bytes },
            Effect::SetFields { key: key("hash"), fields: &pairs },
            Effect::SetScores { key: key("scores"), scores: &scores },
        ] {
            store.apply(effect.keys()[0].unwrap().slot, 1, &effect);
        }
        for name in ["none", "string", "small", "set", "hash", "scores"] {
            let key = key(name);
            let version = || store.look(key.slot, |slot| slot.version);
            let before = version();
            for writes in [false, true] {
                store.prefetch_slot(key.slot, writes);
                store.prefetch_place(key.slot, key.hash, writes);
            }
            store.prefetch_bucket(key.slot, key.hash);
            store.prefetch_entry(key.slot, key.hash);
            store.prefetch_elements(key, pairs.iter().copied().chain([(&b""[..], &b"absent"[..])]));
            assert_eq!(version(), before, "{name}");
        }
    }
}
