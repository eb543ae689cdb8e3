//! The share of traced commands, changed while proxies and nodes run; and spans of commands that take their time.

use std::net::SocketAddr;
use std::time::Duration;

use super::{TRACE, part, traceparent};

use ringmaster_runtime::traces::Protocol;
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::collector::{Collector, Manner};
use ringmaster_tests::pages::{ask, get};
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, text};

/// Sends so many commands, and looks at their replies.
fn send(client: &mut Wire, commands: usize) {
    client.send("GET begun\r\n".repeat(commands).as_bytes());
    for _ in 0..commands {
        assert_eq!(text(&client.reply().unwrap()), r"$1\r\n1\r\n");
    }
}

fn set(admin: SocketAddr, share: &str) -> (u16, String) {
    ask(admin, "PUT", &format!("/tracesample?sample={share}"), "")
}

#[test]
fn the_share_is_changed_while_the_processes_run_and_a_wrong_one_changes_nothing() {
    let collector = Collector::start(Protocol::Grpc, Manner::Takes);
    let cluster = Cluster::builder().nodes(1).tracing(collector.config(0.0)).start();
    let mut client = Wire::connect(cluster.address());
    eventually("the node", || client.ask("SET begun 1") == r"+OK\r\n");
    let (proxy, node) = (cluster.proxies()[0].admin_address(), cluster.nodes()[0].admin_address());
    let count = |name: &str| collector.spans().iter().filter(|span| span.name == name).count();
    send(&mut client, 1000);
    for admin in [proxy, node] {
        assert_eq!(get(admin, "/tracesample"), (200, "0\n".to_owned()));
        for wrong in ["1.1", "-0.1", "NaN", "inf", "", "x", "0,1"] {
            let (status, why) = set(admin, wrong);
            assert!(status == 400 && why.contains("give 0 to 1"), "{wrong}: {why}");
        }
        assert_eq!(ask(admin, "PUT", "/tracesample", "").0, 400);
        assert_eq!(get(admin, "/tracesample").1, "0\n");
    }
    assert_eq!((count("command"), count("execute")), (0, 0));

    assert_eq!(set(proxy, "1"), (200, "1\n".to_owned()));
    send(&mut client, 400);
    eventually("all but the first", || count("command") >= 400 - 128);
    assert_eq!(set(proxy, "0.0"), (200, "0\n".to_owned()));
    send(&mut client, 1000);
    // Its span comes behind all that were made before.
    client.ask(&format!("CLIENT TRACE {}", traceparent("01")));
    send(&mut client, 1);
    eventually("the last", || {
        collector.spans().iter().any(|span| span.name == "command" && span.trace == TRACE)
    });
    assert!(count("command") <= 400 + 128 + 1, "of 1000 that came later none: {}", count("command"));

    let mut own = Wire::connect(cluster.nodes()[0].address());
    let executed = count("execute");
    assert_eq!(set(node, "1").0, 200);
    send(&mut own, 400);
    eventually("the node's own clients, too", || count("execute") >= executed + 400 - 128);
}

#[test]
fn without_tracing_there_is_no_share() {
    let cluster = Cluster::builder().nodes(1).start();
    for admin in [cluster.proxies()[0].admin_address(), cluster.nodes()[0].admin_address()] {
        for (status, why) in [get(admin, "/tracesample"), set(admin, "0.5"), set(admin, "x")] {
            assert!(status == 409 && why.contains("--tracing-endpoint"), "{why}");
        }
    }
}

/// A cluster, and a collector that it tells what it is asked for.
fn traced(more: &str) -> (Collector, Cluster) {
    let collector = Collector::start(Protocol::Grpc, Manner::Takes);
    let cluster = super::cluster(&collector, more);
    (collector, cluster)
}

/// Until the collector has so many spans with this name in the trace.
fn until(collector: &Collector, name: &str, count: usize) -> Vec<ringmaster_tests::collector::Told> {
    let of_trace = || collector.spans().into_iter().filter(|span| span.trace == TRACE).collect::<Vec<_>>();
    eventually(name, || of_trace().iter().filter(|span| span.name == name).count() >= count);
    of_trace()
}

