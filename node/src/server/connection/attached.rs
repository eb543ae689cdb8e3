//! The commands of an attached connection that need nothing but one hold of their slot.

use ringmaster_protocol::command::{Flags, Spec};
use ringmaster_protocol::extension::{Apply, Say, put_done, put_say, split_attribute};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::Connection;
use super::execute::ARGUMENTS_FEW;
use super::extension::{SHORT_BYTES, number};
use crate::engine::Tally;
use crate::engine::attached::{Hot, Seated};
use crate::server::batch::Planned;
use crate::server::room::Room;

impl Connection {
    /// Carries out a command on one key, or an operation of the head; false if nothing was done, and it is to go the general
    /// way.
    #[inline]
    pub(super) fn run_attached(&mut self, command: &Planned, args: Args<'_>) -> bool {
        if self.special {
            return false;
        }
        match command.spec {
            Ok(spec) => self.run_hot(spec, command, args),
            Err(_) => self.apply_next(args).is_some(),
        }
    }

    /// `RM.ASK id Apply`, where it can be done at once.
    fn apply_next(&mut self, args: Args<'_>) -> Option<()> {
        let attached = self.attached.as_ref()?;
        if args.len() != 3 || &args[0] != b"RM.ASK" {
            return None;
        }
        let (id, apply) = (number(&args[1])?, Apply::read(&args[2])?);
        let shared = &self.worker.shared;
        if shared.keeping.log().is_some_and(|log| log.refusal().is_some()) {
            return None;
        }
        let seat = Seated { seat: attached, committed: shared.member.epoch() };
        match shared.engine.apply_attached(&apply, self.by, seat)? {
            Say::Done => put_done(&mut self.output, id),
            say => put_say(&mut self.output, id, &say),
        }
        self.stale |= args[2].len() > SHORT_BYTES;
        Some(())
    }

    /// Carries out a command on one key.
    #[inline]
    fn run_hot(&mut self, spec: &'static Spec, command: &Planned, args: Args<'_>) -> bool {
        let Some(attached) = &self.attached else { return false };
        let shared = &self.worker.shared;
        let engine = &shared.engine;
        let (Some(key), Some(hot)) = (command.key(args, self.session.database), engine.hot(spec, args))
        else {
            return false;
        };
        if spec.flags.contains(Flags::DENYOOM) && self.worker.room_in_chain(key.slot) != Room::Enough {
            return false;
        }
        let seat = Seated { seat: attached, committed: shared.member.epoch() };
        let (clock, moment, from) = (self.clock(spec, args), self.moment(), self.output.len());
        let tally = match hot {
            Hot::Get => {
                let mut reply = Reply::bounded(&mut self.output, self.session.protocol);
                engine.get_attached(key, moment, seat, &mut reply)
            }
            Hot::Set => {
                let is_done = engine.set_attached(key, &args[2], moment, seat, &mut self.output);
                is_done.then(|| {
                    Reply::new(&mut self.output, self.session.protocol).ok();
                    Tally::default()
                })
            }
            Hot::Other(handler) => {
                let out = (&mut self.output, self.session.protocol);
                engine.run_attached((spec, handler), (args, key), moment, seat, out)
            }
        };
        let Some(tally) = tally else { return false };
        self.worker.counters().command(spec.id).called();
        self.stale |= tally.slow || args.len() > ARGUMENTS_FEW;
        self.session.begins(spec);
        self.count(tally);
        let note = if tally.failed { self.note_bytes(from) } else { 0 };
        self.clock_out(spec, args, clock, from + note);
        true
    }

    /// Bytes of the note in front of the reply at `from`.
    #[cold]
    fn note_bytes(&self, from: usize) -> usize {
        let (_, reply) = split_attribute(&self.output[from..]);
        self.output.len() - from - reply.len()
    }
}
