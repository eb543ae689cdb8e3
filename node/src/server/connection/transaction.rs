//! Transactions: MULTI queues, EXEC runs what was queued within one hold of all slots that it touches.
//!
//! WATCH puts a watch on keys; whoever changes one raises it, under the slot's lock. EXEC holds the watched slots,
//! too, so between its look at the watch and its last command nothing comes in between.

use std::collections::HashSet;
use std::sync::Arc;

use ringmaster_protocol::command::{Flags, Spec};
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, number};
use ringmaster_protocol::slot::HashSlot;

use super::execute::is_script;
use super::queued::{Queued, size_of_args};
use super::snapshot::concerns_snapshots;
use super::subscribe::Change;
use super::{Connection, Fate};
use crate::engine::within::Reach;
use crate::server::context::Held;
use crate::store::effect::Effect;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::observers::Watch;

/// Most bytes of queued arguments of a transaction: one request of the largest size and its kin.
const QUEUED_BYTES_MAX: usize = 1 << 30;

const NESTED: &str = "ERR MULTI calls can not be nested";
const WATCH_INSIDE: &str = "ERR WATCH inside MULTI is not allowed";
const NOT_ALLOWED: &str = "ERR Command not allowed inside a transaction";
const TOO_LARGE: &str = "ERR transaction is too large";
const ABORTED: &str = "EXECABORT Transaction discarded because of previous errors.";

/// What was queued since MULTI.
#[derive(Default)]
pub(super) struct Transaction {
    commands: Vec<Queued>,
    bytes: usize,
    /// A command was refused: EXEC will refuse all.
    spoiled: bool,
}

impl Transaction {
    /// Bytes of what is queued.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows of the queued commands.
    pub(super) fn specs(&self) -> impl Iterator<Item = &'static Spec> {
        self.commands.iter().map(|queued| queued.spec)
    }
}

/// The keys that a connection watches.
#[derive(Default)]
pub(super) struct Watching {
    watch: Arc<Watch>,
    keys: HashSet<(u8, Vec<u8>)>,
}

impl Watching {
    fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.keys.iter().map(|(database, bytes)| Key::new(bytes, *database))
    }
}

/// The commands of transactions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Multi,
    Exec,
    Discard,
    Watch,
    Unwatch,
    /// What RESET does beside its reply.
    Forget,
}

impl Step {
    /// The step that a command is.
    pub(super) fn of(spec: &Spec) -> Option<Self> {
        match spec.name {
            "multi" => Some(Self::Multi),
            "exec" => Some(Self::Exec),
            "discard" => Some(Self::Discard),
            "watch" => Some(Self::Watch),
            "unwatch" => Some(Self::Unwatch),
            _ => None,
        }
    }
}

impl Connection {
    /// Whether a command is queued rather than carried out.
    pub(super) fn is_queued(&self, spec: &Spec) -> bool {
        let at_once = matches!(spec.name, "multi" | "exec" | "discard" | "watch" | "quit" | "reset");
        self.transaction.is_some() && !at_once
    }

    /// Queues a command of a transaction, or refuses it; false for those that are carried out at once.
    pub(super) fn queue(&mut self, spec: &'static Spec, args: Args<'_>) -> bool {
        if !self.is_queued(spec) {
            return false;
        }
        let Some(transaction) = &mut self.transaction else { return false };
        let refusal = if spec.flags.contains(Flags::NO_MULTI) {
            Some(NOT_ALLOWED)
        } else if transaction.bytes + size_of_args(args) > QUEUED_BYTES_MAX {
            Some(TOO_LARGE)
        } else {
            self.lacks_memory_for(spec)
        };
        if let Some(text) = refusal {
            self.reject(spec, text);
            self.spoil_transaction();
        } else if let Some(transaction) = &mut self.transaction {
            let queued = Queued::new(spec, args);
            transaction.bytes += queued.size_bytes();
            transaction.commands.push(queued);
            self.session.queued_commands = u32::try_from(transaction.commands.len()).ok();
            Reply::new(&mut self.output, self.session.protocol).simple("QUEUED");
        }
        true
    }

    /// Notes that a command of the transaction was refused, if there is one.
    pub(super) fn spoil_transaction(&mut self) {
        if let Some(transaction) = &mut self.transaction {
            transaction.spoiled = true;
        }
    }

