//! What one client of a proxy does to the others: it sees their commands, holds them up, ends their waiting.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wire::{Wire, text};

fn clusters() -> [Cluster; 2] {
    let clusters = [Cluster::builder().start(), Cluster::builder().yaml("replicas: 2").start()];
    for cluster in &clusters {
        connect(cluster).ask_until("SET begun 1", |reply| reply == r"+OK\r\n");
    }
    clusters
}

fn connect(cluster: &Cluster) -> Wire {
    Wire::connect(cluster.address())
}

fn next(client: &mut Wire) -> String {
    text(&client.reply().expect("a reply"))
}

fn id_of(client: &mut Wire) -> String {
    client.ask("CLIENT ID").trim_start_matches(':').trim_end_matches(r"\r\n").to_owned()
}

/// Waits until so many clients wait in a blocking command.
fn blocked(other: &mut Wire, clients: u64) {
    other.ask_until("INFO clients", |reply| reply.contains(&format!(r"blocked_clients:{clients}\r\n")));
}

#[test]
fn who_monitors_sees_what_passes_the_proxy_and_no_secrets() {
    let cluster = Cluster::builder().proxies(2).start();
    let (mut monitor, mut client) = (connect(&cluster), connect(&cluster));
    assert_eq!(monitor.ask("MONITOR"), r"+OK\r\n");
    assert_eq!(Wire::connect(cluster.proxies()[1].address()).ask("SET elsewhere 1"), r"+OK\r\n");
    client.send(b"MULTI\r\nSET {t}a 1\r\nEXEC\r\nAUTH x secret\r\nCONFIG GET port\r\nSELECT 3\r\nEVAL 'return 1' 0\r\n");
    (0..7).for_each(|_| drop(next(&mut client)));
    for expected in
        ["\"MULTI\"", "\"SET\" \"{t}a\" \"1\"", "\"EXEC\"", "(redacted)", "\"SELECT\" \"3\"", "\"EVAL\""]
    {
        let line = next(&mut monitor);
        assert!(line.starts_with('+') && line.contains(expected) && !line.contains("secret"), "{line}");
    }
    assert!(monitor.ask("GET a").contains("Replica can't interact with the keyspace"));
    assert_eq!(monitor.ask("RESET"), r"+RESET\r\n");
    assert_eq!(client.ask("SET b 1"), r"+OK\r\n");
    assert_eq!(monitor.ask("GET b"), r"$-1\r\n", "it is in database 0 and hears nothing any more");
}

#[test]
fn who_monitors_and_never_reads_is_closed_and_slows_nobody_down() {
    let cluster = Cluster::builder().yaml("limits: {client_buffer: 64kb}").start();
    let (mut monitor, mut client) = (connect(&cluster), connect(&cluster));
    assert_eq!(monitor.ask("MONITOR"), r"+OK\r\n");
    let filler = format!("SET k {}", "x".repeat(20_000));
    let other = RefCell::new(connect(&cluster));
    client.ask_until("CLIENT LIST", |list| {
        assert_eq!(other.borrow_mut().ask(&filler), r"+OK\r\n");
        !list.contains("cmd=monitor")
    });
}

#[test]
fn writes_or_all_commands_wait_while_they_are_paused() {
    for cluster in clusters() {
        let (mut pauser, mut client) = (connect(&cluster), connect(&cluster));
        client.send(b"MULTI\r\nSET k 1\r\n");
        assert_eq!([next(&mut client), next(&mut client)].concat(), r"+OK\r\n+QUEUED\r\n");
        assert_eq!(pauser.ask("CLIENT PAUSE 100000 WRITE"), r"+OK\r\n");
        client.send(b"EXEC\r\nGET k\r\n");
        blocked(&mut pauser, 1);
        pauser.send(b"MULTI\r\nPING\r\nGET k\r\nEXEC\r\n");
        let replies: String = (0..4).map(|_| next(&mut pauser)).collect();
        assert!(
            replies.starts_with(r"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n"),
            "who pauses can read: {replies}"
        );
        assert_eq!(pauser.ask("CLIENT UNPAUSE"), r"+OK\r\n");
        assert_eq!([next(&mut client), next(&mut client)].concat(), r"*1\r\n+OK\r\n$1\r\n1\r\n");

        let begun = Instant::now();
        assert_eq!(pauser.ask("CLIENT PAUSE 200"), r"+OK\r\n");
        assert_eq!(client.ask("GET k"), r"$1\r\n1\r\n");
        assert!(begun.elapsed() >= Duration::from_millis(200), "all commands wait, to the end of the pause");
        assert!(pauser.ask("CLIENT PAUSE x").starts_with("-ERR timeout is not an integer"));
    }
}

#[test]
fn a_client_that_waits_is_ended_by_another() {
    for cluster in clusters() {
        let (mut waiting, mut other) = (connect(&cluster), connect(&cluster));
        let id = id_of(&mut waiting);
        assert_eq!(other.ask(&format!("CLIENT UNBLOCK {id}")), r":0\r\n", "it does not wait");
        for (reason, expected) in [
            ("", r"*-1\r\n"),
            (" TIMEOUT", r"*-1\r\n"),
            (" ERROR", r"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"),
        ] {
            waiting.command(&[b"BLPOP", b"list", b"0"]);
            blocked(&mut other, 1);
            assert_eq!(other.ask(&format!("CLIENT UNBLOCK {id}{reason}")), r":1\r\n");
            assert_eq!(next(&mut waiting), expected);
            blocked(&mut other, 0);
        }
        waiting.command(&[b"BLPOP", b"list", b"0"]);
        blocked(&mut other, 1);
        assert_eq!(other.ask("RPUSH list x"), r":1\r\n");
        assert_eq!(next(&mut waiting), r"*2\r\n$4\r\nlist\r\n$1\r\nx\r\n");
        assert_eq!(other.ask("CLIENT UNBLOCK 99999"), r":0\r\n");
        assert!(other.ask("CLIENT UNBLOCK x").starts_with("-ERR value is not an integer"));
    }
}

#[test]
fn a_transaction_that_only_reads_or_does_nothing_is_answered() {
    for cluster in clusters() {
        let mut client = connect(&cluster);
        assert_eq!(client.ask("RPUSH {t}list a b"), r":2\r\n");
        for (queued, expected) in
            [("", r"*0\r\n"), ("LLEN {t}list\r\nGET {t}none\r\n", r"*2\r\n:2\r\n$-1\r\n")]
        {
            client.send(format!("MULTI\r\n{queued}EXEC\r\n").as_bytes());
            assert_eq!(next(&mut client), r"+OK\r\n");
            queued.lines().for_each(|_| assert_eq!(next(&mut client), r"+QUEUED\r\n"));
            assert_eq!(next(&mut client), expected);
        }
    }
}
