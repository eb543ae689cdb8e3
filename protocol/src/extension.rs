//! What proxies and nodes say to each other about slots, beyond commands: the RM.* messages as values.
//!
//! ```text
//! client command ──► head: executes, answers the reply with a Note (what the operation did, and its version)
//!                    proxy ──Apply──► next entry ──Done──► proxy ──Apply──► last entry ──Done──► client
//! Behind ─► Ring at the entry before ─► Apply each          Gap ─► Export at the entry before ─► Import
//! ```
//! On the wire they are RESP: requests named `RM.…` whose last argument is the message, and replies that carry it.
//!
//! | request | where | answer |
//! | --- | --- | --- |
//! | `RM.ATTACH cluster epoch incarnation boot [sender lane generation]` | first on a connection for data or questions, again at later epochs; with the sender's name what its connections of lower generations still bring is refused from now on | `+OK`; `-STALE epoch`, `-REBORN`, `-FOREIGN`: the connection is detached, and all behind it is refused |
//! | a command | for data | its reply, preceded by a [`Note`] as an attribute where there is something to note; `-STALE epoch`, `-FENCED epoch` |
//! | `RM.UNLESS changed n request` | for data | as the request within; or a note that says that it has it, and `+OK` |
//! | `RM.ANY request` | for data | as the request within, which only reads, by any in-sync entry: not only by the tail |
//! | `RM.EXEC request …`, `RM.FLUSH slot [database]`, `RM.TICK slot`, `RM.EVICT slot database key …` | for data | as a command: several as one operation; a slot emptied; what is due in a slot freed; keys evicted, each named by its database and itself |
//! | `RM.ASK id ask` | for questions | `[id, say]`, in any order |
//! | `RM.NONCE`, `RM.PROVE proof [proof]` | first of all, where the node has a secret | see [`crate::secret`] |
//! | `RM.TRACE traceparent [BY line client] [more …]` | in front of a command or an `RM.ASK` that is traced, or whose author is not to be told of it | `+OK`, or an error of an older node; neither means anything |
//! | `RM.BEAT beat`, `RM.REGISTER request` | anywhere, unattached | a bulk string |
//! | `RM.LISTEN kind name count …` | for messages, unattached | `+OK`: messages published to channels (kind 0), fitting patterns (1) or to shard channels (2) come as pushes, and count for so many subscribers; a count of 0 ends it |
//!
//! Every question is about one slot under one view, so a connection names the epoch at which it is attached and a node
//! refuses what is older than the slot's chain.

mod bell;
mod content;
mod history;
mod message;
mod passing;
mod raw;
mod request;
mod rule;
mod same;
mod trace;
mod wire;

pub use bell::{put_rung, rung};
pub use content::{Contents, Operation, Report, Victim};
pub use history::{History, LINEAGE_MAX};
pub use message::{Ask, Note, Outcome, Say};
pub use passing::{Apply, Passing, put_done, put_made};
pub use raw::RawOperation;
pub use request::{
    Attach, Claim, EXPIRING, RefusedAttach, attribute, put_apply, put_ask, put_attach, put_attach_as,
    put_attribute, put_blob, put_refusal, put_request, put_say, put_unless, refusal, split_attribute,
};
pub use rule::{Rule, Rules};
pub use same::{content_digest, put_same};
pub use trace::{Author, Preface, TRACE, put_trace, trace_of};
pub use wire::{MESSAGE_BYTES_MAX, MessageDecodeError, VICTIMS_MAX};
