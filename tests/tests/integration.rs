//! The parts together: many threads on one node, expiry, a cluster that changes while it is used.

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, text};

fn four_threads() -> ringmaster_node::Config {
    ringmaster_node::Config { threads: 4, ..ringmaster_node::Config::default() }
}

#[test]
fn eight_clients_on_four_threads_lose_no_increment() {
    let cluster = Cluster::builder().nodes(1).node(four_threads()).start();
    let address = cluster.nodes()[0].address();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Wire::connect(address);
                client.send(&b"INCR a\r\nINCR b\r\n".repeat(2000));
                (0..4000).for_each(|_| assert!(client.reply().is_some()));
            });
        }
    });
    let mut client = Wire::connect(address);
    assert_eq!(client.ask("MGET a b"), r"*2\r\n$5\r\n16000\r\n$5\r\n16000\r\n");
}

#[test]
fn commands_over_the_same_slots_in_other_orders_neither_block_nor_tear() {
    let cluster = Cluster::builder().nodes(1).node(four_threads()).start();
    let address = cluster.nodes()[0].address();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let order = if n % 2 == 0 { ["x", "y", "z"] } else { ["z", "x", "y"] };
            scope.spawn(move || {
                let mut client = Wire::connect(address);
                (0..1000).for_each(|_| set_together(&mut client, order, n));
            });
        }
    });
}

/// Sets three keys to `n` in this order, in one command, and finds them equal afterwards.
fn set_together(client: &mut Wire, [first, second, third]: [&str; 3], n: u32) {
    assert_eq!(client.ask(&format!("MSET {first} {n} {second} {n} {third} {n}")), r"+OK\r\n");
    let got = client.ask("MGET x y z");
    let values: Vec<&str> = got.split(r"\r\n").skip(2).step_by(2).collect();
    assert!(values[0] == values[1] && values[1] == values[2], "{got}");
}

#[test]
fn keys_are_freed_soon_after_their_deadline_without_being_asked_for() {
    let cluster = Cluster::builder().start();
    let mut client = Wire::connect(cluster.address());
    for n in 0..1000 {
        assert_eq!(client.ask(&format!("SET short:{n} v PX 100")), r"+OK\r\n");
    }
    assert_eq!(client.ask("SET long v EX 1000"), r"+OK\r\n");
    eventually("DBSIZE 1", || client.ask("DBSIZE") == r":1\r\n");
    assert_eq!(client.ask("GET short:1"), r"$-1\r\n");
    assert_eq!(client.ask("GET long"), r"$1\r\nv\r\n");
}

#[test]
fn a_node_that_joins_serves_its_share_and_no_connection_is_dropped() {
    let cluster = Cluster::builder().nodes(3).start();
    let mut client = Wire::connect(cluster.address());
    let whole = std::fs::read_to_string(cluster.file()).unwrap();
    let (head, last) = whole.trim_end().rsplit_once('\n').unwrap();
    std::fs::write(cluster.file(), format!("{head}\n")).unwrap();
    let keys_of = |index: usize| {
        let mut node = Wire::connect(cluster.nodes()[index].address());
        node.ask("DBSIZE")
    };
    let fill = |client: &mut Wire| {
        (0..300).for_each(|n| assert_eq!(client.ask(&format!("SET key:{n} v")), r"+OK\r\n"));
    };
    eventually("two nodes share the keys", || {
        // What it held before it left stays with it.
        assert_eq!(Wire::connect(cluster.nodes()[2].address()).ask("FLUSHALL"), r"+OK\r\n");
        fill(&mut client);
        keys_of(2) == r":0\r\n"
    });
    std::fs::write(cluster.file(), format!("{head}\n{last}\n")).unwrap();
    eventually("the third has its share", || {
        fill(&mut client);
        keys_of(2) != r":0\r\n"
    });
}

#[test]
fn a_bad_cluster_file_changes_nothing() {
    let cluster = Cluster::builder().start();
    let mut client = Wire::connect(cluster.address());
    assert_eq!(client.ask("SET k v"), r"+OK\r\n");
    std::fs::write(cluster.file(), "cluster: test\nreplicas: 2\nnodes: [{name: a, adress: 127.0.0.1:1}]\n")
        .unwrap();
    eventually("the failure is counted", || !client.ask("INFO").contains(r"config_reload_failures:0"));
    assert_eq!(client.ask("GET k"), r"$1\r\nv\r\n");
}

