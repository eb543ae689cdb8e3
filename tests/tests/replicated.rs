//! Clusters whose slots have two copies: what is served, what goes on when a node is lost, and that it is taken back.

use std::time::Instant;

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, text};

/// So many writes in a row, over all slots, show that every slot is served.
const IN_A_ROW: usize = 500;

/// Walks while slots move, at most: each takes from the moves what it needs of the machine.
const WALKS: usize = 3;

/// A cluster that serves: its first view is decided.
fn replicated(proxies: usize, more: &str) -> Cluster {
    let cluster = Cluster::builder().proxies(proxies).yaml(&format!("replicas: 2\n{more}")).start();
    for proxy in cluster.proxies() {
        let mut client = Wire::connect(proxy.address());
        eventually("the first view", || client.ask("SET begun 1") == r"+OK\r\n");
    }
    cluster
}

fn both(cluster: &Cluster) -> [Wire; 2] {
    [0, 1].map(|at| Wire::connect(cluster.proxies()[at].address()))
}

#[test]
fn what_one_proxy_writes_the_other_reads() {
    let cluster = replicated(2, "");
    let [mut one, mut other] = both(&cluster);
    for n in 0..200 {
        assert_eq!(one.ask(&format!("SET key:{n} {n}")), r"+OK\r\n");
        assert_eq!(other.ask(&format!("GET key:{n}")), format!(r"${}\r\n{n}\r\n", n.to_string().len()));
    }
    for n in 1..=100 {
        let proxy = if n % 2 == 0 { &mut one } else { &mut other };
        assert_eq!(proxy.ask("INCR counter"), format!(r":{n}\r\n"));
    }
    assert_eq!(other.ask("DBSIZE"), r":202\r\n");
    assert_eq!(one.ask("DEL counter begun missing"), r":2\r\n");
    assert_eq!(other.ask("FLUSHALL"), r"+OK\r\n");
    assert_eq!(one.ask("DBSIZE"), r":0\r\n");
}

#[test]
fn a_pipeline_is_answered_in_order_and_sees_itself() {
    let cluster = replicated(1, "");
    let mut client = Wire::connect(cluster.address());
    for n in 0..500 {
        client.send(format!("INCR n\r\nSET k:{n} {n}\r\nGET k:{n}\r\nAPPEND k:{n} x\r\nPING\r\n").as_bytes());
    }
    for n in 0..500 {
        let len = n.to_string().len();
        let expected = [
            format!(r":{}\r\n", n + 1),
            r"+OK\r\n".to_owned(),
            format!(r"${len}\r\n{n}\r\n"),
            format!(r":{}\r\n", len + 1),
            r"+PONG\r\n".to_owned(),
        ];
        for expected in expected {
            assert_eq!(text(&client.reply().unwrap()), expected);
        }
    }
}

#[test]
fn commands_of_many_keys_and_of_all_nodes_are_put_together() {
    let cluster = replicated(2, "");
    let [mut one, mut other] = both(&cluster);
    assert_eq!(one.ask("MSET a 1 b 2 c 3 d 4 e 5"), r"+OK\r\n");
    assert_eq!(other.ask("MGET c missing a"), r"*3\r\n$1\r\n3\r\n$-1\r\n$1\r\n1\r\n");
    assert_eq!(other.ask("EXISTS a b x e"), r":3\r\n");
    assert_eq!(one.ask("MSET a 1 b"), r"-ERR wrong number of arguments for 'mset' command\r\n");
    assert_eq!(one.ask("RENAME a b"), r"-CROSSSLOT Keys in request don't hash to the same slot\r\n");
    let mut keys: Vec<String> = scanned(&mut other);
    keys.sort_unstable();
    assert_eq!(keys, ["a", "b", "begun", "c", "d", "e"]);
    assert!(one.ask("KEYS *").starts_with(r"*6\r\n"));
    assert!(one.ask("RANDOMKEY").starts_with('$'));
    assert_eq!(one.ask("SELECT 3"), r"+OK\r\n");
    assert_eq!(one.ask("SET a other"), r"+OK\r\n");
    assert_eq!(one.ask("FLUSHDB"), r"+OK\r\n");
    assert_eq!(one.ask("DBSIZE"), r":0\r\n");
    assert_eq!(other.ask("GET a"), r"$1\r\n1\r\n");
}

