//! The replies of one client, put in the order of its commands.
//!
//! Every command takes a place. A reply that comes in its turn goes straight into the bytes to be written; one that
//! comes early is parked in a second buffer until its turn. So in the common case a reply is copied once, and never
//! is there an allocation for a command.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;
use std::task::Waker;

use ringmaster_runtime::metrics::errors;

use crate::traces::Traced;

/// From this many bytes of the parking buffer on, the bytes of replies that have left it are given back.
const COMPACT_FROM_BYTES: usize = 64 << 10;

/// A buffer that is larger than this is given back when it runs empty; smaller ones when the client rests.
const KEEP_BYTES: usize = 64 << 10;

/// The number of a command of one client; wraps.
pub(crate) type Sequence = u32;

/// One command's reply.
#[derive(Clone, Debug)]
enum Place {
    /// Not there yet.
    Awaited,
    /// Not there yet, and dropped when it comes (`CLIENT REPLY OFF`).
    Unwanted,
    /// Not there yet, and somebody is told when it comes; whether it is wanted.
    Traced(bool),
    /// There, before its turn: these bytes of the parking buffer.
    Parked(Range<u32>),
}

/// Replies of one client between their arrival and the socket.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// In turn, to be written.
    ready: Vec<u8>,
    /// How many bytes of `ready` were written.
    sent: usize,
    /// Places of the commands that have no reply in `ready` yet, oldest first.
    places: VecDeque<Place>,
    /// Number of the first place.
    first: Sequence,
    parked: Vec<u8>,
    /// Bytes of `parked` that a place still names.
    parked_live: usize,
    /// The reply whose turn it is comes in pieces, and some have come.
    begun: Option<Box<Begun>>,
    /// Codes of the error replies that nobody has counted yet.
    errors: Vec<ErrorCode>,
    /// Whom to tell of the places that are [`Place::Traced`], in their order.
    traced: VecDeque<(Sequence, Rc<Traced>)>,
}

/// The code of one or several error replies in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErrorCode {
    pub(crate) code: Box<[u8]>,
    pub(crate) times: u64,
}

/// A reply that comes in pieces.
#[derive(Debug, Default)]
struct Begun {
    /// What is to stand between two replies, and so behind this one.
    pushes: Vec<u8>,
    /// Who waits until pieces were taken.
    waiter: Option<Waker>,
}

impl Order {
    /// Takes the next place. An unwanted reply takes one too, for the order of the others.
    #[inline]
    pub(crate) fn reserve(&mut self, wanted: bool) -> Sequence {
        let sequence = self.first.wrapping_add(length(self.places.len()));
        self.places.push_back(if wanted { Place::Awaited } else { Place::Unwanted });
        sequence
    }

    /// Answers the command at `sequence` with one whole reply. Each place is answered once.
    #[inline]
    pub(crate) fn answer(&mut self, sequence: Sequence, reply: &[u8]) {
        if reply.first() == Some(&b'-') {
            self.note_error(reply);
        }
        let index = sequence.wrapping_sub(self.first) as usize;
        if index > 0 {
            return self.park(index, reply);
        }
        match self.places.pop_front() {
            Some(Place::Awaited) => self.ready.extend_from_slice(reply),
            Some(Place::Traced(is_wanted)) => {
                self.tell(sequence, reply);
                self.ready.extend_from_slice(if is_wanted { reply } else { b"" });
            }
            _ => {}
        }
        self.first = self.first.wrapping_add(1);
        self.release();
    }

    /// Answers a command that has no place yet: takes the next one and answers it.
    pub(crate) fn answer_now(&mut self, reply: &[u8]) {
        if self.places.is_empty() {
            if reply.first() == Some(&b'-') {
                self.note_error(reply);
            }
            return self.ready.extend_from_slice(reply);
        }
        let sequence = self.reserve(true);
        self.answer(sequence, reply);
    }

