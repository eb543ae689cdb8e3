//! A node as an entry of chains: what it does for a proxy that is attached, and for nobody else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_node::Node;
use ringmaster_node::config::Config;
use ringmaster_protocol::config::Millis;
use ringmaster_protocol::extension::{
    Ask, Attach, EXPIRING, Note, Operation, Outcome, Say, put_ask, put_attach, put_request, put_unless,
    refusal, split_attribute,
};
use ringmaster_protocol::heartbeat::{Beat, NodeState, Pulse};
use ringmaster_protocol::register::{Answer, Refusal, Request};
use ringmaster_protocol::resp::scan::Scanner;
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_protocol::view::{
    Boot, Chain, ClusterId, ConfigDigest, Entry, Epoch, Incarnation, Member, MemberIndex, Version, View,
    ViewParts,
};

fn node() -> Node {
    let any = "127.0.0.1:0".parse().unwrap();
    Node::start(Config { listen: any, admin: any, threads: 2, ..Config::default() }).unwrap()
}

struct Wire {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Wire {
    fn to(node: &Node) -> Self {
        let stream = TcpStream::connect(node.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { stream, input: Vec::new() }
    }

    fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).unwrap();
    }

    /// The next whole frame.
    fn frame(&mut self) -> Vec<u8> {
        loop {
            let len =
                if self.input.is_empty() { None } else { Scanner::default().frame(&self.input).unwrap() };
            if let Some(len) = len {
                return self.input.drain(..len).collect();
            }
            let mut more = [0; 4096];
            let count = self.stream.read(&mut more).unwrap();
            assert!(count > 0, "the node closed the connection");
            self.input.extend_from_slice(&more[..count]);
        }
    }

    fn call(&mut self, args: &[&[u8]]) -> Vec<u8> {
        let mut request = Vec::new();
        put_request(&mut request, args);
        self.send(&request);
        self.frame()
    }

    /// A command, its note and its reply.
    fn noted(&mut self, args: &[&str]) -> (Option<Outcome>, Vec<u8>) {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let frame = self.call(&args);
        taken_apart(&frame)
    }

    fn ask(&mut self, id: u64, ask: &Ask) {
        let mut request = Vec::new();
        put_ask(&mut request, id, ask);
        self.send(&request);
    }

    fn said(&mut self) -> (u64, Say) {
        let frame = self.frame();
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().parse::<u64>().unwrap();
        let mut lines = frame.splitn(4, |byte| *byte == b'\n');
        assert_eq!(lines.next(), Some(&b"*2\r"[..]));
        let id = lines.next().unwrap();
        lines.next();
        let message = lines.next().unwrap();
        let say = Say::decode(&Bytes::copy_from_slice(&message[..message.len() - 2])).unwrap();
        (text(&id[1..id.len() - 1]), say)
    }

    fn blob(&mut self, name: &[u8], message: &[u8]) -> Bytes {
        let frame = self.call(&[name, message]);
        assert_eq!(frame[0], b'$', "{}", String::from_utf8_lossy(&frame));
        let line = frame.iter().position(|byte| *byte == b'\n').unwrap();
        Bytes::copy_from_slice(&frame[line + 1..frame.len() - 2])
    }

    fn pulse(&mut self, epoch: u64) -> Pulse {
        let beat = Beat {
            cluster: ClusterId(1),
            epoch: Epoch(epoch),
            proxy: 9,
            post: Bytes::new(),
            full: Vec::new(),
        };
        let mut message = Vec::new();
        beat.encode(&mut message);
        Pulse::decode(&self.blob(b"RM.BEAT", &message)).unwrap()
    }

    fn commit(&mut self, view: &View) -> Answer {
        let mut message = Vec::new();
        Request::Commit { view: Arc::new(view.clone()) }.encode(&mut message);
        Answer::decode(&self.blob(b"RM.REGISTER", &message)).unwrap()
    }

    fn attach(&mut self, epoch: u64, incarnation: Incarnation, boot: Boot) -> Vec<u8> {
        let mut request = Vec::new();
        let attach = Attach { cluster: ClusterId(1), epoch: Epoch(epoch), incarnation, boot };
        put_attach(&mut request, &attach);
        self.send(&request);
        self.frame()
    }
}

fn taken_apart(frame: &[u8]) -> (Option<Outcome>, Vec<u8>) {
    let (note, reply) = split_attribute(frame);
    let note = note.map(|note| Note::decode(&Bytes::copy_from_slice(note)).unwrap().outcome);
    (note, reply.to_vec())
}