    /// Carries out a command of transactions.
    pub(super) async fn step(&mut self, step: Step, args: Args<'_>) -> Fate {
        match step {
            Step::Multi if self.transaction.is_some() => self.refuse(NESTED),
            Step::Multi => {
                self.transaction = Some(Transaction::default());
                self.session.queued_commands = Some(0);
                self.ok();
            }
            Step::Watch if self.transaction.is_some() => self.refuse(WATCH_INSIDE),
            Step::Watch => {
                self.watch(args).await;
                self.ok();
            }
            Step::Unwatch => {
                self.unwatch().await;
                self.ok();
            }
            Step::Discard | Step::Exec if self.transaction.is_none() => {
                let name = if step == Step::Exec { "EXEC" } else { "DISCARD" };
                self.refuse(&format!("ERR {name} without MULTI"));
            }
            Step::Discard => {
                self.forget_transaction();
                self.unwatch().await;
                self.ok();
            }
            Step::Forget => {
                self.stop_monitoring();
                self.forget_transaction();
                self.forget_subscriptions();
                self.forget_tracking();
                self.unwatch().await;
            }
            Step::Exec => {
                let fate = self.exec().await;
                self.note_modes();
                return fate;
            }
        }
        self.note_modes();
        self.publish();
        Fate::Open
    }

    /// Answers an EXEC that may not be sent now; there is no transaction any more.
    pub(super) async fn abort_transaction(&mut self, why: &str) -> Fate {
        self.refuse(&format!("EXECABORT Transaction discarded because of: {why}"));
        self.drop_transaction().await;
        Fate::Open
    }

    /// There is no transaction and no watch any more.
    pub(super) async fn drop_transaction(&mut self) {
        self.forget_transaction();
        self.unwatch().await;
        self.note_modes();
        self.publish();
    }

    fn ok(&mut self) {
        Reply::new(&mut self.output, self.session.protocol).ok();
    }

    fn forget_transaction(&mut self) -> Option<Transaction> {
        self.session.queued_commands = None;
        self.transaction.take()
    }

    async fn watch(&mut self, args: Args<'_>) {
        let database = self.session.database;
        let mut watching = self.watching.take().unwrap_or_default();
        for bytes in args.from(1).iter() {
            if !watching.keys.insert((database, bytes.to_vec())) {
                continue;
            }
            let key = Key::new(bytes, database);
            while let Err(slot) = self.watch_key(key, &watching.watch) {
                self.wait_for_slot(slot).await;
            }
        }
        self.watching = Some(watching);
    }

    fn watch_key(&self, key: Key<'_>, watch: &Arc<Watch>) -> Result<(), HashSlot> {
        let store = self.worker.shared.engine.store();
        let mut slot = store.try_lock(key.slot).ok_or(key.slot)?;
        if slot.find(key, self.now).is_none() {
            // One that is expired already may be freed without raising the watch.
            // Told at the end of this statement, while the slot is held.
            slot.apply(&mut store.operation(key.slot, self.now), &Effect::Remove { key });
        }
        slot.watch(key, watch);
        Ok(())
    }

    /// How many keys the client watches.
    pub(super) fn watched_keys(&self) -> u32 {
        let keys = self.watching.as_ref().map_or(0, |watching| watching.keys.len());
        u32::try_from(keys).unwrap_or(u32::MAX)
    }

    /// Shows others the state of the session.
    fn publish(&self) {
        self.handle.figures.note_watched(self.watched_keys());
        self.handle.publish(&self.session);
    }

    /// Ends the watch over all keys.
    pub(super) async fn unwatch(&mut self) {
        let Some(watching) = self.watching.take() else { return };
        for key in watching.keys() {
            loop {
                let store = self.worker.shared.engine.store();
                if let Some(mut slot) = store.try_lock(key.slot) {
                    slot.unwatch(key, &watching.watch);
                    break;
                }
                self.wait_for_slot(key.slot).await;
            }
        }
    }

