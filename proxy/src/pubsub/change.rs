//! Subscriptions of a client that begin or end, until all nodes that are reached know of it.

use std::cell::Cell;
use std::rc::Rc;

use ringmaster_protocol::extension::put_request;
use ringmaster_protocol::resp::reply::Reply;

use super::{Hub, Kind, Subscriber};
use crate::output::Sequence;

/// Most names of one request to a node.
pub(super) const PIECE_NAMES_MAX: usize = 1024;

/// With so many bytes of names a request takes no further one.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// Has a node tell of all keys that change, or of none.
pub(super) const TRACK: &[u8] = b"*4\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n$5\r\nBCAST\r\n";
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
const UNTRACK: &[u8] = b"*3\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$3\r\nOFF\r\n";

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// Names that are asked for.
    Names,
    /// A client that is told of keys; with this a node begins to tell, or with its answer it has begun before.
    Tracker(&'static [u8]),
    /// No keys are told of any more.
    NoTracker,
}

/// One command of a client, or its end.
pub(super) struct Change {
    hub: Rc<Hub>,
    who: Rc<Subscriber>,
    about: About,
    kind: Kind,
    begins: bool,
    /// Names that are listened to from then on, or no more.
    names: Vec<Rc<[u8]>>,
    /// For how many clients names are asked from now on.
    told: Vec<(Rc<[u8]>, usize)>,
    /// Where it is confirmed, and with what.
    place: Option<Sequence>,
    confirmation: Vec<u8>,
    /// Answers that are awaited, and one until it was told.
    missing: Cell<usize>,
}

impl Change {
    /// Subscriptions begin.
    pub(super) fn begin(hub: &Rc<Hub>, who: &Rc<Subscriber>, kind: Kind, place: Sequence) -> Self {
        Self::new(hub, who, kind, true, Some(place))
    }

    /// Subscriptions end.
    pub(super) fn end(hub: &Rc<Hub>, who: &Rc<Subscriber>, kind: Kind, place: Sequence) -> Self {
        Self::new(hub, who, kind, false, Some(place))
    }

    /// Subscriptions end, of a client that waits for no confirmation.
    pub(super) fn unconfirmed(hub: &Rc<Hub>, who: &Rc<Subscriber>, kind: Kind) -> Self {
        Self::new(hub, who, kind, false, None)
    }

    /// A client tracks keys. Only for the first the nodes begin to tell: to begin again would leave a gap for the others.
    pub(super) fn track(hub: &Rc<Hub>, who: &Rc<Subscriber>, is_first: bool, place: Sequence) -> Self {
        let about = About::Tracker(if is_first { TRACK } else { PING });
        let confirmation = b"+OK\r\n".to_vec();
        Self { about, confirmation, ..Self::new(hub, who, Kind::Channel, true, Some(place)) }
    }

    /// No client tracks keys any more.
    pub(super) fn untrack(hub: &Rc<Hub>, who: &Rc<Subscriber>) -> Self {
        Self { about: About::NoTracker, ..Self::new(hub, who, Kind::Channel, false, None) }
    }

    fn new(hub: &Rc<Hub>, who: &Rc<Subscriber>, kind: Kind, begins: bool, place: Option<Sequence>) -> Self {
        Self {
            hub: Rc::clone(hub),
            who: Rc::clone(who),
            about: About::Names,
            kind,
            begins,
            names: Vec::new(),
            told: Vec::new(),
            place,
            confirmation: Vec::new(),
            missing: Cell::new(1),
        }
    }

    /// A name, for how many clients it is asked now if that changed, and whether the client's subscription changes. The
    /// client's own table has it already.
    pub(super) fn add(&mut self, name: &[u8], told: Option<usize>, changes: bool) {
        if changes {
            self.names.push(name.into());
        }
        if let Some(count) = told {
            self.told.push((name.into(), count));
        }
        self.confirm(Some(name));
    }

    /// Confirms the change of a name, or that there is none to change.
    pub(super) fn confirm(&mut self, name: Option<&[u8]>) {
        if self.place.is_none() {
            return;
        }
        let word: &[u8] = match (self.kind, self.begins) {
            (Kind::Channel, true) => b"subscribe",
            (Kind::Channel, false) => b"unsubscribe",
            (Kind::Pattern, true) => b"psubscribe",
            (Kind::Pattern, false) => b"punsubscribe",
            (Kind::ShardChannel, true) => b"ssubscribe",
            (Kind::ShardChannel, false) => b"sunsubscribe",
        };
        let mut reply = Reply::new(&mut self.confirmation, self.who.protocol());
        reply.push(3);
        reply.bulk(word);
        reply.bulk_or_null(name);
        reply.count(self.who.confirmed(self.kind));
    }

    /// The requests that tell a node of it.
    pub(super) fn requests(&self) -> Vec<Vec<u8>> {
        match self.about {
            About::Tracker(request) => vec![request.to_vec()],
            About::NoTracker => vec![UNTRACK.to_vec()],
            About::Names => requests(self.kind, &self.told),
        }
    }

    /// Whether it is a beginning, and no end.
    pub(super) fn begins(&self) -> bool {
        self.begins
    }

    /// One more answer is awaited.
    pub(super) fn awaits(&self) {
        self.missing.set(self.missing.get() + 1);
    }

    /// A node answered, or will not.
    pub(super) fn answered(&self) {
        self.missing.set(self.missing.get().saturating_sub(1));
        if self.missing.get() == 0 {
            self.finish();
        }
    }

    /// All nodes were told.
    pub(super) fn told(&self) {
        self.answered();
    }

    fn finish(&self) {
        if matches!(self.about, About::Tracker(_)) {
            self.hub.tracked.borrow_mut().confirm(self.who.id());
        }
        let mut names = self.hub.names.borrow_mut();
        for name in &self.names {
            if !self.begins {
                names.remove(self.kind, name, self.who.id());
            } else if !self.who.has_gone() {
                names.add(self.kind, name, &self.who);
            }
        }
        drop(names);
        if let Some(place) = self.place {
            self.who.output().answer(place, &self.confirmation);
        }
    }
}

/// The requests that tell a node for how many clients names are asked.
fn requests(kind: Kind, told: &[(Rc<[u8]>, usize)]) -> Vec<Vec<u8>> {
    let (mut requests, mut rest) = (Vec::new(), told);
    while !rest.is_empty() {
        let mut bytes = 0;
        let is_enough = |(name, _): &(Rc<[u8]>, usize)| {
            bytes += name.len();
            bytes >= PIECE_BYTES
        };
        let enough = rest.iter().position(is_enough).map_or(rest.len(), |at| at + 1);
        let (piece, behind) = rest.split_at(enough.min(PIECE_NAMES_MAX));
        requests.push(request(kind, piece));
        rest = behind;
    }
    requests
}

/// One such request.
pub(super) fn request(kind: Kind, told: &[(Rc<[u8]>, usize)]) -> Vec<u8> {
    let counts: Vec<String> = told.iter().map(|(_, count)| count.to_string()).collect();
    let kind: &[u8] = match kind {
        Kind::Channel => b"0",
        Kind::Pattern => b"1",
        Kind::ShardChannel => b"2",
    };
    let pairs = told.iter().zip(&counts).flat_map(|((name, _), count)| [&**name, count.as_bytes()]);
    let args: Vec<&[u8]> = [&b"RM.LISTEN"[..], kind].into_iter().chain(pairs).collect();
    let mut request = Vec::new();
    put_request(&mut request, &args);
    request
}
