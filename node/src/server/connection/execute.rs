//! Executes a batch: each command in its turn, at once where that is possible.

mod wait;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::command::{Flags, Group, Source, Spec};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::session::{self, Outcome};
use ringmaster_protocol::slot::HashSlot;

use super::debug::concerns_connection;
use super::snapshot::concerns_snapshots;
use super::subscribe::Change;
use super::transaction::Step;
use super::{Connection, Fate, OUTPUT_BYTES};
use crate::command::CommandError;
use crate::engine::{Flow, Journey, Tally};
use crate::log::journal::take_seen;
use crate::server::attention::Heed;
use crate::server::batch::{Batch, Planned};
use crate::server::room::Room;
use crate::server::shared::{millis_of, unix_time};
use crate::store::keyspace::Moment;
use crate::waiting::Waiter;

/// From this time on, a batch lets other connections have a turn before it goes on.
const TURN: Duration = Duration::from_micros(500);

/// After a command of more arguments the clock is looked at, however fast it is for one.
pub(super) const ARGUMENTS_FEW: usize = 64;

pub(super) const OUT_OF_MEMORY: &str = "OOM command not allowed when used memory > 'maxmemory'.";

impl Connection {
    /// Executes the commands one after the other.
    pub(super) async fn execute(&mut self, batch: &Batch) -> io::Result<Fate> {
        if batch.commands.is_empty() {
            return Ok(Fate::Open);
        }
        self.await_log(batch).await;
        self.turn_began = unix_time();
        self.now = millis_of(self.turn_began);
        self.stale = false;
        self.handle.active(self.now);
        self.worker.counters().commands.add(batch.commands.len() as u64);
        self.worker.shared.engine.store().replacement().pass(batch.commands.len() as u64);
        // Taken out for the batch: arguments borrow it while the connection is changed.
        let input = std::mem::take(&mut self.input);
        let mut fate = Ok(Fate::Open);
        for command in &batch.commands {
            let args = batch.args(command, &input);
            self.reply_from = self.output.len();
            let traced = self.begin_trace(command, args);
            let attention = self.worker.shared.attention.look_as(self.heed);
            let is_done = attention.is_only_member() && self.run_attached(command, args);
            if !is_done {
                fate = self.execute_one(command, args).await;
            }
            if let Some(traced) = traced {
                self.end_trace(&traced, command, args);
            }
            if self.output.len() >= OUTPUT_BYTES && fate.is_ok() {
                fate = self.flush().await.and(fate);
            }
            if self.stale {
                self.look_at_clock().await;
            }
            if !matches!(fate, Ok(Fate::Open)) {
                break;
            }
        }
        self.end_turn(batch.commands.len());
        if let Some(spec) = batch.commands.last().and_then(|command| command.spec.ok()) {
            self.handle.figures.note_command(spec);
        }
        self.input = input;
        self.input.append(&mut self.late);
        fate
    }

    /// Takes the time anew after what may have taken long; a turn that did lets other connections go first.
    #[cold]
    async fn look_at_clock(&mut self) {
        self.stale = false;
        let now = unix_time();
        self.now = millis_of(now);
        if now.abs_diff(self.turn_began) >= TURN {
            let began = self.begin_wait();
            tokio::task::yield_now().await;
            self.end_wait(began);
        }
    }

    #[inline]
    async fn execute_one(&mut self, command: &Planned, args: Args<'_>) -> io::Result<Fate> {
        let attention = self.worker.shared.attention.look_as(self.heed);
        // Who was refused as a proxy is served nothing, also by a node that is no member (any more).
        if (!attention.is_nothing() || self.was_attached)
            && (command.spec.is_ok() || attention.is_restricted())
            && let Some(fate) = self.attend(attention, command.spec.ok(), args).await?
        {
            return Ok(fate);
        }
        let fate = match command.spec {
            Ok(spec) if self.special && self.intercept(spec, args) => Fate::Open,
            Ok(spec) => {
                self.session.begins(spec);
                if self.room_for(spec) != Room::Enough && !self.await_room(spec).await {
                    self.reject(spec, OUT_OF_MEMORY);
                    Fate::Open
                } else {
                    let clock = self.clock_in(spec, args);
                    let fate = match self.begin(command, spec, args) {
                        Begun::Done(fate) => fate,
                        Begun::Waiting(waiting) => self.wait(waiting, command, spec, args).await?,
                    };
                    self.clock_out(spec, args, clock, self.reply_from);
                    if !attention.is_nothing() {
                        self.tell_monitors_after(spec, args);
                    }
                    fate
                }
            }
            Err(_) if self.extension(args).await => Fate::Open,
            Err(rejection) => {
                self.reject_unknown(rejection, args);
                if rejection.ends_transaction() {
                    self.drop_transaction().await;
                } else {
                    self.spoil_transaction();
                }
                Fate::Open
            }
        };
        if self.session.drops_reply() {
            self.output.truncate(self.reply_from);
        }
        Ok(fate)
    }

