//! Clients that keep values behind a proxy are told when those change.

use std::time::{Duration, Instant};

use ringmaster_proxy::Proxy;
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::peer::RedisServer;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, text};

/// Longest wait for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(30);

const ALL: &str = r">2\r\n$10\r\ninvalidate\r\n_\r\n";

fn next(client: &mut Wire) -> String {
    text(&client.reply().expect("the connection is open"))
}

fn changed(key: &str) -> String {
    format!(r">2\r\n$10\r\ninvalidate\r\n*1\r\n${}\r\n{key}\r\n", key.len())
}

/// Two clients of different proxies, the first with RESP3.
fn two(cluster: &Cluster) -> [Wire; 2] {
    let [mut one, mut other] = [0, 1].map(|at| Wire::connect(cluster.proxies()[at].address()));
    one.ask("HELLO 3");
    let begin = Instant::now();
    while other.ask("SET begun 1") != r"+OK\r\n" || one.ask("SET begun 2") != r"+OK\r\n" {
        assert!(begin.elapsed() < PATIENCE, "the cluster serves");
    }
    [one, other]
}

#[test]
fn a_key_that_was_read_is_told_of_when_it_changes_and_then_no_more() {
    for yaml in ["", "replicas: 2"] {
        let cluster = Cluster::builder().proxies(2).yaml(yaml).start();
        let [mut reader, mut writer] = two(&cluster);
        assert_eq!(reader.ask("CLIENT TRACKING ON"), r"+OK\r\n");
        for n in 0..20 {
            reader.ask(&format!("GET key:{n}"));
            assert_eq!(writer.ask(&format!("SET key:{n} x")), r"+OK\r\n");
            assert_eq!(next(&mut reader), changed(&format!("key:{n}")));
            writer.ask(&format!("SET key:{n} y"));
        }
        reader.ask("MGET key:1 key:2");
        writer.ask("DEL key:1 key:2");
        let mut told = [next(&mut reader), next(&mut reader)];
        told.sort_unstable();
        assert_eq!(told, [changed("key:1"), changed("key:2")]);
        assert_eq!(reader.ask("CLIENT TRACKING OFF"), r"+OK\r\n");
        reader.ask("GET key:3");
        writer.ask("SET key:3 z");
        assert_eq!(reader.ask("PING"), r"+PONG\r\n");
    }
}

#[test]
fn a_reply_with_an_old_value_never_comes_after_the_word_that_it_changed() {
    let cluster = Cluster::builder().proxies(2).start();
    let [mut reader, mut writer] = two(&cluster);
    reader.ask("CLIENT TRACKING ON");
    let mut kept: i64 = -1;
    for n in 0..300 {
        writer.send(format!("SET k {n}\r\n").as_bytes());
        reader.command(&[b"GET", b"k"]);
        loop {
            let frame = next(&mut reader);
            if frame.starts_with('>') {
                continue;
            }
            kept = frame.split(r"\r\n").nth(1).and_then(|value| value.parse().ok()).unwrap_or(-1);
            break;
        }
        writer.reply();
    }
    // What the reader keeps at the end is told of, or is what is there.
    if kept != 299 {
        assert_eq!(next(&mut reader), changed("k"));
    }
}

#[test]
fn prefixes_choices_and_transactions_are_heard() {
    let cluster = Cluster::builder().proxies(2).start();
    let [mut reader, mut writer] = two(&cluster);
    reader.ask("CLIENT TRACKING ON BCAST PREFIX user: PREFIX item:");
    writer.ask("SET other 1");
    writer.ask("SET user:1 1");
    assert_eq!(next(&mut reader), changed("user:1"));
    writer.ask("SET item:1 1");
    assert_eq!(next(&mut reader), changed("item:1"));
    reader.ask("CLIENT TRACKING OFF");
    reader.ask("CLIENT TRACKING ON OPTIN");
    reader.ask("GET a");
    assert_eq!(reader.ask("CLIENT CACHING YES"), r"+OK\r\n");
    reader.ask("GET b");
    reader.ask("GET c");
    for key in ["a", "b", "c"] {
        writer.ask(&format!("SET {key} 1"));
    }
    assert_eq!(next(&mut reader), changed("b"));
    assert_eq!(reader.ask("PING"), r"+PONG\r\n");
    reader.ask("CLIENT TRACKING OFF");
    reader.ask("CLIENT TRACKING ON");
    reader.ask("MULTI");
    reader.ask("GET t");
    reader.ask("EXEC");
    writer.ask("SET t 1");
    assert_eq!(next(&mut reader), changed("t"));
    let refused = reader.ask("CLIENT TRACKING ON REDIRECT 99999");
    assert!(refused.starts_with("-ERR The client ID you want redirect to"), "{refused}");
}

