//! GET and plain SET, which are most of all commands: the same as their handlers do, with nothing in between.
//!
//! They lock one slot, look once, and know their reply; the general way costs a list of held slots and an indirect
//! call more, a fifth of a pipelined command.

use ringmaster_protocol::resp::reply::Reply;

use super::serve::serve;
use super::{Engine, Flow, Tally};
use crate::command::CommandError;
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::{Keyspace, Lookups, Moment};

impl Engine {
    /// `GET key`.
    #[inline]
    pub(super) fn get(&self, key: Key<'_>, moment: Moment, reply: &mut Reply<'_>) -> Flow {
        let Some(mut slot) = self.store.try_lock(key.slot) else { return Flow::Busy(key.slot) };
        if slot.fields_may_be_due(moment.now) {
            drop(slot);
            return self.get_settled(key, moment, reply);
        }
        if moment.tracks {
            slot.track(key, moment.client, self.store.events().tracking());
        }
        let entry = slot.find(key, moment.now);
        let lookups = Lookups { hits: u32::from(entry.is_some()), misses: u32::from(entry.is_none()) };
        if !moment.no_touch {
            self.store.replacement().read(key, entry);
        }
        if entry.is_none() {
            self.store.events().notify(Class::Miss, "keymiss", key);
        }
        let mut failed = false;
        match entry.map(EntryRef::as_string) {
            None => reply.null(),
            Some(Some(value)) => reply.bulk(value),
            Some(None) => {
                failed = true;
                CommandError::WrongType.write(reply);
            }
        }
        Flow::Done(Tally { lookups, failed, slow: false })
    }

    /// `GET key` where fields of hashes are due: they are freed first, perhaps with the hash.
    #[cold]
    fn get_settled(&self, key: Key<'_>, moment: Moment, reply: &mut Reply<'_>) -> Flow {
        let keys = [key];
        let mut keyspace = match Keyspace::lock(&self.store, &keys, moment) {
            Ok(keyspace) => keyspace,
            Err(slot) => return Flow::Busy(slot),
        };
        keyspace.tell_misses();
        if moment.tracks {
            keyspace.track_keys();
        }
        let failed = match keyspace.string(key) {
            Ok(value) => {
                reply.bulk_or_null(value);
                false
            }
            Err(error) => {
                error.write(reply);
                true
            }
        };
        Flow::Done(Tally { lookups: keyspace.lookups(), failed, slow: false })
    }

    /// `SET key value` without options.
    #[inline]
    pub(super) fn set(&self, key: Key<'_>, value: &[u8], moment: Moment, reply: &mut Reply<'_>) -> Flow {
        let Some(mut slot) = self.store.try_lock(key.slot) else { return Flow::Busy(key.slot) };
        let comes = self.store.events().wants(Class::New) && slot.find(key, moment.now).is_none();
        let effect = Effect::SetString { key, value, deadline: None };
        slot.apply(&mut self.store.operation_of(key.slot, moment), &effect);
        if comes {
            self.store.events().notify(Class::New, "new", key);
        }
        self.store.events().notify(Class::String, "set", key);
        reply.ok();
        if slot.has_ready() {
            serve(&mut Keyspace::of_guard(&self.store, key.slot, slot, moment));
        }
        Flow::Done(Tally::default())
    }
}