    /// Whether a command of a connection with special modes is dealt with already: refused, or queued.
    #[cold]
    fn intercept(&mut self, spec: &'static Spec, args: Args<'_>) -> bool {
        self.collect_mail();
        self.spend_caching(spec);
        if let Some(text) = self.must_not_ask(spec).filter(|_| spec.name != "exec") {
            self.reject(spec, &format!("ERR {text}"));
            self.spoil_transaction();
            return true;
        }
        self.queue(spec, args)
    }

    /// Notes whether a command may simply be carried out.
    pub(super) fn note_modes(&mut self) {
        let mail = self.session.is_subscriber() || self.session.tracking.is_some();
        self.special = mail || self.transaction.is_some();
        self.tracks = self.session.remembers();
        self.heed = if self.session.login.proof().is_some() { Heed::PROXY } else { Heed::default() };
    }

    /// CLIENT CACHING is about the next command, or about the next transaction.
    fn spend_caching(&mut self, spec: &Spec) {
        let Some(tracking) = &mut self.session.tracking else { return };
        if std::mem::take(&mut self.caching_spent) {
            tracking.caching = false;
            self.tracks = tracking.remembers();
        }
        let goes_on = spec.name == "multi" || spec.name.starts_with("client|");
        let ends = matches!(spec.name, "exec" | "discard");
        self.caching_spent = ends || self.transaction.is_none() && !goes_on;
    }

    pub(super) fn moment(&self) -> Moment {
        Moment {
            now: self.now,
            database: self.session.database,
            random: self.worker.seed(),
            client: self.by,
            tracks: self.tracks,
            no_touch: self.session.no_touch,
            is_scripted: false,
            may_defer: true,
            keeps: false,
        }
    }

    pub(super) fn refuse(&mut self, text: &str) {
        Reply::new(&mut self.output, self.session.protocol).error(text);
    }

    /// Starts a command; nearly all are done at once.
    #[inline]
    fn begin(&mut self, command: &Planned, spec: &'static Spec, args: Args<'_>) -> Begun {
        let moment = self.moment();
        let mut reply = Reply::bounded(&mut self.output, self.session.protocol);
        let engine = &self.worker.shared.engine;
        let flow = match command.key(args, moment.database) {
            Some(key) => engine.run_single(spec, args, key, moment, &mut reply),
            None if engine.carries_out(spec) && !concerns_connection(spec, args) => {
                engine.run(spec, args, moment, &mut reply)
            }
            None => {
                return match (Step::of(spec), spec.name) {
                    (Some(step), _) => Begun::Waiting(Waiting::Transaction(step)),
                    (None, "debug") => Begun::Waiting(Waiting::Debug),
                    _ if concerns_snapshots(spec) => Begun::Waiting(Waiting::Snapshot),
                    (None, "monitor") => {
                        self.monitor();
                        Begun::Done(Fate::Open)
                    }
                    _ if is_script(spec) => Begun::Waiting(Waiting::Script),
                    _ => self.begin_session_command(spec, args),
                };
            }
        };
        match flow {
            Flow::Done(tally) => {
                self.count(tally);
                if tally.slow || args.len() > ARGUMENTS_FEW {
                    self.stale = true;
                }
                Begun::Done(Fate::Open)
            }
            Flow::Busy(slot) => Begun::Waiting(Waiting::Slot(slot)),
            Flow::Walking(journey) => Begun::Waiting(Waiting::Walk(journey)),
            Flow::Waiting(waiter) => Begun::Waiting(Waiting::Key(waiter)),
            Flow::Long => Begun::Waiting(Waiting::Long),
        }
    }

