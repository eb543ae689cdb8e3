//! `DEBUG RELOAD`: each slot is emptied and made anew from what a snapshot would tell of it, as at a start.
//!
//! A slot is done in one visit, so that nobody sees it half empty; it is a change like any other, and the log has it.

use ringmaster_protocol::resp::reply::Reply;

use crate::command::{Onward, Walk};
use crate::store::describe::describe;
use crate::store::effect::Effect;
use crate::store::effect::encoding::framed;
use crate::store::key::Key;
use crate::store::slot::{Operation, Slot};

/// Reloads all slots.
pub(crate) fn reload() -> Box<dyn Walk> {
    Box::new(Reload)
}

struct Reload;

impl Walk for Reload {
    fn visit(&mut self, slot: &mut Slot, operation: &mut Operation<'_>) -> Onward {
        if slot.is_empty() {
            return Onward::Next;
        }
        let (time, mut effects) = (slot.time_at(operation.now), Vec::new());
        for entry in slot.entries().filter(|entry| !entry.is_expired(time)) {
            let key = Key::new(entry.key(), entry.database());
            describe(key, entry.value(), entry.deadline(), &mut |effect| framed::put(&mut effects, effect));
        }
        slot.apply(operation, &Effect::Clear { database: None });
        let mut rest = &effects[..];
        while !rest.is_empty() {
            let framed = framed::take(&mut rest, operation.slot).expect("it was made a moment ago");
            slot.apply(operation, &framed.effect());
        }
        Onward::Next
    }

    fn finish(self: Box<Self>, reply: &mut Reply<'_>) {
        reply.ok();
    }
}