#[test]
fn a_command_that_waits_for_a_key_is_one_span_until_its_reply() {
    for more in ["", "replicas: 2"] {
        let (collector, cluster) = traced(more);
        let mut waiter = Wire::connect(cluster.address());
        let mut other = Wire::connect(cluster.address());
        assert_eq!(waiter.ask(&format!("CLIENT TRACE {}", traceparent("01"))), r"+OK\r\n");
        waiter.send(b"BLPOP queue 0\r\n");
        let is_waiting = |other: &mut Wire| {
            let one = r"blocked_clients:1\r\n";
            let node_has = |node: &ringmaster_node::Node| {
                Wire::connect(node.address()).ask("INFO clients").contains(one)
            };
            other.ask("INFO clients").contains(one) || cluster.nodes().iter().any(node_has)
        };
        eventually("it waits", || is_waiting(&mut other));
        let pause = Duration::from_millis(30);
        std::thread::sleep(pause);
        assert!(
            collector.spans().iter().all(|span| span.trace != TRACE || span.name != "command"),
            "it has not ended"
        );
        assert_eq!(other.ask("RPUSH queue x"), r":1\r\n");
        assert_eq!(text(&waiter.reply().unwrap()), r"*2\r\n$5\r\nqueue\r\n$1\r\nx\r\n");
        let all = until(&collector, "command", 1);
        let command = part(&all, "command", super::PARENT);
        assert_eq!((command.of("db.operation.name"), command.is_error), ("BLPOP", false), "{more}: {all:#?}");
        let lasted = Duration::from_nanos(command.times.1 - command.times.0);
        assert!(lasted >= pause, "{more}: {lasted:?}");

        assert_eq!(waiter.ask(&format!("CLIENT TRACE {}", traceparent("01"))), r"+OK\r\n");
        assert_eq!(waiter.ask("BLPOP queue 0.05"), r"*-1\r\n");
        let all = until(&collector, "command", 2);
        assert!(
            all.iter().filter(|span| span.name == "command").all(|span| !span.is_error),
            "{more}: {all:#?}"
        );

        assert_eq!(waiter.ask(&format!("CLIENT TRACE {}", traceparent("01"))), r"+OK\r\n");
        waiter.send(b"BLPOP queue 0\r\n");
        eventually("it waits again", || is_waiting(&mut other));
        drop(waiter);
        let all = until(&collector, "command", 3);
        let left = all.iter().find(|span| span.name == "command" && span.is_error);
        assert_eq!(left.map(|span| span.of("error.type")), Some("UNANSWERED"), "{more}: {all:#?}");
        // Whoever asks next is traced no more.
        assert_eq!(other.ask("PING"), r"+PONG\r\n");
        assert_eq!(until(&collector, "command", 3).iter().filter(|span| span.name == "command").count(), 3);
    }
}

/// Writes so many keys; each is answered, whatever becomes of it.
fn write(client: &mut Wire, count: usize) -> usize {
    for n in 0..count {
        let reply = client.ask(&format!("SET key-{n} {n}"));
        let known = [r"+OK\r\n", "-TRYAGAIN", "-MAYBE", "-CLUSTERDOWN", "-OVERLOADED"];
        assert!(known.iter().any(|known| reply.starts_with(known)), "{reply}");
    }
    count
}

#[test]
fn while_views_change_each_command_has_one_span_and_each_hop_is_a_part_of_one() {
    let collector = Collector::start(Protocol::Grpc, Manner::Takes);
    let mut cluster = Cluster::builder().yaml("replicas: 2").tracing(collector.config(0.0)).start();
    let mut client = Wire::connect(cluster.address());
    eventually("the first view", || client.ask("SET begun 1") == r"+OK\r\n");
    eventually("all copies", || cluster.is_whole());
    assert_eq!(set(cluster.proxies()[0].admin_address(), "1").0, 200);
    send(&mut client, 200);
    client.ask(&format!("CLIENT TRACE {}", traceparent("01")));
    send(&mut client, 1);
    until(&collector, "command", 1);
    let counted = || collector.spans().iter().filter(|span| span.name == "command").count();
    let before = counted();
    let mut writer = Wire::connect(cluster.address());
    let mut sent = write(&mut writer, 50);
    cluster.stop_node(0);
    sent += write(&mut writer, 400);
    eventually("another view", || client.ask("SET begun 1") == r"+OK\r\n");
    sent += write(&mut writer, 50);
    eventually("a span for each", || counted() >= before + sent);
    let all = collector.spans();
    let commands: std::collections::BTreeMap<&str, &str> =
        all.iter().filter(|span| span.name == "command").map(|span| (&*span.id, &*span.trace)).collect();
    let sets =
        all.iter().filter(|span| span.name == "command" && span.of("db.operation.name") == "SET").count();
    assert!(sets >= sent, "{sets} of {sent}");
    assert_eq!(commands.len(), counted(), "no span is told twice");
    for hop in all.iter().filter(|span| span.name == "hop") {
        assert!(hop.times.0 <= hop.times.1, "{hop:?}");
        if let Some(trace) = commands.get(&*hop.parent) {
            assert_eq!(*trace, hop.trace, "{hop:?}");
        }
    }
    let orphans = || {
        let all = collector.spans();
        let ids: std::collections::BTreeSet<&str> =
            all.iter().filter(|span| span.name == "command").map(|span| &*span.id).collect();
        all.iter().filter(|span| span.name == "hop" && !ids.contains(&*span.parent)).count()
    };
    eventually("each hop has its command", || orphans() == 0);
}
