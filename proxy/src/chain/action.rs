//! What goes in and out of the chains: who is meant, what is sent, what a client is told.

use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::extension::Ask;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Epoch, MemberIndex, Version};

/// A client's command under way, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

impl OperationId {
    /// Of what nobody has submitted.
    pub const NOBODYS: Self = Self(0);
}

/// One message and its answer, by number. Never used twice; below 2^62.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wire(pub u64);

/// A client's connection, by number: its commands keep their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It may change something: the head executes it.
    Write,
    /// It tells somebody something and changes nothing: the head executes it, once. Nobody else needs to know.
    Publish,
    /// It reads what the head has, and is answered when all in-sync entries have that.
    ReadHead,
    /// It reads what is acknowledged, from the tail.
    Read,
    /// It reads what any in-sync entry has: the one at this place of the chain, modulo its length.
    ReadAny(usize),
}

impl Kind {
    /// Whether it must not be executed twice.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(self, Self::Write | Self::Publish)
    }
}

/// A command of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Whose it is.
    pub client: ClientId,
    /// The slot of all its keys.
    pub slot: HashSlot,
    /// What it does.
    pub kind: Kind,
    /// The whole request.
    pub request: Bytes,
    /// Its client has reads under way in this slot that went straight.
    pub is_behind_reads: bool,
}

impl Command {
    /// Whether it is of this client, and behind reads that went straight.
    pub(super) fn is_behind(&self, client: ClientId) -> bool {
        self.is_behind_reads && self.client == client
    }
}

/// A member as one view names it, and how a connection to it must be attached: at least at `changed`, at most at `epoch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The member, by its place in the view of `epoch`.
    pub member: MemberIndex,
    /// The process that is meant.
    pub boot: Boot,
    /// The view by which it was chosen.
    pub epoch: Epoch,
    /// Epoch that last altered the slot's chain.
    pub changed: Epoch,
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a command on a connection for data.
    Execute {
        /// Its answer comes under this number.
        wire: Wire,
        /// To whom.
        to: Target,
        /// Whose it is.
        operation: OperationId,
        /// The request.
        request: Bytes,
        /// Execute it only if the operation of this version is not in the history.
        unless: Option<Version>,
    },
    /// Ask about the slot, on a connection of its own.
    Ask {
        /// Its answer comes under this number.
        wire: Wire,
        /// To whom.
        to: Target,
        /// What.
        ask: Ask,
    },
    /// Answer the client.
    Answer {
        /// The command.
        operation: OperationId,
        /// What the client is told.
        told: Told,
    },
    /// A node's committed epoch is another than the view's: hand it the view, or learn a later one.
    Differs {
        /// The node.
        member: MemberIndex,
        /// What it said.
        epoch: Epoch,
    },
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The reply of a command that was done.
    Reply(Bytes),
    /// It was not executed, and can be tried again.
    NotExecuted(&'static str),
    /// It was not executed: fewer members hold the slot than a write needs.
    TooFewCopies,
    /// It may have been executed.
    Maybe(&'static str),
}

/// The lease that the proxy holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// The epoch that a majority confirmed.
    pub epoch: Epoch,
    /// Until when that holds.
    pub until: Duration,
}

/// What the chains are told of the world at each call.
#[derive(Clone, Copy)]
pub struct Moment<'m> {
    /// The clock, read after what is being told arrived.
    pub now: Duration,
    /// The lease.
    pub lease: Lease,
    /// Which members answer.
    pub links: &'m dyn Links,
}

/// Which members answer.
pub trait Links {
    /// Whether there are connections to this member.
    fn is_up(&self, member: MemberIndex) -> bool;
}

/// What a head or tail answered to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It was carried out, or found to have been; with what the node noted, where it did.
    Done {
        /// What became of it.
        note: Option<ringmaster_protocol::extension::Outcome>,
        /// The reply.
        reply: Bytes,
    },
    /// It was not read: a key is due, and the head has not said so yet.
    Expiring,
    /// It was not executed: the node is at this epoch, or fenced for it.
    Refused(Epoch),
}
