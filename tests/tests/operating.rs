//! What operators ask the admin ports: health with reasons, and the level of the log; and what the audit log tells.

use std::fs;
use std::net::SocketAddr;

use ringmaster_runtime::admin::AdminAccess;
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::pages::{ask, figure, get};
use ringmaster_tests::process::Process;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::Wire;

const MEMBER: &str = env!("CARGO_BIN_EXE_member");

#[test]
fn readiness_says_why_as_text_and_as_json() {
    let mut cluster = Cluster::builder().yaml("replicas: 2").start();
    let admin = cluster.proxies()[0].admin_address();
    let mut client = Wire::connect(cluster.address());
    eventually("the cluster serves", || client.ask("SET k v") == r"+OK\r\n");
    let (status, text) = get(admin, "/readyz");
    assert_eq!(status, 200, "{text}");
    assert!(text.starts_with("ready\nok nodes: 3 of 3 are reached\n"), "{text}");
    for part in ["\nok lease: view ", "\nok view: epoch ", "\nok config: cluster.yaml is in effect\n"] {
        assert!(text.contains(part), "{text}");
    }
    let (status, json) = get(admin, "/readyz?format=json");
    let read: serde_yaml::Value = serde_yaml::from_str(&json).expect("JSON");
    assert_eq!((status, read["ready"].as_bool()), (200, Some(true)));
    assert_eq!(ask(admin, "GET", "/readyz", "accept: application/json\r\n").1.chars().next(), Some('{'));
    let first = &read["checks"][0];
    assert_eq!((first["name"].as_str(), first["outcome"].as_str()), (Some("nodes"), Some("ok")));

    fs::write(cluster.file().with_extension("new"), "nodes: nonsense\n").unwrap();
    let good = fs::read(cluster.file()).unwrap();
    fs::rename(cluster.file().with_extension("new"), cluster.file()).unwrap();
    eventually("the fault is told, and the proxy serves", || {
        let (status, text) = get(admin, "/readyz");
        status == 200 && text.contains("\nwarn config: cluster.yaml has faults")
    });
    fs::write(cluster.file(), good).unwrap();
    for node in cluster.nodes() {
        let (status, text) = get(node.admin_address(), "/readyz");
        assert_eq!(status, 200, "{text}");
        let checks: Vec<&str> =
            text.lines().skip(1).filter_map(|line| line.split_once(':')).map(|line| line.0).collect();
        assert_eq!(checks, ["ok loading", "ok disk", "ok memory", "ok secret", "ok cluster"], "{text}");
    }
    (0..3).for_each(|_| cluster.stop_node(0));
    eventually("no node is reached and no lease is held", || {
        let (status, text) = get(admin, "/readyz");
        status == 503 && text.contains("\nfail nodes: 0 of") && text.contains("\nfail lease:")
    });
    assert_eq!(get(admin, "/healthz"), (200, "alive\n".to_owned()), "it lives all the same");
}

#[test]
fn what_nodes_with_copies_serve_is_counted_once_each_way() {
    let cluster = Cluster::builder().yaml("replicas: 2").start();
    let mut client = Wire::connect(cluster.address());
    eventually("the cluster serves", || client.ask("SET k v") == r"+OK\r\n");
    eventually("no slot is changing", || cluster.is_whole());
    let sum = |series: &str| -> f64 {
        let pages = cluster.nodes().iter().map(|node| get(node.admin_address(), "/metrics").1);
        pages.map(|page| figure(&page, series).unwrap_or_default()).sum()
    };
    let counted = || {
        let calls = |command: &str| sum(&format!("ringmaster_node_commands_total{{command=\"{command}\"}}"));
        let looks =
            [sum("ringmaster_node_keyspace_hits_total"), sum("ringmaster_node_keyspace_misses_total")];
        (looks, ["get", "append", "lpush"].map(calls))
    };
    let (looks, calls) = counted();
    assert_eq!(client.ask("GET k"), r"$1\r\nv\r\n");
    // In slots that no command has looked at, which is what the general way is for, and then once more.
    for key in ["absent", "absent", "another", "third"] {
        assert_eq!(client.ask(&format!("GET {key}")), r"$-1\r\n");
    }
    assert_eq!(client.ask("APPEND fresh x"), r":1\r\n");
    assert!(client.ask("LPUSH k x").starts_with("-WRONGTYPE"));
    for line in ["MULTI", "GET k", "GET {k}not", "GET {k}nor"] {
        client.ask(line);
    }
    assert_eq!(client.ask("EXEC"), r"*3\r\n$1\r\nv\r\n$-1\r\n$-1\r\n");
    client.command(&[b"EVAL", b"return redis.call('GET', KEYS[1])", b"1", b"k"]);
    assert_eq!(client.reply().as_deref(), Some(&b"$1\r\nv\r\n"[..]));
    let (looks_after, calls_after) = counted();
    assert_eq!([0, 1].map(|at| looks_after[at] - looks[at]), [3.0, 6.0], "hits and misses");
    assert_eq!([0, 1, 2].map(|at| calls_after[at] - calls[at]), [8.0, 1.0, 1.0], "calls");
}

