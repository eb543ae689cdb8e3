//! Serves the clients that wait for keys, and puts clients into and out of the queues.

use std::sync::Arc;

use ringmaster_protocol::command::{Flags, Spec};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::HashSlot;

use super::{Engine, Flow, Tally, finished, keys_of};
use crate::command::CommandError;
use crate::store::entry::EntryRef;
use crate::store::key::Key;
use crate::store::keyspace::{Keyspace, Lookups, Moment};
use crate::store::value::Kind;
use crate::waiting::{Attempt, Stage, Waiter, Wish};

impl Engine {
    /// A command that takes what is there, or waits.
    pub(super) fn wish(
        &self,
        wish: Result<Box<dyn Wish>, CommandError>,
        (spec, args): (&Spec, Args<'_>),
        moment: Moment,
        reply: &mut Reply<'_>,
    ) -> Flow {
        let before = reply.len();
        let failed = |reply: &mut Reply<'_>, error| Flow::Done(finished(reply, before, Err(error)));
        let keys = match keys_of(spec, args, moment.database) {
            Ok(keys) => keys,
            Err(error) => return failed(reply, error),
        };
        let wish = match wish {
            Ok(wish) => wish,
            Err(error) => return failed(reply, error),
        };
        let mut keyspace = match Keyspace::lock(&self.store, &keys, moment) {
            Ok(keyspace) => keyspace,
            Err(slot) => return Flow::Busy(slot),
        };
        if spec.writes() {
            // What it has taken bounds the reply, and an error in its place would lose that.
            reply.unbind();
        }
        if moment.tracks && spec.flags.contains(Flags::READONLY) {
            keyspace.track_keys();
        }
        match wish.attempt(&mut keyspace, Stage::First, reply) {
            Err(CommandError::Busy(slot)) => return Flow::Busy(slot),
            Err(error) => return failed(reply, error),
            Ok(Attempt::Served) => serve(&mut keyspace),
            Ok(Attempt::Nothing) if wish.timeout_millis().is_none() => wish.give_up(reply),
            Ok(Attempt::Nothing) => {
                let waiter = Arc::new(Waiter::new(wish, &keys, moment.database, reply.protocol()));
                for key in waiter.awaited() {
                    keyspace.slot_mut(key.slot).wait(key, &waiter);
                }
                return Flow::Waiting(waiter);
            }
        }
        let lookups = if spec.writes() { Lookups::default() } else { keyspace.lookups() };
        Flow::Done(Tally { slow: true, lookups, ..finished(reply, before, Ok(())) })
    }

    /// Attempts the wish of a client that was called to do so by itself.
    ///
    /// # Errors
    /// The slot that somebody else holds: wait for it and try again.
    pub fn attempt(&self, waiter: &Waiter, moment: Moment) -> Result<(), HashSlot> {
        let keys = waiter.keys();
        let mut keyspace = Keyspace::lock(&self.store, &keys, moment)?;
        for key in waiter.awaited() {
            if attempt_for(&mut keyspace, waiter, key) == Some(true) {
                break;
            }
        }
        serve(&mut keyspace);
        Ok(())
    }

    /// Takes `waiter` out of the queue of its key number `place`. Returns false when it has no such key.
    ///
    /// # Errors
    /// The slot that somebody else holds: wait for it and try again.
    pub fn leave_queue(&self, waiter: &Arc<Waiter>, place: usize) -> Result<bool, HashSlot> {
        let Some(key) = waiter.awaited_key(place) else { return Ok(false) };
        self.store.try_lock(key.slot).ok_or(key.slot)?.stop_waiting(key, waiter);
        Ok(true)
    }

    /// Takes `waiter` out of all queues; turns the thread's time over while a slot is held.
    pub(super) fn forget(&self, waiter: &Arc<Waiter>) {
        for key in waiter.awaited() {
            self.store.lock(key.slot).stop_waiting(key, waiter);
        }
    }
}

/// Serves the waiters of all keys that were changed within this hold, in the order of their arrival. Serving one may
/// change further keys; each waiter is served once, so it ends.
#[cold]
pub(super) fn serve(keyspace: &mut Keyspace<'_, '_>) {
    while let Some(name) = keyspace.next_ready() {
        serve_key(keyspace, Key::new(&name[1..], name[0]));
    }
}

fn serve_key(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>) {
    let mut place = 0;
    loop {
        let kind = keyspace.slot(key.slot).find(key, keyspace.now()).map(EntryRef::kind);
        let Some((waiter, passed)) = next_waiter(keyspace, key, place, kind) else { return };
        place = passed;
        match attempt_for(keyspace, &waiter, key) {
            // It stands in line first, so who comes later waits until it has attempted by itself.
            None => return waiter.call(),
            Some(true) => keyspace.slot_mut(key.slot).stop_waiting(key, &waiter),
            Some(false) => place += 1,
        }
    }
}

/// The next waiter from `place` on that may be served from a value of `kind` (`None`: the key is gone), and where it
/// stands.
fn next_waiter(
    keyspace: &Keyspace<'_, '_>,
    key: Key<'_>,
    mut place: usize,
    kind: Option<Kind>,
) -> Option<(Arc<Waiter>, usize)> {
    loop {
        let waiter = keyspace.slot(key.slot).waiter(key, place, kind.is_none())?;
        if kind == Some(waiter.wish().kind()) || waiter.mourns() {
            return Some((waiter, place));
        }
        place += 1;
    }
}

/// Attempts a waiter's wish on `key`. Returns whether it needs its place in the queue no more, or `None` when a slot
/// that it needs beside is held by somebody else.
fn attempt_for(keyspace: &mut Keyspace<'_, '_>, waiter: &Waiter, key: Key<'_>) -> Option<bool> {
    for companion in waiter.companions() {
        keyspace.extend(companion.slot).ok()?;
    }
    let keys: Vec<Key<'_>> = std::iter::once(key).chain(waiter.companions()).collect();
    let random = keyspace.random();
    let moment = Moment { database: waiter.database(), random, ..keyspace.moment() };
    Some(waiter.serve(|wish, reply| {
        keyspace.nested(&keys, moment, |inner| wish.attempt(inner, Stage::Waiting, reply))
    }))
}