    /// Remembers an error until it is counted, at the end of the turn.
    #[cold]
    fn note_error(&mut self, reply: &[u8]) {
        let code = errors::code(reply);
        match self.errors.last_mut().filter(|last| *last.code == *code) {
            Some(last) => last.times += 1,
            None => self.errors.push(ErrorCode { code: code.into(), times: 1 }),
        }
    }

    /// The errors since the last time.
    #[inline]
    pub(crate) fn take_errors(&mut self) -> Vec<ErrorCode> {
        std::mem::take(&mut self.errors)
    }

    /// The number of the last command that has a place, or had one.
    pub(crate) fn last(&self) -> Sequence {
        self.first.wrapping_add(length(self.places.len())).wrapping_sub(1)
    }

    /// Whether the command of this number, which has or had a place, is answered and all before it.
    #[inline]
    pub(crate) fn is_past(&self, sequence: Sequence) -> bool {
        self.first.wrapping_sub(sequence).wrapping_sub(1) < Sequence::MAX / 2
    }

    /// Has `traced` be told when the command at `sequence` is answered; `false` if it is already, or never had a place.
    #[cold]
    pub(crate) fn trace(&mut self, sequence: Sequence, traced: &Rc<Traced>) -> bool {
        let index = sequence.wrapping_sub(self.first) as usize;
        let Some(place) = self.places.get_mut(index) else { return false };
        let is_wanted = match place {
            Place::Awaited => true,
            Place::Unwanted => false,
            Place::Traced(_) | Place::Parked(_) => return false,
        };
        *place = Place::Traced(is_wanted);
        self.traced.push_back((sequence, Rc::clone(traced)));
        true
    }

    /// Tells who waits for that that the command at `sequence` is answered.
    #[cold]
    fn tell(&mut self, sequence: Sequence, reply: &[u8]) {
        if let Some(at) = self.traced.iter().position(|(of, _)| *of == sequence)
            && let Some((_, traced)) = self.traced.remove(at)
        {
            traced.answered(reply);
        }
    }

    /// The same for the place at `index`, which is as any other from here on.
    #[cold]
    fn trace_ends(&mut self, index: usize, reply: &[u8]) {
        if let Some(place) = self.places.get_mut(index)
            && let Place::Traced(is_wanted) = *place
        {
            *place = if is_wanted { Place::Awaited } else { Place::Unwanted };
            self.tell(self.first.wrapping_add(length(index)), reply);
        }
    }

    /// Puts a frame that answers no command between two replies.
    pub(crate) fn push(&mut self, first: u8, rest: &[u8]) {
        let out = self.begun.as_mut().map_or(&mut self.ready, |begun| &mut begun.pushes);
        out.push(first);
        out.extend_from_slice(rest);
    }

    /// The reply to the command at `sequence` is to come in pieces; `false` if it is not its turn.
    pub(crate) fn begin(&mut self, sequence: Sequence) -> bool {
        let is_first = sequence == self.first && !self.places.is_empty();
        if is_first {
            // Its begin is all that is known of it here.
            self.trace_ends(0, b"");
            self.begun = Some(Box::default());
        }
        is_first
    }

    /// It comes whole after all; no piece of it has come.
    pub(crate) fn withdraw(&mut self) {
        self.begun = None;
    }

    /// The next piece of such a reply.
    pub(crate) fn piece(&mut self, bytes: &[u8]) {
        if let (Some(_), Some(Place::Awaited)) = (&self.begun, self.places.front()) {
            self.ready.extend_from_slice(bytes);
        }
    }

    /// Such a reply is whole.
    pub(crate) fn end(&mut self) {
        let Some(begun) = self.begun.take() else { return };
        self.answer(self.first, b"");
        // What became ready with it was not there when these were sent.
        self.ready.extend_from_slice(&begun.pushes);
    }

    /// Whether more than so many bytes of a reply that comes in pieces wait; `waiter` is woken when half of them were
    /// taken.
    pub(crate) fn is_behind(&mut self, bytes: usize, waiter: &Waker) -> bool {
        let waiting = self.ready().len();
        let Some(begun) = self.begun.as_mut().filter(|_| waiting > bytes) else { return false };
        begun.waiter = Some(waiter.clone());
        true
    }

