//! The log and the snapshots; nothing of it on a node that keeps nothing.

use ringmaster_runtime::metrics::durations::Sums;
use ringmaster_runtime::metrics::{Family, Kind, Samples};

use super::{Scrape, plain};
use crate::log::Log;
use crate::server::snapshots::Figures;

/// Writes a figure of the log, if there is one.
fn of_log(scrape: &Scrape, figure: fn(&Log) -> f64, samples: &mut Samples<'_>) {
    if let Some(log) = scrape.shared.keeping.log() {
        samples.value(figure(log));
    }
}

/// Writes a figure of the snapshots, if there are some.
fn of_snapshots(scrape: &Scrape, figure: fn(&Figures) -> Option<f64>, samples: &mut Samples<'_>) {
    let keeping = &scrape.shared.keeping;
    if let Some(value) = keeping.log().and_then(|_| figure(&keeping.snapshots.figures())) {
        samples.value(value);
    }
}

pub(super) static FAMILIES: [Family<Scrape>; 13] = [
    plain(
        "ringmaster_node_log_size_bytes",
        Kind::Gauge,
        "Bytes of the log's segments on disk.",
        |scrape, samples| of_log(scrape, |log| log.status().size_bytes() as f64, samples),
    ),
    plain(
        "ringmaster_node_log_records_total",
        Kind::Counter,
        "Records that were ever appended to the log, of earlier processes too.",
        |scrape, samples| of_log(scrape, |log| log.last_lsn() as f64, samples),
    ),
    plain(
        "ringmaster_node_log_pending_bytes",
        Kind::Gauge,
        "Bytes appended to the log and not yet written.",
        |scrape, samples| of_log(scrape, |log| log.pending_bytes() as f64, samples),
    ),
    plain(
        "ringmaster_node_log_unsynced_bytes",
        Kind::Gauge,
        "Bytes written to the log and not yet durable.",
        |scrape, samples| of_log(scrape, |log| log.status().unsynced_bytes() as f64, samples),
    ),
    plain(
        "ringmaster_node_log_unsynced_records",
        Kind::Gauge,
        "Records that a loss of power now would lose.",
        |scrape, samples| {
            of_log(scrape, |log| log.last_lsn().saturating_sub(log.status().durable_lsn()) as f64, samples);
        },
    ),
    plain(
        "ringmaster_node_log_delays_total",
        Kind::Counter,
        "Times that writing to the log waited for a sync.",
        |scrape, samples| of_log(scrape, |log| log.status().delayed_total() as f64, samples),
    ),
    plain(
        "ringmaster_node_log_refusing",
        Kind::Gauge,
        "1 while writes are refused since the log cannot be written.",
        |scrape, samples| of_log(scrape, |log| f64::from(u8::from(log.status().refuses())), samples),
    ),
    Family {
        name: "ringmaster_node_log_sync_duration_seconds",
        kind: Kind::Histogram,
        labels: &[],
        help: "Time of a sync of the log.",
        collect: |scrape, samples| {
            if let Some(log) = scrape.shared.keeping.log() {
                Sums::of(std::iter::once(log.status().sync_durations())).write(&[], samples);
            }
        },
    },
    plain(
        "ringmaster_node_log_last_sync_seconds",
        Kind::Gauge,
        "Time of the last sync of the log.",
        |scrape, samples| of_log(scrape, |log| log.status().last_sync().as_secs_f64(), samples),
    ),
    plain(
        "ringmaster_node_snapshot_last_success_timestamp_seconds",
        Kind::Gauge,
        "When the last snapshot was whole, since the Unix epoch; when the node started if there was none.",
        |scrape, samples| of_snapshots(scrape, |figures| Some(figures.saved_at.as_secs_f64()), samples),
    ),
    plain(
        "ringmaster_node_snapshot_last_duration_seconds",
        Kind::Gauge,
        "How long the last snapshot took; nothing before one has ended.",
        |scrape, samples| {
            of_snapshots(scrape, |figures| figures.took.map(|took| took.as_secs_f64()), samples);
        },
    ),
    plain(
        "ringmaster_node_snapshot_running",
        Kind::Gauge,
        "1 while a snapshot is taken.",
        |scrape, samples| {
            of_snapshots(scrape, |figures| Some(f64::from(u8::from(figures.elapsed.is_some()))), samples);
        },
    ),
    plain(
        "ringmaster_node_snapshot_failed",
        Kind::Gauge,
        "1 if the last snapshot failed.",
        |scrape, samples| {
            of_snapshots(scrape, |figures| Some(f64::from(u8::from(figures.failed))), samples);
        },
    ),
];
