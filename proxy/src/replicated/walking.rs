//! SCAN, KEYS and DBSIZE: every slot is told of by the one node that serves its reads, also while slots move.
//!
//! ```text
//!        ┌────────── a pause ──────────┐ a view came, or a node did not answer
//!        ▼                             │
//! all nodes are asked under one view ──┴─► one piece, the lease held ─► the reply
//!        ▲                                       │
//!        └────────── KEYS: from there on ────────┘
//! ```
//! The nodes walk in the order of the slots, each over those whose tail it is by that very view, and stop where another one
//! overtakes them: so together they pass by no slot up to the place to which all of them came. A slot of which none of them
//! tells, as its last copy has restarted and is not back in its chain, stops the walk until it is served. Where the next piece begins
//! within a slot whose tail is another process by then, with another order of hashes, that slot is told of anew.

mod piece;
mod untold;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ringmaster_protocol::extension::put_request;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::view::{Epoch, MemberIndex};
use tokio::time::{Instant, sleep};

use super::everywhere::NO_VIEW;
use super::inbox::{Event, Inbox};
use super::lane::OTHER_VIEW;
use super::members::Members;
use crate::output::{Closed, Output, Sequence};
use crate::upstream::{Lane, TakePart};
pub(super) use piece::Place;
use piece::{Keys, Mark, Piece};
pub(super) use untold::Untold;

/// Until the nodes are asked again that could not tell anything.
const PAUSE: Duration = Duration::from_millis(10);

/// Longest time without a step ahead; as long as a command waits for a chain that is being changed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keys that a SCAN without COUNT looks at.
const COUNT: u64 = 10;

/// Keys that the nodes look at for a piece of KEYS.
const KEYS_PIECE: u64 = 10_000;

const UNTOLD: &[u8] =
    b"-CLUSTERDOWN nobody serves some of the slots: a node has restarted; the command was not executed\r\n";

const UNEXPECTED: &[u8] = b"-ERR unexpected reply of a node to a part of the command\r\n";

/// What is asked for.
enum Task {
    /// One piece, of about so many keys; the options beside.
    Scan(u64, Vec<Vec<u8>>),
    /// All keys that fit a pattern.
    Keys(Vec<u8>),
    /// How many there are.
    Size,
}

/// One command of a client.
pub(super) struct Walking {
    task: Task,
    lane: Lane,
    client: Rc<Output>,
    answer_at: Sequence,
    inbox: Rc<Inbox>,
    mark: Cell<Mark>,
    found: RefCell<Keys>,
    /// The view under which the nodes were asked.
    epoch: Cell<Epoch>,
    replies: RefCell<Vec<Vec<u8>>>,
    missing: Cell<usize>,
    /// When it is given up, if there is no step ahead.
    until: Cell<Instant>,
}

/// Who asked, and where the reply belongs.
pub(super) struct Asker {
    pub(super) client: Rc<Output>,
    pub(super) place: Sequence,
    pub(super) lane: Lane,
}

impl Walking {
    /// The walk of a command; `None` where it is no walk of this kind, or its cursor is none.
    pub(super) fn of(name: &str, args: Args<'_>, asker: Asker, inbox: &Rc<Inbox>) -> Option<Rc<Self>> {
        let (task, mark) = match name {
            "scan" => (scan(args.from(2)), Mark::parse(args.get(1)?)?),
            "keys" => (Task::Keys(args.get(1)?.to_vec()), Mark::default()),
            "dbsize" => (Task::Size, Mark::default()),
            _ => return None,
        };
        Some(Rc::new(Self::new(task, mark, asker, inbox)))
    }

    fn new(task: Task, mark: Mark, asker: Asker, inbox: &Rc<Inbox>) -> Self {
        Self {
            task,
            lane: asker.lane,
            client: asker.client,
            answer_at: asker.place,
            inbox: Rc::clone(inbox),
            mark: Cell::new(mark),
            found: RefCell::default(),
            epoch: Cell::default(),
            replies: RefCell::default(),
            missing: Cell::new(0),
            until: Cell::new(Instant::now() + PATIENCE),
        }
    }

