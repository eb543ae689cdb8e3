//! What a command finds at its keys, and what is noted of that it looked.

use super::{Keyspace, Lookups};
use crate::command::error::CommandError;
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::eviction::Policy;
use crate::store::key::Key;
use crate::store::value::{Hash, List, Set, SortedSet, Stream, Value};

impl Keyspace<'_, '_> {
    /// The entry of `key`, `None` if it is absent or expired; looking counts neither as a use nor as a lookup.
    #[inline]
    #[must_use]
    pub fn peek(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        self.held(key.slot).guard.find(key, self.moment.now)
    }

    /// The entry of `key`, `None` if it is absent or expired. Counts as a use of it.
    #[inline]
    #[must_use]
    pub fn find(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let found = self.peek(key);
        if !self.moment.no_touch {
            self.store.replacement().read(key, found);
        }
        self.note_lookup(key, found.is_some());
        found
    }

    /// As [`Keyspace::find`], but counts as no use of the key.
    #[inline]
    #[must_use]
    pub fn find_untouched(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let found = self.peek(key);
        self.note_lookup(key, found.is_some());
        found
    }

    #[inline]
    fn note_lookup(&self, key: Key<'_>, found: bool) {
        self.count_lookup(found);
        if !found && self.tells_misses {
            self.notify(Class::Miss, "keymiss", key);
        }
    }

    /// Makes the command count as a use of its keys, whatever its client has asked for.
    pub(crate) fn touch_in_any_case(&mut self) {
        self.moment.no_touch = false;
    }

    #[inline]
    pub(super) fn count_lookup(&self, hit: bool) {
        let Lookups { hits, misses } = self.lookups.get();
        self.lookups.set(Lookups { hits: hits + u32::from(hit), misses: misses + u32::from(!hit) });
    }

    /// Remembers the command's keys for its client, which keeps what it reads.
    #[cold]
    pub(crate) fn track_keys(&mut self) {
        for &key in self.keys {
            let (client, tracking) = (self.moment.client, self.store.events().tracking());
            self.slot_mut(key.slot).track(key, client, tracking);
        }
    }

    /// Notes that the command only reads: what it looks for in vain is told.
    #[inline]
    pub(crate) fn tell_misses(&mut self) {
        self.tells_misses = true;
    }

    /// The policy of eviction.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.store.replacement().policy()
    }

    /// Seconds since `key` was used last, 0 where that is not kept; `None` if it is absent.
    #[must_use]
    pub fn idle_seconds(&self, key: Key<'_>) -> Option<u64> {
        self.peek(key).map(|entry| self.store.replacement().idle_seconds(entry.record()))
    }

    /// The counter of the uses of `key`, where uses are counted; `None` if it is absent.
    #[must_use]
    pub fn uses(&self, key: Key<'_>) -> Option<u32> {
        self.peek(key).map(|entry| self.store.replacement().touch().counter(entry.record()))
    }

    /// What the command has found so far.
    #[inline]
    #[must_use]
    pub fn lookups(&self) -> Lookups {
        self.lookups.get()
    }

    /// Elements of the collections at all keys of the command.
    #[cold]
    pub(crate) fn elements(&self) -> usize {
        let values = self.keys.iter().filter_map(|key| self.peek(*key)).map(EntryRef::value);
        values.map(Value::elements).sum()
    }

    /// The string at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    #[inline]
    pub fn string(&self, key: Key<'_>) -> Result<Option<&[u8]>, CommandError> {
        match self.find(key) {
            None => Ok(None),
            Some(entry) => entry.as_string().map(Some).ok_or(CommandError::WrongType),
        }
    }

    /// The list at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    pub fn list(&self, key: Key<'_>) -> Result<Option<List<'_>>, CommandError> {
        match self.find(key).map(EntryRef::value) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// The set at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    pub fn set(&self, key: Key<'_>) -> Result<Option<Set<'_>>, CommandError> {
        match self.find(key).map(EntryRef::value) {
            None => Ok(None),
            Some(Value::Set(set)) => Ok(Some(set)),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// The hash at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    pub fn hash(&self, key: Key<'_>) -> Result<Option<Hash<'_>>, CommandError> {
        match self.find(key).map(EntryRef::value) {
            None => Ok(None),
            Some(Value::Hash(hash)) => Ok(Some(hash)),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// The stream at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    pub fn stream(&self, key: Key<'_>) -> Result<Option<&Stream>, CommandError> {
        match self.find(key).map(EntryRef::value) {
            None => Ok(None),
            Some(Value::Stream(stream)) => Ok(Some(stream)),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// The sorted set at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    pub fn sorted_set(&self, key: Key<'_>) -> Result<Option<SortedSet<'_>>, CommandError> {
        match self.find(key).map(EntryRef::value) {
            None => Ok(None),
            Some(Value::SortedSet(set)) => Ok(Some(set)),
            Some(_) => Err(CommandError::WrongType),
        }
    }
}
