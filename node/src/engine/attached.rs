//! Commands on one key in a slot of a chain: as [`super::Engine::run_single`], and the chain's check (R1) in the same hold
//! of the slot; and the operations of others that come down the chain.
//!
//! Whatever is not the common case is left to the general way, before anything is done: a slot that is held or has not
//! taken over the view, an entry that joins, a key that is due, somebody who watches the slot.

use ringmaster_protocol::command::{Flags, Spec};
use ringmaster_protocol::extension::{Apply, Outcome, Say};
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, Protocol};
use ringmaster_protocol::view::Epoch;

use super::{Engine, Flow, Tally, carry_out};
use crate::cluster::claims::Seat;
use crate::cluster::replica::Access;
use crate::command::{CommandError, Handler, KeysHandler};
use crate::store::SlotGuard;
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::{Keyspace, Lookups, Moment};

/// Who sends a command, and which view holds here.
#[derive(Clone, Copy)]
pub(crate) struct Seated<'s> {
    /// By what the connection is attached.
    pub(crate) seat: &'s Seat,
    /// The epoch that the node has committed.
    pub(crate) committed: Epoch,
}

/// What kind of command it is.
#[derive(Clone, Copy)]
pub(crate) enum Hot {
    /// `GET key`.
    Get,
    /// `SET key value`.
    Set,
    /// Another that looks at its own key alone.
    Other(KeysHandler),
}

impl Engine {
    /// Which of these a command on one key is, if any.
    #[inline]
    pub(crate) fn hot(&self, spec: &Spec, args: Args<'_>) -> Option<Hot> {
        match self.registry.handler(spec.id)? {
            Handler::Get(_) => Some(Hot::Get),
            Handler::Set(_) if args.len() == 3 => Some(Hot::Set),
            Handler::Keys(handler) | Handler::Set(handler) => Some(Hot::Other(handler)),
            Handler::Far(..) | Handler::Wish(_) | Handler::Walk(_) => None,
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

    /// `SET key value` at the head; appends the note of it to `out`. False if nothing was done.
    #[inline]
    pub(crate) fn set_attached(
        &self,
        key: Key<'_>,
        value: &[u8],
        moment: Moment,
        seat: Seated<'_>,
        out: &mut Vec<u8>,
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
        slot.end_operation(&mut operation, self.store.replicas(), out, Outcome::Saw);
        true
    }

    /// Any other command on one key; appends its reply to `out`, a write's note in front of it. `None` if nothing was done.
    pub(crate) fn run_attached(
        &self,
        (spec, handler): (&Spec, KeysHandler),
        (args, key): (Args<'_>, Key<'_>),
        moment: Moment,
        seat: Seated<'_>,
        (out, protocol): (&mut Vec<u8>, Protocol),
    ) -> Option<Tally> {
        let reads = spec.flags.contains(Flags::READONLY);
        let access = if reads { Access::Read } else { Access::Execute };
        let slot = self.seated(key, seat, access)?;
        if slot.has_observers() || slot.fields_may_be_due(moment.now) {
            return None;
        }
        let keeps = reads && !slot.is_own();
        if keeps && slot.is_due(key, moment.now) {
            return None;
        }
        // Only the head decides time: what its clock has not reached is not expired.
        let now = if keeps { slot.time() } else { moment.now };
        let moment = Moment { now, keeps, may_defer: false, ..moment };
        let (from, keys) = (out.len(), [key]);
        let mut keyspace = Keyspace::of_key(&self.store, &keys, slot, moment).ok()?;
        let flow =
            carry_out(&mut keyspace, (spec, handler), args, moment, &mut Reply::bounded(out, protocol));
        let reply = from..out.len();
        keyspace.end_operation(self.store.replicas(), out);
        if reads {
            out.truncate(reply.end);
        } else {
            out[from..].rotate_left(reply.len());
        }
        match flow {
            Flow::Done(tally) => Some(tally),
            // Neither is said where nothing may be put off and no other key is looked at.
            Flow::Busy(_) | Flow::Walking(_) | Flow::Waiting(_) | Flow::Long => None,
        }
    }

    /// An operation at an entry behind its head, by whom clients that track keys are told; `None` if nothing was done.
    #[inline]
    pub(crate) fn apply_attached(&self, apply: &Apply<'_>, by: u64, seat: Seated<'_>) -> Option<Say> {
        let mut slot = self.store.try_lock(apply.slot)?;
        // R17: as above.
        slot.apply_next(&self.store, (apply, by), (seat.seat.epoch(), seat.committed))
    }
}