    /// Bytes were taken: wakes who waits for that, once no more than so many wait.
    #[inline]
    pub(crate) fn wake_waiter(&mut self, bytes: usize) {
        if self.begun.is_some() && self.ready().len() <= bytes {
            self.begun.iter_mut().filter_map(|begun| begun.waiter.take()).for_each(Waker::wake);
        }
    }

    /// Moves what has its turn now from the parking buffer.
    #[inline]
    fn release(&mut self) {
        while let Some(Place::Parked(range)) = self.places.front() {
            let range = range.start as usize..range.end as usize;
            self.parked_live -= range.len();
            self.ready.extend_from_slice(&self.parked[range]);
            self.places.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        if self.parked_live == 0 {
            empty(&mut self.parked);
        }
    }

    #[inline]
    fn park(&mut self, index: usize, reply: &[u8]) {
        if matches!(self.places.get(index), Some(Place::Traced(_))) {
            self.trace_ends(index, reply);
        }
        let Some(place) = self.places.get_mut(index) else { return };
        if reply.is_empty() || !matches!(place, Place::Awaited) {
            // It names no byte, so nothing keeps the buffer for it: its range must be good for an empty one.
            *place = Place::Parked(0..0);
            return;
        }
        let start = self.parked.len();
        self.parked.extend_from_slice(reply);
        self.parked_live += reply.len();
        *place = Place::Parked(length(start)..length(self.parked.len()));
        if self.parked.len() >= COMPACT_FROM_BYTES && self.parked_live < self.parked.len() / 2 {
            self.compact();
        }
    }

    /// Copies the live half of the parking buffer: costs no more than what was parked since the last time.
    #[cold]
    fn compact(&mut self) {
        let mut live = Vec::with_capacity(self.parked_live * 2);
        for place in &mut self.places {
            if let Place::Parked(range) = place
                && range.start < range.end
            {
                let start = live.len();
                live.extend_from_slice(&self.parked[range.start as usize..range.end as usize]);
                *range = length(start)..length(live.len());
            }
        }
        self.parked = live;
    }

    /// The bytes to be written next.
    #[inline]
    pub(crate) fn ready(&self) -> &[u8] {
        &self.ready[self.sent..]
    }

    /// The first `count` bytes of [`Order::ready`] were written.
    #[inline]
    pub(crate) fn written(&mut self, count: usize) {
        self.sent += count;
        if self.sent == self.ready.len() {
            empty(&mut self.ready);
            self.sent = 0;
        } else if self.sent > self.ready.len() / 2 {
            self.ready.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Commands that have no reply in [`Order::ready`] yet.
    #[inline]
    pub(crate) fn in_flight(&self) -> usize {
        self.places.len()
    }

    /// Bytes held.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        let pushes = self.begun.as_ref().map_or(0, |begun| begun.pushes.len());
        self.ready.len() - self.sent + self.parked.len() + pushes
    }

    /// Gives back the memory of a client that rests.
    pub(crate) fn rest(&mut self) {
        if self.is_idle() {
            *self = Self { first: self.first, ..Self::default() };
        }
    }

    /// Whether all is answered and written.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.places.is_empty() && self.ready.is_empty()
    }
}

/// Empties a buffer and gives back what is more than the usual.
#[inline]
fn empty(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEEP_BYTES {
        *buffer = Vec::new();
    } else {
        buffer.clear();
    }
}

/// Bounds of a buffer; the output's limit keeps them far below 4 GiB.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "bounded by the limit of a client's output")]
fn length(value: usize) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use ringmaster_protocol::command;
    use ringmaster_runtime::traces::{Sample, Service, Traces, TracesConfig};

    use super::*;

    fn taken(order: &mut Order) -> String {
        let text = String::from_utf8(order.ready().to_vec()).unwrap();
        order.written(text.len());
        text
    }

