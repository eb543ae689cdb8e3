//! What proxies and nodes say to each other about slots, beyond commands: the RM.* messages as values.
//!
//! ```text
//! client command ──► head: executes, answers the reply with a Note (what the operation did, and its version)
//!                    proxy ──Apply──► next entry ──Done──► proxy ──Apply──► last entry ──Done──► client
//! Behind ─► Ring at the entry before ─► Apply each          Gap ─► Export at the entry before ─► Import
//! ```
//! Every question is about one slot under one view, so a connection names the epoch at which it is attached and a node
//! refuses what is older than the slot's chain.

mod content;
mod history;
mod message;
mod rule;
mod wire;

pub use content::{Contents, Operation, Report};
pub use history::{History, LINEAGE_MAX};
pub use message::{Ask, Note, Say};
pub use rule::{Rule, Rules};
pub use wire::{MESSAGE_BYTES_MAX, MessageDecodeError};