#[test]
fn who_keeps_values_is_told_when_all_keys_go() {
    for yaml in ["", "replicas: 2"] {
        let cluster = Cluster::builder().proxies(2).yaml(yaml).start();
        let [mut reader, mut writer] = two(&cluster);
        reader.ask("CLIENT TRACKING ON");
        reader.ask("GET x");
        assert_eq!(writer.ask("FLUSHALL"), r"+OK\r\n");
        assert_eq!(next(&mut reader), ALL);
    }
}

#[test]
fn when_a_node_was_not_heard_everything_may_have_changed() {
    let mut cluster = Cluster::builder().proxies(2).start();
    let [mut reader, _] = two(&cluster);
    reader.ask("CLIENT TRACKING ON");
    let address = cluster.nodes()[0].address();
    cluster.stop_node(0);
    cluster.start_node_at(address);
    assert_eq!(next(&mut reader), ALL);
}

#[test]
fn a_transaction_s_reads_are_remembered_when_it_is_executed_and_only_then() {
    let cluster = Cluster::builder().proxies(2).start();
    let [mut reader, mut writer] = two(&cluster);
    assert_eq!(reader.ask("CLIENT TRACKING ON OPTIN"), r"+OK\r\n");
    let mut transact = |key: &str, last: &str| {
        assert_eq!(reader.ask("CLIENT CACHING YES"), r"+OK\r\n");
        for command in ["MULTI", &format!("GET {key}"), last] {
            reader.ask(command);
        }
        reader.ask("EXEC")
    };
    assert!(transact("{t}refused", "NOSUCH").starts_with("-EXECABORT"));
    assert_eq!(transact("{t}read", "GET {t}too"), r"*2\r\n_\r\n_\r\n");
    assert_eq!(reader.ask("GET {t}behind"), r"_\r\n");
    for key in ["refused", "behind", "read", "too"] {
        assert_eq!(writer.ask(&format!("SET {{t}}{key} x")), r"+OK\r\n");
    }
    assert_eq!([next(&mut reader), next(&mut reader)], [changed("{t}read"), changed("{t}too")]);
}

/// A client that does not want to hear of its own changes hears of none, and of another one's as often as that is told.
fn hears_of_others_only(reader: &mut Wire, writer: &mut Wire, times: usize) {
    let own = [
        "GET {own}other",
        "MGET {own}a {own}b",
        "HGETALL {own}h",
        "SET {own}a 1",
        "MSET {own}a 2 {own}b 2 far 3",
        "EVAL redis.call('incr',KEYS[1]) 1 {own}a",
        "HSET {own}h f v",
        "DEL {own}a far",
        "APPEND {own}b x",
        "MULTI",
        "INCR {own}a",
        "SET {own}c 1",
        "EXEC",
        "WATCH {own}a",
        "MULTI",
        "INCR {own}a",
        "EXEC",
        "PING",
    ];
    for command in own {
        let reply = reader.ask(command);
        assert!(!reply.starts_with('-') && !reply.starts_with('>'), "{command}: {reply}");
    }
    writer.ask("SET {own}other 1");
    for _ in 0..times {
        assert_eq!(next(reader), changed("{own}other"));
    }
    assert_eq!(reader.ask("CLIENT TRACKING OFF"), r"+OK\r\n");
}

