//! Carries out one data command: finds its keys, locks their slots, calls its handler.
//!
//! It knows no socket and no clock. Where a slot is held by somebody else it says so and has done nothing: the
//! connection waits for that slot and calls again.

pub(crate) mod attached;
mod hot;
mod serve;
pub mod within;

use ringmaster_protocol::command::{Flags, Spec};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::HashSlot;
use smallvec::SmallVec;
use std::sync::Arc;

use crate::command::{CommandError, CommandResult, Handler, KeysHandler, Onward, Overtaken, Registry, Walk};
use crate::pubsub::Hub;
use crate::store::Store;
use crate::store::effect::Effect;
use crate::store::key::Key;
use crate::store::keyspace::{ELEMENTS_FEW, Keyspace, Lookups, Moment};
use crate::store::slot::Slot;
use crate::tracking::Tracking;
use crate::waiting::Waiter;

/// Slots that a walk visits before it lets other connections have a turn: about 0.1 ms when they hold few keys.
const WALK_TURN_SLOTS: usize = 512;

/// Keys of one command whose cache lines are asked for ahead: more would push each other out.
const PREFETCHED_MAX: usize = 256;

/// The store and what is done with it. Shared by all threads.
pub struct Engine {
    registry: Registry,
    store: Store,
}

/// How far a command came.
pub enum Flow {
    /// Its reply is written.
    Done(Tally),
    /// Nothing was done: this slot is held. Wait for it, then call again.
    Busy(HashSlot),
    /// A walk over all slots began; see [`Engine::walk`].
    Walking(Journey),
    /// Nothing was there: the client waits in the queues of its keys.
    Waiting(Arc<Waiter>),
    /// Nothing was done: the command would take long, and its moment lets it be put off. Run it where it may.
    Long,
}

/// What a command that is done adds to the figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Keys that it looked for; none for a command that writes.
    pub lookups: Lookups,
    /// Whether its reply is an error.
    pub failed: bool,
    /// Whether it may have taken long, so that the clock is to be looked at.
    pub slow: bool,
}

/// A walk and how far it came.
pub struct Journey {
    walk: Box<dyn Walk>,
    visited: usize,
    /// It ends after so many slots.
    slots_max: usize,
    moment: Moment,
}

impl Journey {
    /// A walk that begins.
    pub(crate) fn new(walk: Box<dyn Walk>, moment: Moment) -> Self {
        Self { walk, visited: 0, slots_max: usize::MAX, moment }
    }

    /// It is a part of a walk over several nodes, each of which may hold little of what it looks for: it ends early.
    pub(crate) fn of_several(self) -> Self {
        Self { slots_max: self.walk.slots_max(), ..self }
    }
}

/// How a turn of a walk ended.
pub enum Turn {
    /// The reply can be written: [`Engine::arrive`].
    Arrived(Journey),
    /// Other connections may have a turn, then go on.
    Tired(Journey),
    /// This slot is held. Wait for it, then go on.
    Busy(Journey, HashSlot),
    /// Another view came, and nothing can be told.
    Overtaken,
}

/// What a walk is to do with a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Visit it.
    Here,
    /// Pass by: another node tells of it.
    Elsewhere,
    /// Who asks does not know who tells of it by now.
    Changed,
}

impl Sight {
    /// As this node's own view has it.
    pub(crate) fn of(slot: &Slot) -> Self {
        if slot.is_read_here() { Self::Here } else { Self::Elsewhere }
    }
}

