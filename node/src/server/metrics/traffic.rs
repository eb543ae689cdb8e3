//! Clients, commands, their errors and their times.

use ringmaster_protocol::command::{Flags, Spec, all};
use ringmaster_runtime::metrics::{Family, Kind, Samples, errors};

use super::{Scrape, plain};
use crate::server::counters::CommandTotals;
use crate::server::timing::histogram::up_to;

/// Upper bounds of the classes of execution times, in nanoseconds; the finest figures end at a second.
const BOUNDS: [u64; 18] = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
];

/// The kinds of commands whose times are told apart.
const KINDS: [&str; 3] = ["read", "write", "other"];

pub(super) static FAMILIES: [Family<Scrape>; 21] = [
    by_command(
        "ringmaster_node_commands_total",
        "Commands executed, by command; those that came at all.",
        |scrape, samples| counts(scrape, |totals| totals.calls, samples),
    ),
    by_command(
        "ringmaster_node_failed_commands_total",
        "Commands answered with an error, by command.",
        |scrape, samples| counts(scrape, |totals| totals.failed, samples),
    ),
    by_command(
        "ringmaster_node_rejected_commands_total",
        "Commands refused before they began, by command: no memory, no permission, wrong arguments.",
        |scrape, samples| counts(scrape, |totals| totals.rejected, samples),
    ),
    Family {
        name: "ringmaster_node_command_time_seconds_total",
        kind: Kind::Counter,
        labels: &["command"],
        help: "Time of executing, by command; estimated for short commands, of which one of 61 is timed.",
        collect: |scrape, samples| {
            used(scrape, |totals| totals.calls)
                .for_each(|(name, totals)| samples.of(&[name], totals.micros() as f64 / 1e6));
        },
    },
    Family {
        name: "ringmaster_node_command_duration_seconds",
        kind: Kind::Histogram,
        labels: &["kind"],
        help: "Time of executing a command in the node; a timed call stands for the untimed ones before \
               it (of short commands one of 61 is timed). Nothing while latency-tracking is off.",
        collect: durations,
    },
    Family {
        name: "ringmaster_node_errors_total",
        kind: Kind::Counter,
        labels: &["error"],
        help: "Error replies by their first word; at most 128 words, the rest as OTHERS.",
        collect: |scrape, samples| {
            let codes = scrape.shared.counters.iter().map(|counters| &counters.error_codes);
            errors::sum(codes).iter().for_each(|(code, count)| samples.of(&[code], count));
        },
    },
    plain(
        "ringmaster_node_received_bytes_total",
        Kind::Counter,
        "Bytes read from clients.",
        |scrape, samples| {
            samples.value(scrape.totals.input_bytes);
        },
    ),
    plain(
        "ringmaster_node_sent_bytes_total",
        Kind::Counter,
        "Bytes written to clients.",
        |scrape, samples| {
            samples.value(scrape.totals.output_bytes);
        },
    ),
    plain("ringmaster_node_connections_total", Kind::Counter, "Connections accepted.", |scrape, samples| {
        samples.value(scrape.totals.connections);
    }),
    plain(
        "ringmaster_node_clients",
        Kind::Gauge,
        "Clients connected, proxies included.",
        |scrape, samples| {
            samples.value(scrape.shared.clients.len());
        },
    ),
    plain("ringmaster_node_clients_max", Kind::Gauge, "Most clients at once.", |scrape, samples| {
        samples.value(scrape.shared.admission.max());
    }),
    plain(
        "ringmaster_node_blocked_clients",
        Kind::Gauge,
        "Clients that wait for a key.",
        |scrape, samples| {
            samples.value(scrape.shared.clients.waiting());
        },
    ),
    plain(
        "ringmaster_node_refused_clients_total",
        Kind::Counter,
        "Clients that a bound kept out.",
        |scrape, samples| {
            samples.value(scrape.shared.admission.refused());
        },
    ),
    Family {
        name: "ringmaster_node_closed_clients_total",
        kind: Kind::Counter,
        labels: &["reason"],
        help: "Clients closed because memory was short (memory) or because they let too much wait \
               (unread).",
        collect: |scrape, samples| {
            samples.of(&["memory"], scrape.totals.clients_shed);
            samples.of(&["unread"], scrape.totals.clients_overrun);
        },
    },
    plain(
        "ringmaster_node_failed_logins_total",
        Kind::Counter,
        "Names and passwords that were wrong.",
        |scrape, samples| {
            samples.value(scrape.shared.accounts.failed_logins());
        },
    ),
    plain(
        "ringmaster_node_failed_handshakes_total",
        Kind::Counter,
        "Connections without a good handshake.",
        |scrape, samples| {
            samples.value(scrape.shared.doors.refused());
        },
    ),
    plain(
        "ringmaster_node_certificate_expiry_timestamp_seconds",
        Kind::Gauge,
        "When the first certificate expires, since the Unix epoch; nothing without TLS.",
        |scrape, samples| {
            if let Some(expires_at) =
                scrape.shared.doors.certificates().map(|(_, expires_at)| expires_at).min()
            {
                samples.value(expires_at.as_secs());
            }
        },
    ),
    plain(
        "ringmaster_node_unread_mail_bytes",
        Kind::Gauge,
        "Bytes of published messages that wait for subscribers.",
        |scrape, samples| {
            samples.value(scrape.shared.clients.mail_bytes());
        },
    ),
    Family {
        name: "ringmaster_node_thread_cpu_seconds_total",
        kind: Kind::Counter,
        labels: &["thread"],
        help: "Processor time of each data thread: its rate is the busy share of the thread.",
        collect: |scrape, samples| {
            for (index, time) in scrape.shared.threads.times() {
                samples.of(&[&index.to_string()], time.as_secs_f64());
            }
        },
    },
    plain(
        "ringmaster_node_longest_turn_seconds",
        Kind::Gauge,
        "Longest turn of a connection by the clock, since the start or CONFIG RESETSTAT.",
        |scrape, samples| {
            samples.value(seconds_of_micros(scrape.shared.timing.longest.turn.micros()));
        },
    ),
    Family {
        name: "ringmaster_node_longest_cpu_seconds",
        kind: Kind::Gauge,
        labels: &["of"],
        help: "Longest turn of a task and longest hold of a slot by the processor's clock, since the \
               start or CONFIG RESETSTAT; 0 without exact timing.",
        collect: |scrape, samples| {
            let shared = &scrape.shared;
            samples.of(&["turn"], seconds_of_micros(shared.timing.longest.turn_cpu.micros()));
            samples.of(&["slot_hold"], shared.engine.store().longest_hold_nanos() as f64 / 1e9);
        },
    },
];

