//! What each effect does to a slot: the inside of the one door.
//!
//! Everything here is deterministic: it reads the slot and the effect and nothing else.

mod stream;

use super::effect::{Applied, Effect};
use super::entry::{Entry, EntryRef};
use super::key::{Key, hash_of};
use super::reclaim::{self, discard};
use super::slot::Slot;
use super::table::{EntryMut, Table, order};
use super::value::{HashMut, Kind, ListMut, SetMut, SortedSetMut};

const NOTHING: Applied = Applied { count: 0, changed: false };

/// Entries of a cleared slot that are dropped at once.
const DROPPED_MAX: usize = 1024;

/// What an entry takes, about.
const ENTRY_BYTES: usize = 64;

fn counted(count: usize) -> Applied {
    Applied { count, changed: count > 0 }
}

fn changed(count: usize) -> Applied {
    Applied { count, changed: true }
}

impl Slot {
    /// Changes the slot; [`Slot::apply`] gives the change its version.
    #[inline]
    pub(super) fn change(&mut self, effect: &Effect<'_>) -> Applied {
        match *effect {
            Effect::SetString { key, value, deadline } => self.set_string(key, value, deadline),
            Effect::Remove { key } => counted(usize::from(self.take(key).map(discard).is_some())),
            _ => self.change_more(effect),
        }
    }

    fn change_more(&mut self, effect: &Effect<'_>) -> Applied {
        match *effect {
            Effect::SetString { .. } | Effect::Remove { .. } => NOTHING,
            Effect::WriteString { key, offset, bytes } => self.write_string(key, offset, bytes),
            Effect::SetDeadline { key, deadline } => self.set_deadline(key, deadline),
            Effect::Rename { from, to } => self.rename(from, to),
            Effect::Copy { from, to } => self.copy(from, to),
            Effect::Clear { database } => self.clear(database),
            Effect::Stream { key, ref change } => self.change_stream(key, change),
            Effect::SwapDatabases { first, second } => self.swap_databases(first, second),
            _ => self.change_collection(effect),
        }
    }

    fn change_collection(&mut self, effect: &Effect<'_>) -> Applied {
        match *effect {
            Effect::PushList { .. }
            | Effect::PopList { .. }
            | Effect::SetListItem { .. }
            | Effect::InsertListItem { .. }
            | Effect::RemoveListItems { .. }
            | Effect::TrimList { .. } => self.change_list(effect),
            Effect::AddMembers { key, members } => self.edit_or_make(key, Kind::Set, |entry| {
                let mut set = SetMut::of(entry);
                counted(members.iter().filter(|member| set.insert(member)).count())
            }),
            Effect::RemoveMembers { key, members } => self.edit(key, Kind::Set, |entry| {
                let mut set = SetMut::of(entry);
                counted(members.iter().filter(|member| set.remove(member)).count())
            }),
            Effect::SetFields { key, fields } => self.edit_or_make(key, Kind::Hash, |entry| {
                let mut hash = HashMut::of(entry);
                changed(fields.iter().filter(|(field, value)| hash.insert(field, value)).count())
            }),
            Effect::RemoveFields { key, fields } => self.edit(key, Kind::Hash, |entry| {
                let mut hash = HashMut::of(entry);
                counted(fields.iter().filter(|field| hash.remove(field)).count())
            }),
            Effect::SetFieldDeadlines { key, deadline, fields } => {
                self.set_field_deadlines(key, deadline, fields)
            }
            Effect::SetScores { key, scores } => {
                self.edit_or_make(key, Kind::SortedSet, |entry| set_scores(SortedSetMut::of(entry), scores))
            }
            Effect::RemoveScored { key, members } => self.edit(key, Kind::SortedSet, |entry| {
                let mut set = SortedSetMut::of(entry);
                counted(members.iter().filter(|member| set.remove(member)).count())
            }),
            _ => NOTHING,
        }
    }

    fn change_list(&mut self, effect: &Effect<'_>) -> Applied {
        match *effect {
            Effect::PushList { key, end, values } => self.edit_or_make(key, Kind::List, |entry| {
                let mut list = ListMut::of(entry);
                values.iter().for_each(|value| list.push(end, value));
                counted(values.len())
            }),
            Effect::PopList { key, end, count } => {
                self.edit(key, Kind::List, |entry| counted(ListMut::of(entry).pop(end, count)))
            }
            Effect::SetListItem { key, index, value } => {
                self.edit(key, Kind::List, |entry| counted(usize::from(ListMut::of(entry).set(index, value))))
            }
            Effect::InsertListItem { key, index, value } => self.edit(key, Kind::List, |entry| {
                ListMut::of(entry).insert(index, value);
                changed(1)
            }),
            Effect::RemoveListItems { key, value, count } => {
                self.edit(key, Kind::List, |entry| counted(ListMut::of(entry).remove(value, count)))
            }
            Effect::TrimList { key, start, len } => self.edit(key, Kind::List, |entry| {
                let mut list = ListMut::of(entry);
                let before = list.len();
                list.trim(start, len);
                counted(before - list.len())
            }),
            _ => NOTHING,
        }
    }

