//! The commands of an attached connection that need nothing but one hold of their slot.

use ringmaster_protocol::extension::{Note, put_attribute};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::Connection;
use crate::engine::Tally;
use crate::engine::attached::{Hot, Seated};
use crate::server::batch::Planned;
use crate::server::room::Room;

impl Connection {
    /// Carries out GET or a plain SET; false if nothing was done, and the command is to go the general way.
    #[inline]
    pub(super) fn run_attached(&mut self, command: &Planned, args: Args<'_>) -> bool {
        let (Some(attached), Ok(spec), false) = (&self.attached, command.spec, self.special) else {
            return false;
        };
        let shared = &self.worker.shared;
        let engine = &shared.engine;
        let (Some(key), Some(hot)) = (command.key(args, self.session.database), engine.hot(spec, args))
        else {
            return false;
        };
        let seat = Seated { seat: attached, committed: shared.member.epoch() };
        let (clock, moment, from) = (self.clock_in(spec, args), self.moment(), self.output.len());
        let tally = match hot {
            Hot::Get => {
                let mut reply = Reply::bounded(&mut self.output, self.session.protocol);
                engine.get_attached(key, moment, seat, &mut reply)
            }
            Hot::Set if self.worker.room_in_chain(key.slot) != Room::Enough => None,
            Hot::Set => {
                let note = |note: &Note| put_attribute(&mut self.output, note);
                let is_done = engine.set_attached(key, &args[2], moment, seat, note);
                is_done.then(|| {
                    Reply::new(&mut self.output, self.session.protocol).ok();
                    Tally::default()
                })
            }
        };
        let Some(tally) = tally else { return false };
        self.session.begins(spec);
        self.count(tally);
        self.clock_out(spec, args, clock, from);
        true
    }
}