fn seconds_of_micros(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// A counter of each command, by its name.
const fn by_command(
    name: &'static str,
    help: &'static str,
    collect: fn(&Scrape, &mut Samples<'_>),
) -> Family<Scrape> {
    Family { name, kind: Kind::Counter, labels: &["command"], help, collect }
}

fn counts(scrape: &Scrape, count: fn(&CommandTotals) -> u64, samples: &mut Samples<'_>) {
    used(scrape, count).for_each(|(name, totals)| samples.of(&[name], count(totals)));
}

/// The commands of which there is something to count.
fn used(
    scrape: &Scrape,
    count: fn(&CommandTotals) -> u64,
) -> impl Iterator<Item = (&'static str, &CommandTotals)> {
    let commands = all().iter().map(|spec| spec.name).zip(&scrape.commands);
    commands.filter(move |(_, totals)| count(totals) > 0)
}

fn kind(spec: &Spec) -> usize {
    match () {
        () if spec.flags.contains(Flags::READONLY) => 0,
        () if spec.flags.contains(Flags::WRITE) => 1,
        () => 2,
    }
}

fn durations(scrape: &Scrape, samples: &mut Samples<'_>) {
    let mut kinds: [(Vec<u64>, u64, u64); KINDS.len()] = Default::default();
    for (spec, totals) in
        all().iter().zip(&scrape.commands).filter(|(_, totals)| !totals.latencies.is_empty())
    {
        let (classes, count, micros) = &mut kinds[kind(spec)];
        classes.resize(BOUNDS.len(), 0);
        let own = BOUNDS.iter().map(|bound| up_to(&totals.latencies, *bound));
        classes.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        *count += totals.latencies.iter().sum::<u64>();
        *micros += totals.micros();
    }
    for (name, (classes, count, micros)) in KINDS.iter().zip(kinds).filter(|(_, (_, count, _))| *count > 0) {
        let bounds = BOUNDS.iter().map(|bound| *bound as f64 / 1e9);
        let classes: Vec<(f64, u64)> = bounds.zip(classes).collect();
        samples.histogram(&[name], &classes, count, seconds_of_micros(micros));
    }
}
