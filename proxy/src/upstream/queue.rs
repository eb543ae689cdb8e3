//! What one connection to a node has to send, and who waits for its replies.
//!
//! A node answers in the order of the requests, so the waiting commands are a plain queue. They are kept apart from
//! who asked: a client that sends a batch to a node is named once, with a count.

mod joined;
mod kept;
mod marked;
mod pieces;

use std::collections::VecDeque;
use std::rc::Rc;

use ringmaster_protocol::resp::ProtocolError;
use ringmaster_protocol::resp::scan::Scanner;
use ringmaster_protocol::slot::HashSlot;

use super::failure::Texts;
use crate::chain::Held;
use crate::output::{Output, Sequence};
use joined::{Joined, Joins};
use kept::Kept;
use marked::Marks;
use pieces::Pieces;

/// A sent buffer that is larger than this is given back.
const KEEP_BYTES: usize = 1 << 20;

/// Who gets the reply of a part of a command that was split.
pub(crate) trait TakePart {
    /// Part `index` was answered.
    fn take_part(self: Rc<Self>, index: u32, reply: &[u8]);

    /// Part `index` will not be answered; it may have been executed if it was `sent`. `error` says so as a reply.
    fn lose_part(self: Rc<Self>, index: u32, sent: bool, error: &[u8]) {
        let _ = sent;
        self.take_part(index, error);
    }
}

/// Who decides of the replies of reads whether they are the client's.
pub(crate) trait Judge {
    /// Of which slots what has come by now can be answered.
    fn held(&self) -> Held;

    /// Whether this reply to a read of `slot` is the client's; `held` is what [`Judge::held`] said after it had come.
    fn accepts(&self, slot: HashSlot, reply: &[u8], held: Held) -> bool;

    /// The read is to begin anew: its reply was not accepted, or will not come.
    fn begin_anew(&self, client: &Rc<Output>, read: Read<'_>);
}

/// A read of one slot that is sent to one node, and may have to begin anew.
#[derive(Clone, Copy)]
pub(crate) struct Read<'a> {
    /// Its place with its client.
    pub(crate) place: Sequence,
    /// The slot of all its keys.
    pub(crate) slot: HashSlot,
    /// The whole request.
    pub(crate) request: &'a [u8],
}

/// Who waits for replies.
enum Owner {
    /// A client, for this many commands in a row.
    Client(Rc<Output>, u32),
    /// A client, for this many reads in a row that are judged.
    Reads(Rc<dyn Judge>, Rc<Output>, u32),
    /// A command that was split: one part of it.
    Part(Rc<dyn TakePart>),
}

/// One command under way.
struct Waiting {
    /// Place of the command with its client, or the index of the part.
    place: u32,
    /// Where its request ends in the stream of all bytes sent.
    end: u64,
    /// Whether it may have changed something once it was sent.
    writes: bool,
    /// Whether others wait for the reply, too ([`JOINED`]), and whether it is traced ([`MARKED`]).
    apart: u8,
    /// Of a read that is judged.
    slot: HashSlot,
}

/// Bits of [`Waiting::apart`]. A command that has one is answered by itself.
const JOINED: u8 = 1;
const MARKED: u8 = 2;

/// A stream of replies that cannot be trusted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Garbage {
    /// No RESP.
    #[error("{0}")]
    Protocol(#[from] ProtocolError),
    /// A reply that nobody asked for.
    #[error("a reply that nobody asked for")]
    Unasked,
}

/// Requests to send and commands that wait.
#[derive(Default)]
pub(super) struct Queue {
    out: Vec<u8>,
    /// Bytes of `out` that were sent.
    sent: usize,
    /// Bytes ever sent and ever queued.
    sent_total: u64,
    queued_total: u64,
    waiting: VecDeque<Waiting>,
    owners: VecDeque<Owner>,
    scanner: Scanner,
    answered: u64,
    /// Where the request of the last answered command ended in the stream of all bytes sent.
    answered_end: u64,
    kept: Kept,
    joins: Joins,
    /// To whom the reply at hand goes in pieces.
    pieces: Option<Pieces>,
    marks: Marks,
}