#[test]
fn a_node_without_memory_is_not_ready_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(MEMBER, &["node", "0"], directory.path().join("log"));
    let mut client = Wire::connect(node.address);
    assert_eq!(client.ask("CONFIG SET maxmemory-policy noeviction"), r"+OK\r\n");
    assert_eq!(client.ask(&format!("SET k {}", "x".repeat(16 << 20))), r"+OK\r\n");
    assert_eq!(client.ask("CONFIG SET maxmemory 1mb"), r"+OK\r\n");
    eventually("it is full", || {
        let (status, text) = get(node.admin, "/readyz");
        status == 503 && text.starts_with("not ready\n") && text.contains("\nfail memory: above maxmemory")
    });
}

#[test]
fn the_audit_log_tells_who_did_what_and_no_secret_and_the_level_is_changed_live() {
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(MEMBER, &["node", "0"], directory.path().join("log"));
    let mut client = Wire::connect(node.address);
    assert_eq!(client.ask("ACL SETUSER reader on >hunter2hunter2 +get ~*"), r"+OK\r\n");
    assert_eq!(client.ask("CONFIG SET timeout 7 maxclients 4242"), r"+OK\r\n");
    assert!(client.ask("CONFIG SET maxclients many").starts_with('-'));
    assert_eq!(client.ask("SET private value"), r"+OK\r\n");
    assert_eq!(client.ask("FLUSHALL"), r"+OK\r\n");
    let told = || -> Vec<(String, String, String)> {
        let is_audit = |line: &serde_json::Value| line["target"].as_str() == Some("audit");
        let field = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let lines = node.logged().into_iter().filter(is_audit);
        lines.map(|line| (field(&line, "command"), field(&line, "about"), field(&line, "outcome"))).collect()
    };
    let expected = [
        ("acl|setuser", "reader", "done"),
        ("config|set", "timeout maxclients", "done"),
        ("config|set", "maxclients", "refused"),
        ("flushall", "", "done"),
    ];
    eventually("four acts are told", || told().len() >= expected.len());
    let told_now = told();
    let told_now: Vec<_> =
        told_now.iter().map(|(command, about, outcome)| (&**command, &**about, &**outcome)).collect();
    assert_eq!(told_now, expected);
    let log = fs::read_to_string(&node.log).unwrap();
    for secret in ["hunter2", "4242", "private", "value\""] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    let first = node.logged().into_iter().find(|line| line["target"].as_str() == Some("audit")).unwrap();
    assert_eq!(first["user"].as_str(), Some("default"));
    assert!(first["from"].as_str().is_some_and(|from| from.starts_with("127.0.0.1:")), "{first:?}");

    assert_eq!(get(node.admin, "/loglevel"), (200, "info\n".to_owned()));
    for (page, status) in [("/loglevel?level=loud", 400), ("/loglevel", 400), ("/loglevel?level=", 400)] {
        assert_eq!(ask(node.admin, "PUT", page, "").0, status, "{page}");
    }
    assert_eq!(ask(node.admin, "PUT", "/metrics", "").0, 405);
    assert_eq!(get(node.admin, "/loglevel").1, "info\n", "what is wrong changes nothing");
    assert_eq!(ask(node.admin, "PUT", "/loglevel?level=debug", "").0, 200);
    assert_eq!(get(node.admin, "/loglevel").1, "debug\n");
    assert_eq!(client.ask("CONFIG SET loglevel warning"), r"+OK\r\n");
    assert_eq!(get(node.admin, "/loglevel").1, "warn\n");
    for within in ["MULTI", "FLUSHDB", "EXEC"] {
        client.ask(within);
    }
    eventually("a higher level leaves no act out", || {
        told().iter().any(|(command, ..)| command == "flushdb")
    });
    let page = "/loglevel?level=info%2Caudit%3Doff";
    assert_eq!(ask(node.admin, "PUT", page, ""), (200, "info,audit=off\n".to_owned()));
    assert_eq!(client.ask("FLUSHALL SYNC"), r"+OK\r\n");
    assert_eq!(client.ask("CONFIG SET loglevel notice"), r"+OK\r\n");
    assert_eq!(client.ask("CONFIG RESETSTAT"), r"+OK\r\n");
    eventually("the later ones are told", || {
        told().iter().any(|(command, ..)| command == "config|resetstat")
    });
    let told = told();
    assert_eq!(
        told.iter().filter(|(command, ..)| command == "flushall").count(),
        1,
        "only the first: {told:?}"
    );
    let off = ("PUT /loglevel".to_owned(), "info,audit=off".to_owned(), "done".to_owned());
    assert!(told.contains(&off), "who switches it off is told of: {told:?}");
}

#[test]
fn nobody_changes_the_level_over_a_port_that_is_open_to_everybody() {
    let access = AdminAccess { open: true, ..AdminAccess::default() };
    let node = ringmaster_node::Config {
        listen: ([127, 0, 0, 1], 0).into(),
        admin: ([0, 0, 0, 0], 0).into(),
        admin_access: access,
        threads: 1,
        ..ringmaster_node::Config::default()
    };
    let node = ringmaster_node::Node::start(node).unwrap();
    let admin = SocketAddr::from(([127, 0, 0, 1], node.admin_address().port()));
    let (status, why) = ask(admin, "PUT", "/loglevel?level=trace", "");
    assert!(status == 403 && why.contains("token_file"), "{why}");
    node.stop();
}