    /// Asks all nodes that serve slots under the view of this epoch; within a slot the one that tells of it.
    pub(super) fn ask(self: Rc<Self>, members: &mut Members, epoch: Epoch) {
        self.keep_to_process(members);
        let nodes: Vec<MemberIndex> = match self.mark.get().place.within().and_then(|slot| members.tail(slot))
        {
            Some(tail) => vec![tail],
            None => members.by_name().iter().map(|(member, _)| *member).collect(),
        };
        if nodes.is_empty() {
            return self.answer(NO_VIEW);
        }
        let request = self.request(nodes.len() as u64);
        self.epoch.set(epoch);
        self.missing.set(nodes.len());
        self.replies.replace(vec![Vec::new(); nodes.len()]);
        let (lane, to) = (self.lane, self as Rc<dyn TakePart>);
        for (member, index) in nodes.into_iter().zip(0..) {
            members.send_part(member, lane, &request, (&to, index));
        }
    }

    /// Begins its slot anew where another process tells of it by now.
    fn keep_to_process(&self, members: &Members) {
        let mark = self.mark.get();
        let Some(slot) = mark.place.within() else { return };
        if members.process_that_reads(slot) != Some(mark.process) {
            self.mark.set(Mark { place: mark.place.of_slot(), process: 0 });
            let kept = self.found.borrow().without(slot);
            let all = self.found.replace(kept).frames.len();
            self.client.gathered(all - self.found.borrow().frames.len());
        }
    }

    fn request(&self, nodes: u64) -> Vec<u8> {
        let place = self.mark.get().place.0.to_string();
        let looks_at = |keys: u64| keys.div_ceil(nodes).to_string();
        let mut request = Vec::new();
        match &self.task {
            Task::Size => put_request(&mut request, &[b"DBSIZE"]),
            Task::Keys(pattern) => {
                let count = looks_at(KEYS_PIECE);
                let words = [b"SCAN", place.as_bytes(), b"MATCH", pattern, b"COUNT", count.as_bytes()];
                put_request(&mut request, &words);
            }
            Task::Scan(keys, options) => {
                let count = looks_at(*keys);
                let mut words: Vec<&[u8]> = vec![b"SCAN", place.as_bytes(), b"COUNT", count.as_bytes()];
                words.extend(options.iter().map(Vec::as_slice));
                put_request(&mut request, &words);
            }
        }
        request
    }

    /// All nodes have answered: the reply, or the next question. `holds` tells whether what came may be answered: the lease of
    /// the view that `members` go by is held.
    pub(super) fn heard(self: Rc<Self>, members: &Members, epoch: Epoch, holds: bool) {
        let replies = self.replies.take();
        self.client.gathered(replies.iter().map(Vec::len).sum());
        if self.client.closed().is_some() {
            return;
        }
        if let Some(error) = replies.iter().find(|reply| reply.starts_with(b"-") && !may_pass(reply)) {
            return self.answer(error);
        }
        let failed = replies.iter().find(|reply| reply.starts_with(b"-"));
        if failed.is_some() || !holds || self.epoch.get() != epoch {
            return self.try_again(failed.map_or(OTHER_VIEW, Vec::as_slice));
        }
        if matches!(self.task, Task::Size) {
            if !members.tell_of(Place::default(), Place::END) {
                return self.try_again(UNTOLD);
            }
            let reply = piece::sum(&replies).map(|keys| format!(":{keys}\r\n"));
            return self.answer(reply.as_deref().map_or(UNEXPECTED, str::as_bytes));
        }
        // Who was asked alone tells nothing of the slots of others.
        let asked_to = self.mark.get().place.within().map_or(Place::END, Place::behind);
        match piece::piece(&replies, asked_to) {
            None => self.answer(UNEXPECTED),
            Some(piece) if piece.place == self.mark.get().place => self.try_again(OTHER_VIEW),
            Some(piece) if !members.tell_of(self.mark.get().place, piece.place) => self.try_again(UNTOLD),
            Some(piece) => self.step(&piece, members),
        }
    }