impl Queue {
    /// Queues a client's command.
    #[inline]
    pub(super) fn push(&mut self, client: &Rc<Output>, place: Sequence, request: &[u8], writes: bool) {
        self.append(place, request, (writes, HashSlot::default()));
        match self.owners.back_mut() {
            Some(Owner::Client(last, count)) if Rc::ptr_eq(last, client) => *count += 1,
            _ => self.owners.push_back(Owner::Client(Rc::clone(client), 1)),
        }
    }

    /// Queues part `index` of a command that was split.
    pub(super) fn push_part(&mut self, to: Rc<dyn TakePart>, index: u32, request: &[u8], writes: bool) {
        self.append(index, request, (writes, HashSlot::default()));
        self.owners.push_back(Owner::Part(to));
    }

    /// Whether a read of this many bytes can be queued so that it can begin anew.
    #[inline]
    pub(super) fn takes_read(&self, len: usize) -> bool {
        self.kept.takes(len)
    }

    /// Queues a read that is judged; see [`Queue::takes_read`].
    #[inline]
    pub(super) fn push_read(
        &mut self,
        judge: &Rc<impl Judge + 'static>,
        client: &Rc<Output>,
        read: Read<'_>,
    ) {
        self.append(read.place, read.request, (false, read.slot));
        self.kept.push(read.request);
        match self.owners.back_mut() {
            Some(Owner::Reads(_, last, count)) if Rc::ptr_eq(last, client) => *count += 1,
            _ => {
                let judge = Rc::clone(judge) as Rc<dyn Judge>;
                self.owners.push_back(Owner::Reads(judge, Rc::clone(client), 1));
            }
        }
    }

    /// A client waits for the reply of a read that is queued already, of the same bytes and not sent; `false` if there is
    /// none.
    pub(super) fn join(
        &mut self,
        client: &Rc<Output>,
        place: impl FnOnce() -> Sequence,
        request: &[u8],
    ) -> bool {
        let Some(number) = self.joins.find(request, self.unsent(), self.sent_total) else { return false };
        let index = usize::try_from(number - self.answered).ok();
        let Some(waiting) = index.and_then(|index| self.waiting.get_mut(index)) else { return false };
        waiting.apart |= JOINED;
        self.joins.join(number, client, place());
        true
    }

    /// The command queued last is a read of these bytes that others may join.
    pub(super) fn open(&mut self, request: &[u8]) {
        let number = self.answered + self.waiting.len() as u64 - 1;
        let is_judged = matches!(self.owners.back(), Some(Owner::Reads(..)));
        self.joins.open(request, (self.queued_total, number), is_judged);
    }

    #[inline]
    fn append(&mut self, place: u32, request: &[u8], (writes, slot): (bool, HashSlot)) {
        self.out.extend_from_slice(request);
        self.queued_total += request.len() as u64;
        self.waiting.push_back(Waiting { place, end: self.queued_total, writes, apart: 0, slot });
        if writes {
            self.joins.shut();
        }
    }

    /// The bytes to send next.
    #[inline]
    pub(super) fn unsent(&self) -> &[u8] {
        &self.out[self.sent..]
    }

    /// The first `count` bytes of [`Queue::unsent`] were sent.
    #[inline]
    pub(super) fn sent(&mut self, count: usize) {
        self.sent += count;
        self.sent_total += count as u64;
        if !self.marks.is_empty() {
            self.marks.sent(self.sent_total);
        }
        if self.sent == self.out.len() {
            self.sent = 0;
            self.out.clear();
            self.out.shrink_to(KEEP_BYTES);
        } else if self.sent > self.out.len() / 2 {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Whether nobody waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Commands answered so far, and commands queued so far.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.answered, self.answered + self.waiting.len() as u64)
    }

    /// Hands the whole replies at the front of `input` to those who wait; the number of bytes taken.
    ///
    /// # Errors
    /// [`Garbage`]: the connection cannot go on. What was whole before it has been delivered.
    pub(super) fn take_replies(&mut self, input: &[u8]) -> Result<usize, Garbage> {
        let (mut at, mut held) = (0, None);
        if self.pieces.is_some() {
            at = self.take_piece(input)?;
        }
        while at < input.len() && self.pieces.is_none() {
            let before = self.waiting.len();
            let is_apart = self.waiting.front().is_some_and(|command| command.apart != 0);
            at += match self.owners.front_mut() {
                None => return Err(Garbage::Unasked),
                Some(_) if is_apart => self.take_for_all(&input[at..], &mut held)?,
                Some(Owner::Client(..)) => self.take_for_client(&input[at..])?,
                Some(Owner::Reads(..)) => self.take_for_reads(&input[at..], &mut held)?,
                Some(Owner::Part(_)) => self.take_for_part(&input[at..])?,
            };
            self.answered += (before - self.waiting.len()) as u64;
            if before == self.waiting.len() {
                break;
            }
        }
        Ok(at)
    }

