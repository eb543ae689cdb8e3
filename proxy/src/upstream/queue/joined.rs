//! Reads that are the same and not sent yet, sent as one.
//!
//! A read may take the reply of another one of the same bytes, in the same database and protocol, as long as that one has
//! not left: the node executes it after both have come. It may not once a command that changes something stands between
//! them in the same connection: the client may be the one that sent it. Where slots have copies, writes go other ways, and a
//! read comes here only while no write of its slot is under way in this thread ([`crate::chain::Straight`]).

use std::rc::Rc;

use xxhash_rust::xxh3::xxh3_64;

use crate::output::{Output, Sequence};

/// Commands whose reply does for all who ask at the same time; others have chance or a cursor in them.
const JOINING: [&[u8]; 9] =
    [b"get", b"hget", b"hgetall", b"hmget", b"lrange", b"mget", b"smembers", b"zrange", b"zscore"];

/// Reads that others may join, by the hash of their bytes; the later takes the place of the earlier.
const PLACES: usize = 64;

/// A read that others may join.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    hash: u64,
    /// Where its bytes begin and end in the stream of all that is queued; empty if there is none.
    begin: u64,
    end: u64,
    /// Number of the command in its connection.
    number: u64,
}

/// A client that waits for another's read.
pub(super) struct Joined {
    pub(super) client: Rc<Output>,
    pub(super) place: Sequence,
    /// Number of the command whose reply it gets.
    number: u64,
}

/// What can be joined, and who has joined.
#[derive(Default)]
pub(super) struct Joins {
    open: Option<Box<[Open; PLACES]>>,
    /// Those that are open are judged: they were sent past the writes of their slots, none of which was under way.
    is_judged: bool,
    joined: Vec<Joined>,
}

/// A place of [`Joins`] and the hash for it.
fn place_of(request: &[u8]) -> (usize, u64) {
    let hash = xxh3_64(request);
    // The rest is below 64.
    ((hash % PLACES as u64) as usize, hash)
}

/// Whether a request is one that others may join.
fn may_be_joined(request: &[u8]) -> bool {
    let mut lines = request.split(|&byte| byte == b'\n').skip(2);
    let name = lines.next().and_then(|line| line.strip_suffix(b"\r"));
    name.is_some_and(|name| JOINING.iter().any(|known| name.eq_ignore_ascii_case(known)))
}

impl Joins {
    /// The number of a queued command of these bytes that others may join: `unsent` is all that has not left, and begins
    /// at `sent_total` of all bytes queued ever.
    pub(super) fn find(&self, request: &[u8], unsent: &[u8], sent_total: u64) -> Option<u64> {
        let (place, hash) = place_of(request);
        let open = self.open.as_ref()?[place];
        let from = usize::try_from(open.begin.checked_sub(sent_total)?).ok()?;
        let to = usize::try_from(open.end.checked_sub(sent_total)?).ok()?;
        (open.hash == hash && unsent.get(from..to)? == request).then_some(open.number)
    }

    /// Others may join the command `number`, of these bytes, which ends at `end` of all bytes queued ever.
    pub(super) fn open(&mut self, request: &[u8], (end, number): (u64, u64), is_judged: bool) {
        if !may_be_joined(request) {
            return;
        }
        let (place, hash) = place_of(request);
        let open = self.open.get_or_insert_with(|| Box::new([Open::default(); PLACES]));
        open[place] = Open { hash, begin: end - request.len() as u64, end, number };
        self.is_judged = is_judged;
    }

    /// A client waits for the reply of command `number`.
    pub(super) fn join(&mut self, number: u64, client: &Rc<Output>, place: Sequence) {
        self.joined.push(Joined { client: Rc::clone(client), place, number });
    }

    /// A command that changes something is queued: what stands before it can be joined no more.
    #[inline]
    pub(super) fn shut(&mut self) {
        if self.open.is_some() && !self.is_judged {
            self.open = None;
        }
    }

    /// Takes out who waits for the reply of command `number`, in the order in which they came.
    #[inline]
    pub(super) fn take(&mut self, number: u64) -> Vec<Joined> {
        if self.joined.is_empty() {
            return Vec::new();
        }
        self.joined.extract_if(.., |joined| joined.number == number).collect()
    }
}
