//! The number of copies is edited while the proxies run.

use std::collections::BTreeSet;

use ringmaster_protocol::view::Epoch;
use ringmaster_proxy::cluster::controller::Controller;
use ringmaster_proxy::cluster::target::Target;

use super::cluster::Cluster;
use super::{file, ms, slots};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Three nodes on which two proxies have placed each slot by the file alone: it is on one of them, and another has
/// something older of it.
fn by_file() -> Cluster {
    let one = file(1, &NAMES);
    let mut cluster = Cluster::new(&NAMES, &[]);
    let target = Target::of(&one, &BTreeSet::new()).unwrap();
    for slot in slots() {
        let owner = target.chain(slot).next().unwrap().clone();
        let (number, other) =
            (slot.number() as u8, NAMES.iter().find(|name| **name != owner.as_str()).unwrap());
        cluster.node(owner.as_str()).replicas.get_mut(&slot).unwrap().1.0 = vec![number, 7];
        cluster.node(other).replicas.get_mut(&slot).unwrap().1.0 = vec![number, 6, 6];
        cluster.written.insert(slot, vec![number, 7]);
    }
    (0..2).for_each(|_| cluster.add_proxy_by_file(&one));
    cluster
}

fn edit(cluster: &mut Cluster, proxy: usize, replicas: usize) {
    let now = cluster.now;
    cluster.proxies[proxy].file_changed(now, &file(replicas, &NAMES));
}

#[test]
fn one_copy_needs_no_view() {
    let mut cluster = by_file();
    cluster.run(5000);
    assert!(cluster.proxies.iter().all(|proxy| proxy.view().is_none() && proxy.is_by_file()));
    assert!(cluster.proxies.iter().all(Controller::has_asked_all));
    assert!(cluster.proxies[0].status(ms(6000)).problems.is_empty());
}

#[test]
fn slots_go_into_the_first_view_with_what_they_hold_and_get_copies() {
    let mut cluster = by_file();
    cluster.run(2000);
    edit(&mut cluster, 0, 2);
    let all_hold = |cluster: &Cluster| cluster.proxies.iter().all(|proxy| proxy.is_to_hold(cluster.now));
    cluster.until(1500, "nothing is sent by the file", all_hold);
    assert!(cluster.proxies.iter().all(|proxy| proxy.view().is_none()));
    cluster
        .until(500, "the first view", |cluster| cluster.proxies.iter().all(|proxy| proxy.view().is_some()));
    cluster.until(10_000, "two copies", |cluster| cluster.is_whole(2));
    edit(&mut cluster, 1, 2);
    cluster.until(10_000, "two copies", |cluster| cluster.is_whole(2));
    cluster.check();
    slots().for_each(|slot| cluster.write(slot));
    cluster.check();
}

#[test]
fn a_node_that_does_not_answer_keeps_them_on_their_nodes() {
    let mut cluster = by_file();
    cluster.node("c").is_up = false;
    edit(&mut cluster, 0, 2);
    cluster.run(5000);
    assert!(cluster.proxies.iter().all(|proxy| proxy.view().is_none()));
    let problems = cluster.proxies[0].status(cluster.now).problems;
    assert!(problems[0].text.contains("does not answer"), "{problems:?}");
    assert!(cluster.proxies.iter().all(|proxy| !proxy.is_to_hold(cluster.now)), "served as before");
    edit(&mut cluster, 0, 1);
    cluster.node("c").is_up = true;
    cluster.run(5000);
    assert!(cluster.proxies.iter().all(Controller::is_by_file), "the edit was taken back");
}

#[test]
fn copies_come_and_go_and_each_slot_stays_what_was_written_to_it() {
    let mut cluster = Cluster::three(2);
    for replicas in [3, 2, 1, 2, 1, 3] {
        (0..2).for_each(|proxy| edit(&mut cluster, proxy, replicas));
        cluster.until(20_000, "so many copies", |cluster| cluster.is_whole(replicas));
        slots().for_each(|slot| cluster.write(slot));
        cluster.check();
    }
    assert!(cluster.view().epoch() > Epoch::FIRST);
}
