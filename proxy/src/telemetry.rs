//! What the proxy counts and knows about itself.
//!
//! Each data thread has counters of its own ([`ThreadMetrics`]), which nobody else writes: counting is an addition
//! without a lock or a shared cache line. The admin port adds them up when it is asked.

mod history;
mod latency;
mod nodes;
mod sampling;

pub(crate) use history::{History, Second, keep};
pub(crate) use latency::Latencies;
pub(crate) use nodes::{NodeFigures, NodeStatus, Nodes};
pub(crate) use sampling::{Sampling, Timed};

use std::sync::atomic::{AtomicU64, Ordering};

use ringmaster_protocol::command::{COUNT, CommandId, Flags, Spec};
use ringmaster_runtime::metrics::durations::Durations;
use ringmaster_runtime::metrics::errors::ErrorCodes;

use crate::upstream::FailureKind;

/// A counter that one thread writes and all may read.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds `count`. Only for the thread that owns the counter.
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Takes `count` away. Only for the thread that owns the counter.
    pub(crate) fn sub(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(count), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one data thread.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct ThreadMetrics {
    /// Clients connected now.
    pub(crate) clients: Counter,
    /// Clients ever connected.
    pub(crate) connections: Counter,
    /// Commands taken from clients.
    pub(crate) commands: Counter,
    /// Bytes of commands taken from clients.
    pub(crate) input_bytes: Counter,
    /// Bytes of replies written to clients.
    pub(crate) output_bytes: Counter,
    /// Commands that no node was asked for: unknown, wrong, refused.
    pub(crate) rejected: Counter,
    /// Clients closed for a broken stream.
    pub(crate) protocol_errors: Counter,
    /// Reads of hot keys that took the reply of another that was the same.
    pub(crate) joined: Counter,
    /// Commands refused because a node's queue was full.
    pub(crate) shed: Counter,
    /// Commands refused because their user has had its share of the second.
    pub(crate) over_quota: Counter,
    /// Clients closed because they did not take their replies, or asked for too much at once.
    pub(crate) clients_closed: Counter,
    /// Published messages handed on to clients.
    pub(crate) messages: Counter,
    /// Connections to nodes that failed, by [`FailureKind`].
    failures: [Counter; 4],
    /// Error replies to clients, by their codes.
    pub(crate) errors: ErrorCodes,
    /// How long clients waited for replies, of commands of each [`CommandKind`].
    pub(crate) latencies: [Durations; CommandKind::ALL.len()],
    /// The same of all commands, in finer steps, for the last seconds.
    pub(crate) recent: Latencies,
    by_command: ByCommand,
}

/// Commands taken from clients, by their ids.
#[derive(Debug)]
struct ByCommand(Box<[Counter]>);

impl Default for ByCommand {
    fn default() -> Self {
        Self((0..COUNT).map(|_| Counter::default()).collect())
    }
}

/// The kinds of commands whose times are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandKind {
    Read,
    Write,
    Other,
}

impl CommandKind {
    /// All, with their names.
    pub(crate) const ALL: [(Self, &'static str); 3] =
        [(Self::Read, "read"), (Self::Write, "write"), (Self::Other, "other")];

    /// That of a command.
    pub(crate) fn of(spec: &Spec) -> Self {
        match () {
            () if spec.flags.contains(Flags::READONLY) => Self::Read,
            () if spec.flags.contains(Flags::WRITE) => Self::Write,
            () => Self::Other,
        }
    }
}

impl ThreadMetrics {
    /// How often a command was taken from clients.
    #[inline]
    pub(crate) fn command(&self, id: CommandId) -> &Counter {
        &self.by_command.0[id.index()]
    }

    /// A connection to a node failed.
    pub(crate) fn failed(&self, kind: FailureKind) {
        self.failures[kind as usize].add(1);
    }

    /// Failed connections to nodes of this kind.
    pub(crate) fn failures(&self, kind: FailureKind) -> u64 {
        self.failures[kind as usize].get()
    }
}
