//! A run within its hold: turns, calls, and slots that the script did not declare.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ringmaster_protocol::slot::HashSlot;

use super::call::{Called, answer_error};
use super::{CONTENDED, End, Run, WATCH};
use crate::script::desk::Outcome;
use crate::script::sandbox::STOPPED;
use crate::script::vm::{Answer, Need, Vm};
use crate::server::scripts::Running;
use crate::store::keyspace::Keyspace;

/// Commands after which the clock is looked at.
const LOOK_CALLS: u32 = 16;

/// How long, and how often, a script that has changed something waits for a slot without the right to: whoever has
/// the right may wait for it meanwhile.
const PATIENCE: Duration = Duration::from_millis(5);
const TRIES: u32 = 20;

/// How the attempt to hold more ended.
enum Extended {
    Held,
    Busy,
    Stopped,
}

impl Run {
    /// Runs the script to its end, within the hold.
    pub(super) async fn drive(&mut self, vm: &mut Vm, keyspace: &mut Keyspace<'_, '_>) -> End {
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
}
