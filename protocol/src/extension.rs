//! What proxies and nodes say to each other about slots, beyond commands: the RM.* messages as values.
//!
//! ```text
//! client command ──► head: executes, answers the reply with a Note (what the operation did, and its version)
//!                    proxy ──Apply──► next entry ──Done──► proxy ──Apply──► last entry ──Done──► client
//! Behind ─► Ring at the entry before ─► Apply each          Gap ─► Export at the entry before ─► Import
//! ```
//! On the wire they are RESP: requests named `RM.…` whose last argument is the message, and replies that carry it.
//!
//! docs/PROTOCOL.md has all of them, with their fields and answers.
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
