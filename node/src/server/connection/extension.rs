//! The RM.* requests, and the commands of a proxy's attached connection.
//!
//! A command on an attached connection is checked, carried out and noted within one hold of its slot. Without RM.ATTACH
//! a member of a cluster serves no data.

pub(super) mod bells;
mod proof;
mod room;
mod together;

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use ringmaster_protocol::command::{Flags, Spec, resolve};
use ringmaster_protocol::extension::{
    Ask, Attach, Claim, EXPIRING, Note, RefusedAttach, Say, put_attribute, put_blob, put_refusal, put_say,
};
use ringmaster_protocol::heartbeat::Beat;
use ringmaster_protocol::register;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::request::{RequestLimits, Resume, Step, parse};
use ringmaster_protocol::resp::{Args, Span};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Version};

use super::durable::{LOADING, refusal_text};
use super::execute::is_script;
use super::{Connection, Fate};
use crate::cluster::claims::Seat;
use crate::cluster::member::boot_time;
use crate::cluster::replica::{Access, Asker};
use crate::engine::within::Reach;
use crate::mail::Recipient;
use crate::server::membership;
use crate::store::effect::Effect;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::slot::Slot;
use bells::Hang;
use together::Together;

/// Refusal of a command without keys in one slot.
const CROSS_SLOT: &str = "CROSSSLOT Keys in request don't hash to the same slot";

/// The longest name of an RM.* request, without its prefix.
const NAME_BYTES_MAX: usize = 8;

const OUT_OF_MEMORY: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// A message of so many bytes is dealt with in less time than looking at the clock is worth.
pub(super) const SHORT_BYTES: usize = 4 << 10;

