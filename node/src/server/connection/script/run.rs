//! Runs a script within a hold of the slots of its keys.
//!
//! A script that needs a slot which it did not declare takes the right to extend, which one script at a time has: who
//! waits for a slot while he holds others must be one at most, or two could wait for each other. When somebody else
//! has the right, a script that has changed nothing begins anew once it has got it; one that has changed something
//! tries for a while, and gets an error when the slot stays busy. A script that was found to need undeclared slots
//! takes the right before its later runs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ringmaster_protocol::command::{Flags as CommandFlags, Rejection, Spec, resolve};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::session::{self, Session};
use ringmaster_protocol::slot::HashSlot;
use tokio::sync::OwnedMutexGuard;

use super::code::{Code, slots_of};
use crate::engine::Tally;
use crate::engine::within::Reach;
use crate::script::convert::write_error;
use crate::script::desk::Outcome;
use crate::script::sandbox::STOPPED;
use crate::script::shebang::Flags;
use crate::script::vm::{Answer, Need, Vm};
use crate::server::connection::Connection;
use crate::server::context::Held;
use crate::server::machines::Lease;
use crate::server::room::Room;
use crate::server::scripts::Running;
use crate::server::shared::Shared;
use crate::store::keyspace::{Keyspace, Moment};

/// How often one that waits looks whether it is killed or overdue.
const WATCH: Duration = Duration::from_millis(50);

/// Commands after which the clock is looked at.
const LOOK_CALLS: u32 = 16;

/// How long, and how often, a script that has changed something waits for a slot without the right to: whoever has
/// the right may wait for it meanwhile.
const PATIENCE: Duration = Duration::from_millis(5);
const TRIES: u32 = 20;

/// Commands that do not count as writing, and whose effects Redis may replicate.
const MAY_REPLICATE: [&str; 3] = ["pfcount", "publish", "spublish"];

const LOG_REFUSED: &str = "MISCONF Errors writing to the log: writes are refused, reads are served.";
const OUT_OF_MEMORY: &str = "OOM command not allowed when used memory > 'maxmemory'.";
const CONTENDED: &str = "ERR a key that the script did not declare is held by another script";

/// A hold of a transaction.
pub(super) struct Within<'a, 's, 'k>(pub(super) &'a mut Keyspace<'s, 'k>);

/// One run of a script.
struct Run {
    shared: Arc<Shared>,
    code: Code,
    /// The command that runs it.
    command: Vec<Vec<u8>>,
    began: Instant,
    /// Only commands that read.
    reads_only: bool,
    /// Commands that need memory are refused, as long as nothing was written.
    lacks_memory: bool,
    /// A command that writes was called.
    wrote: bool,
    /// Something was called that cannot be called again.
    acted: bool,
    calls: u32,
    moment: Moment,
    /// The client's session, and what commands of the script have made of it.
    session: Box<Session>,
    running: Option<Arc<Running>>,
    right: Option<OwnedMutexGuard<()>>,
    tally: Tally,
}

/// How an attempt to run a script ended.
enum End {
    Outcome(Outcome),
    /// It is to begin anew: this slot (or all, if `None`) was busy.
    Anew(Option<HashSlot>),
}

/// How far a command of a script came.
enum Called {
    Answered,
    /// These slots are to be held first; all of them, if `None`.
    Lacks(Option<HashSlot>),
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            self.shared.scripts.leave(running);
        }
    }
}

impl Connection {
    /// EVAL and its kin.
    pub(super) async fn run_script(
        &mut self,
        spec: &'static Spec,
        args: Args<'_>,
        within: Option<Within<'_, '_, '_>>,
    ) -> Result<(), String> {
        let (code, keys) = self.find_code(spec, args).await?;
        let reads_only = spec.name.ends_with("_ro");
        let mut run = self.new_run(code, reads_only, args)?;
        let mut lease = self.machine().await?;
        let outcome = match within {
            Some(Within(keyspace)) => {
                run.acted = true;
                run.moment.now = keyspace.now();
                lay(&lease, &run, args, keys, self.session.protocol);
                match run.drive(&mut lease, keyspace).await {
                    End::Outcome(outcome) => outcome,
                    End::Anew(_) => Outcome::Failed(CONTENDED.as_bytes().to_vec()),
                }
            }
            None => self.run_alone(&mut run, &mut lease, args, keys).await?,
        };
        self.count(run.tally);
        match outcome {
            Outcome::Failed(text) => {
                self.worker.counters().errors.add(1);
                write_error(&mut self.output, &text);
            }
            _ => self.output.extend_from_slice(&lease.desk().reply.borrow()),
        }
        Ok(())
    }

