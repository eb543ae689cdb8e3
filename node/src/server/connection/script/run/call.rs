//! A command that a script calls: whether it may, what it needs, and its reply.

use std::sync::Arc;

use ringmaster_protocol::acl::{self, Denial, Refused};
use ringmaster_protocol::command::{Flags, Rejection, Spec, resolve};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::session;
use ringmaster_protocol::slot::HashSlot;

use super::Run;
use crate::engine::within::Reach;
use crate::script::vm::Vm;
use crate::server::context::Held;
use crate::store::keyspace::{Keyspace, Moment};

/// Commands that do not count as writing, and whose effects Redis may replicate.
const MAY_REPLICATE: [&str; 3] = ["pfcount", "publish", "spublish"];

const LOG_REFUSED: &str = "MISCONF Errors writing to the log: writes are refused, reads are served.";
const OUT_OF_MEMORY: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// How far a command of a script came.
pub(super) enum Called {
    Answered,
    /// These slots are to be held first; all of them, if `None`.
    Lacks(Option<HashSlot>),
}

impl Run {
    /// Carries out the command on the desk, if all that it needs is held.
    pub(super) fn call(&mut self, vm: &Vm, keyspace: &mut Keyspace<'_, '_>) -> Called {
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
        if let Some(text) = self.refusal(spec).or_else(|| would_block(spec, args)) {
            answer_error(vm, text);
            return Called::Answered;
        }
        if let Some(text) = self.denial(spec, args) {
            answer_error(vm, text);
            return Called::Answered;
        }
        let shared = Arc::clone(&self.shared);
        let carries_out = shared.engine.carries_out(spec);
        if carries_out && let Some(slot) = self.lacks(spec, args, keyspace) {
            return Called::Lacks(slot);
        }
        self.wrote |= spec.flags.contains(Flags::WRITE);
        self.acted |= self.wrote || MAY_REPLICATE.contains(&spec.name);
        let mut out = vm.desk().reply.borrow_mut();
        let mut reply = Reply::bounded(&mut out, vm.desk().protocol.get());
        if carries_out {
            let moment = Moment {
                database: self.session.database,
                random: keyspace.random(),
                is_scripted: true,
                ..self.moment
            };
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
        if is(Flags::NOSCRIPT) {
            Some("ERR This Redis command is not allowed from script")
        } else if self.reads_only && (is(Flags::WRITE) || MAY_REPLICATE.contains(&spec.name)) {
            Some("ERR Write commands are not allowed from read-only scripts.")
        } else if is(Flags::WRITE) && self.shared.attention.look().is_log_refusing() {
            Some(LOG_REFUSED)
        } else if self.lacks_memory && !self.wrote && is(Flags::DENYOOM) {
            Some(OUT_OF_MEMORY)
        } else {
            None
        }
    }

    /// Why the script's user may not run a command, in Redis's words.
    fn denial(&self, spec: &'static Spec, args: Args<'_>) -> Option<&'static str> {
        if !self.shared.attention.look().is_restricted() || self.session.login.is_unrestricted() {
            return None;
        }
        match self.session.permit(spec, args, acl::Context::Script, &*self.shared).err()? {
            Refused::NoAuth => Some(acl::NO_AUTH),
            Refused::Denied(Denial::Command) => {
                Some("ERR The user executing the script can't run this command or subcommand")
            }
            Refused::Denied(Denial::Key(_) | Denial::SortBy(_) | Denial::SortGet(_)) => Some(
                "ERR The user executing the script can't access at least one of the keys mentioned in the command \
                 arguments",
            ),
            Refused::Denied(Denial::Channel(_)) => Some(
                "ERR The user executing the script can't publish to the channel mentioned in the command",
            ),
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

/// Why a command that reads streams may not be called: it would wait.
fn would_block(spec: &Spec, args: Args<'_>) -> Option<&'static str> {
    let text = match spec.name {
        "xread" => "ERR xread command is not allowed with BLOCK option from scripts",
        "xreadgroup" => "ERR xreadgroup command is not allowed with BLOCK option from scripts",
        _ => return None,
    };
    let (mut at, is) = (1, |at: usize, word: &str| args[at].eq_ignore_ascii_case(word.as_bytes()));
    while at < args.len() && !is(at, "streams") {
        if is(at, "block") {
            return Some(text);
        }
        // What belongs to an option is no option.
        at += if is(at, "group") { 3 } else { 1 + usize::from(is(at, "count")) };
    }
    None
}

/// The reply to a command that failed.
pub(super) fn answer_error(vm: &Vm, text: &str) {
    let mut out = vm.desk().reply.borrow_mut();
    out.clear();
    Reply::new(&mut out, vm.desk().protocol.get()).error(text);
}