    async fn exec(&mut self) -> Fate {
        let Some(transaction) = self.forget_transaction() else { return Fate::Open };
        if transaction.spoiled {
            self.unwatch().await;
            self.refuse(ABORTED);
            return Fate::Open;
        }
        let watching = self.watching.take();
        let slots = self.slots_of(&transaction, watching.as_ref());
        let shared = Arc::clone(&self.worker.shared);
        loop {
            let moment = self.moment();
            match Keyspace::lock_slots(shared.engine.store(), slots.iter().copied(), moment) {
                Err(slot) => {
                    if let Some(text) = self.wait_unless_busy(slot).await {
                        self.watching = watching;
                        self.unwatch().await;
                        self.refuse(&format!("EXECABORT Transaction discarded because of: {text}"));
                        return Fate::Open;
                    }
                }
                Ok(mut keyspace) => {
                    let stands = watching.as_ref().is_none_or(|watching| end_watch(&mut keyspace, watching));
                    let fate =
                        if stands { self.run_queued(&transaction, &mut keyspace).await } else { Fate::Open };
                    if !stands {
                        Reply::new(&mut self.output, self.session.protocol).null_array();
                    }
                    shared.engine.serve(&mut keyspace);
                    drop(keyspace);
                    self.stale = true;
                    self.publish();
                    return fate;
                }
            }
        }
    }

    /// All slots that the commands and the watched keys lie in, ascending.
    fn slots_of(&self, transaction: &Transaction, watching: Option<&Watching>) -> Vec<HashSlot> {
        let mut database = self.session.database;
        let mut slots: Vec<HashSlot> = watching.iter().flat_map(|of| of.keys()).map(|key| key.slot).collect();
        for queued in &transaction.commands {
            match self.worker.shared.engine.reach(queued.spec, queued.args(), database) {
                Reach::All => return HashSlot::all().collect(),
                Reach::Slots(more) => slots.extend(more),
            }
            if queued.spec.name == "select" {
                let index = number::parse_integer(&queued.args()[1]);
                database = index.and_then(|index| u8::try_from(index).ok()).unwrap_or(database);
            }
        }
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Runs the queued commands one after the other; nothing else happens to their keys meanwhile.
    async fn run_queued(&mut self, transaction: &Transaction, keyspace: &mut Keyspace<'_, '_>) -> Fate {
        let shared = Arc::clone(&self.worker.shared);
        Reply::new(&mut self.output, self.session.protocol).array(transaction.commands.len());
        let mut fate = Fate::Open;
        for queued in &transaction.commands {
            let (spec, args) = (queued.spec, queued.args());
            self.session.begins(spec);
            if shared.attention.look().is_monitored() {
                self.tell_monitors(spec, args);
            }
            if let Some(text) = self.refusal_of_queued(spec, args) {
                self.refuse(&text);
                continue;
            }
            let (from, clock) = (self.output.len(), self.clock_in(spec, args));
            if shared.engine.carries_out(spec) {
                let moment = self.moment();
                let mut reply = Reply::bounded(&mut self.output, self.session.protocol);
                let tally = shared.engine.run_within(keyspace, (spec, args), moment, &mut reply);
                self.count(tally);
            } else if concerns_snapshots(spec) {
                self.snapshot_in_transaction(spec, args);
            } else if is_script(spec) {
                self.script_in_transaction(spec, args, keyspace).await;
            } else {
                fate = fate.and(self.converse_within(spec, args, keyspace));
            }
            self.clock_out(spec, args, clock, from);
        }
        fate
    }

    /// A command of the session within a transaction.
    pub(super) fn converse_within(
        &mut self,
        spec: &'static Spec,
        args: Args<'_>,
        keyspace: &mut Keyspace<'_, '_>,
    ) -> Fate {
        use ringmaster_protocol::session::Outcome;
        let shared = Arc::clone(&self.worker.shared);
        if spec.name == "unwatch" {
            // EXEC has ended the watch already.
            self.ok();
            return Fate::Open;
        }
        if let Some(change) = Change::of(spec) {
            self.change_subscriptions(change, args);
            return Fate::Open;
        }
        match self.converse_about(spec, args, &Held { shared: &shared, keyspace }) {
            Outcome::Done | Outcome::Reset => Fate::Open,
            Outcome::Close => Fate::Close,
            Outcome::NotMine => {
                self.refuse(&format!("ERR command '{}' is not supported by this release", spec.name));
                Fate::Open
            }
        }
    }
}

/// Ends the watch over keys whose slots are held. Returns whether none of them was changed.
fn end_watch(keyspace: &mut Keyspace<'_, '_>, watching: &Watching) -> bool {
    let mut stands = !watching.watch.is_raised();
    let now = keyspace.now();
    for key in watching.keys() {
        // One that expired since WATCH, and that nobody has freed yet, counts as changed.
        stands &= !keyspace.slot(key.slot).is_due(key, now);
        keyspace.slot_mut(key.slot).unwatch(key, &watching.watch);
    }
    stands
}