    /// Puts an entry in, in place of one of the same key.
    fn put(&mut self, hash: u64, entry: Entry) {
        let (database, deadline) = (entry.as_ref().database(), entry.as_ref().deadline());
        self.note_deadline(hash, deadline);
        self.note_fields(hash, entry.as_ref());
        self.census.add(database, deadline.is_some());
        if let Some(old) = self.table.insert(hash, entry, hash_of) {
            self.census.remove(database, old.as_ref().deadline().is_some());
            self.inherit(hash, old.as_ref());
            discard(old);
        }
    }

    /// An entry that took the place of `old` takes over what is known of its use.
    fn inherit(&self, hash: u64, old: EntryRef<'_>) {
        if let Some(new) = self.table.find(hash, old.database(), old.key()) {
            new.set_record(old.record());
            new.touch(self.touch);
        }
    }

    /// Takes the entry of `key` out, expired or not.
    fn take(&mut self, key: Key<'_>) -> Option<Entry> {
        let entry = self.table.remove(key.hash, key.database, key.bytes, hash_of)?;
        self.census.remove(key.database, entry.as_ref().deadline().is_some());
        Some(entry)
    }

    #[inline]
    fn note_deadline(&mut self, hash: u64, deadline: Option<u64>) {
        if let Some(deadline) = deadline {
            self.next_deadline.lower(deadline);
            if let Some(agenda) = &mut self.agenda {
                agenda.keys.note(deadline, self.table.len(), || order(hash));
            }
        }
    }