    /// Runs a script within a hold of its own, again until its slots were free.
    async fn run_alone(
        &mut self,
        run: &mut Run,
        lease: &mut Lease,
        args: Args<'_>,
        keys: usize,
    ) -> Result<Outcome, String> {
        let shared = Arc::clone(&self.worker.shared);
        let mut slots = slots_of(args, keys);
        loop {
            if run.right.is_none() && run.code.extends().load(Ordering::Relaxed) {
                run.right = Some(self.right_to_extend().await?);
            }
            run.moment = self.moment();
            let locked = Keyspace::lock_slots(shared.engine.store(), slots.iter().copied(), run.moment);
            let mut keyspace = match locked {
                Ok(keyspace) => keyspace,
                Err(slot) => match self.wait_unless_busy(slot).await {
                    Some(text) => return Err(text.to_owned()),
                    None => continue,
                },
            };
            lay(lease, run, args, keys, self.session.protocol);
            match run.drive(lease, &mut keyspace).await {
                End::Outcome(outcome) => {
                    shared.engine.serve(&mut keyspace);
                    return Ok(outcome);
                }
                End::Anew(busy) => {
                    run.code.extends().store(true, Ordering::Relaxed);
                    match busy {
                        Some(slot) => slots.extend(slots.binary_search(&slot).is_err().then_some(slot)),
                        None => slots = HashSlot::all().collect(),
                    }
                    slots.sort_unstable();
                }
            }
        }
    }

    /// Waits for the right to wait for slots while holding others.
    async fn right_to_extend(&self) -> Result<OwnedMutexGuard<()>, String> {
        let scripts = &self.worker.shared.scripts;
        loop {
            let lock = Arc::clone(&scripts.extending).lock_owned();
            match tokio::time::timeout(WATCH, lock).await {
                Ok(right) => return Ok(right),
                Err(_) => {
                    if let Some(text) = scripts.any_overdue() {
                        return Err(text.to_owned());
                    }
                }
            }
        }
    }

    /// A run, if its flags allow it now.
    fn new_run(&self, code: Code, reads_only: bool, args: Args<'_>) -> Result<Run, String> {
        let flags = code.flags();
        let mut lacks_memory = self.worker.make_room() == Room::None;
        if !flags.contains(Flags::COMPATIBLE) {
            if reads_only && !flags.contains(Flags::NO_WRITES) {
                return Err("ERR Can not execute a script with write flag using *_ro command.".to_owned());
            }
            let spares = flags.contains(Flags::ALLOW_OOM) || flags.contains(Flags::NO_WRITES);
            if lacks_memory && !spares {
                return Err(
                    "OOM allow-oom flag is not set on the script, can not run it when used memory > \
                            'maxmemory'"
                        .to_owned(),
                );
            }
            lacks_memory &= !flags.contains(Flags::ALLOW_OOM);
        }
        let moment = self.moment();
        let session = Session { queued_commands: None, ..self.session.clone() };
        Ok(Run {
            shared: Arc::clone(&self.worker.shared),
            reads_only: reads_only || flags.contains(Flags::NO_WRITES),
            code,
            command: args.iter().map(<[u8]>::to_vec).collect(),
            began: Instant::now(),
            lacks_memory,
            wrote: false,
            acted: false,
            calls: 0,
            moment,
            session: Box::new(session),
            running: None,
            right: None,
            tally: Tally::default(),
        })
    }
}