    /// Room for what a command needs.
    #[inline]
    fn room_for(&self, spec: &Spec) -> Room {
        if spec.flags.contains(Flags::DENYOOM) { self.worker.make_room() } else { Room::Enough }
    }

    /// Whether there is room for what a command needs, or will be once others had a turn.
    pub(super) async fn has_room_for(&mut self, spec: &Spec) -> bool {
        self.room_for(spec) == Room::Enough || self.await_room(spec).await
    }

    /// Waits until there is room for what a command needs; false if there will be none.
    #[cold]
    async fn await_room(&mut self, spec: &Spec) -> bool {
        loop {
            match self.room_for(spec) {
                Room::Enough => return true,
                Room::Made => {
                    self.stale = true;
                    return true;
                }
                Room::None => return false,
                Room::Later => {
                    let began = self.begin_wait();
                    tokio::task::yield_now().await;
                    self.end_wait(began);
                }
            }
        }
    }

    /// The refusal of a command that needs memory, where there is none left.
    pub(super) fn lacks_memory_for(&self, spec: &Spec) -> Option<&'static str> {
        (self.room_for(spec) == Room::None).then_some(OUT_OF_MEMORY)
    }

    #[inline]
    pub(super) fn count(&self, tally: Tally) {
        let counters = self.worker.counters();
        counters.hits.add(u64::from(tally.lookups.hits));
        counters.misses.add(u64::from(tally.lookups.misses));
    }

    /// A command of the session: HELLO, CLIENT, INFO and the like.
    fn begin_session_command(&mut self, spec: &'static Spec, args: Args<'_>) -> Begun {
        if let Some(change) = Change::of(spec) {
            self.change_subscriptions(change, args);
            return Begun::Done(Fate::Open);
        }
        let shared = Arc::clone(&self.worker.shared);
        match self.converse_about(spec, args, &*shared) {
            Outcome::Done => Begun::Done(Fate::Open),
            Outcome::Reset => Begun::Waiting(Waiting::Transaction(Step::Forget)),
            Outcome::Close => Begun::Done(Fate::Close),
            Outcome::NotMine => {
                let why = if spec.source == Source::Ringmaster {
                    "is for proxies: a node knows of no other"
                } else {
                    "is not supported by this release"
                };
                self.refuse(&format!("ERR command '{}' {why}", spec.name));
                Begun::Done(Fate::Open)
            }
        }
    }

    pub(super) fn converse_about(
        &mut self,
        spec: &'static Spec,
        args: Args<'_>,
        context: &dyn session::Context,
    ) -> Outcome {
        self.stale |= !spec.flags.contains(Flags::FAST);
        self.session.buffers = self.buffers(args);
        self.session.active_at = Duration::from_millis(self.now);
        self.session.watched_keys = self.watched_keys();
        let before = self.output.len();
        self.seen.set(self.seen.get().max(take_seen()));
        let mut reply = Reply::bounded(&mut self.output, self.session.protocol);
        let outcome = session::execute(spec, args, &mut self.session, context, &mut reply);
        // Figures are no values: an operator asks for them while the disk is full, and waits for no record.
        let _ = take_seen();
        if reply.overflowed() {
            reply.truncate(before);
            CommandError::ReplyTooLong.write(&mut reply);
        }
        self.note_modes();
        self.handle.publish(&self.session);
        outcome
    }
}

/// How far a command came at once.
enum Begun {
    Done(Fate),
    Waiting(Waiting),
}

/// What a command waits for.
enum Waiting {
    Slot(HashSlot),
    Walk(Journey),
    Key(Arc<Waiter>),
    Transaction(Step),
    Debug,
    Snapshot,
    Script,
    Long,
}

/// Whether a command runs or manages scripts. Their help is the session's.
pub(super) fn is_script(spec: &Spec) -> bool {
    spec.group == Group::Scripting && !spec.name.ends_with("|help")
}
