//! Publish and subscribe through proxies: as with one Redis, over any number of proxies and nodes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::peer::RedisServer;
use ringmaster_tests::wait::{PATIENCE, eventually};
use ringmaster_tests::wire::{Wire, text};

/// The SHA-256 of `password`.
const HASH: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

fn next(client: &mut Wire) -> String {
    text(&client.reply().expect("the connection is open"))
}

/// A cluster with two copies that serves.
fn replicated(more: &str) -> Cluster {
    let cluster = Cluster::builder().proxies(2).yaml(&format!("replicas: 2\n{more}")).start();
    for proxy in cluster.proxies() {
        let mut client = Wire::connect(proxy.address());
        eventually("the first view", || client.ask("SET begun 1") == r"+OK\r\n");
    }
    eventually("all copies", || cluster.is_whole());
    cluster
}

fn addresses(cluster: &Cluster) -> Vec<SocketAddr> {
    cluster.proxies().iter().map(ringmaster_proxy::Proxy::address).collect()
}

/// What the clients of a script get: `a: COMMAND` sends a command of client `a` and reads a frame, `a<` reads one, `a!`
/// leaves. Clients are spread over the addresses.
fn played(addresses: &[SocketAddr], protocol: u8, script: &str) -> Vec<String> {
    let mut clients: BTreeMap<&str, Wire> = BTreeMap::new();
    let mut transcript = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, rest) = line.split_at(1);
        let address = addresses[clients.len() % addresses.len()];
        let client = clients.entry(name).or_insert_with(|| {
            let mut client = Wire::connect(address);
            client.ask(&format!("HELLO {protocol}"));
            client
        });
        match rest.split_at(1) {
            (":", command) => {
                let reply = client.ask(command.trim());
                transcript.push(format!("{line} => {}", sorted(command, reply)));
            }
            ("<", _) => transcript.push(format!("{line} {}", next(client))),
            _ => {
                clients.remove(name);
            }
        }
    }
    transcript
}

/// The reply, with names that have no order in one.
fn sorted(command: &str, reply: String) -> String {
    if !command.contains("CHANNELS") {
        return reply;
    }
    let mut words: Vec<&str> = reply.split(r"\r\n").collect();
    words.sort_unstable();
    words.join(" ")
}

const CONVERSATION: &str = "
    a: SUBSCRIBE news
    b: PSUBSCRIBE n*
    b: PSUBSCRIBE n*
    c: PUBLISH news one
    a<
    b<
    c: PUBLISH nothing two
    b<
    c: SPUBLISH news four
    d: SUBSCRIBE news
    e: SUBSCRIBE news
    c: PUBLISH news five
    a<
    b<
    d<
    e<
    c: PUBSUB NUMSUB news other news
    c: PUBSUB NUMSUB
    c: PUBSUB NUMPAT
    c: PUBSUB CHANNELS
    c: PUBSUB CHANNELS n?ws
    c: PUBSUB CHANNELS x*
    c: PUBSUB CHANNELS a b
    c: PUBSUB HELP
    d: UNSUBSCRIBE news
    c: PUBLISH news six
    a<
    b<
    e<
    d: UNSUBSCRIBE
    d: PUNSUBSCRIBE
    d: SUNSUBSCRIBE
    d: GET k
    b: PUNSUBSCRIBE n* x
    b<
    a: SUBSCRIBE x y x
    a<
    a<
    a: UNSUBSCRIBE z x
    a<
    a: SSUBSCRIBE s t
    a<
    c: SPUBLISH s seven
    a<
    c: PUBSUB SHARDCHANNELS
    c: PUBSUB SHARDNUMSUB s t u
    c: PUBLISH s eight
    a: PING
    a: PING hello
    a: PING too many
    a: NOSUCH
    a: GET
    a: RESET
    a: GET k
    c: PUBLISH x nine
    c: PUBSUB CHANNELS
    c: SUBSCRIBE
    c: PUBLISH x";

#[test]
fn the_conversation_is_that_with_one_redis() {
    let Some(redis) = RedisServer::start() else { return };
    let plain = Cluster::builder().proxies(2).start();
    let copied = replicated("");
    for protocol in [2, 3] {
        let theirs = played(&[redis.address()], protocol, CONVERSATION);
        for cluster in [&plain, &copied] {
            let ours = played(&addresses(cluster), protocol, CONVERSATION);
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_eq!(ours, theirs, "RESP{protocol}");
            }
        }
    }
}

