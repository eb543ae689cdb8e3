//! The pages of a running cluster.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use ringmaster_node::config::Persistence;
use ringmaster_node::{Config as NodeConfig, Node};
use ringmaster_proxy::{Config as ProxyConfig, Proxy};
use ringmaster_runtime::metrics::Description;
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::pages::{figure, get};
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::Wire;

use crate::promtool;

/// The longest a page of a large cluster may take in a build without optimisation, on a busy machine.
const PAGE_TIME: Duration = Duration::from_millis(500);

/// The most bytes that it may have.
const PAGE_BYTES: usize = 1 << 20;

fn page(admin: SocketAddr) -> String {
    let (status, page) = get(admin, "/metrics");
    assert_eq!(status, 200, "{page}");
    page
}

/// A page is as Prometheus wants it, and every family on it stands in the tables.
fn check(page: &str, families: &[Description]) {
    if promtool::is_there() {
        promtool::accepts(Path::new("."), &["check", "metrics"], page);
    }
    let known: BTreeSet<&str> = families.iter().map(|family| family.name).collect();
    let told = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let told: Vec<&str> = told.collect();
    let distinct: BTreeSet<&str> = told.iter().copied().collect();
    assert_eq!(told.len(), distinct.len(), "a family stands there twice");
    assert!(distinct.is_subset(&known), "{:?}", distinct.difference(&known));
    let mut series = BTreeSet::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
        assert!(series.insert(name), "{line} stands there twice");
    }
}

#[test]
fn a_cluster_with_copies_and_a_log_tells_all_that_happened() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("data");
    let hash_seed = Some(7);
    let node = NodeConfig {
        threads: 1,
        hash_seed,
        persistence: Persistence::Wal,
        data_dir,
        ..NodeConfig::default()
    };
    let logged = Node::start(NodeConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        admin: ([127, 0, 0, 1], 0).into(),
        ..node
    });
    let logged = logged.unwrap();
    assert_eq!(Wire::connect(logged.address()).ask("SET k v"), r"+OK\r\n");
    eventually("the log is synced", || {
        figure(&page(logged.admin_address()), "ringmaster_node_log_sync_duration_seconds_count")
            .is_some_and(|count| count > 0.0)
    });
    let mut client = Wire::connect(logged.address());
    assert!(client.ask("GET k").starts_with("$1") && client.ask("GET none").starts_with("$-1"));
    let alone = page(logged.admin_address());
    for found in ["hits", "misses"] {
        let series = format!("ringmaster_node_keyspace_{found}_total");
        assert_eq!(figure(&alone, &series), Some(1.0), "{found}");
    }
    check(&alone, &ringmaster_node::metric_families());
    logged.stop();

    let cluster = Cluster::builder().yaml("replicas: 2").start();
    let mut client = Wire::connect(cluster.address());
    eventually("the cluster serves", || client.ask("SET k v") == r"+OK\r\n");
    eventually("all copies are there", || cluster.is_whole());
    assert_eq!(client.ask("GET k"), r"$1\r\nv\r\n");
    assert!(client.ask("INCR k").starts_with("-ERR"));
    assert!(client.ask("GET none").starts_with("$-1"));
    assert!(client.ask("NOSUCH").starts_with("-ERR"));
    // What the control thread says is up to a tenth of a second old.
    let admin = cluster.proxies()[0].admin_address();
    let epoch = || figure(&page(admin), "ringmaster_proxy_view_epoch");
    eventually("the view is told", || epoch().is_some_and(|epoch| epoch >= 1.0) && cluster.is_whole());
    let proxy = page(admin);
    let of_proxy = |series: &str| figure(&proxy, &format!("ringmaster_proxy_{series}")).unwrap_or(-1.0);
    assert_eq!(of_proxy("commands_total{command=\"get\"}"), 2.0);
    assert_eq!(of_proxy("commands_total{command=\"incr\"}"), 1.0);
    assert!(of_proxy("errors_total{error=\"ERR\"}") >= 2.0, "{proxy}");
    assert_eq!(of_proxy("rejected_commands_total"), 1.0);
    assert_eq!(of_proxy("command_duration_seconds_count{kind=\"read\"}"), 2.0);
    assert!(of_proxy("command_duration_seconds_sum{kind=\"write\"}") > 0.0);
    assert_eq!(of_proxy("slots{state=\"complete\"}"), 16384.0);
    assert_eq!(
        (of_proxy("lease_held"), of_proxy("config_good"), of_proxy("config_followed")),
        (1.0, 1.0, 1.0)
    );
    assert!(of_proxy("config_last_good_timestamp_seconds") > 1.6e9);
    assert!(proxy.contains("ringmaster_proxy_upstream_duration_seconds_bucket{node="), "{proxy}");
    let healthy = proxy.lines().filter(|line| line.contains("health=\"healthy\"} 1"));
    assert_eq!(healthy.count(), 3);
    check(&proxy, &ringmaster_proxy::metric_families());

    let nodes: Vec<String> = cluster.nodes().iter().map(|node| page(node.admin_address())).collect();
    let sum = |series: &str| -> f64 {
        nodes.iter().filter_map(|page| figure(page, &format!("ringmaster_node_{series}"))).sum()
    };
    assert_eq!(sum("slots{role=\"head\"}"), 16384.0);
    assert_eq!(sum("slots{role=\"behind\"}"), 16384.0);
    assert_eq!(sum("tail_slots"), 16384.0);
    assert_eq!(sum("keys{db=\"0\"}"), 2.0, "a key with two copies");
    assert!(sum("commands_total{command=\"get\"}") >= 2.0);
    assert!(sum("thread_cpu_seconds_total{thread=\"0\"}") > 0.0);
    nodes.iter().for_each(|page| check(page, &ringmaster_node::metric_families()));
}

