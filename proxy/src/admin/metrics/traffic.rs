//! Clients, commands, their errors and their times.

use ringmaster_protocol::command::all;
use ringmaster_runtime::metrics::durations::Sums;
use ringmaster_runtime::metrics::{Family, Kind, errors};

use super::{Scrape, plain};
use crate::telemetry::CommandKind;

/// A counter, added up over the threads.
macro_rules! counter {
    ($name:literal, $field:ident, $help:literal) => {
        plain($name, Kind::Counter, $help, |scrape, samples| {
            samples.value(scrape.shared.sum(|metrics| &metrics.$field));
        })
    };
}

pub(super) static FAMILIES: [Family<Scrape>; 22] = [
    Family {
        name: "ringmaster_proxy_commands_total",
        kind: Kind::Counter,
        labels: &["command"],
        help: "Commands taken from clients, by command; those that came at all. What no table knows is in \
               ringmaster_proxy_rejected_commands_total.",
        collect: |scrape, samples| {
            for spec in all() {
                let count = scrape.shared.metrics.iter().map(|metrics| metrics.command(spec.id).get());
                match count.sum::<u64>() {
                    0 => {}
                    count => samples.of(&[spec.name], count),
                }
            }
        },
    },
    Family {
        name: "ringmaster_proxy_command_duration_seconds",
        kind: Kind::Histogram,
        labels: &["kind"],
        help: "Time from the reading of a client's command to the writing of its reply, of one command of 17 (the \
               first 1024 of a thread all); none of commands that block.",
        collect: |scrape, samples| {
            for (kind, name) in CommandKind::ALL {
                let durations = scrape.shared.metrics.iter().map(|metrics| &metrics.latencies[kind as usize]);
                Sums::of(durations).write(&[name], samples);
            }
        },
    },
    Family {
        name: "ringmaster_proxy_errors_total",
        kind: Kind::Counter,
        labels: &["error"],
        help: "Error replies to clients by their first word; at most 128 words, the rest as OTHERS.",
        collect: |scrape, samples| {
            let codes = scrape.shared.metrics.iter().map(|metrics| &metrics.errors);
            errors::sum(codes).iter().for_each(|(code, count)| samples.of(&[code], count));
        },
    },
    counter!(
        "ringmaster_proxy_rejected_commands_total",
        rejected,
        "Commands that no node was asked for: unknown, wrong, refused."
    ),
    counter!(
        "ringmaster_proxy_shed_commands_total",
        shed,
        "Commands refused because a node's queue was full."
    ),
    counter!(
        "ringmaster_proxy_quota_refusals_total",
        over_quota,
        "Commands refused because their user has had its share of the second."
    ),
    counter!("ringmaster_proxy_received_bytes_total", input_bytes, "Bytes of commands taken from clients."),
    counter!("ringmaster_proxy_sent_bytes_total", output_bytes, "Bytes of replies written to clients."),
    counter!("ringmaster_proxy_connections_total", connections, "Clients ever connected."),
    plain("ringmaster_proxy_clients", Kind::Gauge, "Clients connected now.", |scrape, samples| {
        samples.value(scrape.shared.sum(|metrics| &metrics.clients));
    }),
    plain("ringmaster_proxy_clients_max", Kind::Gauge, "Most clients at once.", |scrape, samples| {
        samples.value(scrape.shared.clients_max());
    }),
    plain(
        "ringmaster_proxy_refused_clients_total",
        Kind::Counter,
        "Clients that a bound of `limits` kept out.",
        |scrape, samples| samples.value(scrape.shared.admission.refused()),
    ),
    counter!(
        "ringmaster_proxy_closed_clients_total",
        clients_closed,
        "Clients closed because they were idle, did not take their replies, or asked for too much at once."
    ),
    counter!(
        "ringmaster_proxy_protocol_errors_total",
        protocol_errors,
        "Clients closed for a broken stream."
    ),
    plain(
        "ringmaster_proxy_failed_logins_total",
        Kind::Counter,
        "Names and passwords that were wrong.",
        |scrape, samples| samples.value(scrape.shared.accounts.failed_logins()),
    ),
    plain(
        "ringmaster_proxy_failed_handshakes_total",
        Kind::Counter,
        "Connections of clients without a good handshake.",
        |scrape, samples| samples.value(scrape.shared.doors.refused()),
    ),
    Family {
        name: "ringmaster_proxy_certificate_expiry_timestamp_seconds",
        kind: Kind::Gauge,
        labels: &["side"],
        help: "When the certificate that is shown to clients, and that to nodes, expires, since the Unix epoch; \
               nothing without TLS.",
        collect: |scrape, samples| {
            let certificates = scrape.shared.certificates();
            certificates.for_each(|(side, expires_at)| samples.of(&[side], expires_at.as_secs()));
        },
    },
    counter!("ringmaster_proxy_messages_total", messages, "Published messages handed on to clients."),
    counter!(
        "ringmaster_proxy_joined_reads_total",
        joined,
        "Reads of hot keys that took the reply of another that was the same."
    ),
    plain(
        "ringmaster_proxy_hottest_key_commands_per_second",
        Kind::Gauge,
        "Commands a second on the hottest key, estimated; /hotkeys names it.",
        |scrape, samples| samples.value(scrape.hottest.as_ref().map_or(0.0, |key| key.per_second.round())),
    ),
    plain(
        "ringmaster_proxy_hottest_key_ratio",
        Kind::Gauge,
        "Part of all commands with keys that the hottest key has: 0 to 1.",
        |scrape, samples| samples.value(scrape.hottest.as_ref().map_or(0.0, |key| key.share)),
    ),
    Family {
        name: "ringmaster_proxy_thread_cpu_seconds_total",
        kind: Kind::Counter,
        labels: &["thread"],
        help: "Processor time of each data thread: its rate is the busy share of the thread.",
        collect: |scrape, samples| {
            for (index, time) in scrape.shared.threads.times() {
                samples.of(&[&index.to_string()], time.as_secs_f64());
            }
        },
    },
];
