//! Commands: one file a family, each a list of names and handlers.
//!
//! A handler parses its arguments, reads through the [`Keyspace`] (whose slots are already locked), changes
//! through [`Keyspace::apply`] and nothing else, and writes its reply. An `Err` takes back what the handler has
//! written, so a handler must return it before its first effect.

pub mod bitmap;
pub mod collected;
pub(crate) mod debug;
pub mod error;
pub mod generic;
pub mod geo;
pub mod hash;
pub(crate) mod hexadecimal;
pub mod hyperloglog;
pub mod list;
pub(crate) mod long_double;
pub mod options;
pub mod pubsub;
pub mod random;
pub mod scan;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod string;
pub(crate) mod unit;
mod walk;

use ringmaster_protocol::command::{self as table, COUNT, CommandId};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

pub use error::CommandError;

use crate::store::keyspace::{Keyspace, Moment};
use crate::store::slot::{Operation, Slot};
use crate::waiting::Wish;

/// What a handler answers: its reply is written, or this error is it.
pub type CommandResult = Result<(), CommandError>;

/// A handler of a command on keys.
pub type KeysHandler = fn(&mut Keyspace<'_, '_>, Args<'_>, &mut Reply<'_>) -> CommandResult;

/// How a command is carried out.
#[derive(Clone, Copy)]
pub enum Handler {
    /// On the slots of its keys, all locked at once.
    Keys(KeysHandler),
    /// As [`Handler::Keys`]; a `GET` by itself takes the hot path.
    Get(KeysHandler),
    /// As [`Handler::Keys`]; a plain `SET` by itself takes the hot path.
    Set(KeysHandler),
    /// As [`Handler::Keys`]; it may look at keys beyond its own if the second function says so of its arguments. See
    /// [`Keyspace::reach`].
    Far(KeysHandler, fn(Args<'_>) -> bool),
    /// On the slots of its keys; where nothing is there, the client waits for them.
    Wish(fn(Args<'_>) -> Result<Box<dyn Wish>, CommandError>),
    /// Over all slots, one after the other, in bounded turns.
    Walk(fn(Args<'_>, Moment) -> Result<Box<dyn Walk>, CommandError>),
}

/// Where a walk goes after a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// To the next slot.
    Next,
    /// To the same one again: it is large. Others have a turn first.
    Same,
    /// Nowhere: the reply is known.
    End,
}

impl Onward {
    /// To the next slot, or to the end.
    #[must_use]
    pub fn next_if(goes_on: bool) -> Self {
        if goes_on { Self::Next } else { Self::End }
    }
}

/// A command that visits slots one by one. Between two visits other connections are served.
pub trait Walk {
    /// The first slot to visit; the slots above it follow.
    fn start(&self) -> u16 {
        0
    }

    /// Whether the slots below [`Walk::start`] follow after the last.
    fn wraps(&self) -> bool {
        false
    }

    /// Whether it is one operation: all slots are held while they are visited, and nothing of it is kept without the rest.
    fn is_one(&self) -> bool {
        false
    }

    /// After how many slots a part of a walk over several nodes ends, which can be gone on with.
    fn slots_max(&self) -> usize {
        usize::MAX
    }

    /// Visits one slot, or a part of a large one, for a fraction of a millisecond.
    fn visit(&mut self, slot: &mut Slot, operation: &mut Operation<'_>) -> Onward;

    /// This slot is not visited: another node tells of it.
    fn pass_by(&mut self, _slot: ringmaster_protocol::slot::HashSlot) {}

    /// Who tells of which slot has changed before this one was visited, so that one may have been told of twice or by nobody.
    fn overtaken(&mut self, _slot: ringmaster_protocol::slot::HashSlot) -> Overtaken {
        Overtaken::GoesOn
    }

    /// Writes the reply.
    fn finish(self: Box<Self>, reply: &mut Reply<'_>);
}

/// What becomes of a walk that a change of the view overtook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overtaken {
    /// It goes on over what is read here now: it promises nothing.
    GoesOn,
    /// It ends here, and tells how far it came.
    Ends,
    /// It cannot tell anything.
    Fails,
}

/// The handlers of all families.
const FAMILIES: &[&[(&str, Handler)]] = &[
    pubsub::HANDLERS,
    bitmap::HANDLERS,
    string::HANDLERS,
    generic::HANDLERS,
    debug::HANDLERS,
    geo::HANDLERS,
    walk::HANDLERS,
    hash::HANDLERS,
    hyperloglog::HANDLERS,
    list::HANDLERS,
    set::HANDLERS,
    sorted_set::HANDLERS,
    stream::HANDLERS,
];

/// Commands that look at all elements of their keys, whatever their arguments say; the ends of ranges weigh those
/// that look at ranges (see [`Keyspace::weigh`]).
///
/// [`Keyspace::weigh`]: crate::store::keyspace::Keyspace::weigh
const WHOLE: &[&str] = &[
    "copy",
    "dump",
    "hgetall",
    "hkeys",
    "hvals",
    "lrem",
    "sdiff",
    "sdiffstore",
    "sinter",
    "sintercard",
    "sinterstore",
    "smembers",
    "sort",
    "sort_ro",
    "sunion",
    "sunionstore",
    "zdiff",
    "zdiffstore",
    "zinter",
    "zintercard",
    "zinterstore",
    "zunion",
    "zunionstore",
];

/// The handlers by command.
pub struct Registry {
    handlers: Box<[Option<Handler>; COUNT]>,
    whole: Box<[bool; COUNT]>,
}

impl Registry {
    /// All families.
    ///
    /// # Panics
    /// If a family names a command that the table does not have.
    #[must_use]
    pub fn new() -> Self {
        let mut handlers = Box::new([None; COUNT]);
        for (name, handler) in FAMILIES.iter().copied().flatten() {
            let spec = table::lookup_full(name.as_bytes()).expect("a family's command is in the table");
            handlers[spec.id.index()] = Some(*handler);
        }
        let mut whole = Box::new([false; COUNT]);
        for name in WHOLE {
            let spec = table::lookup_full(name.as_bytes()).expect("the name is in the table");
            whole[spec.id.index()] = true;
        }
        Self { handlers, whole }
    }

    /// The handler of a command, `None` if the node does not carry it out on its data.
    #[inline]
    #[must_use]
    pub fn handler(&self, id: CommandId) -> Option<Handler> {
        self.handlers[id.index()]
    }
}

impl Registry {
    /// Whether a command looks at all elements of its keys.
    #[inline]
    #[must_use]
    pub fn is_whole(&self, id: CommandId) -> bool {
        self.whole[id.index()]
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}