impl Engine {
    /// An engine over `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { registry: Registry::new(), store }
    }

    /// The store.
    #[inline]
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The subscriptions.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        self.store.events().hub()
    }

    /// The clients that keep values.
    #[must_use]
    pub fn tracking(&self) -> &Tracking {
        self.store.events().tracking()
    }

    /// Whether the node carries `spec` out on its data.
    #[inline]
    #[must_use]
    pub fn carries_out(&self, spec: &Spec) -> bool {
        self.registry.handler(spec.id).is_some()
    }

    /// A command whose one key is already computed: the hot path.
    #[inline]
    pub fn run_single(
        &self,
        spec: &Spec,
        args: Args<'_>,
        key: Key<'_>,
        moment: Moment,
        reply: &mut Reply<'_>,
    ) -> Flow {
        match self.registry.handler(spec.id) {
            Some(Handler::Get(_)) => self.get(key, moment, reply),
            Some(Handler::Set(_)) if args.len() == 3 => self.set(key, &args[2], moment, reply),
            Some(Handler::Keys(handler) | Handler::Set(handler) | Handler::Far(handler, _)) => {
                let Some(guard) = self.store.try_lock(key.slot) else { return Flow::Busy(key.slot) };
                let keys = [key];
                match Keyspace::of_key(&self.store, &keys, guard, moment) {
                    Ok(keyspace) if self.is_long(spec, &keyspace) => Flow::Long,
                    Ok(mut keyspace) => carry_out(&mut keyspace, (spec, handler), args, moment, reply),
                    Err(slot) => Flow::Busy(slot),
                }
            }
            _ => self.run(spec, args, moment, reply),
        }
    }

    /// Any command that [`Engine::carries_out`]. Its arity has been checked.
    pub fn run(&self, spec: &Spec, args: Args<'_>, moment: Moment, reply: &mut Reply<'_>) -> Flow {
        match self.registry.handler(spec.id) {
            Some(
                Handler::Keys(handler)
                | Handler::Get(handler)
                | Handler::Set(handler)
                | Handler::Far(handler, _),
            ) => match keys_of(spec, args, moment.database) {
                Ok(keys) => {
                    self.prefetch(&keys, spec.writes());
                    match Keyspace::lock(&self.store, &keys, moment) {
                        Ok(keyspace) if self.is_long(spec, &keyspace) => Flow::Long,
                        Ok(mut keyspace) => carry_out(&mut keyspace, (spec, handler), args, moment, reply),
                        Err(slot) => Flow::Busy(slot),
                    }
                }
                Err(error) => Flow::Done(finished(reply, reply.len(), Err(error))),
            },
            Some(Handler::Walk(begin)) => match begin(args, moment) {
                Ok(walk) => Flow::Walking(Journey::new(walk, moment)),
                Err(error) => Flow::Done(finished(reply, reply.len(), Err(error))),
            },
            Some(Handler::Wish(parse)) => self.wish(parse(args), (spec, args), moment, reply),
            None => {
                let error =
                    CommandError::Other(format!("ERR command '{}' is not supported", spec.name).into());
                Flow::Done(finished(reply, reply.len(), Err(error)))
            }
        }
    }

    /// Asks for the cache lines of several keys at once, as a batch of commands does for its single ones; of the first
    /// so many if there are very many.
    pub fn prefetch(&self, keys: &[Key<'_>], writes: bool) {
        let keys = &keys[..keys.len().min(PREFETCHED_MAX)];
        if keys.len() > 1 {
            keys.iter().for_each(|key| self.store.prefetch_slot(key.slot, writes));
            keys.iter().for_each(|key| self.store.prefetch_bucket(key.slot, key.hash));
            keys.iter().for_each(|key| self.store.prefetch_entry(key.slot, key.hash));
        }
    }

    /// Whether the command is to be put off, because it will look at very many elements.
    #[inline]
    fn is_long(&self, spec: &Spec, keyspace: &Keyspace<'_, '_>) -> bool {
        self.registry.is_whole(spec.id) && keyspace.moment().may_defer && keyspace.elements() > ELEMENTS_FEW
    }

    /// One turn of a walk.
    #[must_use]
    pub fn walk(&self, journey: Journey) -> Turn {
        self.walk_by(journey, &mut |_, slot| Sight::of(slot))
    }

    /// One turn of a walk over the slots that `sight` names.
    pub(crate) fn walk_by(
        &self,
        mut journey: Journey,
        sight: &mut dyn FnMut(HashSlot, &mut Slot) -> Sight,
    ) -> Turn {
        if journey.walk.is_one() {
            return self.walk_as_one(journey);
        }
        let slots = HashSlot::all().len();
        let start = usize::from(journey.walk.start());
        let end = if journey.walk.wraps() { slots } else { slots - start }.min(journey.slots_max);
        for _ in 0..WALK_TURN_SLOTS {
            let number = (start + journey.visited) % slots;
            let slot = u16::try_from(number).ok().and_then(HashSlot::new);
            let (Some(slot), true) = (slot, journey.visited < end) else { return Turn::Arrived(journey) };
            let Some(mut guard) = self.store.try_lock(slot) else { return Turn::Busy(journey, slot) };
            let mut seen = sight(slot, &mut guard);
            if seen == Sight::Changed {
                match journey.walk.overtaken(slot) {
                    Overtaken::GoesOn => seen = Sight::of(&guard),
                    Overtaken::Ends => return Turn::Arrived(journey),
                    Overtaken::Fails => return Turn::Overtaken,
                }
            }
            if seen == Sight::Elsewhere {
                journey.walk.pass_by(slot);
                journey.visited += 1;
                continue;
            }
            let mut operation = self.store.operation_of(slot, journey.moment);
            let onward = journey.walk.visit(&mut guard, &mut operation);
            journey.visited += usize::from(onward != Onward::Same);
            drop(operation);
            if guard.has_ready() {
                serve::serve(&mut Keyspace::of_guard(&self.store, slot, guard, journey.moment));
            }
            match onward {
                Onward::Next => {}
                Onward::Same => return Turn::Tired(journey),
                Onward::End => return Turn::Arrived(journey),
            }
        }
        Turn::Tired(journey)
    }

    /// A walk with all slots held at once.
    #[cold]
    fn walk_as_one(&self, mut journey: Journey) -> Turn {
        match Keyspace::lock_slots(&self.store, HashSlot::all(), journey.moment) {
            Ok(mut keyspace) => {
                within::visit_all(&mut keyspace, &mut *journey.walk);
                self.serve(&mut keyspace);
                drop(keyspace);
                Turn::Arrived(journey)
            }
            Err(slot) => Turn::Busy(journey, slot),
        }
    }

    /// Writes the reply of a walk that arrived.
    pub fn arrive(&self, journey: Journey, reply: &mut Reply<'_>) {
        let before = reply.len();
        journey.walk.finish(reply);
        finished(reply, before, Ok(()));
    }

    /// Runs a command to its end, waiting where it must for slots, but not for keys: for tests and replay, not for
    /// connections.
    pub fn call(&self, spec: &Spec, args: Args<'_>, moment: Moment, reply: &mut Reply<'_>) {
        let mut journey = loop {
            match self.run(spec, args, moment, reply) {
                Flow::Done(_) => return,
                Flow::Busy(_) => std::thread::yield_now(),
                Flow::Long => return self.call(spec, args, Moment { may_defer: false, ..moment }, reply),
                Flow::Walking(journey) => break journey,
                Flow::Waiting(waiter) => {
                    self.forget(&waiter);
                    return waiter.wish().give_up(reply);
                }
            }
        };
        loop {
            journey = match self.walk(journey) {
                Turn::Arrived(journey) => return self.arrive(journey, reply),
                Turn::Tired(journey) | Turn::Busy(journey, _) => journey,
                // Only under a view of somebody else.
                Turn::Overtaken => return,
            };
        }
    }

    /// Applies an operation that another node or an earlier process had: its effects share a version and a time.
    pub fn replay(&self, slot: HashSlot, time: u64, effects: &[Effect<'_>]) {
        // Dropped after the operation, which tells the journal while the slot is held.
        let mut guard = self.store.lock(slot);
        // Who had the operation first has told of it.
        let mut operation = self.store.operation(slot, time);
        operation.events = None;
        for effect in effects {
            guard.apply(&mut operation, effect);
        }
    }
}

/// Runs a command on the keys that are held for it.
#[inline]
fn carry_out(
    keyspace: &mut Keyspace<'_, '_>,
    (spec, handler): (&Spec, KeysHandler),
    args: Args<'_>,
    moment: Moment,
    reply: &mut Reply<'_>,
) -> Flow {
    if spec.writes() {
        // What it has removed or replaced bounds the reply, and an error in its place would lose that.
        reply.unbind();
    } else {
        keyspace.tell_misses();
    }
    let before = reply.len();
    let result = handler(keyspace, args, reply);
    if let Err(CommandError::Busy(_) | CommandError::Long) = result {
        reply.truncate(before);
    }
    match result {
        Err(CommandError::Busy(slot)) => return Flow::Busy(slot),
        Err(CommandError::Long) => return Flow::Long,
        _ => {}
    }
    if moment.tracks && spec.flags.contains(Flags::READONLY) {
        keyspace.track_keys();
    }
    let tally = finished(reply, before, result);
    if keyspace.has_ready() {
        serve::serve(keyspace);
    }
    let lookups = if spec.writes() { Lookups::default() } else { keyspace.lookups() };
    Flow::Done(Tally { lookups, slow: !spec.flags.contains(Flags::FAST), ..tally })
}

/// Writes the error of a failed command in place of what it has written.
#[inline]
fn finished(reply: &mut Reply<'_>, before: usize, result: CommandResult) -> Tally {
    let result = if reply.overflowed() { result.and(Err(CommandError::ReplyTooLong)) } else { result };
    if let Err(error) = result {
        reply.truncate(before);
        error.write(reply);
        return Tally { failed: true, ..Tally::default() };
    }
    Tally::default()
}

/// The keys of a command by its row in the table.
fn keys_of<'a>(spec: &Spec, args: Args<'a>, database: u8) -> Result<SmallVec<[Key<'a>; 4]>, CommandError> {
    let mut positions: Vec<u32> = Vec::new();
    // Arguments that name no valid keys are for the handler to refuse, with the command's own words.
    let _ = spec.key_positions(&args, &mut positions);
    Ok(positions.iter().filter_map(|at| args.get(*at as usize)).map(|key| Key::new(key, database)).collect())
}

