//! A reply that is too large to be held: handed to its client piece by piece as it comes.
//!
//! Only where nothing has to be known of the whole: the reply is one client's alone, and it is its turn. A read that is
//! judged is judged by the first piece: it was executed before that came. What has begun must end: when the connection is
//! lost in between, so is that of the client, as with any server.

use std::rc::Rc;
use std::task::Context;

use super::{Garbage, JOINED, Owner, Queue};
use crate::output::{Closed, Output};

/// To whom a reply goes in pieces.
pub(super) enum Pieces {
    /// To this client.
    Client(Rc<Output>),
    /// To nobody: what it answers has begun anew.
    Nobody,
}

/// How replies begin that may be long. An error never is, and what has a note in front is no client's.
const LONG: &[u8] = b"$*%~=";

impl Queue {
    /// Hands the reply on in pieces that `input` is the beginning of, if that can be; what was handed on by then is taken
    /// with the next [`Queue::take_replies`].
    #[cold]
    pub(in crate::upstream) fn begin_pieces(&mut self, input: &[u8]) -> bool {
        let is_long = input.first().is_some_and(|first| LONG.contains(first));
        let Some(command) = self.waiting.front().filter(|command| is_long && command.apart & JOINED == 0)
        else {
            return false;
        };
        match self.owners.front() {
            Some(Owner::Client(client, _)) if client.begin(command.place) => {
                self.pieces = Some(Pieces::Client(Rc::clone(client)));
            }
            Some(Owner::Reads(judge, client, _)) if client.begin(command.place) => {
                let mut answered_end = self.answered_end;
                let len = command.len_after(&mut answered_end);
                if judge.accepts(command.slot, input, judge.held()) {
                    client.ended_read();
                    self.pieces = Some(Pieces::Client(Rc::clone(client)));
                } else {
                    client.withdraw();
                    judge.begin_anew(client, command.read(self.kept.front(len)));
                    self.pieces = Some(Pieces::Nobody);
                }
                self.kept.pop(len);
            }
            _ => return false,
        }
        true
    }

    /// Hands on the next piece; the number of bytes taken.
    pub(super) fn take_piece(&mut self, input: &[u8]) -> Result<usize, Garbage> {
        let part = self.scanner.part(input)?;
        if let Some(Pieces::Client(client)) = &self.pieces {
            client.piece(&input[..part.len], part.is_last);
        }
        if part.is_last {
            self.pieces = None;
            self.leave_front();
        }
        Ok(part.len)
    }

    /// The command in front has its reply.
    fn leave_front(&mut self) {
        let Some(command) = self.waiting.pop_front() else { return };
        if !self.marks.is_empty() {
            // How long it was is not known here.
            self.marks.end(self.answered, Some(b""));
        }
        self.answered_end = command.end;
        self.answered += 1;
        if let Some(Owner::Client(_, count) | Owner::Reads(_, _, count)) = self.owners.front_mut() {
            *count -= 1;
            if *count == 0 {
                self.owners.pop_front();
            }
        }
    }

    /// What is there of a reply in pieces stays without its end.
    pub(super) fn tear(&mut self) {
        if let Some(pieces) = self.pieces.take() {
            if let Pieces::Client(client) = pieces {
                client.close(Closed::Torn);
            }
            self.leave_front();
        }
    }

    /// Whether a reply is handed on in pieces.
    #[inline]
    pub(in crate::upstream) fn is_in_pieces(&self) -> bool {
        self.pieces.is_some()
    }

    /// Whether its client has much of it to take; then the task is woken when that is less.
    pub(in crate::upstream) fn waits_for_client(&self, context: &Context<'_>) -> bool {
        matches!(&self.pieces, Some(Pieces::Client(client)) if client.is_behind(context))
    }
}
