//! How large things may grow: the `limits` of a cluster.yaml.

use crate::config::{ByteSize, Findings};
use serde::Deserialize;

/// The `limits` of a cluster.yaml, within their ranges. Each counts for one proxy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "the limits by name")]
pub struct Limits {
    /// Most clients at a time; one more gets an error and is closed. Range 1..=1,000,000, default 10,000.
    pub clients: usize,
    /// Most clients of one address at a time; of IPv6, of one network of 64 bits. 0, the default, is no bound; else
    /// 1..=1,000,000.
    pub clients_per_address: usize,
    /// Most clients that connect in a second. 0, the default, is no bound; else 1..=1,000,000.
    pub connects_per_second: usize,
    /// Bytes of replies that may wait for one client; above it the client's commands are not read until it has taken
    /// some. Range 1kb..=1gb, default 16mb.
    pub client_buffer: ByteSize,
    /// Bytes of commands that may wait to be sent to one node, by thread; above it clients that need the node are not
    /// read. Range 64kb..=4gb, default 64mb, not below `request`.
    pub upstream_buffer: ByteSize,
    /// Most commands of one client under way at a time; more are read when some are answered. Range 1..=100,000,
    /// default 1024.
    pub pipeline: usize,
    /// Longest command in bytes, all its arguments together; a client that sends a longer one gets an error and is
    /// closed. Range 64kb..=1gb, default 64mb.
    pub request: ByteSize,
    /// Most arguments of one command, and so most keys. Range 16..=1,048,576 (Redis's), which is the default.
    pub arguments: usize,
    /// Bytes a second that are copied between nodes when slots move. Range 64kb..=64gb, default 256mb.
    pub rebalance_bytes: ByteSize,
    /// Most slots that are copied from or to one node at a time. Range 1..=256, default 8.
    pub rebalance_parallel: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 10_000,
            clients_per_address: 0,
            connects_per_second: 0,
            client_buffer: ByteSize::mib(16),
            upstream_buffer: ByteSize::mib(64),
            pipeline: 1024,
            request: ByteSize::mib(64),
            arguments: 1 << 20,
            rebalance_bytes: ByteSize::mib(256),
            rebalance_parallel: 8,
        }
    }
}

const KIB_64: ByteSize = ByteSize::kib(64);
const GIB: ByteSize = ByteSize::mib(1024);

impl Limits {
    pub(super) fn check(&self, findings: &mut Findings) {
        findings.range("limits.clients", self.clients, 1..=1_000_000);
        findings.range("limits.clients_per_address", self.clients_per_address, 0..=1_000_000);
        findings.range("limits.connects_per_second", self.connects_per_second, 0..=1_000_000);
        findings.range("limits.client_buffer", self.client_buffer, ByteSize::kib(1)..=GIB);
        findings.range("limits.upstream_buffer", self.upstream_buffer, KIB_64..=ByteSize::mib(4096));
        findings.range("limits.pipeline", self.pipeline, 1..=100_000);
        findings.range("limits.request", self.request, KIB_64..=GIB);
        findings.range("limits.arguments", self.arguments, 16..=1 << 20);
        findings.range("limits.rebalance_bytes", self.rebalance_bytes, KIB_64..=ByteSize::mib(65_536));
        findings.range("limits.rebalance_parallel", self.rebalance_parallel, 1..=256);
        if self.request > self.upstream_buffer {
            let message = format!(
                "{} is more than limits.upstream_buffer ({}): such a command could never be sent",
                self.request, self.upstream_buffer
            );
            findings.add_related("limits.request", &["limits.upstream_buffer"], message);
        }
    }
}