/// All keys that a walk tells.
fn scanned(client: &mut Wire) -> Vec<String> {
    let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
    loop {
        let reply = answered(client, &format!("SCAN {cursor} COUNT 10"));
        assert!(reply.starts_with('*'), "{reply}");
        let mut words = reply.split(r"\r\n").filter(|word| !word.starts_with(['*', '$']) && !word.is_empty());
        cursor = words.next().unwrap().to_owned();
        keys.extend(words.map(str::to_owned));
        if cursor == "0" {
            return keys;
        }
    }
}

#[test]
fn walks_meet_every_key_while_slots_move() {
    let cluster = replicated(2, "");
    let [mut one, mut other] = both(&cluster);
    let mut expected: Vec<String> =
        (0..900).map(|n| format!("k:{n}")).chain((0..300).map(|n| format!("{{one}}:{n}"))).collect();
    expected.push("begun".to_owned());
    expected.sort_unstable();
    for key in &expected {
        assert_eq!(one.ask(&format!("SET {key} 1")), r"+OK\r\n");
    }
    eventually("all copies", || cluster.is_whole());
    let weights = ["name: node-0, weight: 4", "name: node-0, weight: 1"];
    for (before, after) in [("name: node-0", weights[0]), (weights[0], weights[1])] {
        cluster.edit(before, after);
        eventually("slots move", || !cluster.is_whole());
        for _ in 0..WALKS {
            let mut met = scanned(&mut one);
            met.sort_unstable();
            met.dedup();
            assert_eq!(met, expected);
            let all = keys(&mut other);
            assert_eq!(all, expected, "each once");
            assert_eq!(answered(&mut other, "DBSIZE"), format!(r":{}\r\n", expected.len()));
            if cluster.is_whole() {
                break;
            }
        }
        eventually("all is where it belongs", || cluster.is_whole());
    }
    assert_eq!(one.ask("SCAN x"), r"-ERR invalid cursor\r\n");
    assert_eq!(one.ask("SCAN 0 COUNT 0"), r"-ERR syntax error\r\n");
    assert_eq!(one.ask("SCAN 0 COUNT"), r"-ERR syntax error\r\n");
    assert!(one.ask("SCAN 70368744177664 COUNT 100000 MATCH begun").ends_with(r"$5\r\nbegun\r\n"));
}

