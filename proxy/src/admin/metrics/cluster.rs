//! The cluster as this proxy sees it: cluster.yaml, the view, chains, and what is moved.

use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_runtime::metrics::{Family, Kind, Samples};

use super::{Scrape, plain};
use crate::clock;
use crate::cluster::controller::Status;
use crate::cluster::standing::Standing;

/// Writes a figure of the status, if slots are served by views.
fn of_status(scrape: &Scrape, figure: fn(&Status) -> f64, samples: &mut Samples<'_>) {
    if let Some(status) = &scrape.status {
        samples.value(figure(status));
    }
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

/// A gauge of the status.
macro_rules! status {
    ($name:literal, $help:literal, $figure:expr) => {
        plain($name, Kind::Gauge, $help, |scrape, samples| of_status(scrape, $figure, samples))
    };
}

pub(super) static FAMILIES: [Family<Scrape>; 18] = [
    plain(
        "ringmaster_proxy_start_time_seconds",
        Kind::Gauge,
        "When the proxy started, since the Unix epoch.",
        |scrape, samples| samples.value(scrape.shared.started_at.as_secs_f64()),
    ),
    plain(
        "ringmaster_proxy_config_reloads_total",
        Kind::Counter,
        "Changes of cluster.yaml that took effect.",
        |scrape, samples| samples.value(scrape.shared.reloads.reloads_total()),
    ),
    plain(
        "ringmaster_proxy_config_reload_failures_total",
        Kind::Counter,
        "Changes of cluster.yaml that were refused.",
        |scrape, samples| samples.value(scrape.shared.reloads.reload_failures_total()),
    ),
    plain(
        "ringmaster_proxy_config_good",
        Kind::Gauge,
        "1 while cluster.yaml as it stands on disk is the one in effect; /config says what is wrong.",
        |scrape, samples| samples.value(flag(scrape.shared.reloads.last_error().is_none())),
    ),
    plain(
        "ringmaster_proxy_config_last_good_timestamp_seconds",
        Kind::Gauge,
        "When cluster.yaml was last changed and good, or read at the start, since the Unix epoch.",
        |scrape, samples| samples.value(scrape.shared.reloads.good_at().as_secs()),
    ),
    status!(
        "ringmaster_proxy_config_followed",
        "1 if the cluster follows this proxy's cluster.yaml, 0 if it follows another.",
        |status| flag(status.standing.as_ref().is_none_or(Standing::is_in_force))
    ),
    plain("ringmaster_proxy_nodes", Kind::Gauge, "Nodes of cluster.yaml.", |scrape, samples| {
        samples.value(scrape.shared.topology.load().nodes().len());
    }),
    status!(
        "ringmaster_proxy_view_epoch",
        "Epoch of the view that is held, 0 before there is one.",
        |status| { status.epoch.0 as f64 }
    ),
    plain(
        "ringmaster_proxy_lease_held",
        Kind::Gauge,
        "1 while a majority of the acceptors has confirmed the view: without, no command is answered.",
        |scrape, samples| {
            if let Some(published) = scrape.shared.published() {
                samples.value(flag(clock::now() < published.lease().until));
            }
        },
    ),
    plain(
        "ringmaster_proxy_lease_remaining_seconds",
        Kind::Gauge,
        "How long the lease lasts yet.",
        |scrape, samples| {
            if let Some(published) = scrape.shared.published() {
                samples.value(published.lease().until.saturating_sub(clock::now()).as_secs_f64());
            }
        },
    ),
    Family {
        name: "ringmaster_proxy_slots",
        kind: Kind::Gauge,
        labels: &["state"],
        help: "Slots by state: complete (all copies in-sync), short (fewer in-sync copies than `replicas`), lost (no \
               node serves it).",
        collect: slots,
    },
    plain(
        "ringmaster_proxy_joining_slots",
        Kind::Gauge,
        "Slots in whose chain a member is being filled.",
        |scrape, samples| {
            if let Some(view) = &scrape.view {
                let joining = HashSlot::all().filter(|slot| view.chain(*slot).joining().is_some());
                samples.value(joining.count());
            }
        },
    ),
    status!(
        "ringmaster_proxy_rebalance_pending_slots",
        "Slots that have not all copies where cluster.yaml wants them.",
        |status| status.progress.slots_to_do as f64
    ),
    status!("ringmaster_proxy_rebalance_copying_slots", "Slots that are copied at the moment.", |status| {
        status.progress.copies as f64
    }),
    plain(
        "ringmaster_proxy_rebalance_copied_bytes_total",
        Kind::Counter,
        "Bytes of slots that were copied between nodes, as the proxy that moves them counts.",
        |scrape, samples| of_status(scrape, |status| status.progress.copied_bytes as f64, samples),
    ),
    status!(
        "ringmaster_proxy_rebalance_remaining_seconds",
        "How long the pending slots take at the rate of late; 0 where nothing is pending or known.",
        |status| status.progress.seconds_left().unwrap_or(0) as f64
    ),
    status!("ringmaster_proxy_rebalance_mover", "1 if this proxy is the one that moves slots.", |status| {
        flag(status.moves_slots)
    }),
    status!("ringmaster_proxy_problems", "What hinders the cluster; /readyz says what.", |status| {
        status.problems.len() as f64
    }),
];

fn slots(scrape: &Scrape, samples: &mut Samples<'_>) {
    let Some((view, status)) = scrape.view.as_ref().zip(scrape.status.as_ref()) else { return };
    let wanted = scrape.shared.topology.load().file().replicas;
    let short = HashSlot::all().filter(|slot| view.chain(*slot).in_sync < wanted).count() as u64;
    let lost = status.progress.slots_lost;
    // A slot that is lost is short as well.
    let short = short.max(lost) - lost;
    samples.of(&["complete"], SLOT_COUNT as u64 - (short + lost).min(SLOT_COUNT as u64));
    samples.of(&["short"], short);
    samples.of(&["lost"], lost);
}