/// A view of the nodes with these identities: all slots have these entries, in-sync.
fn view(epoch: u64, identities: &[(Incarnation, Boot)], entries: &[u16]) -> View {
    let member = |(at, (incarnation, boot)): (usize, &(Incarnation, Boot))| Member {
        name: format!("n{at}").parse().unwrap(),
        address: format!("127.0.0.1:{}", at + 1).parse().unwrap(),
        zone: String::new(),
        weight: 1,
        incarnation: *incarnation,
        boot: *boot,
        is_durable: false,
    };
    let entry = |at: &u16| Entry {
        member: MemberIndex::new(*at),
        boot: identities[usize::from(*at)].1,
        since: Epoch(1),
    };
    let entries: Vec<Entry> = entries.iter().map(entry).collect();
    let in_sync = entries.len();
    let chain = Chain { changed: Epoch(epoch), born: Epoch(1), unsealed: None, entries, in_sync };
    View::new(ViewParts {
        cluster: ClusterId(1),
        epoch: Epoch(epoch),
        members: identities.iter().enumerate().map(member).collect(),
        acceptors: vec![MemberIndex::new(0)],
        lease: Millis::new(500),
        longest_lease: Millis::new(500),
        hash_seed: 1,
        config: ConfigDigest::default(),
        superseded: Vec::new(),
        chains: vec![chain; SLOT_COUNT],
    })
    .unwrap()
}

/// A head and a tail, each with a connection for data and one for questions, attached in the first epoch.
struct Pair {
    nodes: [Node; 2],
    identities: Vec<(Incarnation, Boot)>,
    data: [Wire; 2],
    asks: [Wire; 2],
}

impl Pair {
    fn new() -> Self {
        let nodes = [node(), node()];
        let (data, asks) = (nodes.each_ref().map(Wire::to), nodes.each_ref().map(Wire::to));
        let mut pair = Self { nodes, identities: Vec::new(), data, asks };
        for at in 0..2 {
            let pulse = pair.data[at].pulse(0);
            assert_eq!((pulse.state, pulse.epoch), (NodeState::Blank, Epoch(0)));
            pair.identities.push((pulse.incarnation, pulse.boot));
        }
        pair.commit(&view(1, &pair.identities, &[0, 1]));
        for at in 0..2 {
            pair.attach(at, 1);
        }
        pair
    }

    fn commit(&mut self, view: &View) {
        for wire in &mut self.data {
            assert!(matches!(wire.commit(view), Answer::Committed));
        }
    }

    fn attach(&mut self, at: usize, epoch: u64) {
        let (incarnation, boot) = self.identities[at];
        assert_eq!(self.data[at].attach(epoch, incarnation, boot), b"+OK\r\n");
        assert_eq!(self.asks[at].attach(epoch, incarnation, boot), b"+OK\r\n");
    }

    /// Executes a command at the head, and brings it to the tail.
    fn write(&mut self, args: &[&str]) -> Operation {
        let (note, _) = self.data[0].noted(args);
        let Some(Outcome::Made(operation)) = note else { panic!("{note:?}") };
        assert_eq!(self.apply(&operation), Say::Done);
        operation
    }

    fn apply(&mut self, operation: &Operation) -> Say {
        let slot = HashSlot::of(b"k");
        self.asks[1].ask(5, &Ask::Apply { slot, since: Epoch(1), operation: operation.clone() });
        self.asks[1].said().1
    }

    fn stop(self) {
        let Self { nodes, data, asks, .. } = self;
        drop((data, asks));
        nodes.into_iter().for_each(Node::stop);
    }
}

