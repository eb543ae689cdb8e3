//! Keyspace events of a command, told under the lock of the key's slot: after the change, before the reply.

use super::Keyspace;
use crate::store::effect::{Applied, Effect};
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::key::Key;
use ringmaster_protocol::slot::HashSlot;

impl Keyspace<'_, '_> {
    /// Tells that `key` had the keyspace event `name`, where Redis tells it: after the change, before the reply.
    #[inline]
    pub fn notify(&self, class: Class, name: &'static str, key: Key<'_>) {
        self.store.events().notify(class, name, key);
    }

    /// Tells that `key` lost elements by the event `name`, and that it is gone if it lost all.
    #[inline]
    pub fn notify_loss(&self, class: Class, name: &'static str, key: Key<'_>) {
        self.notify(class, name, key);
        if self.store.events().wants(Class::Generic) && !self.has(key) {
            self.notify(Class::Generic, "del", key);
        }
    }

    /// Tells of a command that writes that it looked for `key` in vain, if the key is absent. Commands that only read
    /// tell it by themselves.
    #[inline]
    pub fn notify_miss(&self, key: Key<'_>) {
        if self.store.events().wants(Class::Miss) && !self.has(key) {
            self.notify(Class::Miss, "keymiss", key);
        }
    }

    /// Tells that `key` comes into being, if it is absent: where it comes and goes in one.
    #[inline]
    pub fn notify_new(&self, key: Key<'_>) {
        if self.store.events().wants(Class::New) && !self.has(key) {
            self.notify(Class::New, "new", key);
        }
    }

    fn has(&self, key: Key<'_>) -> bool {
        self.held(key.slot).guard.find(key, self.moment.now).is_some()
    }

    /// As [`Keyspace::find`], but tells nobody that the key was looked for in vain.
    #[must_use]
    pub fn find_quietly(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let found = self.held(key.slot).guard.find(key, self.moment.now);
        self.count_lookup(found.is_some());
        found
    }

    /// Removes what `key` holds, to put something else there within the same command: the key does not come into
    /// being by that. Returns whether there was something.
    pub fn replace(&mut self, key: Key<'_>) -> bool {
        let present = self.has(key);
        self.apply(key.slot, &Effect::Remove { key });
        self.replaced = present.then_some((key.database, key.hash));
        present
    }

    /// As [`Keyspace::apply`], and tells if a key came into being.
    #[cold]
    pub(super) fn apply_and_tell(&mut self, slot: HashSlot, effect: &Effect<'_>) -> Applied {
        let comes = match *effect {
            // A key that something is put under as a whole comes into being, as in Redis, even if it was there.
            Effect::Rename { to, .. } | Effect::Copy { to, .. } => Some(to),
            _ => effect.keys()[0].filter(|key| !self.has(*key)),
        };
        let applied = self.apply_plainly(slot, effect);
        if let Some(key) = comes.filter(|key| applied.changed && self.has(*key))
            && self.replaced.take() != Some((key.database, key.hash))
        {
            self.notify(Class::New, "new", key);
        }
        applied
    }
}