    /// The walk came further.
    fn step(self: Rc<Self>, piece: &Piece, members: &Members) {
        let process =
            piece.place.within().and_then(|slot| members.process_that_reads(slot)).unwrap_or_default();
        self.mark.set(Mark { place: piece.place, process });
        self.found.borrow_mut().append(&piece.keys);
        if !self.client.gather(piece.keys.frames.len()) {
            return self.client.close(Closed::OutputFull);
        }
        if matches!(self.task, Task::Keys(_)) && piece.place != Place::END {
            self.until.set(Instant::now() + PATIENCE);
            return self.inbox.push(Event::Walk(Rc::clone(&self)));
        }
        let (found, cursor) = (self.found.take(), self.mark.get().cursor().to_string());
        self.client.gathered(found.frames.len());
        let mut reply = Vec::with_capacity(found.frames.len() + 64);
        if matches!(self.task, Task::Scan(..)) {
            reply.extend_from_slice(format!("*2\r\n${}\r\n{cursor}\r\n", cursor.len()).as_bytes());
        }
        reply.extend_from_slice(format!("*{}\r\n", found.count).as_bytes());
        reply.extend_from_slice(&found.frames);
        self.answer(&reply);
    }

    fn try_again(self: Rc<Self>, error: &[u8]) {
        if self.until.get() <= Instant::now() {
            return self.answer(error);
        }
        tokio::task::spawn_local(async move {
            sleep(PAUSE).await;
            self.inbox.push(Event::Walk(Rc::clone(&self)));
        });
    }

    /// It is over. What was found counts no more as kept for the client, also where it gets an error.
    fn answer(&self, reply: &[u8]) {
        self.client.gathered(self.found.take().frames.len());
        self.client.answer(self.answer_at, reply);
    }

    fn keep(&self, index: u32, reply: &[u8]) {
        if self.client.closed().is_none() && !self.client.gather(reply.len()) {
            self.client.close(Closed::OutputFull);
        }
        self.replies.borrow_mut()[index as usize].extend_from_slice(reply);
    }
}

impl TakePart for Walking {
    fn take_part(self: Rc<Self>, index: u32, reply: &[u8]) {
        self.keep(index, reply);
        self.missing.set(self.missing.get() - 1);
        if self.missing.get() == 0 {
            self.inbox.push(Event::Walked(Rc::clone(&self)));
        }
    }

    /// It reads: whatever became of it, another node or a later connection is asked.
    fn lose_part(self: Rc<Self>, index: u32, _sent: bool, _error: &[u8]) {
        self.take_part(index, OTHER_VIEW);
    }
}

/// Whether a client may have been given this as a cursor.
pub(super) fn is_cursor(text: &[u8]) -> bool {
    Mark::parse(text).is_some()
}

/// The errors of a change that passes.
fn may_pass(error: &[u8]) -> bool {
    [&b"-TRYAGAIN "[..], b"-CLUSTERDOWN ", b"-LOADING "].iter().any(|code| error.starts_with(code))
}

/// A SCAN of these options: how many keys it is to look at is shared out among the nodes. What cannot be read is for a
/// node to refuse.
fn scan(options: Args<'_>) -> Task {
    let (mut keys, mut others, mut words) = (COUNT, Vec::new(), options.iter());
    while let Some(word) = words.next() {
        let value = words.next();
        let count = value.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        match count.filter(|count| *count > 0 && word.eq_ignore_ascii_case(b"count")) {
            Some(count) => keys = count,
            None => others.extend(std::iter::once(word).chain(value).map(<[u8]>::to_vec)),
        }
    }
    Task::Scan(keys, others)
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::output::OutputLimits;
    use crate::turn::Turn;

    #[tokio::test]
    async fn a_walk_that_fails_half_way_keeps_nothing_for_its_client() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let limits = OutputLimits { pause_bytes: 1000, bytes_max: 5000, in_flight_max: 10 };
        let turn = Rc::new(Turn::default());
        let client = Output::new(1, stream.into(), Rc::new(Cell::new(limits)), Default::default(), turn);
        let asker = Asker { client: Rc::clone(&client), place: client.reserve(true), lane: Lane::FIRST };
        let walking = Walking::new(Task::Keys(b"*".to_vec()), Mark::default(), asker, &Rc::default());
        walking.found.replace(Keys { count: 1, frames: vec![b'x'; 2000] });
        assert!(client.gather(2000) && client.is_full(), "what was found so far");
        walking.answer(OTHER_VIEW);
        assert!(!client.is_full(), "its next command is read");
    }
}
