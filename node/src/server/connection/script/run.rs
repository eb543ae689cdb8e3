//! Runs a script within a hold of the slots of its keys.
//!
//! A script that needs a slot which it did not declare takes the right to extend, which one script at a time has: who
//! waits for a slot while he holds others must be one at most, or two could wait for each other. When somebody else
//! has the right, a script that has changed nothing begins anew once it has got it; one that has changed something
//! tries for a while, and gets an error when the slot stays busy. A script that was found to need undeclared slots
//! takes the right before its later runs.

mod call;
mod drive;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::session::Session;
use ringmaster_protocol::slot::HashSlot;
use tokio::sync::OwnedMutexGuard;

use super::code::{Code, slots_of};
use crate::engine::Tally;
use crate::script::convert::write_error;
use crate::script::desk::Outcome;
use crate::script::shebang::Flags;
use crate::script::vm::Vm;
use crate::server::connection::Connection;
use crate::server::machines::Lease;
use crate::server::room::Room;
use crate::server::scripts::Running;
use crate::server::shared::Shared;
use crate::store::keyspace::{Keyspace, Moment};

/// How often one that waits looks whether it is killed or overdue.
const WATCH: Duration = Duration::from_millis(50);

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