#[test]
fn a_write_is_noted_by_its_head_and_applied_by_the_next() {
    let mut pair = Pair::new();
    pair.write(&["SET", "k", "v"]);
    pair.write(&["RPUSH", "{k}list", "a", "b"]);
    let operation = pair.write(&["EVAL", "return redis.call('INCR', KEYS[1])", "1", "{k}n"]);
    assert_eq!(operation.new, Version { changed: Epoch(1), n: 3 });
    assert_eq!(pair.data[1].noted(&["GET", "k"]), (None, b"$1\r\nv\r\n".to_vec()));
    assert_eq!(pair.data[1].noted(&["LRANGE", "{k}list", "0", "-1"]).1, b"*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_eq!(pair.data[1].noted(&["GET", "{k}n"]).1, b"$1\r\n1\r\n");
    let (note, reply) = pair.data[0].noted(&["SET", "k", "w", "NX"]);
    assert_eq!((note, reply), (Some(Outcome::Saw(operation.new)), b"$-1\r\n".to_vec()), "it changed nothing");
    pair.stop();
}

#[test]
fn each_role_serves_what_is_its_own() {
    let mut pair = Pair::new();
    let refused = |frame: (Option<Outcome>, Vec<u8>)| refusal(&frame.1);
    assert_eq!(refused(pair.data[0].noted(&["GET", "k"])), Some(Epoch(1)), "a head reads not");
    assert_eq!(refused(pair.data[1].noted(&["SET", "k", "v"])), Some(Epoch(1)), "a tail executes not");
    let mut plain = Wire::to(&pair.nodes[0]);
    let reply = plain.call(&[b"GET", b"k"]);
    assert!(reply.starts_with(b"-CLUSTERED"), "{}", String::from_utf8_lossy(&reply));
    assert_eq!(plain.call(&[b"PING"]), b"+PONG\r\n");
    let foreign = plain.attach(1, Incarnation(7), Boot(7));
    assert!(foreign.starts_with(b"-REBORN"), "{}", String::from_utf8_lossy(&foreign));
    let (incarnation, boot) = pair.identities[0];
    let ahead = plain.attach(2, incarnation, boot);
    assert_eq!(refusal(&ahead), Some(Epoch(1)), "{}", String::from_utf8_lossy(&ahead));
    assert!(plain.call(&[b"SET", b"k", b"v"]).starts_with(b"-STALE"), "a refused attach detaches");
    drop(plain);
    pair.stop();
}

#[test]
fn an_older_view_is_fenced_by_a_newer_one() {
    let mut pair = Pair::new();
    let operation = pair.write(&["SET", "k", "v"]);
    let next = view(2, &pair.identities, &[0]);
    pair.commit(&next);
    let (_, reply) = pair.data[0].noted(&["SET", "k", "w"]);
    assert_eq!(refusal(&reply), Some(Epoch(2)));
    assert_eq!(pair.apply(&operation), Say::Stale(Epoch(2)));
    pair.attach(0, 2);
    let (note, _) = pair.data[0].noted(&["SET", "k", "w"]);
    assert_eq!(note, Some(Outcome::Alone(Version { changed: Epoch(2), n: 2 })));
    assert_eq!(
        pair.data[0].noted(&["GET", "k"]),
        (None, b"$1\r\nw\r\n".to_vec()),
        "alone it is the tail, too"
    );
    pair.stop();
}

#[test]
fn what_is_in_the_history_is_not_executed_again() {
    let mut pair = Pair::new();
    let operation = pair.write(&["INCR", "k"]);
    let mut incr = Vec::new();
    put_request(&mut incr, &[b"INCR", b"k"]);
    let mut unless = |version| {
        let mut request = Vec::new();
        put_unless(&mut request, version, &incr);
        pair.data[0].send(&request);
        taken_apart(&pair.data[0].frame())
    };
    assert_eq!(unless(operation.new), (Some(Outcome::HasIt), b"+OK\r\n".to_vec()));
    let (note, reply) = unless(Version { changed: Epoch(1), n: 2 });
    assert!(matches!(note, Some(Outcome::Made(_))), "{note:?}");
    assert_eq!(reply, b":2\r\n");
    pair.stop();
}

#[test]
fn operations_that_come_out_of_order_are_held_and_a_gap_is_told() {
    let mut pair = Pair::new();
    let made = |pair: &mut Pair| match pair.data[0].noted(&["INCR", "k"]).0 {
        Some(Outcome::Made(operation)) => operation,
        other => panic!("{other:?}"),
    };
    let (first, second) = (made(&mut pair), made(&mut pair));
    let slot = HashSlot::of(b"k");
    let apply = |operation: &Operation| Ask::Apply { slot, since: Epoch(1), operation: operation.clone() };
    pair.asks[1].ask(2, &apply(&second));
    assert_eq!(pair.asks[1].said(), (2, Say::Behind(Version { changed: Epoch(1), n: 0 })), "after a while");
    pair.asks[0].ask(3, &Ask::Ring { slot, after: Version { changed: Epoch(1), n: 0 } });
    assert_eq!(pair.asks[0].said(), (3, Say::Operations(vec![first.clone(), second.clone()])));
    pair.asks[1].ask(4, &apply(&first));
    assert_eq!(pair.asks[1].said(), (4, Say::Done));
    pair.asks[1].ask(5, &apply(&second));
    assert_eq!(pair.asks[1].said(), (5, Say::Done));
    assert_eq!(pair.data[1].noted(&["GET", "k"]).1, b"$1\r\n2\r\n");
    pair.stop();
}

#[test]
fn a_slot_is_exported_and_imported_with_its_history_and_deadlines() {
    let mut pair = Pair::new();
    let slot = HashSlot::of(b"k");
    for args in [&["SET", "k", "v", "PXAT", "9999999999999"][..], &["ZADD", "{k}z", "1", "m"]] {
        let (note, _) = pair.data[0].noted(args);
        assert!(matches!(note, Some(Outcome::Made(_))), "{note:?}");
    }
    pair.asks[0].ask(1, &Ask::Export { slot });
    let (_, Say::Contents(contents)) = pair.asks[0].said() else { panic!("no contents") };
    assert_eq!(contents.history.version().n, 2);
    pair.asks[1].ask(2, &Ask::Import { slot, since: Epoch(1), contents });
    assert_eq!(pair.asks[1].said(), (2, Say::Done));
    assert_eq!(pair.data[1].noted(&["PEXPIRETIME", "k"]).1, b":9999999999999\r\n");
    assert_eq!(pair.data[1].noted(&["ZSCORE", "{k}z", "m"]).1, b"$1\r\n1\r\n");
    pair.asks[1].ask(3, &Ask::Version { slot });
    assert_eq!(pair.asks[1].said(), (3, Say::At(Version { changed: Epoch(1), n: 2 })));
    pair.stop();
}

#[test]
fn several_commands_are_one_operation() {
    let mut pair = Pair::new();
    let mut requests = vec![b"RM.EXEC".to_vec()];
    for args in [&[&b"INCR"[..], b"k"][..], &[b"GET", b"k"], &[b"LPUSH", b"k", b"x"]] {
        let mut request = Vec::new();
        put_request(&mut request, args);
        requests.push(request);
    }
    let args: Vec<&[u8]> = requests.iter().map(Vec::as_slice).collect();
    let (note, reply) = taken_apart(&pair.data[0].call(&args));
    let Some(Outcome::Made(operation)) = note else { panic!("{note:?}") };
    assert_eq!(operation.new.n, 1);
    assert!(reply.starts_with(b"*3\r\n:1\r\n$1\r\n1\r\n-WRONGTYPE"), "{}", String::from_utf8_lossy(&reply));
    pair.stop();
}

#[test]
fn a_key_that_is_due_goes_by_an_operation_of_the_chain() {
    let mut pair = Pair::new();
    pair.write(&["SET", "k", "v", "PX", "1"]);
    let slot = HashSlot::of(b"k").number().to_string();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    let freed = loop {
        let (note, _) = pair.data[0].noted(&["RM.TICK", &slot]);
        match note {
            Some(Outcome::Made(operation)) => break operation,
            Some(Outcome::Saw(_)) => assert!(std::time::Instant::now() < deadline, "it never expires"),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(pair.data[1].noted(&["GET", "k"]).1, EXPIRING, "the tail does not decide it");
    assert_eq!(pair.apply(&freed), Say::Done);
    assert_eq!(pair.data[1].noted(&["GET", "k"]).1, b"$-1\r\n");
    pair.stop();
}

#[test]
fn a_tail_names_keys_and_the_head_evicts_them_for_the_whole_chain() {
    let mut pair = Pair::new();
    pair.write(&["SET", "k", "v"]);
    pair.write(&["SET", "{k}other", "v"]);
    let head = pair.identities[0].0;
    let victims = |pair: &mut Pair, at: usize| {
        pair.asks[at].ask(7, &Ask::Victims { of: head, bytes: 1 << 20 });
        let (_, Say::Victims(victims)) = pair.asks[at].said() else { panic!("no victims") };
        let mut keys: Vec<Bytes> = victims.into_iter().map(|victim| victim.key).collect();
        keys.sort_unstable();
        keys
    };
    assert_eq!(victims(&mut pair, 1), ["k", "{k}other"]);
    assert!(victims(&mut pair, 0).is_empty(), "the tail sees the reads");
    let slot = HashSlot::of(b"k").number().to_string();
    let evicted = pair.write(&["RM.EVICT", &slot, "0", "{k}other", "0", "{k}missing", "1", "k"]);
    assert_eq!(evicted.new.n, 3);
    assert_eq!(pair.data[1].noted(&["MGET", "k", "{k}other"]).1, b"*2\r\n$1\r\nv\r\n$-1\r\n");
    let (note, reply) = pair.data[0].noted(&["RM.EVICT", &slot, "0", "{k}other"]);
    assert_eq!((note, reply), (Some(Outcome::Saw(evicted.new)), b":0\r\n".to_vec()));
    let other = pair.data[0].noted(&["RM.EVICT", &slot, "0", "of another slot"]).1;
    assert!(other.starts_with(b"-ERR malformed"), "{}", String::from_utf8_lossy(&other));
    pair.stop();
}

#[test]
fn a_write_without_room_in_its_chain_waits_and_is_refused_when_none_comes() {
    let mut pair = Pair::new();
    pair.write(&["SET", "k", "v"]);
    let full = |reply: &[u8]| reply.starts_with(b"-OOM");
    let mut plain = Wire::to(&pair.nodes[0]);
    let mut set = |name: &str, value: &str| {
        assert_eq!(plain.call(&[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()]), b"+OK\r\n");
    };
    set("maxmemory", "1");
    assert!(pair.data[0].pulse(1).excess > 0);
    assert!(full(&pair.data[0].noted(&["SET", "k", "w"]).1), "after a while");
    assert!(full(&pair.data[0].noted(&["SET", "k", "w"]).1), "at once");
    pair.write(&["DEL", "k"]);
    set("maxmemory-policy", "noeviction");
    assert_eq!(pair.data[0].pulse(1).excess, 0);
    assert!(full(&pair.data[0].noted(&["SET", "k", "w"]).1));
    set("maxmemory", "0");
    pair.write(&["SET", "k", "x"]);
    let tail = pair.identities[1].0;
    let beat =
        Beat { cluster: ClusterId(1), epoch: Epoch(1), proxy: 9, post: Bytes::new(), full: vec![tail] };
    let mut message = Vec::new();
    beat.encode(&mut message);
    pair.data[0].blob(b"RM.BEAT", &message);
    assert!(full(&pair.data[0].noted(&["SET", "k", "y"]).1), "the tail has no room");
    drop(plain);
    pair.stop();
}

#[test]
fn a_slot_that_nobody_else_holds_is_evicted_within_the_write() {
    let mut pair = Pair::new();
    let alone = view(2, &pair.identities, &[0]);
    pair.commit(&alone);
    pair.attach(0, 2);
    let (note, _) = pair.data[0].noted(&["SET", "k", "v"]);
    assert_eq!(note, Some(Outcome::Alone(Version { changed: Epoch(2), n: 1 })));
    let mut plain = Wire::to(&pair.nodes[0]);
    assert_eq!(plain.call(&[b"CONFIG", b"SET", b"maxmemory", b"1"]), b"+OK\r\n");
    let (_, reply) = pair.data[0].noted(&["SET", "{k}other", "v"]);
    assert!(reply.starts_with(b"-OOM"), "a byte is too little for anything");
    assert_eq!(pair.data[0].noted(&["EXISTS", "k"]).1, b":0\r\n");
    pair.asks[0].ask(3, &Ask::Version { slot: HashSlot::of(b"k") });
    let version = Version { changed: Epoch(2), n: 2 };
    assert_eq!(pair.asks[0].said(), (3, Say::At(version)), "by an operation");
    drop(plain);
    pair.stop();
}

#[test]
fn malformed_requests_of_the_protocol_are_refused() {
    let node = node();
    let mut wire = Wire::to(&node);
    for args in [
        &[&b"RM.BEAT"[..], b"x"][..],
        &[b"RM.REGISTER", b"\xff"],
        &[b"RM.ATTACH", b"1", b"1", b"1", b"x"],
        &[b"RM.ASK", b"1", b""],
        &[b"RM.UNLESS", b"1", b"1", b"*1\r\n$4\r\nPING"],
        &[b"RM.EXEC", b"PING"],
        &[b"RM.FLUSH", b"16384"],
        &[b"RM.NOTHING"],
    ] {
        let reply = wire.call(args);
        assert!(reply.starts_with(b"-ERR"), "{args:?}: {}", String::from_utf8_lossy(&reply));
    }
    drop(wire);
    node.stop();
}

#[test]
fn a_node_that_keeps_a_log_says_why_it_cannot_be_a_member() {
    let directory = tempfile::tempdir().unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let (data_dir, persistence) = (directory.path().to_owned(), ringmaster_node::config::Persistence::Wal);
    let config = Config { listen: any, admin: any, threads: 1, persistence, data_dir, ..Config::default() };
    let node = Node::start(config).unwrap();
    let mut wire = Wire::to(&node);
    let answer = wire.commit(&view(1, &[(Incarnation(1), Boot(1))], &[0]));
    let Answer::Refused(Refusal::Impossible(why)) = answer else { panic!("{answer:?}") };
    assert!(why.contains("--persistence off"), "{why}");
    drop(wire);
    node.stop();
}