/// What KEYS tells, sorted.
fn keys(client: &mut Wire) -> Vec<String> {
    let reply = answered(client, "KEYS *");
    let words = reply.split(r"\r\n").filter(|word| !word.starts_with(['*', '$']) && !word.is_empty());
    let mut keys: Vec<String> = words.map(str::to_owned).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn copies_come_and_go_by_an_edit_and_one_copy_stays_in_views() {
    let mut cluster = Cluster::builder().proxies(2).yaml("replicas: 1").start();
    let [mut one, mut other] = both(&cluster);
    for n in 0..300 {
        assert_eq!(one.ask(&format!("SET k:{n} {n}")), r"+OK\r\n");
    }
    let has_all = |client: &mut Wire| {
        for n in 0..300 {
            let expected = format!(r"${}\r\n{n}\r\n", n.to_string().len());
            assert_eq!(answered(client, &format!("GET k:{n}")), expected);
        }
    };
    // WAIT tells the copies beside the head that every slot has.
    cluster.edit("replicas: 1", "replicas: 2");
    eventually("two copies", || one.ask("WAIT 0 0") == r":1\r\n" && other.ask("WAIT 0 0") == r":1\r\n");
    has_all(&mut one);
    has_all(&mut other);
    cluster.edit("replicas: 2", "replicas: 1");
    eventually("one copy", || one.ask("WAIT 0 0") == r":0\r\n" && cluster.is_whole());
    has_all(&mut other);
    assert_eq!(other.ask("DBSIZE"), r":300\r\n");
    // A proxy that starts now sees by its nodes that there are views.
    has_all(&mut Wire::connect(cluster.start_proxy()));
    cluster.edit("replicas: 1", "replicas: 2");
    eventually("two copies again", || one.ask("WAIT 0 0") == r":1\r\n");
    cluster.stop_node(1);
    eventually("service without a node", || {
        (0..300).all(|n| one.ask(&format!("GET k:{n}")).starts_with('$'))
    });
    has_all(&mut one);
}

#[test]
fn nodes_and_the_first_copies_do_not_come_in_one_edit() {
    let cluster = Cluster::builder().yaml("replicas: 1").start();
    let text = std::fs::read_to_string(cluster.file()).unwrap();
    let line = text.lines().find(|line| line.contains("node-2")).unwrap();
    let fewer = text.replace("replicas: 1", "replicas: 2").replace(&format!("{line}\n"), "");
    std::fs::write(cluster.file(), fewer).unwrap();
    let mut client = Wire::connect(cluster.address());
    eventually("it is refused", || {
        client.ask("INFO server").contains("cannot rise above 1 together with a change of `nodes`")
    });
    assert_eq!(client.ask("SET a 1"), r"+OK\r\n", "what was there goes on");
}

#[test]
fn a_transaction_is_one_operation() {
    let cluster = replicated(2, "");
    let [mut one, mut other] = both(&cluster);
    for line in ["MULTI", "SET {t}a 1", "INCR {t}a", "LPUSH {t}l x", "GET {t}a"] {
        one.ask(line);
    }
    assert_eq!(one.ask("EXEC"), r"*4\r\n+OK\r\n:2\r\n:1\r\n$1\r\n2\r\n");
    assert_eq!(other.ask("MGET {t}a {t}b"), r"*2\r\n$1\r\n2\r\n$-1\r\n");
    for line in ["MULTI", "GET {t}a"] {
        one.ask(line);
    }
    assert_eq!(one.ask("EXEC"), r"*1\r\n$1\r\n2\r\n", "one that only reads");
}

#[test]
fn commands_without_keys_are_answered_in_their_place_in_a_transaction() {
    for copies in ["replicas: 1", "replicas: 2"] {
        let cluster = Cluster::builder().proxies(1).yaml(copies).start();
        let mut client = Wire::connect(cluster.address());
        eventually("service", || client.ask("SET {t}a 1") == r"+OK\r\n");
        for line in ["MULTI", "PING", "INCR {t}a", "ECHO there", "UNWATCH", "PING word"] {
            client.ask(line);
        }
        let expected = r"*5\r\n+PONG\r\n:2\r\n$5\r\nthere\r\n+OK\r\n$4\r\nword\r\n";
        assert_eq!(client.ask("EXEC"), expected, "{copies}");
        for line in ["MULTI", "PING", "TIME", "GET {t}a"] {
            client.ask(line);
        }
        let reply = client.ask("EXEC");
        assert!(reply.starts_with(r"*3\r\n+PONG\r\n*2\r\n$10\r\n"), "{copies}: {reply}");
        assert!(reply.ends_with(r"$1\r\n2\r\n"), "{copies}: {reply}");
        for line in ["MULTI", "PING"] {
            client.ask(line);
        }
        assert_eq!(client.ask("EXEC"), r"*1\r\n+PONG\r\n", "{copies}");
        assert_eq!(client.ask("MULTI"), r"+OK\r\n");
        assert!(client.ask("CLIENT ID").contains("not supported within MULTI"), "{copies}");
        assert!(client.ask("EXEC").starts_with("-EXECABORT"), "{copies}");
    }
}

#[test]
fn a_transaction_is_not_carried_out_when_a_watched_key_was_changed() {
    let cluster = replicated(2, "");
    let [mut one, mut other] = both(&cluster);
    let exec = |client: &mut Wire, between: &mut dyn FnMut()| {
        assert_eq!(client.ask("WATCH {t}a {t}b"), r"+OK\r\n");
        between();
        assert_eq!(client.ask("MULTI"), r"+OK\r\n");
        assert_eq!(client.ask("INCR {t}n"), r"+QUEUED\r\n");
        client.ask("EXEC")
    };
    assert_eq!(exec(&mut one, &mut || ()), r"*1\r\n:1\r\n", "nothing was there, nor is now");
    assert_eq!(exec(&mut one, &mut || _ = other.ask("SADD {t}a x y z")), r"*-1\r\n");
    assert_eq!(exec(&mut one, &mut || _ = other.ask("SET {t}other x")), r"*1\r\n:2\r\n");
    assert_eq!(exec(&mut one, &mut || _ = other.ask("DEL {t}a")), r"*-1\r\n");
    for line in ["WATCH {t}a", "MULTI"] {
        assert_eq!(one.ask(line), r"+OK\r\n");
    }
    assert_eq!(one.ask("EXEC"), r"*0\r\n", "of nothing");
    for line in ["WATCH {t}a", "MULTI", "GET {t}n"] {
        one.ask(line);
    }
    assert_eq!(one.ask("EXEC"), r"*1\r\n$1\r\n2\r\n", "of what only reads");
    assert_eq!(one.ask("GET {t}n"), r"$1\r\n2\r\n");
    assert_eq!(one.ask("WATCH {t}a"), r"+OK\r\n");
    other.ask("SET {t}a x");
    for line in ["UNWATCH", "MULTI", "INCR {t}n"] {
        one.ask(line);
    }
    assert_eq!(one.ask("EXEC"), r"*1\r\n:3\r\n", "a watch that was ended");
    assert_eq!(one.ask("WATCH {t}a"), r"+OK\r\n");
    assert!(one.ask("WATCH elsewhere").starts_with("-CROSSSLOT"));
    for line in ["HELLO 3", "SELECT 1", "MULTI", "INCR {t}n"] {
        one.ask(line);
    }
    assert_eq!(one.ask("EXEC"), r"*1\r\n:1\r\n", "the key of the database that it was watched in");
    for line in ["SELECT 0", "WATCH {t}a", "SELECT 1", "WATCH {t}a", "MULTI", "INCR {t}n"] {
        one.ask(line);
    }
    other.ask("SET {t}a y");
    assert_eq!(one.ask("EXEC"), r"_\r\n");
    assert_eq!(one.ask("GET {t}n"), r"$1\r\n1\r\n");
}

#[test]
fn more_keys_than_can_be_compared_are_refused_and_harm_nobody() {
    let cluster = replicated(1, "");
    let mut client = Wire::connect(cluster.address());
    let same: Vec<&[u8]> = std::iter::once(&b"WATCH"[..]).chain(vec![&b"{t}a"[..]; 100_000]).collect();
    client.command(&same);
    assert_eq!(text(&client.reply().unwrap()), r"+OK\r\n", "one key");
    let names: Vec<String> = (0..100_000).map(|name| format!("{{t}}{name}")).collect();
    let many: Vec<&[u8]> = std::iter::once(&b"WATCH"[..]).chain(names.iter().map(String::as_bytes)).collect();
    client.command(&many);
    assert_eq!(text(&client.reply().unwrap()), r"-ERR too many watched keys\r\n");
    for line in ["MULTI", "INCR {t}n"] {
        client.ask(line);
    }
    assert_eq!(client.ask("EXEC"), r"*1\r\n:1\r\n", "what was watched before stays as it was");
}

#[test]
fn a_pop_waits_for_a_push_through_another_proxy() {
    let cluster = replicated(2, "");
    let [mut one, mut other] = both(&cluster);
    one.command(&[b"BLPOP", b"list", b"0"]);
    assert_eq!(other.ask("RPUSH list x y"), r":2\r\n");
    assert_eq!(text(&one.reply().unwrap()), r"*2\r\n$4\r\nlist\r\n$1\r\nx\r\n");
    assert_eq!(one.ask("BLPOP none 0.05"), r"*-1\r\n");
    assert!(one.ask("BLPOP none x").starts_with("-ERR timeout"));
}

#[test]
fn a_reader_waits_for_what_comes_after_the_last_entry_of_a_stream() {
    let cluster = replicated(2, "");
    let [mut one, mut other] = both(&cluster);
    assert_eq!(other.ask("XADD {s}a 1-1 f old"), r"$3\r\n1-1\r\n");
    one.command(&[b"XREAD", b"BLOCK", b"0", b"STREAMS", b"{s}a", b"{s}empty", b"$", b"$"]);
    // Whatever is added before the reader has begun is not new to it.
    one.stream().set_nonblocking(true).unwrap();
    let mut n = 0;
    eventually("the reader is told", || {
        n += 1;
        assert!(other.ask(&format!("XADD {{s}}empty 2-{n} f new")).starts_with('$'));
        one.stream().peek(&mut [0]).is_ok()
    });
    one.stream().set_nonblocking(false).unwrap();
    let reply = text(&one.reply().unwrap());
    assert!(reply.contains("{s}empty") && reply.contains("new") && !reply.contains("old"), "{reply}");
    assert_eq!(one.ask("XREAD BLOCK 20 STREAMS {s}a $"), r"*-1\r\n");
    assert_eq!(one.ask("SET {s}text x"), r"+OK\r\n");
    assert!(one.ask("XREAD BLOCK 20 STREAMS {s}text $").starts_with("-WRONGTYPE"));
}

#[test]
fn errors_and_what_changes_nothing_are_answered() {
    let cluster = replicated(1, "");
    let mut client = Wire::connect(cluster.address());
    assert_eq!(client.ask("SET s text"), r"+OK\r\n");
    assert_eq!(client.ask("SET s other NX"), r"$-1\r\n");
    assert!(client.ask("LPUSH s x").starts_with("-WRONGTYPE"));
    assert!(client.ask("INCR s").starts_with("-ERR value is not an integer"));
    assert!(client.ask("HELLO 3").starts_with('%'));
    assert_eq!(client.ask("GET missing"), r"_\r\n");
}

#[test]
fn acknowledged_by_the_head_writes_are_served_too() {
    let cluster = replicated(1, "ack: head\nread_from: any\n");
    let mut client = Wire::connect(cluster.address());
    for n in 1..=100 {
        assert_eq!(client.ask("INCR n"), format!(r":{n}\r\n"));
    }
}

#[test]
fn reads_of_any_copy_are_answered_by_whichever_they_reach() {
    let cluster = replicated(2, "read_from: any\n");
    let mut clients = both(&cluster);
    for n in 0..200 {
        for client in &mut clients {
            assert_eq!(client.ask(&format!("SET key:{n} {n}")), r"+OK\r\n");
            let read = client.ask(&format!("GET key:{n}"));
            assert_eq!(read, format!(r"${}\r\n{n}\r\n", n.to_string().len()));
        }
    }
    let client = &mut clients[0];
    assert_eq!(client.ask("MGET key:1 key:2"), r"*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    assert_eq!(client.ask("EXISTS key:1 key:2 key:3 none"), r":3\r\n");
    assert!(client.ask("LRANGE key:1 0 -1").starts_with("-WRONGTYPE"));
    assert_eq!(client.ask("EVAL_RO return{redis.call('get',KEYS[1])} 1 key:7"), r"*1\r\n$1\r\n7\r\n");
    assert_eq!(client.ask("MULTI"), r"+OK\r\n");
    assert_eq!(client.ask("GET key:5"), r"+QUEUED\r\n");
    assert_eq!(client.ask("STRLEN key:5"), r"+QUEUED\r\n");
    assert_eq!(client.ask("EXEC"), r"*2\r\n$1\r\n5\r\n:1\r\n");
}

/// Writes one key after another until so many in a row succeed; adds those that did, from `written` on.
fn write_until_served(client: &mut Wire, written: &mut Vec<u32>) {
    let (mut in_a_row, mut next) = (0, written.last().map_or(0, |last| last + 1));
    eventually("service of all slots", || {
        let is_done = client.ask(&format!("SET on:{next} {next}")) == r"+OK\r\n";
        written.extend(is_done.then_some(next));
        in_a_row = if is_done { in_a_row + 1 } else { 0 };
        next += 1;
        in_a_row == IN_A_ROW
    });
}

/// The reply when the slot is served: until then it may be asked again.
fn answered(client: &mut Wire, line: &str) -> String {
    let mut reply = client.ask(line);
    eventually("the slot's service", || {
        if reply.starts_with("-TRYAGAIN") {
            reply = client.ask(line);
        }
        !reply.starts_with("-TRYAGAIN")
    });
    reply
}

/// How long it is felt is measured in simulated time (`controlling`) and on processes (`chaos`), not here.
#[test]
fn a_lost_node_costs_no_acknowledged_write() {
    let mut cluster = replicated(2, "");
    let addresses = [0, 1].map(|at| cluster.proxies()[at].address());
    let (mut client, mut written) = (Wire::connect(addresses[0]), Vec::new());
    write_until_served(&mut client, &mut written);
    cluster.stop_node(1);
    let begin = Instant::now();
    write_until_served(&mut client, &mut written);
    println!("all slots were served after {:?}", begin.elapsed());
    let mut other = Wire::connect(addresses[1]);
    for n in &written {
        let expected = format!(r"${}\r\n{n}\r\n", n.to_string().len());
        assert_eq!(answered(&mut other, &format!("GET on:{n}")), expected);
    }
}

#[test]
fn a_node_that_returns_is_taken_back() {
    let mut cluster = replicated(2, "");
    let [mut one, mut other] = both(&cluster);
    for n in 0..100 {
        assert_eq!(one.ask(&format!("SET k:{n} {n}")), r"+OK\r\n");
    }
    let address = cluster.nodes()[2].address();
    cluster.stop_node(2);
    eventually("service without the node", || {
        (0..100).all(|n| one.ask(&format!("SET k:{n} x{n}")) == r"+OK\r\n")
    });
    eventually("the loss is known", || !cluster.is_whole());
    cluster.start_node_at(address);
    eventually("all slots have two copies again", || cluster.is_whole());
    // What it was given is right.
    cluster.stop_node(0);
    eventually("service without another node", || {
        (0..100)
            .all(|n| other.ask(&format!("GET k:{n}")) == format!(r"${}\r\nx{n}\r\n", n.to_string().len() + 1))
    });
}

#[test]
fn databases_are_not_swapped_where_slots_have_copies() {
    let cluster = replicated(1, "");
    let mut client = Wire::connect(cluster.address());
    assert_eq!(client.ask("SWAPDB 0 1"), r"-ERR 'swapdb' is not supported where slots have copies\r\n");
}
