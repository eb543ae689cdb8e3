//! The counters as Prometheus reads them.

use std::fmt::{Display, Write as _};

use crate::shared::Shared;
use crate::telemetry::{Counter, ThreadMetrics};
use crate::upstream::FailureKind;

/// Name, help and place of each counter.
type Row = (&'static str, &'static str, fn(&ThreadMetrics) -> &Counter);

const COUNTERS: [Row; 11] = [
    ("connections", "Clients ever connected.", |metrics| &metrics.connections),
    ("commands", "Commands taken from clients.", |metrics| &metrics.commands),
    ("input_bytes", "Bytes of commands taken from clients.", |metrics| &metrics.input_bytes),
    ("output_bytes", "Bytes of replies written to clients.", |metrics| &metrics.output_bytes),
    ("rejected", "Commands that no node was asked for: unknown, wrong, refused.", |metrics| {
        &metrics.rejected
    }),
    ("protocol_errors", "Clients closed for a broken stream.", |metrics| &metrics.protocol_errors),
    ("shed", "Commands refused because a node's queue was full.", |metrics| &metrics.shed),
    ("over_quota", "Commands refused because their user has had its share of the second.", |metrics| {
        &metrics.over_quota
    }),
    (
        "clients_closed",
        "Clients closed because they were idle, did not take their replies, or asked for too much at once.",
        |metrics| &metrics.clients_closed,
    ),
    ("joined_reads", "Reads of hot keys that took the reply of another that was the same.", |metrics| {
        &metrics.joined
    }),
    ("messages", "Published messages handed on to clients.", |metrics| &metrics.messages),
];

const FAILURES: [(&str, FailureKind); 4] = [
    ("connect", FailureKind::Connect),
    ("lost", FailureKind::Lost),
    ("late", FailureKind::Late),
    ("garbage", FailureKind::Garbage),
];

/// The text of all metrics.
pub(super) fn render(shared: &Shared) -> String {
    let mut page = MetricsPage(String::new());
    for (name, help, counter) in COUNTERS {
        page.begin(&format!("{name}_total"), "counter", help);
        page.line(&format!("{name}_total"), "", shared.sum(counter));
    }
    page.begin("clients", "gauge", "Clients connected now.");
    page.line("clients", "", shared.sum(|metrics| &metrics.clients));
    page.begin("clients_refused_total", "counter", "Clients that a bound of `limits` kept out.");
    page.line("clients_refused_total", "", shared.admission.refused());
    page.begin("failed_logins_total", "counter", "Names and passwords that were wrong.");
    page.line("failed_logins_total", "", shared.accounts.failed_logins());
    page.begin("not_let_in_total", "counter", "Connections of clients without a good handshake.");
    page.line("not_let_in_total", "", shared.doors.refused());
    page.begin(
        "certificate_expires_seconds",
        "gauge",
        "When a certificate expires, since the Unix epoch; none without TLS.",
    );
    for (side, expires_at) in shared.certificates() {
        let labels = format!("{{side=\"{side}\"}}");
        page.line("certificate_expires_seconds", &labels, expires_at.as_secs());
    }
    let hottest = shared.hot_keys.hottest().first().map_or((0.0, 0.0), |key| (key.per_second, key.share));
    page.begin(
        "hottest_key_commands",
        "gauge",
        "Commands a second on the hottest key, estimated; /hotkeys names it.",
    );
    page.line("hottest_key_commands", "", hottest.0.round());
    page.begin(
        "hottest_key_share",
        "gauge",
        "Part of all commands with keys that the hottest key has: 0 to 1.",
    );
    page.line("hottest_key_share", "", hottest.1);
    page.begin("reloads_total", "counter", "Changes of cluster.yaml that took effect.");
    page.line("reloads_total", "", shared.reloads.reloads_total());
    page.begin("reload_failures_total", "counter", "Changes of cluster.yaml that were refused.");
    page.line("reload_failures_total", "", shared.reloads.reload_failures_total());
    page.begin("upstream_failures_total", "counter", "Connections to nodes that failed, by kind.");
    for (label, kind) in FAILURES {
        let count: u64 = shared.metrics.iter().map(|metrics| metrics.failures(kind)).sum();
        page.line("upstream_failures_total", &format!("{{kind=\"{label}\"}}"), count);
    }
    page.begin("node_reached", "gauge", "Whether a thread is connected to the node.");
    for node in shared.nodes.all() {
        let labels = format!("{{node=\"{}\",address=\"{}\"}}", node.name(), node.address());
        page.line("node_reached", &labels, u8::from(node.reached().is_ok()));
    }
    if let Some(published) = shared.published() {
        let status = published.status();
        let progress = status.progress;
        page.begin("slots_to_do", "gauge", "Slots that have not all copies where they are wanted.");
        page.line("slots_to_do", "", progress.slots_to_do);
        page.begin("slots_lost", "gauge", "Slots that no node serves.");
        page.line("slots_lost", "", progress.slots_lost);
        page.begin("copied_bytes_total", "counter", "Bytes of slots that were copied between nodes.");
        page.line("copied_bytes_total", "", progress.copied_bytes);
        page.begin("problems", "gauge", "What hinders the cluster; /readyz says what.");
        page.line("problems", "", status.problems.len());
    }
    page.0
}

/// A page under construction. Writing to a `String` cannot fail.
struct MetricsPage(String);

impl MetricsPage {
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        let name = format!("ringmaster_proxy_{name}");
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "ringmaster_proxy_{name}{labels} {value}");
    }
}