#[test]
fn a_resp2_subscriber_may_only_subscribe_and_a_resp3_one_may_do_anything() {
    let cluster = Cluster::builder().start();
    let mut old = Wire::connect(cluster.address());
    old.ask("SUBSCRIBE x");
    let refused = old.ask("GET k");
    assert!(refused.starts_with(r"-ERR Can't execute 'get': only (P|S)SUBSCRIBE"), "{refused}");
    assert_eq!(old.ask("PING"), r"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    let mut new = Wire::connect(cluster.address());
    new.ask("HELLO 3");
    assert_eq!(new.ask("SUBSCRIBE x"), r">3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
    assert_eq!(new.ask("SET k v"), r"+OK\r\n");
    assert!(new.ask("CLIENT INFO").contains(" sub=1 psub=0 ssub=0 "));
    assert_eq!(new.ask("MULTI"), r"+OK\r\n");
    assert!(new.ask("SUBSCRIBE y").starts_with("-ERR 'subscribe' is not supported within MULTI"));
}

#[test]
fn scripts_and_transactions_publish_to_any_channel() {
    for cluster in [Cluster::builder().proxies(2).start(), replicated("")] {
        let [mut reader, mut writer] = [0, 1].map(|at| Wire::connect(cluster.proxies()[at].address()));
        for channel in ["a", "b", "c", "d", "e"] {
            reader.ask(&format!("SUBSCRIBE {channel}"));
        }
        for channel in ["a", "b", "c", "d", "e"] {
            let reply = writer.ask(&format!("EVAL return(redis.call('publish','{channel}','lua')) 1 key"));
            assert_eq!(reply, r":1\r\n");
            assert_eq!(
                next(&mut reader),
                format!(r"*3\r\n$7\r\nmessage\r\n$1\r\n{channel}\r\n$3\r\nlua\r\n")
            );
            writer.ask("MULTI");
            writer.ask("SET key value");
            assert_eq!(writer.ask(&format!("PUBLISH {channel} tx")), r"+QUEUED\r\n");
            assert_eq!(writer.ask("EXEC"), r"*2\r\n+OK\r\n:1\r\n");
            assert_eq!(next(&mut reader), format!(r"*3\r\n$7\r\nmessage\r\n$1\r\n{channel}\r\n$2\r\ntx\r\n"));
        }
    }
}

#[test]
fn keyspace_events_come_once_from_wherever_the_key_is() {
    let wanted = ringmaster_node::Config::parse("node.yaml", "threads: 1\nnotify_keyspace_events: KEA\n")
        .expect("a configuration");
    for yaml in ["", "replicas: 2"] {
        let cluster = Cluster::builder().node(wanted.clone()).yaml(yaml).start();
        let mut client = Wire::connect(cluster.address());
        eventually("a cluster that serves", || client.ask("SET begun 1") == r"+OK\r\n");
        let mut reader = Wire::connect(cluster.address());
        reader.ask("SUBSCRIBE __keyspace@0__:key7");
        reader.ask("PSUBSCRIBE __keyevent@*");
        for n in 0..20 {
            client.ask(&format!("SET key{n} x"));
            if n == 7 {
                assert_eq!(
                    next(&mut reader),
                    r"*3\r\n$7\r\nmessage\r\n$19\r\n__keyspace@0__:key7\r\n$3\r\nset\r\n"
                );
            }
            let event = next(&mut reader);
            assert!(
                event.contains(&format!(r"__keyevent@0__:set\r\n${}\r\nkey{n}\r\n", 3 + n.to_string().len())),
                "{event}"
            );
        }
        assert_eq!(reader.ask("PING"), r"*2\r\n$4\r\npong\r\n$0\r\n\r\n", "nothing came twice");
    }
}

#[test]
fn a_subscriber_goes_on_when_the_head_of_its_channel_is_lost() {
    let mut cluster = replicated("timeouts:\n  request: 500ms");
    let [mut reader, mut writer] = [0, 1].map(|at| Wire::connect(cluster.proxies()[at].address()));
    for n in 0..30 {
        reader.ask(&format!("SUBSCRIBE channel:{n}"));
    }
    cluster.stop_node(0);
    for n in 0..30 {
        // With one node less every channel has a head that knows the subscriber already.
        eventually("a message", || writer.ask(&format!("PUBLISH channel:{n} after")) == r":1\r\n");
    }
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 30 {
        seen.insert(next(&mut reader));
    }
}

#[test]
fn a_subscription_stands_again_when_its_node_comes_back() {
    let mut cluster = Cluster::builder().proxies(2).start();
    let [mut reader, mut writer] = [0, 1].map(|at| Wire::connect(cluster.proxies()[at].address()));
    let channels: Vec<String> = (0..20).map(|n| format!("channel:{n}")).collect();
    for channel in &channels {
        reader.ask(&format!("SUBSCRIBE {channel}"));
    }
    let address = cluster.nodes()[0].address();
    cluster.stop_node(0);
    // One that is not reached holds up nobody.
    assert_eq!(reader.ask("SUBSCRIBE late"), r"*3\r\n$9\r\nsubscribe\r\n$4\r\nlate\r\n:21\r\n");
    cluster.start_node_at(address);
    for channel in &channels {
        eventually("a message", || writer.ask(&format!("PUBLISH {channel} again")) == r":1\r\n");
        while !next(&mut reader).contains(&format!(r"{channel}\r\n$5\r\nagain")) {}
    }
}

#[test]
fn a_subscriber_that_does_not_read_is_closed_and_nobody_else_is_harmed() {
    let cluster = Cluster::builder().yaml("limits:\n  client_buffer: 64kb").start();
    let [mut slow, mut quick, mut writer] = [(); 3].map(|()| Wire::connect(cluster.address()));
    slow.ask("SUBSCRIBE x");
    quick.ask("SUBSCRIBE x");
    let message = vec![b'm'; 16 << 10];
    let begun = Instant::now();
    loop {
        writer.command(&[b"PUBLISH", b"x", &message]);
        let count = next(&mut writer);
        assert!(quick.reply().expect("the quick one stays").len() > message.len());
        if count == r":1\r\n" {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the slow one is closed in time");
    }
    assert!(slow.closes());
    assert_eq!(writer.ask("SET k v"), r"+OK\r\n");
}

#[test]
fn only_allowed_channels_are_heard_and_who_may_no_more_is_closed() {
    let users = |channels: &str| {
        format!(
            "users:\n  - {{name: default, rules: 'off'}}\n  - {{name: app, rules: 'on #{HASH} +@all ~* {channels}'}}\n"
        )
    };
    let cluster = Cluster::builder().yaml(&users("&app:*")).start();
    let mut client = Wire::connect(cluster.address());
    client.ask("HELLO 3 AUTH app password");
    let refused = r"-NOPERM this user has no permissions to access one of the channels used as arguments\r\n";
    assert_eq!(client.ask("SUBSCRIBE other"), refused);
    assert_eq!(client.ask("PSUBSCRIBE *"), refused);
    assert_eq!(client.ask("PUBLISH other x"), refused);
    assert_eq!(client.ask("SUBSCRIBE app:1"), r">3\r\n$9\r\nsubscribe\r\n$5\r\napp:1\r\n:1\r\n");
    let file = std::fs::read_to_string(cluster.file()).expect("the file can be read");
    std::fs::write(cluster.file(), file.replace("&app:*", "&elsewhere:*")).expect("the file can be written");
    assert!(client.closes());
}

#[test]
fn who_leaves_is_counted_no_more() {
    let cluster = Cluster::builder().proxies(2).start();
    let mut asker = Wire::connect(cluster.address());
    let mut readers: Vec<Wire> =
        (0..20).map(|at| Wire::connect(cluster.proxies()[at % 2].address())).collect();
    for reader in &mut readers {
        reader.ask("SUBSCRIBE x y");
        next(reader);
        reader.ask("PSUBSCRIBE p*");
    }
    assert_eq!(asker.ask("PUBSUB NUMSUB x"), r"*2\r\n$1\r\nx\r\n:20\r\n");
    assert_eq!(asker.ask("PUBLISH x m"), r":20\r\n");
    readers.truncate(3);
    eventually("the others are forgotten", || asker.ask("PUBSUB NUMSUB y") == r"*2\r\n$1\r\ny\r\n:3\r\n");
    readers.clear();
    eventually("all are forgotten", || asker.ask("PUBSUB CHANNELS") == r"*0\r\n");
    assert_eq!(asker.ask("PUBSUB NUMPAT"), r":0\r\n");
}
