//! The heartbeat: what a proxy asks each node ten times a second, and what the node answers.
//!
//! ```text
//! proxy ──Beat──► node      who asks, under which view; the lease question; the proxy's post
//! proxy ◄─Pulse── node      who answers, its view and state, the lease answer; the posts of other proxies; its load
//! ```
//! Posts are how proxies hear of each other: a node keeps them a moment, without reading them.

mod wire;

use bytes::Bytes;

use crate::register::Answer;
use crate::slot::HashSlot;
use crate::view::{Boot, ClusterId, Epoch, Incarnation};

/// Longest post in bytes.
pub const POST_BYTES_MAX: usize = 4096;

/// Most posts of a pulse: so many proxies hear of each other.
pub const POSTS_MAX: usize = 256;

/// Most slots with due keys that a pulse names; the others wait for the next.
pub const DUE_SLOTS_MAX: usize = 256;

/// Most members without memory that a beat names.
pub const FULL_MAX: usize = 256;

/// Longest heartbeat message in bytes: the posts, and a view that is later than the asker's.
pub const HEARTBEAT_BYTES_MAX: usize = crate::view::VIEW_BYTES_MAX + POSTS_MAX * (POST_BYTES_MAX + 32) + 4096;

/// A proxy asks a node how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The asker's cluster; 0 before it knows one.
    pub cluster: ClusterId,
    /// Epoch of the asker's view, 0 before it has one. A node with a later view answers it ([`Pulse::lease`]).
    pub epoch: Epoch,
    /// The proxy: drawn when it starts.
    pub proxy: u128,
    /// What it wants the other proxies to know, up to [`POST_BYTES_MAX`]; empty: nothing, and it is forgotten.
    pub post: Bytes,
    /// The members whose memory is at its hard limit, at most [`FULL_MAX`]: heads in front of them take no write that
    /// needs more.
    pub full: Vec<Incarnation>,
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It has no view, accepted none, and holds no key.
    Blank,
    /// It loads its data.
    Recovering {
        /// The share that is done, in thousandths.
        share: u16,
    },
    /// It serves.
    Ready,
    /// It is about to stop.
    Leaving,
}

/// What another proxy wants to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The proxy.
    pub proxy: u128,
    /// Milliseconds since the node got it.
    pub age_ms: u32,
    /// What it says.
    pub bytes: Bytes,
}

/// A node's answer to a [`Beat`].
#[derive(Clone, Debug)]
pub struct Pulse {
    /// The cluster of its committed view; before it has one, that of the first view if it accepted one.
    pub cluster: Option<ClusterId>,
    /// Epoch of its committed view; 0 before it has one.
    pub epoch: Epoch,
    /// Its data directory.
    pub incarnation: Incarnation,
    /// Its process.
    pub boot: Boot,
    /// Whether it keeps its data over a restart.
    pub is_durable: bool,
    /// How it is.
    pub state: NodeState,
    /// Its register's answer to [`crate::register::Request::Confirm`] with the asker's epoch: whether that is still the
    /// view, or the later one. To an asker of another cluster: [`crate::register::Refusal::Foreign`].
    pub lease: Answer,
    /// The latest posts of other proxies, at most [`POSTS_MAX`].
    pub posts: Vec<Post>,
    /// Memory that it uses, in bytes.
    pub used_memory: u64,
    /// Keys that it holds.
    pub keys: u64,
    /// Memory that it uses, in thousandths of its hard limit.
    pub pressure: u16,
    /// Memory that it uses above its high watermark, in bytes: so much of what it holds should be evicted. 0 where
    /// nothing is to go.
    pub excess: u64,
    /// Slots whose head it is and in which keys are due, at most [`DUE_SLOTS_MAX`].
    pub due: Vec<HashSlot>,
    /// Its clock in Unix milliseconds.
    pub clock_ms: u64,
}
