//! Transactions, watches and blocking commands through the proxy: what takes more than one command, or waits.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::peer::RedisServer;
use ringmaster_tests::wire::{Wire, text};

/// Longest wait for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends lines and checks the reply of each.
#[track_caller]
fn talk(client: &mut Wire, lines: &[(&str, &str)]) {
    for (line, expected) in lines {
        assert_eq!(client.ask(line), *expected, "{line}");
    }
}

fn next(client: &mut Wire) -> String {
    text(&client.reply().expect("the connection is open"))
}

/// Waits until the nodes have `count` blocked clients together.
fn wait_for_blocked(cluster: &Cluster, count: usize) {
    let begin = Instant::now();
    let blocked = |address: SocketAddr| {
        let info = Wire::connect(address).ask("INFO clients");
        let (_, rest) = info.split_once("blocked_clients:").expect("INFO tells");
        rest.split('\\').next().and_then(|count| count.parse::<usize>().ok()).expect("a number")
    };
    while cluster.nodes().iter().map(|node| blocked(node.address())).sum::<usize>() != count {
        assert!(begin.elapsed() < PATIENCE, "{count} clients are blocked in time");
        std::thread::yield_now();
    }
}

#[test]
fn a_transaction_of_one_slot_is_executed_as_one() {
    let cluster = Cluster::builder().nodes(3).start();
    let mut client = Wire::connect(cluster.address());
    talk(
        &mut client,
        &[
            ("MULTI", r"+OK\r\n"),
            ("SET {t}a 1", r"+QUEUED\r\n"),
            ("INCR {t}a", r"+QUEUED\r\n"),
            ("MGET {t}a {t}b", r"+QUEUED\r\n"),
            ("BLPOP {t}list 0", r"+QUEUED\r\n"),
            ("PING", r"+QUEUED\r\n"),
            ("EXEC", r"*5\r\n+OK\r\n:2\r\n*2\r\n$1\r\n2\r\n$-1\r\n*-1\r\n+PONG\r\n"),
            ("GET {t}a", r"$1\r\n2\r\n"),
            ("EXEC", r"-ERR EXEC without MULTI\r\n"),
            ("MULTI", r"+OK\r\n"),
            ("EXEC", r"*0\r\n"),
            ("MULTI", r"+OK\r\n"),
            ("SET {t}a 9", r"+QUEUED\r\n"),
            ("DISCARD", r"+OK\r\n"),
            ("GET {t}a", r"$1\r\n2\r\n"),
        ],
    );
}

#[test]
fn what_cannot_be_one_is_refused_when_it_is_queued() {
    let cluster = Cluster::builder().nodes(3).start();
    let mut client = Wire::connect(cluster.address());
    let crossed = r"-CROSSSLOT Keys in request don't hash to the same slot\r\n";
    let aborted = r"-EXECABORT Transaction discarded because of previous errors.\r\n";
    talk(
        &mut client,
        &[
            ("MULTI", r"+OK\r\n"),
            ("SET a 1", r"+QUEUED\r\n"),
            ("SET b 1", crossed),
            ("EXEC", aborted),
            ("MULTI", r"+OK\r\n"),
            ("FLUSHALL", r"-ERR 'flushall' is not supported within MULTI through the proxy\r\n"),
            ("EXEC", aborted),
            ("MULTI", r"+OK\r\n"),
            ("GET", r"-ERR wrong number of arguments for 'get' command\r\n"),
            ("EXEC", aborted),
            ("EXISTS a", r":0\r\n"),
            ("WATCH a b", crossed),
            ("BLPOP a b 0", crossed),
        ],
    );
}