    #[test]
    fn replies_leave_in_the_order_of_commands_whatever_order_they_come_in() {
        let mut order = Order::default();
        let places: Vec<_> = (0..5).map(|_| order.reserve(true)).collect();
        order.answer(places[3], b"d");
        order.answer(places[1], b"b");
        assert_eq!(taken(&mut order), "");
        order.answer(places[0], b"a");
        assert_eq!(taken(&mut order), "ab");
        order.answer(places[4], b"e");
        order.answer(places[2], b"c");
        assert_eq!(taken(&mut order), "cde");
        assert!(order.is_idle());
    }

    #[test]
    fn a_reply_in_pieces_is_not_torn_apart() {
        let mut order = Order::default();
        let places: Vec<_> = (0..3).map(|_| order.reserve(true)).collect();
        assert!(!order.begin(places[1]), "it is not its turn");
        assert!(order.begin(places[0]));
        order.piece(b"$4\r\na");
        order.push(b'>', b"news");
        order.answer(places[1], b"+2");
        order.answer_now(b"+4");
        order.piece(b"bcd\r\n");
        assert_eq!(taken(&mut order), "$4\r\nabcd\r\n");
        order.end();
        order.push(b'>', b"more");
        order.answer(places[2], b"+3");
        assert_eq!(taken(&mut order), "+2>news>more+3+4");
        assert!(order.is_idle());
        let unwanted = order.reserve(false);
        assert!(order.begin(unwanted));
        order.piece(b"dropped");
        order.end();
        assert!(order.is_idle());
    }

    #[test]
    fn a_local_reply_waits_for_those_before_it() {
        let mut order = Order::default();
        order.answer_now(b"a");
        let place = order.reserve(true);
        order.answer_now(b"c");
        assert_eq!(taken(&mut order), "a");
        order.answer(place, b"b");
        assert_eq!(taken(&mut order), "bc");
    }

    #[test]
    fn an_unwanted_reply_is_dropped_in_and_before_its_turn() {
        let mut order = Order::default();
        let places = [order.reserve(false), order.reserve(true), order.reserve(false)];
        order.answer(places[2], b"x");
        order.answer(places[0], b"x");
        order.answer(places[1], b"a");
        assert_eq!(taken(&mut order), "a");
        assert!(order.is_idle());
    }

    #[test]
    fn an_empty_reply_outlives_the_bytes_that_were_parked_before_it() {
        let mut order = Order::default();
        let first = order.reserve(true);
        order.answer_now(b"+PONG\r\n");
        let third = order.reserve(true);
        order.answer_now(b"");
        order.answer(first, b"x");
        order.answer(third, b"y");
        assert_eq!(taken(&mut order), "x+PONG\r\ny");
        assert!(order.is_idle());
    }

    #[test]
    fn an_empty_reply_outlives_a_compaction_of_the_bytes_before_it() {
        let mut order = Order::default();
        let first = order.reserve(true);
        order.answer_now(&[b'x'; COMPACT_FROM_BYTES]);
        let third = order.reserve(true);
        order.answer_now(b"z");
        order.answer_now(b"");
        order.answer(first, b"");
        order.answer_now(b"last");
        order.answer(third, b"y");
        assert_eq!(taken(&mut order).len(), COMPACT_FROM_BYTES + "yzlast".len());
        assert!(order.is_idle());
    }

    #[test]
    fn the_parking_buffer_stays_small_while_it_never_runs_empty() {
        let mut order = Order::default();
        let (mut oldest, early) = (order.reserve(true), order.reserve(true));
        order.answer(early, b"x");
        for _ in 0..1000 {
            let (next, early) = (order.reserve(true), order.reserve(true));
            order.answer(early, &[b'x'; 1000]);
            order.answer(oldest, b"x");
            oldest = next;
            assert!(taken(&mut order).len() <= 1001);
            assert!(order.bytes() <= 2 * COMPACT_FROM_BYTES, "{}", order.bytes());
        }
    }

    #[test]
    fn a_client_that_rests_holds_no_memory_and_goes_on_where_it_was() {
        let mut order = Order::default();
        let one = order.reserve(true);
        order.answer(one, &[b'x'; 1000]);
        order.rest();
        assert_eq!(taken(&mut order).len(), 1000);
        order.rest();
        assert_eq!((order.ready.capacity(), order.places.capacity()), (0, 0));
        let next = order.reserve(true);
        assert_eq!(next, one + 1);
    }

