//! Traces as a collector gets them: of a whole cluster, with all that can be wrong with the collector.

#[path = "traces/live.rs"]
mod live;
#[path = "traces/rotel.rs"]
mod rotel;

use std::time::{Duration, Instant};

use ringmaster_node::config::Persistence;
use ringmaster_node::log::Fsync;
use ringmaster_protocol::config::Millis;
use ringmaster_runtime::traces::{Protocol, Sample, TracesConfig};
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::collector::{Collector, Manner, Told};
use ringmaster_tests::pages;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, text};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

/// A cluster whose proxies trace nothing but what is asked for.
fn cluster(collector: &Collector, more: &str) -> Cluster {
    let cluster = Cluster::builder().yaml(more).tracing(collector.config(0.0)).start();
    let mut client = Wire::connect(cluster.address());
    eventually("the first view", || client.ask("SET begun 1") == r"+OK\r\n");
    cluster
}

/// The spans of the trace once they are as many; none comes later.
fn spans(collector: &Collector, count: usize) -> Vec<Told> {
    let of_trace =
        || -> Vec<Told> { collector.spans().into_iter().filter(|span| span.trace == TRACE).collect() };
    eventually("all spans", || of_trace().len() >= count);
    let spans = of_trace();
    assert_eq!(spans.len(), count, "{spans:#?}");
    spans
}

/// The only one with this name that is a part of `parent`.
#[track_caller]
fn part<'s>(spans: &'s [Told], name: &str, parent: &str) -> &'s Told {
    let found: Vec<&Told> = spans.iter().filter(|span| span.name == name && span.parent == parent).collect();
    assert_eq!(found.len(), 1, "{name} of {parent}: {spans:#?}");
    found[0]
}

#[test]
fn a_write_is_followed_down_its_chain_and_a_read_to_its_tail() {
    let collector = Collector::start(Protocol::Grpc, Manner::Takes);
    let cluster = cluster(&collector, "replicas: 2");
    let mut client = Wire::connect(cluster.address());
    assert_eq!(client.ask(&format!("CLIENT TRACE {}", traceparent("01"))), r"+OK\r\n");
    assert_eq!(client.ask("SET secret-key secret-value"), r"+OK\r\n");
    assert_eq!(client.ask("SET secret-key again"), r"+OK\r\n", "only the next command is a part of it");
    let all = spans(&collector, 6);

    let command = part(&all, "command", PARENT);
    assert_eq!((&*command.service, command.of("db.operation.name")), ("ringmaster-proxy", "SET"));
    assert_eq!((command.of("ringmaster.keys"), command.of("ringmaster.reply.bytes")), ("1", "5"));
    let route = part(&all, "route", &command.id);
    let chain: Vec<&str> = route.of("ringmaster.chain").split(" > ").collect();
    assert_eq!(chain.len(), 2, "{route:?}");
    assert_ne!(route.of("ringmaster.epoch"), "");
    let hops: Vec<&Told> = all.iter().filter(|span| span.name == "hop").collect();
    assert_eq!(hops.len(), 2);
    for (place, (request, executed)) in [("command", "SET"), ("apply", "RM.ASK")].into_iter().enumerate() {
        let hop = hops.iter().find(|hop| hop.of("ringmaster.request") == request).expect("the hop");
        assert_eq!((&hop.parent, hop.of("ringmaster.node")), (&command.id, chain[place]));
        let execute = part(&all, "execute", &hop.id);
        assert_eq!((&*execute.service, execute.of("db.operation.name")), ("ringmaster-node", executed));
        assert_eq!(execute.instance, chain[place], "by the very node");
        assert_eq!(execute.of("ringmaster.slot"), route.of("ringmaster.slot"));
        assert_ne!(execute.of("ringmaster.version"), "");
        let is_within = |inner: &Told, outer: &Told| {
            // Both are of this machine; the clocks of its processors may differ by little.
            let slack = 1_000_000;
            inner.times.0 + slack >= outer.times.0 && inner.times.1 <= outer.times.1 + slack
        };
        assert!(is_within(execute, hop) && is_within(hop, command), "{all:#?}");
    }
    let told = format!("{all:?}");
    assert!(!told.contains("secret"), "neither keys nor values: {told}");

    client.command(&[b"CLIENT", b"TRACE", traceparent("01").replace(PARENT, "00000000000000aa").as_bytes()]);
    client.command(&[b"GET", b"secret-key"]);
    assert_eq!(
        [client.reply(), client.reply()].map(|reply| text(&reply.unwrap())),
        [r"+OK\r\n", r"$5\r\nagain\r\n"]
    );
    let all = spans(&collector, 10);
    let command = part(&all, "command", "00000000000000aa");
    let hop = part(&all, "hop", &command.id);
    assert_eq!(hop.of("ringmaster.node"), chain[1], "the tail");
    assert_ne!(hop.of("ringmaster.wait.us"), "");
    assert_eq!(part(&all, "execute", &hop.id).instance, chain[1]);
}