#[cfg(test)]
pub(crate) mod testing {
    //! Commands as text, for the tests of the families.

    use super::*;
    use ringmaster_protocol::command::resolve;
    use ringmaster_protocol::resp::{Protocol, Span, inline};

    /// The reply to `line` (words as typed, quotes allowed), escaped, at the time `now` in milliseconds.
    pub(crate) fn reply_at(engine: &Engine, now: u64, line: &str) -> String {
        let (mut store, mut spans): (Vec<u8>, Vec<Span>) = Default::default();
        inline::split(line.as_bytes(), &mut store, &mut spans).unwrap();
        let args = Args::new(&store, &spans);
        let mut out = Vec::new();
        let mut reply = Reply::bounded(&mut out, Protocol::Resp2);
        match resolve(&args) {
            Ok(spec) => engine.call(spec, args, Moment { now, random: now, ..Moment::default() }, &mut reply),
            Err(rejection) => reply.error(&String::from_utf8_lossy(&rejection.text(&args))),
        }
        out.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"")
    }

    /// Runs lines of `command => escaped reply` one after the other on a new engine, at time 1,000,000 ms.
    #[track_caller]
    pub(crate) fn script(lines: &[(&str, &str)]) {
        let engine = Engine::new(Store::new(None));
        for (line, expected) in lines {
            assert_eq!(reply_at(&engine, 1_000_000, line), *expected, "{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{reply_at, script};
    use super::*;

    #[test]
    fn strings_are_set_and_read() {
        script(&[
            ("GET k", r"$-1\r\n"),
            ("SET k v", r"+OK\r\n"),
            ("GET k", r"$1\r\nv\r\n"),
            ("SET k w NX", r"$-1\r\n"),
            ("SET k w XX GET", r"$1\r\nv\r\n"),
            ("SET k w EX 0", r"-ERR invalid expire time in 'set' command\r\n"),
            ("SET k w NX XX", r"-ERR syntax error\r\n"),
            ("GET", r"-ERR wrong number of arguments for 'get' command\r\n"),
        ]);
    }

    #[test]
    fn a_reply_that_memory_cannot_keep_is_an_error() {
        let engine = Engine::new(Store::new(None));
        reply_at(&engine, 1, "SETRANGE k 10000000 x");
        let asked = "MGET".to_owned() + &" k".repeat(60);
        assert_eq!(reply_at(&engine, 1, &asked), r"-ERR reply exceeds maximum allowed size\r\n");
        reply_at(&engine, 1, "RPUSH l 1 2");
        assert_eq!(reply_at(&engine, 1, "SORT l GET #"), r"*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    }
}
