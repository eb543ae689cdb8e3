//! Controllers drive real registers and real replicas, one thread, simulated time: a cluster comes up, loses nodes, gets
//! them back, grows and shrinks, and each slot stays what was written to it.

mod cluster;
mod copies;
mod node;

use std::time::Duration;

use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::extension::{Rule, Rules};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Epoch;
use ringmaster_proxy::cluster::controller::Controller;

use cluster::{Cluster, Random};

const SLOTS: u16 = 4;

fn slots() -> impl Iterator<Item = HashSlot> {
    (0..SLOTS).map(|slot| HashSlot::new(slot * 1000).unwrap())
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn file(replicas: usize, nodes: &[&str]) -> ClusterFile {
    let entries = nodes.iter().map(|name| format!("{{name: {name}, address: '{name}:6380'}}"));
    let entries = entries.collect::<Vec<_>>().join(", ");
    ClusterFile::parse("cluster.yaml", &format!("replicas: {replicas}\nnodes: [{entries}]\n")).unwrap()
}

/// Runs with random faults.
const SEEDS: u64 = 20;

#[test]
fn two_proxies_found_one_cluster() {
    let mut cluster = Cluster::three(2);
    assert_eq!(cluster.view().epoch(), Epoch::FIRST);
    assert_eq!(cluster.view().acceptors().len(), 3);
    cluster.run(1000);
    assert_eq!(cluster.view().epoch(), Epoch::FIRST, "nothing is to be done");
    cluster.check();
}

#[test]
fn a_node_that_does_not_answer_keeps_the_first_view_from_being() {
    let file = file(2, &["a", "b", "c"]);
    let mut cluster = Cluster::new(&["a", "b"], &[file]);
    cluster.run(5000);
    assert!(cluster.proxies[0].view().is_none());
    let problems = cluster.proxies[0].status(cluster.now).problems;
    assert!(problems[0].text.contains("does not answer at c:6380"), "{problems:?}");
    cluster.add_node("c");
    cluster.until(2000, "the first view", |cluster| cluster.is_whole(2));
}

#[test]
fn without_the_rule_a_majority_founds_a_cluster_that_others_may_found_too() {
    let file = file(2, &["a", "b", "c"]);
    let mut cluster = Cluster::new(&["a", "b"], &[]);
    cluster.rules = Rules::without(Rule::AllDecideTheFirst);
    cluster.add_proxy(&file);
    cluster.until(2000, "the first view", |cluster| cluster.proxies[0].view().is_some());
}

#[test]
fn proxies_with_different_files_found_one_cluster() {
    let files = [file(1, &["a", "b"]), file(1, &["b", "c"])];
    let mut cluster = Cluster::new(&["a", "b", "c"], &files);
    cluster.until(5000, "one view", |cluster| {
        let views: Vec<_> = cluster.proxies.iter().filter_map(Controller::view).collect();
        views.len() == 2 && views[0].cluster() == views[1].cluster()
    });
}

#[test]
fn a_dead_node_leaves_its_chains_and_comes_back_without_a_copy() {
    let mut cluster = Cluster::three(2);
    let since = cluster.now;
    cluster.node("b").is_up = false;
    let served = cluster.until(1500, "b is out", |cluster| cluster.agree() && cluster.is_served());
    assert!(served < 1000, "{served} ms");
    let marked = slots().filter(|slot| cluster.view().chain(*slot).unsealed.is_some()).count();
    let was_tail = marked > 0;
    cluster.until(2000, "marks are cleared", |cluster| {
        slots().all(|slot| cluster.view().chain(slot).unsealed.is_none())
    });
    assert!(!was_tail || cluster.now - since > ms(1000), "readers of the old tail are waited for");
    cluster.node("b").restart(true);
    cluster.until(2000, "b is back", |cluster| cluster.is_whole(2));
    assert_eq!(cluster.node("b").copies, 0);
    cluster.check();
    slots().for_each(|slot| cluster.write(slot));
    cluster.check();
}

#[test]
fn a_node_that_comes_back_empty_gets_all_there_is() {
    let mut cluster = Cluster::three(2);
    cluster.node("b").restart(false);
    cluster.until(3000, "b is back", |cluster| cluster.is_whole(2));
    cluster.check();
}

#[test]
fn writes_go_on_while_a_node_is_out_and_it_gets_what_it_missed() {
    let mut cluster = Cluster::three(2);
    cluster.node("a").is_up = false;
    cluster.until(1500, "a is out", |cluster| cluster.agree() && cluster.is_served());
    slots().for_each(|slot| cluster.write(slot));
    cluster.node("a").restart(true);
    cluster.until(4000, "a is back", |cluster| cluster.is_whole(2));
    cluster.check();
}

#[test]
fn one_proxy_that_is_cut_off_from_a_node_expels_it_not() {
    let mut cluster = Cluster::three(2);
    cluster.cut.insert((0, "b".parse().unwrap()));
    cluster.run(3000);
    assert_eq!(cluster.view().epoch(), Epoch::FIRST);
    assert!(cluster.proxies[0].is_at_fault(cluster.now) && !cluster.proxies[1].is_at_fault(cluster.now));
    cluster.cut.insert((1, "b".parse().unwrap()));
    cluster.until(1500, "b is out", |cluster| cluster.view().epoch() > Epoch::FIRST);
}

#[test]
fn a_new_node_gets_its_share_and_a_removed_one_gives_it_back() {
    let mut cluster = Cluster::three(2);
    cluster.add_node("d");
    let (now, more) = (cluster.now, file(2, &["a", "b", "c", "d"]));
    cluster.proxies.iter_mut().for_each(|proxy| proxy.file_changed(now, &more));
    cluster.until(3000, "d has its share", |cluster| {
        cluster.is_whole(2) && cluster.view().members().len() == 4 && is_done(cluster)
    });
    cluster.check();
    let (now, less) = (cluster.now, file(2, &["b", "c", "d"]));
    cluster.proxies.iter_mut().for_each(|proxy| proxy.file_changed(now, &less));
    cluster.until(5000, "a is gone", |cluster| cluster.is_whole(2) && cluster.view().members().len() == 3);
    assert!(slots().all(|slot| !cluster.chain(slot).contains(&"a".to_owned())));
    cluster.check();
}

fn is_done(cluster: &Cluster) -> bool {
    cluster.proxies.iter().all(|proxy| proxy.status(cluster.now).progress.slots_to_do == 0)
}

#[test]
fn a_leaving_node_is_fenced_and_nobody_has_to_wait() {
    let mut cluster = Cluster::three(2);
    cluster.node("b").is_leaving = true;
    cluster.until(3000, "b is in no chain", |cluster| {
        let has_b = |slot| cluster.chain(slot).contains(&"b".to_owned());
        let is_marked = slots().any(|slot| cluster.view().chain(slot).unsealed.is_some());
        assert!(!is_marked, "a fence makes the mark needless");
        !slots().any(has_b)
    });
    assert!(cluster.fences > 0 || slots().all(|slot| cluster.view().chain(slot).changed == Epoch::FIRST));
    // Only when it does not come back: what it held is still there after a restart.
    cluster.run(10_000);
    assert!(!cluster.is_whole(2));
    cluster.until(60_000, "others hold two copies", |cluster| cluster.is_whole(2));
    cluster.check();
}

#[test]
fn what_a_leaving_node_holds_alone_is_copied_before_it_goes() {
    let mut cluster = Cluster::three(1);
    cluster.node("b").is_leaving = true;
    cluster.until(5000, "b is in no chain", |cluster| {
        slots().all(|slot| cluster.chain(slot).len() == 1 && !cluster.chain(slot).contains(&"b".to_owned()))
    });
    cluster.check();
}

#[test]
fn an_edit_that_removes_most_nodes_is_not_followed_until_an_operator_says_so() {
    let mut cluster = Cluster::three(1);
    let (now, one) = (cluster.now, file(1, &["a"]));
    cluster.proxies.iter_mut().for_each(|proxy| proxy.file_changed(now, &one));
    cluster.run(3000);
    assert_eq!(cluster.view().members().len(), 3);
    let problems = cluster.proxies[0].status(cluster.now).problems;
    assert!(problems[0].text.contains("removes 2 of 3 nodes (b, c)"), "{problems:?}");
    let (now, two) = (cluster.now, file(1, &["a", "b"]));
    cluster.proxies.iter_mut().for_each(|proxy| proxy.file_changed(now, &two));
    cluster.until(5000, "c is gone", |cluster| cluster.is_whole(1) && cluster.view().members().len() == 2);
    cluster.check();
}

#[test]
fn another_address_of_a_node_moves_nothing() {
    let mut cluster = Cluster::three(2);
    let (now, mut other) = (cluster.now, file(2, &["a", "b", "c"]));
    other.nodes[1].address = "elsewhere:1".parse().unwrap();
    cluster.proxies.iter_mut().for_each(|proxy| proxy.file_changed(now, &other));
    cluster.until(3000, "the view names it", |cluster| {
        cluster.view().members().iter().any(|member| member.address.to_string() == "elsewhere:1")
    });
    cluster.run(1000);
    assert!(slots().all(|slot| cluster.view().chain(slot).changed == Epoch::FIRST));
}

#[test]
fn a_move_that_is_edited_back_ends_where_it_began() {
    let mut cluster = Cluster::three(2);
    let before: Vec<_> = slots().map(|slot| cluster.members_of(slot)).collect();
    cluster.add_node("d");
    let (more, less) = (file(2, &["a", "b", "c", "d"]), file(2, &["a", "b", "c"]));
    let now = cluster.now;
    cluster.proxies.iter_mut().for_each(|proxy| proxy.file_changed(now, &more));
    cluster
        .until(3000, "d joins", |cluster| slots().any(|slot| cluster.chain(slot).contains(&"d".to_owned())));
    let now = cluster.now;
    cluster.proxies.iter_mut().for_each(|proxy| proxy.file_changed(now, &less));
    cluster.until(5000, "d is gone", |cluster| cluster.is_whole(2) && cluster.view().members().len() == 3);
    let after: Vec<_> = slots().map(|slot| cluster.members_of(slot)).collect();
    let sets = |all: &[Vec<_>]| -> Vec<std::collections::BTreeSet<_>> {
        all.iter().map(|chain| chain.iter().cloned().collect()).collect()
    };
    assert_eq!(sets(&before), sets(&after));
    cluster.check();
}

#[test]
fn a_whole_cluster_that_restarts_goes_on_with_the_longest_history() {
    let mut cluster = Cluster::three(2);
    let names = ["a", "b", "c"];
    names.iter().for_each(|name| cluster.node(name).is_up = false);
    cluster.run(2000);
    names.iter().for_each(|name| cluster.node(name).restart(true));
    cluster.until(5000, "all chains are whole", |cluster| cluster.is_whole(2));
    cluster.check();
    slots().for_each(|slot| cluster.write(slot));
    cluster.check();
}

#[test]
fn a_slot_without_any_copy_starts_empty_when_its_time_is_over() {
    let mut cluster = Cluster::three(1);
    let lost: Vec<HashSlot> = slots().filter(|slot| cluster.chain(*slot)[0] == "c").collect();
    cluster.node("c").is_up = false;
    cluster.run(29_000);
    assert!(lost.iter().all(|slot| cluster.chain(*slot) == ["c"]), "it is waited for");
    cluster.until(5000, "others have its slots", |cluster| {
        slots().all(|slot| cluster.chain(slot) != ["c"]) && cluster.is_whole(1)
    });
    lost.iter().for_each(|slot| _ = cluster.written.remove(slot));
    cluster.check();
}

#[test]
fn a_lone_node_that_comes_back_in_time_keeps_its_slots() {
    let mut cluster = Cluster::three(1);
    cluster.node("c").is_up = false;
    cluster.run(10_000);
    cluster.node("c").restart(true);
    cluster.until(3000, "c serves again", |cluster| cluster.is_whole(1));
    cluster.check();
}

#[test]
fn a_proxy_that_starts_later_finds_the_view_and_an_older_file_changes_nothing() {
    let mut cluster = Cluster::three(2);
    let (now, more) = (cluster.now, file(2, &["a", "b", "c", "d"]));
    cluster.add_node("d");
    cluster.proxies.iter_mut().for_each(|proxy| proxy.file_changed(now, &more));
    cluster.until(3000, "d has its share", |cluster| {
        cluster.is_whole(2) && cluster.view().members().len() == 4 && is_done(cluster)
    });
    cluster.run(1000);
    let epoch = cluster.view().epoch();
    cluster.add_proxy(&file(2, &["a", "b", "c"]));
    cluster.run(2000);
    assert!(cluster.agree());
    assert_eq!(cluster.view().epoch(), epoch);
}

#[test]
fn an_acceptor_that_is_silent_for_long_is_replaced() {
    let names = ["a", "b", "c", "d"];
    let file = file(2, &names);
    let mut cluster = Cluster::new(&names, &[file.clone(), file]);
    cluster.until(2000, "the first view", |cluster| cluster.is_whole(2));
    let acceptors = |cluster: &Cluster| -> Vec<String> {
        let view = cluster.view();
        view.acceptors().iter().map(|index| view.member(*index).name.to_string()).collect()
    };
    assert_eq!(acceptors(&cluster), ["a", "b", "c"]);
    cluster.node("b").is_up = false;
    cluster.run(9000);
    assert!(acceptors(&cluster).contains(&"b".to_owned()));
    cluster.until(3000, "d decides too", |cluster| acceptors(cluster).contains(&"d".to_owned()));
    assert_eq!(acceptors(&cluster).len(), 3);
}

/// Three nodes and two proxies whose view is not the first any more.
fn three_of_a_later_epoch() -> Cluster {
    let mut cluster = Cluster::three(2);
    cluster.node("b").is_up = false;
    cluster.until(1500, "b is out", |cluster| cluster.agree() && cluster.is_served());
    cluster.node("b").restart(true);
    cluster.until(4000, "b is back", |cluster| cluster.is_whole(2));
    assert!(cluster.view().epoch() > Epoch(2));
    cluster
}

#[test]
fn nodes_that_all_come_back_blank_found_a_cluster_that_every_proxy_follows() {
    // One after the other, as proxies see them; the first with and without a proxy that still holds the lease.
    for gap in [0, 30, 150, 400, 1500] {
        let mut cluster = three_of_a_later_epoch();
        let old = cluster.view().cluster();
        ["a", "b", "c"].iter().for_each(|name| cluster.node(name).is_up = false);
        for name in ["b", "a", "c"] {
            cluster.run(gap);
            cluster.wipe(name);
        }
        cluster.written.clear();
        let is_new = |cluster: &Cluster| {
            let views = cluster.proxies.iter().filter_map(Controller::view);
            views.filter(|view| view.cluster() != old).count() == 2 && cluster.is_whole(2)
        };
        let took = cluster.until(4000, "another cluster", is_new);
        println!("gap {gap} ms: served again after {took} ms");
        slots().for_each(|slot| cluster.write(slot));
        cluster.check();
    }
}

#[test]
fn a_founding_whose_proxy_died_half_way_is_finished_by_one_that_held_the_lost_view() {
    let names = ["a", "b", "c"].map(|name| name.parse::<NodeName>().unwrap());
    let mut cluster = three_of_a_later_epoch();
    let old = cluster.view().cluster();
    // Only the first proxy sees that nothing is left, and begins.
    names.iter().for_each(|name| _ = cluster.cut.insert((1, name.clone())));
    ["a", "b", "c"].iter().for_each(|name| cluster.wipe(name));
    cluster.written.clear();
    cluster.slowness = 40;
    let has_accepted =
        |cluster: &Cluster| cluster.nodes.values().filter(|node| !node.acceptor.is_blank()).count();
    cluster.until(4000, "one node has accepted", |cluster| has_accepted(cluster) == 1);
    cluster.proxies.remove(0);
    cluster.events.clear();
    cluster.cut.clear();
    assert!(cluster.proxies[0].view().is_some_and(|view| view.cluster() == old));
    let is_new = |cluster: &Cluster| {
        let view = cluster.proxies[0].view();
        view.is_some_and(|view| view.cluster() != old) && cluster.is_whole(2)
    };
    cluster.until(6000, "another cluster", is_new);
    slots().for_each(|slot| cluster.write(slot));
    cluster.check();
}

#[test]
fn no_cluster_is_founded_while_a_member_does_not_answer() {
    let mut cluster = three_of_a_later_epoch();
    let old = cluster.view().cluster();
    ["a", "b", "c"].iter().for_each(|name| cluster.node(name).is_up = false);
    cluster.wipe("a");
    cluster.wipe("b");
    cluster.run(60_000);
    assert!(cluster.proxies.iter().all(|proxy| proxy.view().is_some_and(|view| view.cluster() == old)));
    cluster.node("c").restart(true);
    cluster.run(5000);
    assert!(cluster.proxies.iter().all(|proxy| proxy.view().is_some_and(|view| view.cluster() == old)));
}

#[test]
fn no_cluster_is_founded_while_a_proxy_knows_of_a_member_that_others_do_not() {
    let mut cluster = Cluster::three(2);
    // The first proxy hears of nothing while a node is added, and its file does not name that.
    ["a", "b", "c"].iter().for_each(|name| _ = cluster.cut.insert((0, name.parse().unwrap())));
    cluster.add_node("d");
    let (now, more) = (cluster.now, file(2, &["a", "b", "c", "d"]));
    cluster.proxies[1].file_changed(now, &more);
    cluster.until(5000, "d is a member", |cluster| {
        cluster.proxies[1].view().is_some_and(|view| view.members().len() == 4)
    });
    ["a", "b", "c"].iter().for_each(|name| cluster.wipe(name));
    cluster.node("d").is_up = false;
    cluster.cut.clear();
    cluster.run(20_000);
    let old = cluster.view().cluster();
    assert!(cluster.proxies.iter().all(|proxy| proxy.view().is_some_and(|view| view.cluster() == old)));
    // A proxy that starts waits for the others as well.
    cluster.add_proxy(&file(2, &["a", "b", "c"]));
    cluster.run(5000);
    assert!(cluster.proxies[2].view().is_none());
    let problems = cluster.proxies[2].status(cluster.now).problems;
    assert!(problems.iter().any(|problem| problem.text.contains("another proxy holds")), "{problems:?}");
}

#[test]
fn whatever_happens_what_was_written_stays_and_the_cluster_heals() {
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let names = ["a", "b", "c", "d"];
        let file = file(2, &names);
        let mut cluster = Cluster::new(&names, &[file.clone(), file.clone(), file]);
        (cluster.slowness, cluster.random.0) = (1 + seed % 4 * 20, seed);
        cluster.until(5000, "the first view", |cluster| cluster.is_whole(2));
        for _ in 0..20_000 {
            cluster.step();
            if random.below(400) == 0 {
                cluster.disturb(&mut random);
            }
            let slot = slots().nth(random.below(u64::from(SLOTS)) as usize).unwrap();
            if random.below(20) == 0 && cluster.can_write(slot) {
                cluster.write(slot);
            }
        }
        cluster.cut.clear();
        let down: Vec<NodeName> =
            cluster.nodes.values().filter(|node| !node.is_up).map(|node| node.name.clone()).collect();
        down.iter().for_each(|name| cluster.nodes.get_mut(name).unwrap().restart(true));
        println!("seed {seed}: epoch {}", cluster.view().epoch());
        cluster.until(20_000, "all is well again", |cluster| cluster.is_whole(2));
        cluster.check();
    }
}