#[test]
fn who_does_not_want_to_hear_of_its_own_changes_hears_of_those_of_others_only() {
    for (yaml, copies) in [("", 1), ("replicas: 3", 3)] {
        let cluster = Cluster::builder().proxies(2).yaml(yaml).start();
        let [mut reader, mut writer] = two(&cluster);
        assert_eq!(reader.ask("CLIENT TRACKING ON NOLOOP"), r"+OK\r\n");
        hears_of_others_only(&mut reader, &mut writer, 1);
        assert_eq!(reader.ask("CLIENT TRACKING ON BCAST NOLOOP"), r"+OK\r\n");
        hears_of_others_only(&mut reader, &mut writer, copies);
        // Another client of the same proxy hears of them.
        let mut other = Wire::connect(cluster.proxies()[0].address());
        other.ask("HELLO 3");
        for client in [&mut other, &mut reader] {
            client.ask("CLIENT TRACKING ON NOLOOP");
            client.ask("GET k");
        }
        assert_eq!(reader.ask("SET k 1"), r"+OK\r\n");
        assert_eq!(next(&mut other), changed("k"));
        assert_eq!(reader.ask("PING"), r"+PONG\r\n");
    }
}

#[test]
fn what_was_said_about_a_command_that_has_to_wait_for_its_turn_is_about_that_command() {
    for yaml in ["", "replicas: 2"] {
        let cluster = Cluster::builder().proxies(2).yaml(yaml).start();
        let [mut reader, mut writer] = two(&cluster);
        writer.ask("XADD s 1 f v");
        // It comes with a command before it, whose answer a command that may block waits for.
        let read = |reader: &mut Wire, caching: &str| {
            let batch = format!("GET other\r\nCLIENT CACHING {caching}\r\nXREAD BLOCK 10 STREAMS s 0\r\n");
            reader.send(batch.as_bytes());
            let replies = [next(reader), next(reader), next(reader)];
            assert!(replies[1] == r"+OK\r\n" && replies[2].contains("1-0"), "{replies:?}");
        };
        reader.ask("CLIENT TRACKING ON OPTIN");
        read(&mut reader, "YES");
        writer.ask("XADD s * f v");
        writer.ask("SET other 1");
        assert_eq!(next(&mut reader), changed("s"));
        reader.ask("CLIENT TRACKING OFF");
        reader.ask("CLIENT TRACKING ON OPTOUT");
        read(&mut reader, "NO");
        writer.ask("XADD s * f v");
        writer.ask("SET other 2");
        assert_eq!(next(&mut reader), changed("other"));
    }
}

#[test]
fn a_client_has_so_many_prefixes_and_no_more() {
    let cluster = Cluster::builder().proxies(2).start();
    let [mut reader, _] = two(&cluster);
    let long = "p".repeat(60 << 10);
    assert_eq!(reader.ask(&format!("CLIENT TRACKING ON BCAST PREFIX {long}")), r"+OK\r\n");
    let refused = reader.ask(&format!("CLIENT TRACKING ON BCAST PREFIX q{long}"));
    assert!(refused.starts_with("-ERR too many prefixes"), "{refused}");
    let many: String = (0..1024).map(|n| format!(" PREFIX {n:04}")).collect();
    assert!(reader.ask(&format!("CLIENT TRACKING ON BCAST{many}")).starts_with("-ERR too many prefixes"));
    assert_eq!(reader.ask("CLIENT TRACKING ON BCAST PREFIX q"), r"+OK\r\n");
}

/// Another proxy of a cluster, with two data threads: what concerns two clients of it crosses them.
fn with_two_threads(cluster: &Cluster) -> Proxy {
    let free = ([127, 0, 0, 1], 0).into();
    let cluster = cluster.file();
    let config =
        ringmaster_proxy::Config { listen: free, admin: free, threads: 2, cluster, ..Default::default() };
    Proxy::start(config).expect("a proxy starts")
}

fn id_of(client: &mut Wire) -> String {
    client.ask("CLIENT ID").chars().filter(char::is_ascii_digit).collect()
}

