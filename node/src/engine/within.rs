//! Commands within a hold: those of a transaction, and those that a script calls.

use ringmaster_protocol::command::{Flags, Spec};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::HashSlot;

use super::{Engine, Tally, finished, keys_of};
use crate::command::{CommandError, CommandResult, Handler, Onward, Walk};
use crate::store::keyspace::{Keyspace, Lookups, Moment};
use crate::store::slot::{Operation, Slot};
use crate::waiting::{Attempt, Stage, Wish};

/// What a command needs to be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// These slots, unsorted and with repetitions.
    Slots(Vec<HashSlot>),
    /// All slots: it walks over them, or cannot tell before where it looks.
    All,
}

impl Engine {
    /// What must be held to run a command of `database` within a hold. A command that does not reach into the store
    /// needs nothing.
    #[must_use]
    pub fn reach(&self, spec: &Spec, args: Args<'_>, database: u8) -> Reach {
        match self.registry.handler(spec.id) {
            Some(Handler::Walk(_)) => return Reach::All,
            Some(Handler::Far(_, is_far)) if is_far(args) => return Reach::All,
            _ => {}
        }
        let keys = keys_of(spec, args, database).unwrap_or_default();
        Reach::Slots(keys.iter().map(|key| key.slot).collect())
    }

    /// Runs a command that [`Engine::carries_out`] within a hold of at least its [`Engine::reach`]. It never waits.
    /// Clients that wait for its keys are served by [`Engine::serve`], when the hold ends.
    pub fn run_within(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        (spec, args): (&Spec, Args<'_>),
        moment: Moment,
        reply: &mut Reply<'_>,
    ) -> Tally {
        let (before, looked_before) = (reply.len(), keyspace.lookups());
        let result = self.carry_out(keyspace, (spec, args), moment, reply);
        let lookups =
            if spec.writes() { Lookups::default() } else { keyspace.lookups().since(looked_before) };
        Tally { lookups, slow: true, ..finished(reply, before, result) }
    }

    fn carry_out(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        (spec, args): (&Spec, Args<'_>),
        moment: Moment,
        reply: &mut Reply<'_>,
    ) -> CommandResult {
        if spec.writes() {
            reply.unbind();
        }
        let keys = keys_of(spec, args, moment.database)?;
        match self.registry.handler(spec.id) {
            Some(
                Handler::Keys(handler)
                | Handler::Get(handler)
                | Handler::Set(handler)
                | Handler::Far(handler, _),
            ) => keyspace.nested(&keys, moment, |inner| {
                if !spec.writes() {
                    inner.tell_misses();
                }
                if moment.tracks && spec.flags.contains(Flags::READONLY) {
                    inner.track_keys();
                }
                handler(inner, args, reply)
            }),
            Some(Handler::Wish(parse)) => {
                let wish = parse(args)?;
                keyspace.nested(&keys, moment, |inner| {
                    if moment.tracks && spec.flags.contains(Flags::READONLY) {
                        inner.track_keys();
                    }
                    take_or_give_up(&*wish, inner, reply)
                })
            }
            Some(Handler::Walk(begin)) => {
                walk_within(keyspace, begin(args, moment)?, reply);
                Ok(())
            }
            None => Err(CommandError::Other(format!("ERR command '{}' is not supported", spec.name).into())),
        }
    }

    /// Serves the clients that wait for keys that were changed within this hold. To be called once, at its end.
    pub fn serve(&self, keyspace: &mut Keyspace<'_, '_>) {
        if keyspace.has_ready() {
            super::serve::serve(keyspace);
        }
    }
}

fn take_or_give_up(wish: &dyn Wish, keyspace: &mut Keyspace<'_, '_>, reply: &mut Reply<'_>) -> CommandResult {
    if wish.attempt(keyspace, Stage::First, reply)? == Attempt::Nothing {
        wish.give_up(reply);
    }
    Ok(())
}

/// Visits all parts of a slot; returns whether to go on to the next.
fn visit_whole(walk: &mut dyn Walk, slot: &mut Slot, operation: &mut Operation<'_>) -> bool {
    loop {
        match walk.visit(slot, operation) {
            Onward::Same => {}
            onward => return onward == Onward::Next,
        }
    }
}

/// Walks over all slots, which are held, and replies.
fn walk_within(keyspace: &mut Keyspace<'_, '_>, mut walk: Box<dyn Walk>, reply: &mut Reply<'_>) {
    visit_all(keyspace, &mut *walk);
    walk.finish(reply);
}

/// Walks over all slots, which are held.
pub(super) fn visit_all(keyspace: &mut Keyspace<'_, '_>, walk: &mut dyn Walk) {
    let start = HashSlot::new(walk.start());
    let mut goes_on = true;
    keyspace.visit_held(|slot, operation| {
        if Some(operation.slot) >= start {
            goes_on = visit_whole(walk, slot, operation);
        }
        goes_on
    });
    if goes_on && walk.wraps() {
        keyspace
            .visit_held(|slot, operation| Some(operation.slot) < start && visit_whole(walk, slot, operation));
    }
}