#[test]
fn over_http_and_without_copies_it_is_the_same() {
    let collector = Collector::start(Protocol::Http, Manner::Takes);
    let cluster = cluster(&collector, "");
    let mut client = Wire::connect(cluster.address());
    let mut batch = format!("CLIENT TRACE {}\r\nGET begun\r\nGET begun\r\n", traceparent("01"));
    batch.push_str("PING\r\n");
    client.send(batch.as_bytes());
    let replies: Vec<String> = (0..4).map(|_| text(&client.reply().unwrap())).collect();
    assert_eq!(replies, [r"+OK\r\n", r"$1\r\n1\r\n", r"$1\r\n1\r\n", r"+PONG\r\n"]);
    let all = spans(&collector, 4);
    let command = part(&all, "command", PARENT);
    let hop = part(&all, "hop", &command.id);
    assert_eq!(part(&all, "route", &command.id).of("ringmaster.chain"), hop.of("ringmaster.node"));
    assert_eq!(part(&all, "execute", &hop.id).instance, hop.of("ringmaster.node"));
}

#[test]
fn a_split_command_has_a_hop_for_each_part_and_an_error_its_word() {
    let collector = Collector::start(Protocol::Grpc, Manner::Takes);
    let cluster = cluster(&collector, "");
    let mut client = Wire::connect(cluster.address());
    assert_eq!(client.ask("MSET a 1 b 2 c 3 d 4 e 5 f 6"), r"+OK\r\n");
    client.ask(&format!("CLIENT TRACE {}", traceparent("01")));
    assert!(client.ask("MGET a b c d e f").starts_with(r"*6"));
    eventually("all parts", || {
        let hops = collector.spans().iter().filter(|span| span.name == "hop").count();
        hops > 1 && collector.spans().iter().filter(|span| span.name == "execute").count() == hops
    });
    eventually("the command", || collector.spans().iter().any(|span| span.name == "command"));
    let command = part(&collector.spans(), "command", PARENT).clone();
    assert_eq!((command.of("ringmaster.keys"), command.is_error), ("6", false));

    client.ask(&format!("CLIENT TRACE {}", traceparent("01").replace(PARENT, "00000000000000aa")));
    assert!(client.ask("LPUSH a x").starts_with("-WRONGTYPE"));
    let failed = |name: &str| {
        collector
            .spans()
            .iter()
            .any(|span| span.name == name && span.is_error && span.of("error.type") == "WRONGTYPE")
    };
    eventually("the error", || ["command", "hop", "execute"].into_iter().all(failed));
}

#[test]
fn what_an_application_says_is_checked_taken_back_and_kept_for_the_end_of_a_transaction() {
    let collector = Collector::start(Protocol::Grpc, Manner::Takes);
    let cluster = cluster(&collector, "replicas: 2");
    let mut client = Wire::connect(cluster.address());
    for wrong in
        ["x", "00-", &traceparent("01").to_uppercase(), &traceparent("01").replace(PARENT, &"0".repeat(16))]
    {
        assert!(
            client.ask(&format!("CLIENT TRACE {wrong}")).starts_with("-ERR CLIENT TRACE takes OFF, or"),
            "{wrong}"
        );
    }
    assert!(client.ask("CLIENT TRACE").starts_with("-ERR wrong number of arguments"));
    assert_eq!(client.ask(&format!("CLIENT TRACE {}", traceparent("01"))), r"+OK\r\n");
    assert_eq!(client.ask("CLIENT TRACE off"), r"+OK\r\n");
    assert_eq!(client.ask("SET k 1"), r"+OK\r\n");
    assert_eq!(client.ask(&format!("CLIENT TRACE {}", traceparent("00"))), r"+OK\r\n");
    assert_eq!(client.ask("SET k 2"), r"+OK\r\n", "the application does not record it");
    client.ask(&format!("CLIENT TRACE {}", traceparent("01")));
    for (command, reply) in [("MULTI", "+OK"), ("INCR k", "+QUEUED"), ("EXEC", r"*1\r\n:3")] {
        assert_eq!(client.ask(command), format!(r"{reply}\r\n"));
    }
    let all = spans(&collector, 6);
    assert_eq!(part(&all, "command", PARENT).of("db.operation.name"), "EXEC");
}

#[test]
fn a_reply_that_waits_for_the_log_says_for_how_long() {
    let collector = Collector::start(Protocol::Grpc, Manner::Takes);
    let directory = tempfile::TempDir::new().unwrap();
    let node = ringmaster_node::Config {
        threads: 1,
        hash_seed: Some(7),
        persistence: Persistence::Wal,
        fsync: Fsync::Always,
        data_dir: directory.path().to_owned(),
        ..ringmaster_node::Config::default()
    };
    let cluster = Cluster::builder().node(node).tracing(collector.config(0.0)).start();
    let mut client = Wire::connect(cluster.address());
    eventually("the nodes", || client.ask("SET begun 1") == r"+OK\r\n");
    client.ask(&format!("CLIENT TRACE {}", traceparent("01")));
    assert_eq!(client.ask("SET k v"), r"+OK\r\n");
    let all = spans(&collector, 5);
    let execute = all.iter().find(|span| span.name == "execute").unwrap();
    let fsync = part(&all, "fsync", &execute.id);
    assert_eq!(fsync.instance, execute.instance);
    assert!(fsync.times.1 > fsync.times.0);
}

