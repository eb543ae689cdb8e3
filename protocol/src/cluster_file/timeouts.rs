//! How long things may take: the `timeouts` of a cluster.yaml.

use crate::config::{Findings, Millis};
use serde::Deserialize;
use std::ops::RangeInclusive;

/// The `timeouts` of a cluster.yaml, within their ranges.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "the timeouts by name")]
pub struct Timeouts {
    /// Longest that connecting to a node takes, its handshake included. Range 10ms..=1m, default 1s.
    pub connect: Millis,
    /// Longest from the sending of a command to a node until its whole reply. When it passes, the connection is
    /// closed and what was under way on it has an unknown outcome. Range 10ms..=10m, default 2s.
    pub request: Millis,
    /// A client that sends nothing for this long is closed; 0, the default, is never. Range 0 or 1s..=24h.
    pub client_idle: Millis,
    /// A client that takes nothing of a waiting reply for this long is closed. Range 100ms..=1h, default 30s.
    pub client_write: Millis,
    /// Longest that a stopping proxy lets clients finish what is under way. Range 0..=10m, default 10s, not below
    /// `request`.
    pub drain: Millis,
    /// A node that answers nothing for this long is suspected; when most proxies suspect it, it leaves the chains.
    /// Range 100ms..=1m, default 500ms.
    pub failure: Millis,
    /// How long a majority's confirmation of the view lets a proxy answer. Range 50ms..=10s, default 500ms.
    pub lease: Millis,
    /// A slot that is short of copies for this long gets one on another node. Range 0..=24h, default 1m.
    pub replace_after: Millis,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Millis::seconds(1),
            request: Millis::seconds(2),
            client_idle: Millis::new(0),
            client_write: Millis::seconds(30),
            drain: Millis::seconds(10),
            failure: Millis::new(500),
            lease: Millis::new(500),
            replace_after: MINUTE,
        }
    }
}

const MINUTE: Millis = Millis::seconds(60);
const HOUR: Millis = Millis::seconds(3600);

/// Name, value and range of one timeout.
type Row = (&'static str, Millis, RangeInclusive<Millis>);

impl Timeouts {
    fn rows(&self) -> [Row; 7] {
        [
            ("timeouts.connect", self.connect, Millis::new(10)..=MINUTE),
            ("timeouts.request", self.request, Millis::new(10)..=Millis::seconds(600)),
            ("timeouts.client_write", self.client_write, Millis::new(100)..=HOUR),
            ("timeouts.drain", self.drain, Millis::new(0)..=Millis::seconds(600)),
            ("timeouts.failure", self.failure, Millis::new(100)..=MINUTE),
            ("timeouts.lease", self.lease, Millis::new(50)..=Millis::seconds(10)),
            ("timeouts.replace_after", self.replace_after, Millis::new(0)..=Millis::seconds(86_400)),
        ]
    }

    pub(super) fn check(&self, findings: &mut Findings) {
        for (path, value, range) in self.rows() {
            findings.range(path, value, range);
        }
        if self.client_idle != Millis::new(0) {
            findings.range(
                "timeouts.client_idle",
                self.client_idle,
                Millis::seconds(1)..=Millis::seconds(86_400),
            );
        }
        if self.drain < self.request {
            let message = format!(
                "{} is less than timeouts.request ({}): what is under way could not finish",
                self.drain, self.request
            );
            findings.add_related("timeouts.drain", &["timeouts.request"], message);
        }
    }
}