/// The figures of the line `name` of INFO `section`; empty if there is none.
fn figures(client: &mut Wire, section: &str, name: &str) -> String {
    let told = client.ask(&format!("INFO {section}"));
    let mut lines = told.split(r"\r\n").filter_map(|line| line.strip_prefix(&format!("{name}:")));
    lines.next().unwrap_or_default().to_owned()
}

#[test]
fn what_three_nodes_count_of_commands_and_errors_is_told_as_one_and_begins_anew_for_all() {
    for yaml in ["", "replicas: 2"] {
        let cluster = Cluster::builder().yaml(yaml).start();
        let mut client = Wire::connect(cluster.address());
        client.ask_until("SET begun 1", |reply| reply == r"+OK\r\n");
        assert_eq!(client.ask("CONFIG RESETSTAT"), r"+OK\r\n");
        assert_eq!(figures(&mut client, "commandstats", "cmdstat_append"), "", "{yaml}");
        for n in 0..60 {
            assert_eq!(client.ask(&format!("APPEND key:{n} v")), r":1\r\n");
            assert!(client.ask(&format!("LPUSH key:{n} x")).starts_with("-WRONGTYPE"));
        }
        let has_part = |address| {
            figures(&mut Wire::connect(address), "commandstats", "cmdstat_append").starts_with("calls=")
        };
        assert!(cluster.nodes().iter().all(|node| has_part(node.address())), "each has a part");
        let appended = figures(&mut client, "commandstats", "cmdstat_append");
        assert!(appended.starts_with("calls=60,usec="), "{yaml} {appended}");
        assert!(appended.ends_with(",rejected_calls=0,failed_calls=0"), "{yaml} {appended}");
        let pushed = figures(&mut client, "all", "cmdstat_lpush");
        assert!(pushed.starts_with("calls=60,") && pushed.ends_with(",failed_calls=60"), "{yaml} {pushed}");
        assert_eq!(figures(&mut client, "errorstats", "errorstat_WRONGTYPE"), "count=60", "{yaml}");
        let percentiles = figures(&mut client, "latencystats", "latency_percentiles_usec_append");
        assert!(percentiles.starts_with("p50=") && percentiles.contains(",p99.9="), "{yaml} {percentiles}");
        assert_eq!(client.ask("CONFIG RESETSTAT"), r"+OK\r\n");
        for (section, name) in [("commandstats", "cmdstat_append"), ("errorstats", "errorstat_WRONGTYPE")] {
            assert_eq!(figures(&mut client, section, name), "", "{yaml}");
        }
    }
}

#[test]
fn a_node_that_is_away_harms_only_its_own_keys() {
    let mut cluster = Cluster::builder().start();
    let mut client = Wire::connect(cluster.address());
    (0..100).for_each(|n| assert_eq!(client.ask(&format!("SET key:{n} v")), r"+OK\r\n"));
    cluster.stop_node(0);
    let mut lost = 0;
    for n in 0..100 {
        let reply = client.ask(&format!("GET key:{n}"));
        let failed = reply.starts_with('-');
        assert!(failed || reply == r"$1\r\nv\r\n", "{reply}");
        lost += usize::from(failed);
    }
    assert!((10..60).contains(&lost), "{lost} of 100 keys were on the node that left");
}

#[test]
fn databases_are_apart_and_follow_their_connection() {
    let cluster = Cluster::builder().start();
    let (mut zero, mut one) = (Wire::connect(cluster.address()), Wire::connect(cluster.address()));
    assert_eq!(one.ask("SELECT 1"), r"+OK\r\n");
    assert_eq!(zero.ask("SET k 0"), r"+OK\r\n");
    assert_eq!(one.ask("SET k 1"), r"+OK\r\n");
    assert_eq!((zero.ask("GET k"), one.ask("GET k")), (r"$1\r\n0\r\n".into(), r"$1\r\n1\r\n".into()));
    assert_eq!(one.ask("FLUSHDB"), r"+OK\r\n");
    assert_eq!((zero.ask("DBSIZE"), one.ask("DBSIZE")), (r":1\r\n".into(), r":0\r\n".into()));
    assert_eq!(one.ask("SELECT 16"), r"-ERR DB index is out of range\r\n");
    one.send(b"SELECT 0\r\nGET k\r\nSELECT 1\r\nGET k\r\n");
    let replies: Vec<String> = (0..4).map(|_| text(&one.reply().unwrap())).collect();
    assert_eq!(replies, [r"+OK\r\n", r"$1\r\n0\r\n", r"+OK\r\n", r"$-1\r\n"]);
}