#[test]
fn a_share_of_the_commands_is_traced_without_being_asked_for() {
    let collector = Collector::start(Protocol::Grpc, Manner::Takes);
    let cluster = Cluster::builder().tracing(collector.config(0.1)).start();
    let mut client = Wire::connect(cluster.address());
    eventually("the nodes", || client.ask("SET begun 1") == r"+OK\r\n");
    let begun = collector.spans().len();
    for _ in 0..20 {
        client.send("GET begun\r\n".repeat(100).as_bytes());
        for _ in 0..100 {
            assert_eq!(text(&client.reply().unwrap()), r"$1\r\n1\r\n");
        }
    }
    let commands = || collector.spans()[begun..].iter().filter(|span| span.name == "command").count();
    eventually("a tenth", || (120..300).contains(&commands()));
    let traces: std::collections::BTreeSet<String> =
        collector.spans().into_iter().map(|span| span.trace).collect();
    assert!(traces.len() > 100, "each is a trace of its own");
}

/// Sends many commands while every one is traced; the longest time that a batch of them took.
fn busy(client: &mut Wire) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..60 {
        let begun = Instant::now();
        client.send("GET begun\r\n".repeat(100).as_bytes());
        for _ in 0..100 {
            assert_eq!(text(&client.reply().unwrap()), r"$1\r\n1\r\n");
        }
        longest = longest.max(begun.elapsed());
    }
    longest
}

#[test]
fn no_client_feels_a_collector_that_is_away_or_hangs_or_is_slow() {
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hanging = |protocol| Collector::start(protocol, Manner::Hangs);
    let slow = |protocol| Collector::start(protocol, Manner::Slow(Duration::from_millis(300)));
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let (hanging, slow) = (hanging(protocol), slow(protocol));
        let away = TracesConfig { endpoint: Some(format!("http://{away}")), ..hanging.config(1.0) };
        for (what, tracing) in [("away", away), ("hangs", hanging.config(1.0)), ("slow", slow.config(1.0))] {
            let tracing =
                TracesConfig { queue: 64, timeout: Millis::seconds(60), sample: Sample::of(1.0), ..tracing };
            let cluster = Cluster::builder().tracing(tracing).start();
            let mut client = Wire::connect(cluster.address());
            eventually("the nodes", || client.ask("SET begun 1") == r"+OK\r\n");
            let longest = busy(&mut client);
            assert!(longest < Duration::from_secs(5), "{what}, {protocol:?}: {longest:?}");
            let dropped = figure(&cluster, "ringmaster_proxy_spans_dropped_total")
                + figure(&cluster, "ringmaster_proxy_spans_failed_total");
            assert!(dropped > 0.0, "{what}, {protocol:?}: the queue is bounded");
            let begun = Instant::now();
            drop(cluster);
            // Three nodes and a proxy, one after the other, each with its own bound.
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}, {protocol:?}: {:?}", begun.elapsed());
        }
        assert!(hanging.spans().is_empty());
        assert!(!slow.spans().is_empty());
    }
}

/// A figure of the proxy's admin port.
fn figure(cluster: &Cluster, name: &str) -> f64 {
    let (status, page) = pages::get(cluster.proxies()[0].admin_address(), "/metrics");
    assert_eq!(status, 200);
    pages::figure(&page, name).unwrap_or_else(|| panic!("no {name} in {page}"))
}

#[test]
fn an_older_node_answers_an_error_and_carries_out_the_command() {
    let collector = Collector::start(Protocol::Grpc, Manner::Takes);
    let Some(redis) = ringmaster_tests::peer::RedisServer::start() else { return };
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("cluster.yaml");
    let yaml = format!("cluster: test\nnodes:\n  - {{name: a, address: \"{}\"}}\n", redis.address());
    std::fs::write(&file, yaml).unwrap();
    let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let proxy = ringmaster_proxy::Proxy::start(ringmaster_proxy::Config {
        listen: free,
        admin: free,
        threads: 1,
        cluster: file,
        tracing: Some(collector.config(1.0)),
        ..ringmaster_proxy::Config::default()
    })
    .unwrap();
    let mut client = Wire::connect(proxy.address());
    eventually("the server", || client.ask("SET n 0") == r"+OK\r\n");
    client.send("INCR n\r\n".repeat(50).as_bytes());
    for n in 1..=50 {
        assert_eq!(text(&client.reply().unwrap()), format!(r":{n}\r\n"));
    }
    eventually("hops", || collector.spans().iter().filter(|span| span.name == "hop").count() >= 50);
    proxy.stop();
}