    /// The living entry of `key`, to change; an expired one is freed first.
    fn live(&mut self, key: Key<'_>) -> Option<EntryMut<'_>> {
        let (time, volatile) = (self.time, self.census.count(key.database).volatile > 0);
        if volatile && self.table.find(key.hash, key.database, key.bytes)?.is_expired(time) {
            self.take(key).into_iter().for_each(discard);
            return None;
        }
        self.table.find_mut(key.hash, key.database, key.bytes)
    }

    #[inline]
    fn set_string(&mut self, key: Key<'_>, value: &[u8], deadline: Option<u64>) -> Applied {
        let place = self.table.find_mut(key.hash, key.database, key.bytes);
        let touch = self.touch;
        let overwritten = place.is_some_and(|mut entry| {
            entry.as_ref().touch(touch);
            entry.overwrite(value, deadline)
        });
        if overwritten {
            self.note_deadline(key.hash, deadline);
        } else {
            self.put(key.hash, Entry::string(key.database, key.bytes, value, deadline));
        }
        changed(1)
    }

    fn write_string(&mut self, key: Key<'_>, offset: usize, bytes: &[u8]) -> Applied {
        if self.live(key).is_none() {
            self.put(key.hash, Entry::string(key.database, key.bytes, &[], None));
        }
        if let Some(mut entry) = self.live(key) {
            let len = entry.as_ref().as_string().map_or(0, <[u8]>::len);
            entry.edit_string(len.max(offset + bytes.len()), |value| {
                value[offset..offset + bytes.len()].copy_from_slice(bytes);
            });
        }
        changed(1)
    }

    fn set_deadline(&mut self, key: Key<'_>, deadline: Option<u64>) -> Applied {
        let Some(mut entry) = self.live(key) else { return NOTHING };
        let had = entry.as_ref().deadline().is_some();
        entry.set_deadline(deadline);
        drop(entry);
        self.census.remove(key.database, had);
        self.census.add(key.database, deadline.is_some());
        self.note_deadline(key.hash, deadline);
        changed(1)
    }

    fn set_field_deadlines(&mut self, key: Key<'_>, deadline: Option<u64>, fields: &[&[u8]]) -> Applied {
        let applied = self.edit(key, Kind::Hash, |entry| {
            let mut hash = HashMut::of(entry);
            counted(fields.iter().filter(|field| hash.set_deadline(field, deadline)).count())
        });
        if let (true, Some(deadline)) = (applied.changed, deadline) {
            self.note_field_deadline(key.hash, deadline);
        }
        applied
    }

    fn rename(&mut self, from: Key<'_>, to: Key<'_>) -> Applied {
        if self.live(from).is_none() {
            return NOTHING;
        }
        if let Some(entry) = self.take(from) {
            let deadline = entry.as_ref().deadline();
            self.put(to.hash, entry.moved(to.database, to.bytes, deadline));
        }
        changed(1)
    }

    fn copy(&mut self, from: Key<'_>, to: Key<'_>) -> Applied {
        let Some(entry) = self.live(from) else { return NOTHING };
        let copy = entry.as_ref().copied(to.database, to.bytes);
        drop(entry);
        self.put(to.hash, copy);
        changed(1)
    }

    fn clear(&mut self, database: Option<u8>) -> Applied {
        let before = self.table.len();
        // Most slots hold keys of one database only: they need no look at their entries.
        let of = |database| usize::try_from(self.census.count(database).keys).unwrap_or(usize::MAX);
        match database.filter(|database| of(*database) < before) {
            None => {
                discard_all(std::mem::take(&mut self.table));
                self.census = super::census::Census::default();
                self.next_deadline.set(u64::MAX);
                (self.fields_due, self.agenda) = (u64::MAX, None);
            }
            Some(database) if self.census.count(database).keys == 0 => {}
            Some(database) => {
                let of_database = self.table.iter().filter(|entry| entry.database() == database);
                let keys: Vec<Vec<u8>> = of_database.map(|entry| entry.key().to_vec()).collect();
                keys.iter().filter_map(|key| self.take(Key::new(key, database))).for_each(discard);
            }
        }
        counted(before - self.table.len())
    }

    fn swap_databases(&mut self, first: u8, second: u8) -> Applied {
        let has_keys = |database| self.census.count(database).keys > 0;
        if first == second || !has_keys(first) && !has_keys(second) {
            return NOTHING;
        }
        let concerned = |database| database == first || database == second;
        let entries = self.table.iter().filter(|entry| concerned(entry.database()));
        let keys: Vec<(u8, Vec<u8>)> =
            entries.map(|entry| (entry.database(), entry.key().to_vec())).collect();
        let taken: Vec<Entry> =
            keys.iter().filter_map(|(database, key)| self.take(Key::new(key, *database))).collect();
        for entry in taken {
            let database = if entry.as_ref().database() == first { second } else { first };
            let (key, deadline) = (entry.as_ref().key().to_vec(), entry.as_ref().deadline());
            self.put(hash_of(&key), entry.moved(database, &key, deadline));
        }
        counted(keys.len())
    }

    /// Changes the collection at `key`, if there is one of this kind, and removes it if that empties it.
    fn edit(&mut self, key: Key<'_>, kind: Kind, change: impl FnOnce(&mut Entry) -> Applied) -> Applied {
        self.edit_or(key, kind, false, change)
    }

    /// As [`Slot::edit`], on an empty collection if the key is absent.
    fn edit_or_make(
        &mut self,
        key: Key<'_>,
        kind: Kind,
        change: impl FnOnce(&mut Entry) -> Applied,
    ) -> Applied {
        self.edit_or(key, kind, true, change)
    }

    #[inline]
    fn edit_or(
        &mut self,
        key: Key<'_>,
        kind: Kind,
        make: bool,
        change: impl FnOnce(&mut Entry) -> Applied,
    ) -> Applied {
        let Some(mut entry) = self.live(key) else {
            if !make {
                return NOTHING;
            }
            let mut entry = Entry::empty(key.database, key.bytes, kind);
            let applied = change(&mut entry);
            if !entry.as_ref().value().is_empty() {
                self.put(key.hash, entry);
            }
            return applied;
        };
        if entry.as_ref().kind() != kind {
            return NOTHING;
        }
        let applied = change(&mut entry);
        // What adds to a collection leaves none empty.
        let empty = !make && entry.as_ref().value().is_empty();
        drop(entry);
        if empty {
            self.take(key).into_iter().for_each(discard);
        }
        applied
    }
}

/// Drops a table, a large one or one of large values later.
fn discard_all(table: Table) {
    let bytes = || table.iter().map(EntryRef::heap_bytes).sum::<usize>() + table.bucket_bytes();
    if table.len() > DROPPED_MAX || bytes() > reclaim::LARGE_BYTES {
        // The bytes of many entries are estimated: to add them up is to look at each.
        let bytes = if table.len() > DROPPED_MAX { table.len() * ENTRY_BYTES } else { bytes() };
        reclaim::drop_later(table, bytes);
    }
}

/// Gives members their scores; counts the new ones.
fn set_scores(mut set: SortedSetMut<'_>, scores: &[(f64, &[u8])]) -> Applied {
    let mut applied = NOTHING;
    for (score, member) in scores {
        let old = set.insert(member, *score);
        applied.count += usize::from(old.is_none());
        applied.changed |= old != Some(*score);
    }
    applied
}