/// Lays the words of a run on the desk.
fn lay(vm: &Vm, run: &Run, args: Args<'_>, keys: usize, protocol: ringmaster_protocol::resp::Protocol) {
    let desk = vm.desk();
    let mut words = desk.words.borrow_mut();
    words.clear();
    args.iter().skip(3).for_each(|word| {
        words.push(word);
    });
    desk.keys.set(keys);
    desk.client_protocol.set(protocol);
    desk.generation.set(run.shared.scripts.catalogue.generation());
}

impl Run {
    /// Runs the script to its end, within the hold.
    async fn drive(&mut self, vm: &mut Vm, keyspace: &mut Keyspace<'_, '_>) -> End {
        let mut need = vm.start(self.code.task());
        loop {
            let mut answer = Answer::Go;
            match need {
                Need::Ended(outcome) => return End::Outcome(self.judged(outcome)),
                Need::Turn => answer = self.pause(vm, keyspace).await,
                Need::Call => {
                    self.calls += 1;
                    if self.calls.is_multiple_of(LOOK_CALLS) && vm.desk().turn_is_over() {
                        answer = self.pause(vm, keyspace).await;
                    }
                    if answer == Answer::Go
                        && let Some(end) = self.answer_call(vm, keyspace).await
                    {
                        vm.stop();
                        return end;
                    }
                }
            }
            need = vm.resume(answer);
        }
    }

    /// Carries out the command on the desk, when all that it needs is held. Returns how the run ends, if it must.
    async fn answer_call(&mut self, vm: &Vm, keyspace: &mut Keyspace<'_, '_>) -> Option<End> {
        while let Called::Lacks(slot) = self.call(vm, keyspace) {
            match self.extend(keyspace, slot).await {
                Extended::Held => {}
                Extended::Stopped => return Some(End::Outcome(self.judged(Outcome::Done))),
                Extended::Busy if self.acted => {
                    answer_error(vm, CONTENDED);
                    break;
                }
                Extended::Busy => return Some(End::Anew(slot)),
            }
        }
        None
    }