/// What an attached connection wants to be done within one hold of a slot.
enum Work<'a> {
    /// One command.
    Command(&'static Spec, Args<'a>),
    /// Several, as one operation.
    Together(Together<'a>),
    /// The slot is emptied: of all databases, or of one.
    Flush(Option<u8>),
    /// What is due in the slot is freed.
    Tick,
    /// These keys of the slot are evicted.
    Evict(Vec<Key<'a>>),
}

/// On what terms work is done.
#[derive(Clone, Copy)]
enum Terms {
    /// By the head, or by the tail if it only reads.
    Plain,
    /// Unless the slot has this version of its operation already.
    Unless(Version),
    /// It only reads, and any in-sync entry may answer.
    Any,
}

/// A request within a request.
struct Inner {
    spans: Vec<Span>,
}

impl Inner {
    fn parse(request: &[u8]) -> Option<Self> {
        let mut spans = Vec::new();
        let step = parse(request, 0, &mut spans, &mut Resume::default(), &RequestLimits::default());
        matches!(step, Ok(Step::Command { end }) if end == request.len()).then_some(Self { spans })
    }
}

/// The one slot that all of these are; any, if there are none.
fn the_one(slots: &[HashSlot]) -> Option<HashSlot> {
    let first = slots.first().copied().unwrap_or_default();
    slots.iter().all(|slot| *slot == first).then_some(first)
}

/// The number that an argument is.
pub(super) fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

impl Connection {
    /// Whether the arguments are an RM.* request; then it has been carried out.
    pub(super) async fn extension(&mut self, args: Args<'_>) -> bool {
        if !args[0].get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"RM.")) {
            return false;
        }
        let mut name = [0; NAME_BYTES_MAX];
        let given = &args[0][3..];
        let name = name.get_mut(..given.len()).unwrap_or_default();
        name.copy_from_slice(given.get(..name.len()).unwrap_or_default());
        name.make_ascii_uppercase();
        let done = match (&*name, args.len()) {
            (b"NONCE", 1) => self.nonce(),
            (b"PROVE", 2..=3) => self.prove(args),
            (b"TRACE", 2..) => self.note_trace(args),
            (b"BEAT", 2) => self.beat(&args[1]),
            (b"REGISTER", 2) => self.register(&args[1]),
            (b"ATTACH", 5 | 8) => self.attach(args),
            (b"ASK", 3) => self.ask(&args[1], &args[2]).await,
            (b"UNLESS", 4) => self.unless(args).await,
            (b"ANY", 2) => self.any(&args[1]).await,
            (b"EXEC", 2..) => self.together(args, Terms::Plain).await,
            (b"DIGEST", 2..) => self.digest(args).await,
            (b"FLUSH", 2..=3) => self.flush_slot(args, Terms::Plain).await,
            (b"TICK", 2) => self.tick(args, Terms::Plain).await,
            (b"EVICT", 4..) => self.evict(args, Terms::Plain).await,
            (b"LISTEN", 4..) => self.listen(args),
            _ => None,
        };
        if done.is_none() {
            self.refuse("ERR malformed RM request, or one of another release");
        }
        true
    }

    fn beat(&mut self, message: &[u8]) -> Option<()> {
        let beat = Beat::decode(&Bytes::copy_from_slice(message)).ok()?;
        let mut out = Vec::new();
        membership::pulse(&self.worker.shared, &beat).encode(&mut out);
        put_blob(&mut self.output, &out);
        Some(())
    }

    fn register(&mut self, message: &[u8]) -> Option<()> {
        let request = register::Request::decode(&Bytes::copy_from_slice(message)).ok()?;
        let member = &self.worker.shared.member;
        let before = member.view();
        let answer = membership::register(&self.worker.shared, &request);
        let (user, from) = (self.session.login.user(), &*self.session.peer_address);
        membership::audited(
            &request,
            (before.as_deref(), member.view().as_deref()),
            &answer,
            (user.name(), from),
        );
        let mut out = Vec::new();
        answer.encode(&mut out);
        put_blob(&mut self.output, &out);
        Some(())
    }

    fn attach(&mut self, args: Args<'_>) -> Option<()> {
        let (attach, claim) = (Attach::parse(args)?, Claim::parse(args)?);
        self.attached = None;
        if self.worker.shared.attention.look().is_loading() {
            self.refuse(LOADING);
            self.was_attached = true;
            return Some(());
        }
        match self.worker.shared.member.attach(&attach, claim.as_ref()) {
            Ok(seat) => {
                self.attached = Some(Rc::new(seat));
                Reply::new(&mut self.output, self.session.protocol).ok();
            }
            Err(RefusedAttach::Behind(epoch)) => {
                self.refuse(&format!("STALE {epoch} the view is not known here"));
            }
            Err(RefusedAttach::Reborn) => self.refuse("REBORN this is another process or data directory"),
            Err(RefusedAttach::Superseded) => {
                self.refuse("SUPERSEDED a later connection of the same sender took the place of this one");
            }
            Err(RefusedAttach::Foreign) => self.refuse("FOREIGN this node belongs to another cluster"),
        }
        self.was_attached = true;
        Some(())
    }

    async fn ask(&mut self, id: &[u8], message: &[u8]) -> Option<()> {
        let (id, ask) = (number(id)?, Ask::decode(&Bytes::copy_from_slice(message)).ok()?);
        self.stale |= message.len() > SHORT_BYTES;
        let epoch = self.worker.shared.member.epoch();
        let say = match (self.attached.clone(), ask) {
            (None, _) => Some(Say::Stale(epoch)),
            (Some(_), Ask::Fence { slots, epoch }) => {
                for slot in slots {
                    self.on_slot(slot, |replica| replica.fence(epoch)).await;
                }
                Some(Say::Done)
            }
            (Some(_), Ask::Report { slots }) => {
                let mut reports = Vec::with_capacity(slots.len());
                for slot in slots {
                    reports.extend(self.on_slot(slot, |replica| replica.report(slot)).await);
                }
                Some(Say::Reports(reports))
            }
            (Some(_), Ask::Victims { of, bytes }) => {
                Some(Say::Victims(self.worker.shared.name_victims(of, bytes)))
            }
            (Some(seat), Ask::Hang { slot, at_tail, database, keys, bell }) => {
                Some(self.hang(Hang { slot, at_tail, database, keys, number: bell }, &seat).await)
            }
            (Some(_), Ask::TakeDown { bell }) => {
                self.take_down(bell).await;
                Some(Say::Done)
            }
            (Some(seat), ask) => match self.unwritable(&ask) {
                None => self.ask_slot(id, ask, seat).await,
                broken => broken,
            },
        };
        if let Some(say) = say {
            put_say(&mut self.output, id, &membership::in_epochs(say, epoch));
        }
        Some(())
    }

    async fn ask_slot(&mut self, id: u64, ask: Ask, seat: Rc<Seat>) -> Option<Say> {
        let (worker, slot) = (Rc::clone(&self.worker), ask.slot()?);
        let by = if matches!(ask, Ask::Apply { .. }) { self.by } else { 0 };
        let shared = &worker.shared;
        self.stale |= !matches!(ask, Ask::Apply { .. } | Ask::Await { .. });
        let ticket = shared.member.draw_ticket();
        loop {
            let Some(mut guard) = shared.engine.store().try_lock(slot) else {
                self.wait_for_slot(slot).await;
                continue;
            };
            let mut late = Vec::new();
            let asker = Asker { ticket, attached: seat.epoch() };
            let store = shared.engine.store();
            let say = membership::with_place(shared, |place| {
                guard.ask((slot, store), (ask, by), asker, (place, boot_time()), &mut late)
            });
            if say.is_none() {
                let who = Arc::clone(&self.handle) as Arc<dyn Recipient>;
                shared.member.wait(ticket, who, id, slot);
            }
            drop(guard);
            self.stale |= !late.is_empty();
            membership::deliver(shared, late);
            return say;
        }
    }

    /// Looks at a slot's replica.
    async fn on_slot<R>(
        &mut self,
        slot: HashSlot,
        look: impl FnOnce(&mut crate::cluster::replica::Replica) -> R,
    ) -> Option<R> {
        let shared = Arc::clone(&self.worker.shared);
        loop {
            let Some(mut guard) = shared.engine.store().try_lock(slot) else {
                self.wait_for_slot(slot).await;
                continue;
            };
            let mut late = Vec::new();
            membership::with_place(&shared, |place| {
                guard.adopt(slot, shared.engine.store(), place, &mut late);
            });
            let looked = guard.replica().map(look);
            drop(guard);
            membership::deliver(&shared, late);
            return looked;
        }
    }

    /// `RM.UNLESS changed n request`.
    async fn unless(&mut self, args: Args<'_>) -> Option<()> {
        let version = Version { changed: Epoch(number(&args[1])?), n: number(&args[2])? };
        let inner = Inner::parse(&args[3])?;
        let (within, terms) = (Args::new(&args[3], &inner.spans), Terms::Unless(version));
        match &within[0].to_ascii_uppercase()[..] {
            b"RM.EXEC" => self.together(within, terms).await,
            b"RM.FLUSH" => self.flush_slot(within, terms).await,
            b"RM.TICK" => self.tick(within, terms).await,
            b"RM.EVICT" if within.len() >= 4 => self.evict(within, terms).await,
            _ => {
                let spec = resolve(&within).ok()?;
                let slot = self.one_slot(&[(spec, within)], Vec::new())?;
                self.work(slot, &Work::Command(spec, within), terms).await;
                Some(())
            }
        }
    }

    /// `RM.ANY request`.
    async fn any(&mut self, request: &[u8]) -> Option<()> {
        let inner = Inner::parse(request)?;
        let within = Args::new(request, &inner.spans);
        if within[0].eq_ignore_ascii_case(b"RM.EXEC") {
            return self.together(within, Terms::Any).await;
        }
        let spec = resolve(&within).ok()?;
        let (slot, work) = (self.one_slot(&[(spec, within)], Vec::new())?, Work::Command(spec, within));
        if !work.only_reads() {
            return None;
        }
        self.work(slot, &work, Terms::Any).await;
        Some(())
    }

    /// `RM.FLUSH slot [database]`.
    async fn flush_slot(&mut self, args: Args<'_>, terms: Terms) -> Option<()> {
        let slot = HashSlot::new(number(&args[1])?)?;
        let database = if args.len() == 3 { Some(number(&args[2])?) } else { None };
        self.work(slot, &Work::Flush(database), terms).await;
        Some(())
    }

    /// `RM.TICK slot`.
    async fn tick(&mut self, args: Args<'_>, terms: Terms) -> Option<()> {
        let slot = HashSlot::new(number(&args[1])?)?;
        self.work(slot, &Work::Tick, terms).await;
        Some(())
    }

    /// The one slot that all of these are, and all keys of these commands have; where there are none, any will do.
    fn one_slot(&self, commands: &[(&'static Spec, Args<'_>)], mut slots: Vec<HashSlot>) -> Option<HashSlot> {
        let engine = &self.worker.shared.engine;
        for (spec, args) in commands {
            match engine.reach(spec, *args, self.session.database) {
                Reach::All => return None,
                Reach::Slots(more) => slots.extend(more),
            }
        }
        the_one(&slots)
    }

    /// Carries out a command of data in a member of a cluster, where only proxies are served; `None` if it is another.
    #[cold]
    pub(super) async fn serve_member(&mut self, spec: &'static Spec, args: Args<'_>) -> Option<Fate> {
        if self.was_attached {
            return self.execute_attached(spec, args).await;
        }
        let shared = &self.worker.shared;
        if shared.engine.carries_out(spec) || is_script(spec) {
            self.refuse("CLUSTERED this node belongs to a cluster: connect to one of its proxies");
            return Some(Fate::Open);
        }
        None
    }

    /// Carries out a command of an attached connection that concerns keys; false where it concerns none.
    pub(super) async fn execute_attached(&mut self, spec: &'static Spec, args: Args<'_>) -> Option<Fate> {
        let engine = &self.worker.shared.engine;
        let is_data = engine.carries_out(spec) || is_script(spec) && !spec.name.contains('|');
        if !is_data {
            return None;
        }
        if self.attached.is_none() {
            put_refusal(&mut self.output, &Say::Stale(self.worker.shared.member.epoch()));
            return Some(Fate::Open);
        }
        match engine.reach(spec, args, self.session.database) {
            // A walk: over the slots that are read here. Those that hold one at a time bring it to the view when they come.
            Reach::All => {
                if !matches!(spec.name, "scan" | "keys" | "dbsize" | "randomkey") {
                    membership::adopt_all(&self.worker.shared);
                }
                None
            }
            Reach::Slots(slots) if slots.is_empty() && !is_script(spec) => None,
            Reach::Slots(slots) => {
                match the_one(&slots) {
                    Some(slot) => self.work(slot, &Work::Command(spec, args), Terms::Plain).await,
                    None => self.refuse(CROSS_SLOT),
                }
                Some(Fate::Open)
            }
        }
    }

    /// Does the work within one hold of the slot, and notes what became of it in front of the reply.
    async fn work(&mut self, slot: HashSlot, work: &Work<'_>, terms: Terms) {
        let Some(seat) = self.attached.clone() else {
            return put_refusal(&mut self.output, &Say::Stale(self.worker.shared.member.epoch()));
        };
        let shared = Arc::clone(&self.worker.shared);
        let access = match terms {
            _ if !work.only_reads() => Access::Execute,
            Terms::Any => Access::ReadAny,
            Terms::Plain | Terms::Unless(_) => Access::Read,
        };
        if work.may_change()
            && let Some(refusal) = shared.keeping.log().and_then(|log| log.refusal())
        {
            return self.refuse(&refusal_text(&refusal));
        }
        if work.needs_memory() && !self.await_room_in_chain(slot).await {
            return self.refuse(OUT_OF_MEMORY);
        }
        let (store, from) = (shared.engine.store(), self.output.len());
        loop {
            let mut late = Vec::new();
            let entered =
                membership::with_place(&shared, |place| store.enter(slot, (&seat, access), place, &mut late));
            membership::deliver(&shared, late);
            let guard = match entered {
                None => {
                    self.wait_for_slot(slot).await;
                    continue;
                }
                Some(Err(say)) => {
                    let say = membership::in_epochs(say, shared.member.epoch());
                    return put_refusal(&mut self.output, &say);
                }
                Some(Ok(guard)) => guard,
            };
            if let Terms::Unless(version) = terms
                && let Some(outcome) = guard.known(version)
            {
                put_attribute(&mut self.output, &Note { slot, outcome });
                return Reply::new(&mut self.output, self.session.protocol).ok();
            }
            let row = guard.row().copied().unwrap_or_default();
            let keeps = access != Access::Execute && row.is_shared;
            if keeps && self.reads_what_is_due(work, &guard) {
                return self.output.extend_from_slice(EXPIRING);
            }
            let mut moment = self.moment();
            (moment.keeps, moment.may_defer) = (keeps, false);
            if keeps {
                // Only the head decides time; what its clock has not reached is not expired.
                moment.now = guard.time();
            }
            let mut keyspace = Keyspace::of_guard(store, slot, guard, moment);
            self.carry_out(work, &mut keyspace).await;
            shared.engine.serve(&mut keyspace);
            let reply = from..self.output.len();
            keyspace.end_operation(store.replicas(), &mut self.output);
            drop(keyspace);
            self.stale = true;
            return self.place_note(reply, access == Access::Execute || row.has_joiner);
        }
    }

    /// Whether a key of the work is due by this node's clock.
    #[cold]
    fn reads_what_is_due(&self, work: &Work<'_>, slot: &Slot) -> bool {
        let commands = match work {
            Work::Command(spec, args) => std::slice::from_ref(&(*spec, *args)).to_vec(),
            Work::Together(together) => together.commands().collect(),
            Work::Flush(_) | Work::Tick | Work::Evict(_) => Vec::new(),
        };
        let mut positions: Vec<u32> = Vec::new();
        commands.iter().any(|(spec, args)| {
            positions.clear();
            // Arguments that name no keys read none.
            let _ = spec.key_positions(args, &mut positions);
            let keys = positions.iter().filter_map(|at| args.get(*at as usize));
            keys.map(|key| Key::new(key, self.session.database)).any(|key| slot.is_due(key, self.now))
        })
    }

    /// Puts the note at the end of the output in front of the reply that it is about; leaves it out where it `is_told` to
    /// nobody.
    fn place_note(&mut self, reply: Range<usize>, is_told: bool) {
        if is_told {
            self.output[reply.start..].rotate_left(reply.len());
        } else {
            self.output.truncate(reply.end);
        }
    }

    async fn carry_out(&mut self, work: &Work<'_>, keyspace: &mut Keyspace<'_, '_>) {
        match work {
            Work::Command(spec, args) => self.run_one(spec, *args, keyspace).await,
            Work::Together(together) => self.run_together(together, keyspace).await,
            Work::Flush(database) => {
                let clear = Effect::Clear { database: *database };
                keyspace.visit_held(|slot, operation| {
                    slot.apply(operation, &clear);
                    false
                });
                self.worker.shared.engine.tracking().tell_of(&clear, 0);
                Reply::new(&mut self.output, self.session.protocol).ok();
            }
            Work::Tick => {
                let freed = keyspace.expire_held();
                Reply::new(&mut self.output, self.session.protocol)
                    .int(i64::try_from(freed).unwrap_or(i64::MAX));
            }
            Work::Evict(keys) => {
                let evicted = keyspace.evict_held(keys);
                self.worker.counters().evicted.add(evicted as u64);
                Reply::new(&mut self.output, self.session.protocol)
                    .int(i64::try_from(evicted).unwrap_or(i64::MAX));
            }
        }
    }

    async fn run_one(&mut self, spec: &'static Spec, args: Args<'_>, keyspace: &mut Keyspace<'_, '_>) {
        self.session.begins(spec);
        let (from, clock) = (self.output.len(), self.clock_in(spec, args));
        self.run_uncounted(spec, args, keyspace).await;
        self.clock_out(spec, args, clock, from);
    }

    async fn run_uncounted(&mut self, spec: &'static Spec, args: Args<'_>, keyspace: &mut Keyspace<'_, '_>) {
        let shared = Arc::clone(&self.worker.shared);
        if is_script(spec) {
            return self.script_in_transaction(spec, args, keyspace).await;
        }
        if spec.answers_alone() {
            self.converse_within(spec, args, keyspace);
            return;
        }
        let moment = keyspace.moment();
        let mut reply = Reply::bounded(&mut self.output, self.session.protocol);
        let tally = shared.engine.run_within(keyspace, (spec, args), moment, &mut reply);
        self.count(tally);
    }
}

impl Work<'_> {
    fn only_reads(&self) -> bool {
        let reads = |spec: &Spec| spec.flags.contains(Flags::READONLY);
        match self {
            Self::Command(spec, _) => reads(spec),
            Self::Together(together) => together.only_reads(),
            Self::Flush(_) | Self::Tick | Self::Evict(_) => false,
        }
    }

    /// Whether the log is asked for room.
    fn may_change(&self) -> bool {
        !self.only_reads() && !matches!(self, Self::Together(together) if together.only_looks())
    }

    fn needs_memory(&self) -> bool {
        let needs = |spec: &Spec| spec.flags.contains(Flags::DENYOOM);
        match self {
            Self::Command(spec, _) => needs(spec),
            Self::Together(together) => together.commands().any(|(spec, _)| needs(spec)),
            Self::Flush(_) | Self::Tick | Self::Evict(_) => false,
        }
    }
}