#[test]
fn a_watched_key_that_another_client_changed_stops_exec() {
    let cluster = Cluster::builder().nodes(3).start();
    let (mut client, mut other) = (Wire::connect(cluster.address()), Wire::connect(cluster.address()));
    let lines = [("WATCH k", r"+OK\r\n"), ("GET k", r"$-1\r\n")];
    talk(&mut client, &lines);
    talk(&mut other, &[("SET k theirs", r"+OK\r\n")]);
    let lines = [("MULTI", r"+OK\r\n"), ("SET k ours", r"+QUEUED\r\n"), ("EXEC", r"*-1\r\n")];
    talk(&mut client, &lines);
    let undisturbed = [
        ("WATCH k", r"+OK\r\n"),
        ("MULTI", r"+OK\r\n"),
        ("SET k ours", r"+QUEUED\r\n"),
        ("EXEC", r"*1\r\n+OK\r\n"),
        ("GET k", r"$4\r\nours\r\n"),
        ("WATCH k", r"+OK\r\n"),
        ("SET k changed", r"+OK\r\n"),
        ("UNWATCH", r"+OK\r\n"),
        ("MULTI", r"+OK\r\n"),
        ("GET k", r"+QUEUED\r\n"),
        ("EXEC", r"*1\r\n$7\r\nchanged\r\n"),
    ];
    talk(&mut client, &undisturbed);
}

#[test]
fn pipelined_conversations_keep_their_order() {
    let cluster = Cluster::builder().nodes(3).start();
    let mut client = Wire::connect(cluster.address());
    client.send(
        b"SET k 1\r\nWATCH k\r\nINCR k\r\nMULTI\r\nINCR k\r\nEXEC\r\nRPUSH l x\r\nBLPOP l 0\r\nLLEN l\r\nGET k\r\n",
    );
    let replies: Vec<String> = (0..10).map(|_| next(&mut client)).collect();
    let expected = [
        r"+OK\r\n",
        r"+OK\r\n",
        r":2\r\n",
        r"+OK\r\n",
        r"+QUEUED\r\n",
        r"*-1\r\n",
        r":1\r\n",
        r"*2\r\n$1\r\nl\r\n$1\r\nx\r\n",
        r":0\r\n",
        r"$1\r\n2\r\n",
    ];
    assert_eq!(replies, expected);
}

#[test]
fn a_blocked_client_holds_up_nobody_and_is_served() {
    let cluster = Cluster::builder().nodes(3).start();
    let mut waiters: Vec<Wire> = (0..3).map(|_| Wire::connect(cluster.address())).collect();
    for (waiter, count) in waiters.iter_mut().zip(1..) {
        waiter.send(b"BLPOP {q}a {q}b 0\r\n");
        wait_for_blocked(&cluster, count);
    }
    let mut other = Wire::connect(cluster.address());
    talk(&mut other, &[("RPUSH {q}b 1 2 3", r":3\r\n"), ("LLEN {q}b", r":0\r\n")]);
    for (waiter, item) in waiters.iter_mut().zip(1..) {
        assert_eq!(next(waiter), format!(r"*2\r\n$4\r\n{{q}}b\r\n$1\r\n{item}\r\n"));
    }
    talk(&mut waiters[0], &[("BLPOP {q}a 0.01", r"*-1\r\n"), ("PING", r"+PONG\r\n")]);
    talk(&mut waiters[0], &[("BLPOP", r"-ERR wrong number of arguments for 'blpop' command\r\n")]);
    talk(&mut waiters[0], &[("BLMPOP 0 0 x LEFT", r"-ERR numkeys should be greater than 0\r\n")]);
}

#[test]
fn a_blocked_client_that_goes_takes_nothing_with_it() {
    let cluster = Cluster::builder().nodes(3).start();
    let mut waiter = Wire::connect(cluster.address());
    waiter.send(b"BLPOP q 0\r\nPING\r\n");
    wait_for_blocked(&cluster, 1);
    drop(waiter);
    wait_for_blocked(&cluster, 0);
    let mut other = Wire::connect(cluster.address());
    talk(&mut other, &[("RPUSH q 1", r":1\r\n"), ("LLEN q", r":1\r\n")]);
}

#[test]
fn a_watch_does_not_survive_its_node() {
    let mut cluster = Cluster::builder().nodes(1).start();
    let mut client = Wire::connect(cluster.address());
    talk(&mut client, &[("WATCH k", r"+OK\r\n"), ("MULTI", r"+OK\r\n"), ("SET k v", r"+QUEUED\r\n")]);
    cluster.stop_node(0);
    let begin = Instant::now();
    // Until the proxy has seen it go, the transaction may be sent and lost; it is never executed without its watch.
    let reply = client.ask("EXEC");
    assert!(
        reply == r"*-1\r\n" || reply.starts_with("-MAYBE") || reply.starts_with("-CLUSTERDOWN"),
        "{reply}"
    );
    assert!(begin.elapsed() < PATIENCE);
}