#[test]
fn another_client_is_told_in_the_place_of_one_that_redirects() {
    for yaml in ["", "replicas: 2"] {
        let cluster = Cluster::builder().yaml(yaml).start();
        let proxy = with_two_threads(&cluster);
        let [mut reader, mut told, mut pushed, mut writer] = [0; 4].map(|_| Wire::connect(proxy.address()));
        eventually("the cluster serves", || writer.ask("SET begun 1") == r"+OK\r\n");
        // Clients are dealt to the threads in turn; one of these two is on another than the reader.
        let (told_id, pushed_id) = (id_of(&mut told), id_of(&mut pushed));
        told.ask("SUBSCRIBE __redis__:invalidate");
        pushed.ask("HELLO 3");
        assert_eq!(reader.ask(&format!("CLIENT TRACKING ON REDIRECT {told_id}")), r"+OK\r\n");
        assert_eq!(reader.ask("CLIENT GETREDIR"), format!(r":{told_id}\r\n"));
        reader.ask("GET k");
        writer.ask("SET k 1");
        let message = r"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n";
        assert_eq!(next(&mut told), message);
        assert_eq!(reader.ask(&format!("CLIENT TRACKING ON REDIRECT {pushed_id}")), r"+OK\r\n");
        reader.ask("GET k");
        writer.ask("SET k 2");
        assert_eq!(next(&mut pushed), changed("k"));
        writer.ask("FLUSHALL");
        assert_eq!(next(&mut pushed), ALL);
        // It goes away: who redirected to it hears of that in RESP3, and can look.
        reader.ask("HELLO 3");
        drop(pushed);
        eventually("it is gone", || !writer.ask("CLIENT LIST").contains(&format!("id={pushed_id} ")));
        reader.ask("GET k");
        writer.ask("SET k 3");
        let broken = format!(r">2\r\n$21\r\ntracking-redir-broken\r\n:{pushed_id}\r\n");
        assert_eq!(next(&mut reader), broken);
        assert!(reader.ask("CLIENT TRACKINGINFO").contains("broken_redirect"));
        proxy.stop();
    }
}

/// What both must say word for word, `{b}` being the other client's number.
const TALK: &str = "CLIENT TRACKING ON REDIRECT 123456789
CLIENT TRACKING ON REDIRECT x
CLIENT TRACKING ON REDIRECT {b} REDIRECT {b}
CLIENT TRACKING ON PREFIX a
CLIENT TRACKING ON BCAST OPTIN
CLIENT TRACKING ON BCAST OPTOUT
CLIENT TRACKING ON OPTIN OPTOUT
CLIENT TRACKING MAYBE
CLIENT TRACKING ON NOSUCH
CLIENT CACHING YES
CLIENT GETREDIR
CLIENT TRACKINGINFO
CLIENT TRACKING ON REDIRECT {b} OPTIN NOLOOP
CLIENT GETREDIR
CLIENT TRACKINGINFO
CLIENT CACHING NO
CLIENT CACHING YES
CLIENT TRACKINGINFO
CLIENT TRACKING ON OPTOUT
CLIENT TRACKING ON BCAST
CLIENT TRACKING OFF
CLIENT TRACKING ON BCAST PREFIX user: PREFIX item: REDIRECT {b}
CLIENT TRACKING ON BCAST PREFIX user:x
CLIENT TRACKING ON
CLIENT TRACKINGINFO
CLIENT TRACKING OFF
CLIENT TRACKING ON OPTOUT NOLOOP
CLIENT CACHING YES
CLIENT CACHING NO
CLIENT CACHING
CLIENT TRACKINGINFO
CLIENT TRACKING OFF
CLIENT TRACKINGINFO";

#[test]
fn the_ways_to_track_and_their_errors_are_those_of_redis() {
    let Some(redis) = RedisServer::start() else { return };
    let cluster = Cluster::builder().start();
    for protocol in [2, 3] {
        let [ours, theirs] = [cluster.address(), redis.address()].map(|address| {
            let [mut one, mut other] = [0; 2].map(|_| Wire::connect(address));
            one.ask(&format!("HELLO {protocol}"));
            let id = id_of(&mut other);
            let mut said =
                |line: &str| one.ask(&line.replace("{b}", &id)).replace(&format!(":{id}\\"), ":b\\");
            TALK.lines().map(|line| format!("{line} -> {}", said(line))).collect::<Vec<String>>()
        });
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs);
        }
    }
}
