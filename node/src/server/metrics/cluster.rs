//! The node as a member of a cluster; nothing but the proofs on one that is none.

use std::sync::atomic::Ordering;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::MemberIndex;
use ringmaster_runtime::metrics::{Family, Kind, Samples};

use super::{Scrape, plain};
use crate::cluster::member::{Member, boot_time};
use crate::cluster::row::{Role, Row};

/// Writes a figure of the member, if the node is one.
fn of_member(scrape: &Scrape, figure: fn(&Member) -> f64, samples: &mut Samples<'_>) {
    let member = &scrape.shared.member;
    if member.view().is_some() {
        samples.value(figure(member));
    }
}

pub(super) static FAMILIES: [Family<Scrape>; 8] = [
    plain(
        "ringmaster_node_wrong_proofs_total",
        Kind::Counter,
        "Proxies that did not know the cluster's secret.",
        |scrape, samples| samples.value(scrape.shared.wrong_proofs.load(Ordering::Relaxed)),
    ),
    plain(
        "ringmaster_node_view_epoch",
        Kind::Gauge,
        "Epoch of the view that the node has committed.",
        |scrape, samples| of_member(scrape, |member| member.epoch().0 as f64, samples),
    ),
    Family {
        name: "ringmaster_node_slots",
        kind: Kind::Gauge,
        labels: &["role"],
        help: "Slots by the node's place in their chain: head (writes), behind (in-sync), joining (being filled).",
        collect: slots,
    },
    plain(
        "ringmaster_node_tail_slots",
        Kind::Gauge,
        "Slots whose reads this node serves.",
        |scrape, samples| {
            let mut tails = 0_u32;
            if each_row(scrape, |row| tails += u32::from(row.is_tail)) {
                samples.value(tails);
            }
        },
    ),
    plain(
        "ringmaster_node_heartbeat_age_seconds",
        Kind::Gauge,
        "How long no proxy has asked how the node is.",
        |scrape, samples| {
            of_member(scrape, |member| member.silence(boot_time()).as_secs_f64(), samples);
        },
    ),
    plain(
        "ringmaster_node_waiting_slots",
        Kind::Gauge,
        "Slots in which operations of their chain wait for ones before them that have not come: this copy is behind.",
        |scrape, samples| of_member(scrape, |member| member.holding().len() as f64, samples),
    ),
    plain(
        "ringmaster_node_waiting_operations_bytes",
        Kind::Gauge,
        "Bytes of operations that wait for ones before them.",
        |scrape, samples| {
            if scrape.shared.member.view().is_some() {
                samples.value(scrape.shared.engine.store().replicas().held.used());
            }
        },
    ),
    plain(
        "ringmaster_node_leaving",
        Kind::Gauge,
        "1 while the node waits for others to serve its slots before it stops.",
        |scrape, samples| {
            of_member(scrape, |member| f64::from(u8::from(member.is_leaving())), samples);
        },
    ),
];

/// Calls `visit` with the node's row of each slot; false if there is no view.
fn each_row(scrape: &Scrape, visit: impl FnMut(Row)) -> bool {
    let member = &scrape.shared.member;
    let Some(view) = member.view() else { return false };
    let own = view.members().iter().position(|other| other.incarnation == member.incarnation());
    let own = own.and_then(|place| u16::try_from(place).ok()).map(MemberIndex::new);
    HashSlot::all().map(|slot| Row::of(&view, slot, own, member.boot())).for_each(visit);
    true
}

fn slots(scrape: &Scrape, samples: &mut Samples<'_>) {
    let [mut head, mut behind, mut joining] = [0_u32; 3];
    let is_member = each_row(scrape, |row| match row.role {
        Role::Head => head += 1,
        Role::Behind => behind += 1,
        Role::Joining => joining += 1,
        Role::Outside => {}
    });
    if is_member {
        [("head", head), ("behind", behind), ("joining", joining)]
            .into_iter()
            .for_each(|(role, count)| samples.of(&[role], count));
    }
}