#[test]
fn a_node_that_dies_is_suspected_or_removed_and_slots_are_short_of_copies() {
    let mut cluster = Cluster::builder().yaml("replicas: 2\ntimeouts: {failure: 300ms}").start();
    let mut client = Wire::connect(cluster.address());
    eventually("the cluster serves", || client.ask("SET k v") == r"+OK\r\n");
    eventually("all copies are there", || cluster.is_whole());
    cluster.stop_node(2);
    let admin = cluster.proxies()[0].admin_address();
    let figure = |series: &str| figure(&page(admin), &format!("ringmaster_proxy_{series}")).unwrap_or(0.0);
    eventually("a node is out", || {
        let page = page(admin);
        ["suspected", "removed"].iter().any(|health| page.contains(&format!("health=\"{health}\"}} 1")))
    });
    eventually("slots are short", || figure("slots{state=\"short\"}") > 0.0);
    assert_eq!(figure("slots{state=\"lost\"}"), 0.0);
}

#[test]
fn the_page_of_a_hundred_nodes_is_small_and_soon_there() {
    // One node, which answers at a hundred addresses of this machine.
    let node = NodeConfig {
        listen: ([0, 0, 0, 0], 0).into(),
        admin: ([127, 0, 0, 1], 0).into(),
        threads: 1,
        insecure: true,
        ..NodeConfig::default()
    };
    let node = Node::start(node).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let cluster = directory.path().join("cluster.yaml");
    let mut text = "nodes:\n".to_owned();
    for place in 1..=100 {
        let port = node.address().port();
        writeln!(text, "- {{name: node-{place}, address: '127.0.0.{place}:{port}'}}").unwrap();
    }
    std::fs::write(&cluster, text).unwrap();
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let proxy = ProxyConfig { listen: free, admin: free, threads: 1, cluster, ..ProxyConfig::default() };
    let proxy = Proxy::start(proxy).unwrap();
    let mut client = Wire::connect(proxy.address());
    // Each node is asked something, so that each has all its figures.
    let asked = |page: &str| page.matches("ringmaster_proxy_upstream_duration_seconds_count").count();
    let mut key = 0;
    eventually("all nodes were asked", || {
        for _ in 0..200 {
            key += 1;
            client.ask(&format!("SET key:{key} v"));
        }
        asked(&page(proxy.admin_address())) == 100
    });
    let fastest = (0..5).map(|_| {
        let began = Instant::now();
        let page = page(proxy.admin_address());
        assert!(page.len() < PAGE_BYTES, "{} bytes", page.len());
        began.elapsed()
    });
    let fastest = fastest.min().unwrap();
    println!("a page of {} bytes in {fastest:?}", page(proxy.admin_address()).len());
    assert!(fastest < PAGE_TIME, "{fastest:?}");
    check(&page(proxy.admin_address()), &ringmaster_proxy::metric_families());
    proxy.stop();
    node.stop();
}
