//! The node's admin pages: `/healthz`, `/readyz`, `/metrics`.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ringmaster_runtime::admin::{Admin, Page};

use super::shared::Shared;

/// The pages over a node's figures.
pub(crate) struct Pages(pub(crate) Arc<Shared>);

impl Admin for Pages {
    fn page(&self, path: &str) -> Option<Page> {
        match path {
            "/healthz" => Some(Page::text(200, "ok\n")),
            "/readyz" => Some(self.ready()),
            "/metrics" => Some(Page {
                status: 200,
                content_type: "text/plain; version=0.0.4; charset=utf-8",
                body: self.metrics(),
            }),
            _ => None,
        }
    }
}

/// Name, kind, help and value of a figure.
type FigureRow = (&'static str, &'static str, &'static str, u64);

fn write_row(text: &mut String, (name, kind, help, value): &FigureRow) {
    // Writing into a String cannot fail.
    let _ = writeln!(text, "# HELP ringmaster_node_{name} {help}\n# TYPE ringmaster_node_{name} {kind}");
    let _ = writeln!(text, "ringmaster_node_{name} {value}");
}

impl Pages {
    /// The figures of the log, none without one.
    fn log_rows(&self) -> Vec<FigureRow> {
        let Some(log) = self.0.keeping.log() else { return Vec::new() };
        let status = log.status();
        let pending = log.pending_bytes() as u64;
        vec![
            ("log_bytes", "gauge", "Bytes of the log's segments.", status.size_bytes()),
            ("log_pending_bytes", "gauge", "Bytes of the log not yet written.", pending),
            ("log_unsynced_bytes", "gauge", "Bytes written and not durable.", status.unsynced_bytes()),
            ("log_delayed_total", "counter", "Times that writing waited for a sync.", status.delayed_total()),
            ("log_refusing", "gauge", "1 while writes are refused.", u64::from(status.refuses())),
        ]
    }

    /// The figures of the listeners.
    fn door_rows(&self) -> Vec<FigureRow> {
        let shared = &self.0;
        let not_let_in = shared.doors.refused();
        let mut rows = vec![
            ("failed_logins_total", "counter", "Wrong passwords.", shared.accounts.failed_logins()),
            (
                "clients_refused_total",
                "counter",
                "Clients that a bound kept out.",
                shared.admission.refused(),
            ),
            ("not_let_in_total", "counter", "Connections without a good handshake.", not_let_in),
        ];
        if let Some(expires_at) = shared.doors.certificates().map(|(_, expires_at)| expires_at).min() {
            let help = "When the first certificate expires, since the Unix epoch.";
            rows.push(("certificate_expires_seconds", "gauge", help, expires_at.as_secs()));
        }
        rows
    }

    fn ready(&self) -> Page {
        if self.0.attention.look().is_loading() {
            return Page::text(503, "the log is being read\n");
        }
        if let Some(refusal) = self.0.keeping.log().and_then(|log| log.refusal()) {
            return Page::text(503, format!("the log cannot be written: {}\n", refusal.reason));
        }
        if self.0.is_full() {
            return Page::text(503, "memory is above maxmemory: writes that need memory are refused\n");
        }
        Page::text(200, "ready\n")
    }

    fn metrics(&self) -> String {
        let totals = self.0.totals();
        let used = self.0.memory.used_bytes();
        let resident = self.0.memory.resident_bytes();
        let longest = &self.0.timing.longest;
        let (turn, turn_cpu) = (longest.turn.micros(), longest.turn_cpu.micros());
        let hold = self.0.engine.store().longest_hold_nanos() / 1000;
        let max = self.0.maxmemory.load(Ordering::Relaxed);
        let lag = self.0.expiry_lag_millis.load(Ordering::Relaxed);
        let rows = [
            ("connections_total", "counter", "Connections accepted.", totals.connections),
            ("commands_total", "counter", "Commands executed.", totals.commands),
            ("errors_total", "counter", "Error replies.", totals.errors),
            ("received_bytes_total", "counter", "Bytes read from clients.", totals.input_bytes),
            ("sent_bytes_total", "counter", "Bytes written to clients.", totals.output_bytes),
            ("keyspace_hits_total", "counter", "Keys that reads found.", totals.hits),
            ("keyspace_misses_total", "counter", "Keys that reads did not find.", totals.misses),
            ("expired_keys_total", "counter", "Keys freed after their deadline.", totals.expired),
            ("evicted_keys_total", "counter", "Keys evicted for memory.", totals.evicted),
            ("evicted_clients_total", "counter", "Clients closed for memory.", totals.clients_shed),
            (
                "expiry_lag_milliseconds",
                "gauge",
                "Longest time keys outlived their deadlines, last second.",
                lag,
            ),
            ("clients", "gauge", "Clients connected.", self.0.clients.len() as u64),
            ("mail_bytes", "gauge", "Bytes that wait for subscribers.", self.0.clients.mail_bytes() as u64),
            ("memory_used_bytes", "gauge", "Bytes allocated.", used),
            ("memory_resident_bytes", "gauge", "Bytes resident.", resident),
            ("longest_turn_micros", "gauge", "Longest turn of a connection by the clock.", turn),
            (
                "longest_turn_cpu_micros",
                "gauge",
                "Longest turn by the CPU clock; 0 without exact timing.",
                turn_cpu,
            ),
            (
                "longest_slot_hold_cpu_micros",
                "gauge",
                "Longest hold of a slot; 0 without exact timing.",
                hold,
            ),
            (
                "wrong_proofs_total",
                "counter",
                "Proxies that did not know the secret.",
                self.0.wrong_proofs.load(Ordering::Relaxed),
            ),
            ("memory_max_bytes", "gauge", "Bound of the allocated bytes, 0 for none.", max),
        ];
        let mut text = String::new();
        rows.iter()
            .chain(&self.log_rows())
            .chain(&self.door_rows())
            .for_each(|row| write_row(&mut text, row));
        for (name, percent) in self.0.miss_percents() {
            let help = "Share of reads that would miss with so much memory, in percent.";
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {percent:.2}");
        }
        text
    }
}