    /// The replies of the client that is first: all its commands in a row.
    fn take_for_client(&mut self, input: &[u8]) -> Result<usize, Garbage> {
        let Some(Owner::Client(client, count)) = self.owners.front_mut() else { return Ok(0) };
        let (scanner, waiting) = (&mut self.scanner, &mut self.waiting);
        let answered_end = &mut self.answered_end;
        let mut at = 0;
        let outcome = client.answer_with(|order| {
            while *count > 0 {
                let Some(len) = frame(scanner, &input[at..])? else { return Ok(()) };
                let Some(command) = waiting.pop_front_if(|command| command.apart == 0) else { return Ok(()) };
                order.answer(command.place, &input[at..at + len]);
                *answered_end = command.end;
                at += len;
                *count -= 1;
            }
            Ok(())
        });
        if *count == 0 {
            self.owners.pop_front();
        }
        outcome.map(|()| at)
    }

    /// The replies of the reads that are first. One look at the clock does for all that has come together.
    fn take_for_reads(&mut self, input: &[u8], held: &mut Option<Held>) -> Result<usize, Garbage> {
        let Some(Owner::Reads(judge, client, count)) = self.owners.front_mut() else { return Ok(0) };
        let held = *held.get_or_insert_with(|| judge.held());
        let (scanner, waiting, kept) = (&mut self.scanner, &mut self.waiting, &mut self.kept);
        let (mut at, answered_end) = (0, &mut self.answered_end);
        let outcome = client.answer_with(|order| {
            while *count > 0 {
                let Some(len) = frame(scanner, &input[at..])? else { return Ok(()) };
                let Some(command) = waiting.pop_front_if(|command| command.apart == 0) else { return Ok(()) };
                let reply = &input[at..at + len];
                let request_len = command.len_after(answered_end);
                if judge.accepts(command.slot, reply, held) {
                    client.ended_read();
                    order.answer(command.place, reply);
                } else {
                    judge.begin_anew(client, command.read(kept.front(request_len)));
                }
                kept.pop(request_len);
                at += len;
                *count -= 1;
            }
            Ok(())
        });
        if *count == 0 {
            self.owners.pop_front();
        }
        outcome.map(|()| at)
    }

    /// The reply of one read for which several wait, or of a command that is traced.
    fn take_for_all(&mut self, input: &[u8], held: &mut Option<Held>) -> Result<usize, Garbage> {
        let Some(len) = frame(&mut self.scanner, input)? else { return Ok(0) };
        if !self.marks.is_empty() {
            self.marks.end(self.answered, Some(&input[..len]));
        }
        if matches!(self.owners.front(), Some(Owner::Part(_))) {
            return Ok(self.give_part(&input[..len]));
        }
        let (reply, joined) = (&input[..len], self.joins.take(self.answered));
        let Some(command) = self.waiting.pop_front() else { return Ok(0) };
        let request_len = command.len_after(&mut self.answered_end);
        let others = joined.iter().map(|joined| (&joined.client, joined.place));
        let count = match self.owners.front_mut() {
            Some(Owner::Client(client, count)) => {
                let all = std::iter::once((&*client, command.place)).chain(others);
                all.for_each(|(client, place)| client.answer(place, reply));
                count
            }
            Some(Owner::Reads(judge, client, count)) => {
                let held = *held.get_or_insert_with(|| judge.held());
                let read = command.read(self.kept.front(request_len));
                for (client, place) in std::iter::once((&*client, command.place)).chain(others) {
                    if judge.accepts(command.slot, reply, held) {
                        client.ended_read();
                        client.answer(place, reply);
                    } else {
                        judge.begin_anew(client, Read { place, ..read });
                    }
                }
                self.kept.pop(request_len);
                count
            }
            // Parts were handed over above.
            Some(Owner::Part(_)) | None => return Ok(len),
        };
        *count -= 1;
        if *count == 0 {
            self.owners.pop_front();
        }
        Ok(len)
    }