    fn is_killed(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.is_killed())
    }

    /// What comes of a run whose end was `outcome`.
    fn judged(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Failed(text) if text.starts_with(STOPPED.as_bytes()) => Outcome::Failed(text),
            _ if self.is_killed() => Outcome::Failed(STOPPED.as_bytes().to_vec()),
            outcome => outcome,
        }
    }

    /// Lets others have a turn.
    async fn pause(&mut self, vm: &Vm, keyspace: &Keyspace<'_, '_>) -> Answer {
        self.show(keyspace);
        tokio::task::yield_now().await;
        vm.desk().turn_began.set(Instant::now());
        if self.is_killed() { Answer::Stop } else { Answer::Go }
    }

    /// Shows the run to others, and tells those who wait for it when it is overdue.
    fn show(&mut self, keyspace: &Keyspace<'_, '_>) {
        let running = match &self.running {
            Some(running) => Arc::clone(running),
            None => {
                let (name, command) = (self.code.name().to_owned(), std::mem::take(&mut self.command));
                let running = Arc::new(Running::new(name, command, self.code.is_function(), self.began));
                self.shared.scripts.enter(&running);
                self.running = Some(Arc::clone(&running));
                running
            }
        };
        running.note(self.wrote, keyspace.slots().collect());
        if self.shared.scripts.judge(&running) {
            keyspace.slots().for_each(|slot| self.shared.engine.store().wake_waiting(slot));
        }
    }

    /// Holds a slot (all, if `None`) that the script did not declare.
    async fn extend(&mut self, keyspace: &mut Keyspace<'_, '_>, slot: Option<HashSlot>) -> Extended {
        self.code.extends().store(true, Ordering::Relaxed);
        if self.right.is_none() {
            self.right = Arc::clone(&self.shared.scripts.extending).try_lock_owned().ok();
        }
        if self.right.is_none() && !self.acted {
            return Extended::Busy;
        }
        let wanted = slot.map_or(0..HashSlot::all().len(), |slot| slot.index()..slot.index() + 1);
        let mut tries = 0;
        for slot in wanted.filter_map(|index| u16::try_from(index).ok().and_then(HashSlot::new)) {
            while keyspace.extend(slot).is_err() {
                tries += 1;
                if self.right.is_none() && tries > TRIES {
                    return Extended::Busy;
                }
                self.show(keyspace);
                let store = self.shared.engine.store();
                let free = std::future::poll_fn(|context| store.poll_free(slot, context));
                let patience = if self.right.is_some() { WATCH } else { PATIENCE };
                drop(tokio::time::timeout(patience, free).await);
                if self.is_killed() {
                    return Extended::Stopped;
                }
            }
        }
        Extended::Held
    }

    /// Carries out the command on the desk, if all that it needs is held.
    fn call(&mut self, vm: &Vm, keyspace: &mut Keyspace<'_, '_>) -> Called {
        let words = vm.desk().call.borrow();
        let args = words.args();
        let spec = match resolve(&args) {
            Ok(spec) => spec,
            Err(rejection) => {
                answer_error(
                    vm,
                    match rejection {
                        Rejection::Arity(_) => "ERR Wrong number of args calling Redis command from script",
                        _ => "ERR Unknown Redis command called from script",
                    },
                );
                return Called::Answered;
            }
        };
        if let Some(text) = self.refusal(spec) {
            answer_error(vm, text);
            return Called::Answered;
        }
        let shared = Arc::clone(&self.shared);
        let carries_out = shared.engine.carries_out(spec);
        if carries_out && let Some(slot) = self.lacks(spec, args, keyspace) {
            return Called::Lacks(slot);
        }
        self.wrote |= spec.flags.contains(CommandFlags::WRITE);
        self.acted |= self.wrote || MAY_REPLICATE.contains(&spec.name);
        let mut out = vm.desk().reply.borrow_mut();
        let mut reply = Reply::bounded(&mut out, vm.desk().protocol.get());
        if carries_out {
            let moment = Moment { database: self.session.database, random: keyspace.random(), ..self.moment };
            let tally = shared.engine.run_within(keyspace, (spec, args), moment, &mut reply);
            self.tally.lookups.hits += tally.lookups.hits;
            self.tally.lookups.misses += tally.lookups.misses;
        } else {
            self.session.protocol = vm.desk().protocol.get();
            let held = Held { shared: &shared, keyspace };
            let outcome = session::execute(spec, args, &mut self.session, &held, &mut reply);
            if outcome == session::Outcome::NotMine {
                reply.error(&format!("ERR command '{}' is not supported by this release", spec.name));
            }
        }
        Called::Answered
    }

    /// Why the script may not call a command, in Redis's words.
    fn refusal(&self, spec: &Spec) -> Option<&'static str> {
        let is = |flags| spec.flags.contains(flags);
        if is(CommandFlags::NOSCRIPT) {
            Some("ERR This Redis command is not allowed from script")
        } else if self.reads_only && (is(CommandFlags::WRITE) || MAY_REPLICATE.contains(&spec.name)) {
            Some("ERR Write commands are not allowed from read-only scripts.")
        } else if is(CommandFlags::WRITE) && self.shared.attention.look().is_log_refusing() {
            Some(LOG_REFUSED)
        } else if self.lacks_memory && !self.wrote && is(CommandFlags::DENYOOM) {
            Some(OUT_OF_MEMORY)
        } else {
            None
        }
    }

    /// What a command needs and is not held: a slot, or all (`Some(None)`).
    fn lacks(&self, spec: &Spec, args: Args<'_>, keyspace: &Keyspace<'_, '_>) -> Option<Option<HashSlot>> {
        if spec.single_key() {
            let slot = HashSlot::of(&args[1]);
            return (!keyspace.holds(slot)).then_some(Some(slot));
        }
        match self.shared.engine.reach(spec, args, self.session.database) {
            Reach::All => (!keyspace.holds_all()).then_some(None),
            Reach::Slots(slots) => slots.into_iter().find(|slot| !keyspace.holds(*slot)).map(Some),
        }
    }
}

/// How the attempt to hold more ended.
enum Extended {
    Held,
    Busy,
    Stopped,
}

fn answer_error(vm: &Vm, text: &str) {
    let mut out = vm.desk().reply.borrow_mut();
    out.clear();
    Reply::new(&mut out, vm.desk().protocol.get()).error(text);
}