#[test]
fn a_blocked_client_is_told_when_its_node_goes() {
    let mut cluster = Cluster::builder().nodes(1).start();
    let mut client = Wire::connect(cluster.address());
    client.send(b"BLPOP q 0\r\n");
    wait_for_blocked(&cluster, 1);
    cluster.stop_node(0);
    let reply = next(&mut client);
    assert!(reply.starts_with("-MAYBE"), "{reply}");
}

#[test]
fn scripts_run_where_their_keys_are_and_are_loaded_everywhere() {
    let cluster = Cluster::builder().nodes(3).start();
    let mut client = Wire::connect(cluster.address());
    let mut script = |words: &[&str]| {
        client.command(&words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
        next(&mut client)
    };
    let add = "return redis.call('incrby', KEYS[1], ARGV[1])";
    assert_eq!(script(&["EVAL", add, "1", "k", "1"]), r":1\r\n");
    assert_eq!(script(&["EVAL", add, "1", "k", "5"]), r":6\r\n");
    assert_eq!(script(&["EVAL", "return 'none'", "0"]), r"$4\r\nnone\r\n");
    let crossed = r"-CROSSSLOT Keys in request don't hash to the same slot\r\n";
    assert_eq!(script(&["EVAL", "return 1", "2", "a", "b"]), crossed);
    let loaded = script(&["SCRIPT", "LOAD", "return redis.call('get', KEYS[1])"]);
    let sha = loaded.split(r"\r\n").nth(1).expect("a digest").to_owned();
    for n in 0..20 {
        let (key, value) = (format!("key{n}"), n.to_string());
        assert_eq!(script(&["SET", &key, &value]), r"+OK\r\n");
        let answer = script(&["EVALSHA", &sha, "1", &key]);
        assert!(answer.ends_with(&format!(r"\r\n{n}\r\n")), "{answer}");
    }
}

/// Found by the suites of others (docs/CONFORMANCE.md); asked of a proxy, a node, and a redis-server where there is one.
#[test]
fn refusals_are_those_of_redis() {
    let cluster = Cluster::builder().start();
    let redis = RedisServer::start();
    let addresses = [
        Some(cluster.address()),
        Some(cluster.nodes()[0].address()),
        redis.as_ref().map(RedisServer::address),
    ];
    for address in addresses.into_iter().flatten() {
        let mut client = Wire::connect(address);
        let aborted =
            r"-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n";
        let blocks = "command is not allowed with BLOCK option from scripts";
        for (line, expected) in [
            ("EXEC|now", aborted),
            ("MULTI", r"+OK\r\n"),
            ("SET|k|1", r"+QUEUED\r\n"),
            ("EXEC|now", aborted),
            ("GET|k", r"$-1\r\n"),
            (
                "FUNCTION|LOAD|#!lua name=l\nredis.register_function('Mixed', function() return 7 end)",
                r"$1\r\nl\r\n",
            ),
            ("FCALL|mIXED|0", r":7\r\n"),
            ("FUNCTION|FLUSH", r"+OK\r\n"),
            ("FUNCTION|FLUSH|SYNC|now", "wrong number of arguments for 'FLUSH'. Try FUNCTION HELP."),
            ("EVAL|return redis.call('XREAD','BLOCK',0,'STREAMS',KEYS[1],'0')|1|s", blocks),
            (
                "EVAL|return redis.call('XREADGROUP','GROUP','block','c','BLOCK',0,'STREAMS',KEYS[1],'>')|1|s",
                blocks,
            ),
            (
                "EVAL|return redis.pcall('XREADGROUP','GROUP','block','c','STREAMS',KEYS[1],'>')|1|s",
                "-NOGROUP ",
            ),
        ] {
            let words: Vec<&[u8]> = line.split('|').map(str::as_bytes).collect();
            client.command(&words);
            let reply = next(&mut client);
            assert!(reply.contains(expected), "{line}: {reply}");
        }
    }
}