    fn take_for_part(&mut self, input: &[u8]) -> Result<usize, Garbage> {
        let Some(len) = frame(&mut self.scanner, input)? else { return Ok(0) };
        Ok(self.give_part(&input[..len]))
    }

    /// Hands a whole reply to the part that is first.
    #[inline]
    fn give_part(&mut self, reply: &[u8]) -> usize {
        if let (Some(command), Some(Owner::Part(to))) = (self.waiting.pop_front(), self.owners.pop_front()) {
            self.answered_end = command.end;
            to.take_part(command.place, reply);
        }
        reply.len()
    }

    /// Answers all who wait with what their loss means to them, and begins anew.
    pub(super) fn fail(&mut self, texts: &Texts) {
        self.tear();
        let failed = std::mem::take(self);
        let Self {
            waiting, owners, sent_total, answered, mut answered_end, mut kept, mut joins, marks, ..
        } = failed;
        // Before what they were for begins anew.
        drop(marks);
        self.answered = answered + waiting.len() as u64;
        let mut waiting = (answered..).zip(waiting);
        for owner in owners {
            match owner {
                Owner::Client(client, count) => {
                    for (number, command) in waiting.by_ref().take(count as usize) {
                        answered_end = command.end;
                        let loss = command.loss(sent_total, texts);
                        client.answer(command.place, loss);
                        joins.take(number).iter().for_each(|joined| joined.client.answer(joined.place, loss));
                    }
                }
                Owner::Reads(judge, client, count) => {
                    for (number, command) in waiting.by_ref().take(count as usize) {
                        let len = command.len_after(&mut answered_end);
                        let read = command.read(kept.front(len));
                        begin_all_anew(&*judge, (&client, &joins.take(number)), read);
                        kept.pop(len);
                    }
                }
                Owner::Part(to) => {
                    if let Some((_, command)) = waiting.next() {
                        answered_end = command.end;
                        let is_sent = command.end <= sent_total;
                        to.lose_part(command.place, is_sent, command.loss(sent_total, texts));
                    }
                }
            }
        }
    }
}

/// A read begins anew for all who wait for its reply.
fn begin_all_anew(judge: &dyn Judge, (client, joined): (&Rc<Output>, &[Joined]), read: Read<'_>) {
    let others = joined.iter().map(|joined| (&joined.client, joined.place));
    for (client, place) in std::iter::once((client, read.place)).chain(others) {
        judge.accepts(read.slot, b"", Held::Nothing);
        judge.begin_anew(client, Read { place, ..read });
    }
}

impl Waiting {
    /// How long the request is; `answered_end` is where the one before it ended, and where this one ends afterwards.
    #[inline]
    fn len_after(&self, answered_end: &mut u64) -> usize {
        let begun = std::mem::replace(answered_end, self.end);
        usize::try_from(self.end - begun).unwrap_or_default()
    }

    fn read<'a>(&self, request: &'a [u8]) -> Read<'a> {
        Read { place: self.place, slot: self.slot, request }
    }

    /// The error that tells what became of the command. Only a whole request can have been executed.
    fn loss<'a>(&self, sent_total: u64, texts: &'a Texts) -> &'a [u8] {
        match (self.end <= sent_total, self.writes) {
            (false, _) => &texts.not_sent,
            (true, false) => &texts.read,
            (true, true) => &texts.write,
        }
    }
}

/// The length of the frame at the front of `input`, `None` if it is not whole.
#[inline]
fn frame(scanner: &mut Scanner, input: &[u8]) -> Result<Option<usize>, Garbage> {
    match input.first() {
        None => Ok(None),
        Some(b'>') => Err(Garbage::Unasked),
        Some(_) => Ok(scanner.frame(input)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sent_command_stays_sent_however_many_bytes_are_queued_behind_it() {
        let texts = Texts::new("node", "gone");
        let waiting = |end| Waiting { place: 0, end, writes: true, apart: 0, slot: HashSlot::default() };
        let sent_total = 5 << 30;
        for end in [1, 2 << 30, sent_total] {
            assert_eq!(waiting(end).loss(sent_total, &texts), texts.write);
        }
        for end in [sent_total + 1, sent_total + (3 << 30)] {
            assert_eq!(waiting(end).loss(sent_total, &texts), texts.not_sent);
        }
    }
}