    proptest::proptest! {
        #[test]
        fn any_order_of_replies_gives_the_order_of_commands(
            keys in proptest::collection::vec((proptest::num::u32::ANY, 0usize..40), 1..200),
        ) {
            let mut order = Order::default();
            let mut places: Vec<_> = keys.iter().map(|&(key, len)| (key, order.reserve(true), len)).collect();
            let reply = |place: Sequence, len: usize| format!("{place}{}\n", "x".repeat(len));
            let expected: String = places.iter().map(|&(_, place, len)| reply(place, len)).collect();
            places.sort_unstable();
            let mut seen = String::new();
            for (_, place, len) in places {
                order.answer(place, reply(place, len).as_bytes());
                seen.push_str(&taken(&mut order));
            }
            proptest::prop_assert_eq!(seen, expected);
            proptest::prop_assert!(order.is_idle());
        }
    }

    #[test]
    fn errors_are_remembered_by_their_codes_and_told_once() {
        let mut order = Order::default();
        let [first, second] = [order.reserve(true), order.reserve(false)];
        order.answer(second, b"-ERR no\r\n");
        order.answer(first, b"-ERR neither\r\n");
        order.answer_now(b"-OOM\r\n");
        order.answer_now(b"+OK\r\n");
        let told: Vec<_> = order.take_errors().into_iter().map(|error| (error.code, error.times)).collect();
        assert_eq!(told, [(b"ERR"[..].into(), 2), (b"OOM"[..].into(), 1)]);
        assert_eq!(order.take_errors(), []);
    }

    #[test]
    fn a_traced_reply_is_told_and_counted_in_and_before_its_turn_and_left_out_if_unwanted() {
        let service = Service { name: "test", version: "0", instance: "test".to_owned() };
        let traces = Traces::start(&TracesConfig::default(), &service, Sample::NONE).unwrap();
        let traced = Traced::begin(&traces, command::lookup(b"get").unwrap(), None);
        let mut order = Order::default();
        let places = [true, false, true, false].map(|wanted| order.reserve(wanted));
        assert!(places.iter().all(|place| order.trace(*place, &traced)));
        assert_eq!(Rc::strong_count(&traced), 5);
        order.answer(places[2], b"-OOM early\r\n");
        order.answer(places[3], b"-OOM early, unwanted\r\n");
        assert_eq!(Rc::strong_count(&traced), 3);
        order.answer(places[0], b"-OOM in turn\r\n");
        order.answer(places[1], b"-OOM in turn, unwanted\r\n");
        assert_eq!(Rc::strong_count(&traced), 1);
        assert_eq!(taken(&mut order), "-OOM in turn\r\n-OOM early\r\n");
        assert_eq!(order.take_errors().into_iter().map(|error| error.times).sum::<u64>(), 4);
        assert!(!order.trace(places[0], &traced), "it is answered");
        assert!(order.is_idle());
        traces.stop();
    }

    #[test]
    fn a_command_is_past_when_it_and_all_before_it_are_answered() {
        let mut order = Order { first: Sequence::MAX, ..Order::default() };
        assert!(order.is_past(order.last()), "nothing is under way");
        let (one, two) = (order.reserve(true), order.reserve(true));
        assert_eq!(order.last(), two);
        order.answer(two, b"b");
        assert!(!order.is_past(one) && !order.is_past(two));
        order.answer(one, b"a");
        assert!(order.is_past(one) && order.is_past(two));
    }

    #[test]
    fn numbers_of_places_wrap() {
        let mut order = Order { first: Sequence::MAX, ..Order::default() };
        let (one, two) = (order.reserve(true), order.reserve(true));
        assert_eq!((one, two), (Sequence::MAX, 0));
        order.answer(two, b"b");
        order.answer(one, b"a");
        assert_eq!(taken(&mut order), "ab");
    }
}
