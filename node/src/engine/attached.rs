//! GET and plain SET in a slot of a chain: as in [`super::hot`], and the chain's check (R1) in the same hold of the slot.
//!
//! Whatever is not the common case is left to the general way, before anything is done: a slot that is held or has not
//! taken over the view, an entry that joins, a key that is due, somebody who watches the slot.

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::extension::Note;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::view::Epoch;

use super::{Engine, Tally};
use crate::cluster::claims::Seat;
use crate::cluster::replica::Access;
use crate::command::{CommandError, Handler};
use crate::store::SlotGuard;
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::{Lookups, Moment};

/// Who sends a command, and which view holds here.
#[derive(Clone, Copy)]
pub(crate) struct Seated<'s> {
    /// By what the connection is attached.
    pub(crate) seat: &'s Seat,
    /// The epoch that the node has committed.
    pub(crate) committed: Epoch,
}

/// Which of the two commands it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hot {
    /// `GET key`.
    Get,
    /// `SET key value`.
    Set,
}

impl Engine {
    /// Whether a command is one of these.
    #[inline]
    pub(crate) fn hot(&self, spec: &Spec, args: Args<'_>) -> Option<Hot> {
        match self.registry.handler(spec.id) {
            Some(Handler::Get(_)) => Some(Hot::Get),
            Some(Handler::Set(_)) if args.len() == 3 => Some(Hot::Set),
            _ => None,
        }
    }

    /// Locks the slot of `key`, if it is free, has taken over the view, and who has this seat may use it so.
    #[inline]
    fn seated(&self, key: Key<'_>, seat: Seated<'_>, access: Access) -> Option<SlotGuard<'_>> {
        let slot = self.store.try_lock(key.slot)?;
        let may = slot.placed_at(seat.committed).is_some_and(|replica| {
            // R17: asked for while the slot is held.
            let attached = seat.seat.epoch();
            !replica.row().has_joiner && replica.check(attached, access, self.store.replicas()).is_ok()
        });
        may.then_some(slot)
    }

    /// `GET key` at the tail; `None` if nothing was done.
    #[inline]
    pub(crate) fn get_attached(
        &self,
        key: Key<'_>,
        moment: Moment,
        seat: Seated<'_>,
        reply: &mut Reply<'_>,
    ) -> Option<Tally> {
        let slot = self.seated(key, seat, Access::Read)?;
        // Only the head decides time: what its clock has not reached is not expired.
        let time = if slot.is_own() { moment.now } else { slot.time() };
        let entry = slot.find(key, time);
        if slot.fields_may_be_due(moment.now) || entry.is_some_and(|entry| entry.is_expired(moment.now)) {
            return None;
        }
        if !moment.no_touch {
            self.store.replacement().read(key, entry);
        }
        if entry.is_none() {
            self.store.events().notify(Class::Miss, "keymiss", key);
        }
        let lookups = Lookups { hits: u32::from(entry.is_some()), misses: u32::from(entry.is_none()) };
        let mut failed = false;
        match entry.map(EntryRef::as_string) {
            None => reply.null(),
            Some(Some(value)) => reply.bulk(value),
            Some(None) => {
                failed = true;
                CommandError::WrongType.write(reply);
            }
        }
        Some(Tally { lookups, failed, slow: false })
    }

    /// `SET key value` at the head; `tell` is told what it made of the slot. False if nothing was done.
    #[inline]
    pub(crate) fn set_attached(
        &self,
        key: Key<'_>,
        value: &[u8],
        moment: Moment,
        seat: Seated<'_>,
        tell: impl FnOnce(&Note),
    ) -> bool {
        let Some(mut slot) = self.seated(key, seat, Access::Execute) else { return false };
        if slot.has_observers() {
            return false;
        }
        let comes = self.store.events().wants(Class::New) && slot.find(key, moment.now).is_none();
        let effect = Effect::SetString { key, value, deadline: None };
        let mut operation = self.store.operation_of(key.slot, moment);
        slot.apply(&mut operation, &effect);
        if comes {
            self.store.events().notify(Class::New, "new", key);
        }
        self.store.events().notify(Class::String, "set", key);
        slot.end_and_note(&mut operation, self.store.replicas(), tell);
        true
    }
}
