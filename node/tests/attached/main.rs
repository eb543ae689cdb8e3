//! A node as an entry of chains: what it does for a proxy that is attached, and for nobody else.

mod bells;
mod logs;
mod memory;
mod pair;
mod together;

use std::time::Duration;

use ringmaster_protocol::extension::{
    Ask, EXPIRING, Operation, Outcome, Say, put_ask, put_request, put_unless, refusal,
};
use ringmaster_protocol::heartbeat::NodeState;
use ringmaster_protocol::register::{Answer, Refusal};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Epoch, Incarnation, Version};

use pair::{Pair, Wire, node, taken_apart, view};

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
fn a_script_that_published_says_so_if_somebody_was_told() {
    let mut pair = Pair::new();
    let seen = pair.write(&["SET", "k", "v"]).new;
    let script = ["EVAL", "return redis.call('PUBLISH', 'news', 'm')", "1", "k"];
    assert_eq!(pair.data[0].noted(&script), (Some(Outcome::Saw(seen)), b":0\r\n".to_vec()));
    let mut listener = Wire::to(&pair.nodes[0]);
    listener.call(&[b"SUBSCRIBE", b"news"]);
    assert_eq!(pair.data[0].noted(&script), (Some(Outcome::Published(seen)), b":1\r\n".to_vec()));
    assert_eq!(pair.data[0].noted(&["SPUBLISH", "{k}", "m"]), (None, b":0\r\n".to_vec()));
    drop(listener);
    pair.stop();
}

#[test]
fn commands_on_one_key_answer_as_a_node_by_itself_and_leave_the_tail_with_the_same() {
    let (mut pair, alone) = (Pair::new(), node());
    let mut plain = Wire::to(&alone);
    let writes = [
        "INCR k",
        "APPEND k 00",
        "GETEX k PX 100000000",
        "PERSIST k",
        "LPUSH k no",
        "SETRANGE {k}s 3 x",
        "RPUSH {k}l a b c",
        "LPOP {k}l",
        "HSET {k}h f 1 g 2",
        "HINCRBY {k}h f 4",
        "SADD {k}t m n",
        "SREM {k}t m",
        "ZADD {k}z 1 m 2 n",
        "ZINCRBY {k}z 5 m",
        "SETNX k other",
        "SET {k}e v EX 100",
        "GETDEL {k}e",
        "INCR {k}l",
    ];
    for line in writes {
        let args: Vec<&str> = line.split(' ').collect();
        let bytes: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let (note, reply) = pair.data[0].noted(&args);
        assert_eq!(reply, plain.call(&bytes), "{line}");
        match note {
            Some(Outcome::Made(operation)) => assert_eq!(pair.apply(&operation), Say::Done, "{line}"),
            Some(Outcome::Saw(_)) => {}
            other => panic!("{line}: {other:?}"),
        }
    }
    let reads = [
        "GET k",
        "GET {k}s",
        "LRANGE {k}l 0 -1",
        "HGETALL {k}h",
        "SMEMBERS {k}t",
        "ZRANGE {k}z 0 -1",
        "GET {k}h",
    ];
    for line in reads {
        let args: Vec<&str> = line.split(' ').collect();
        let bytes: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        assert_eq!(pair.data[1].noted(&args), (None, plain.call(&bytes)), "{line}");
    }
    drop(plain);
    alone.stop();
    pair.stop();
}

#[test]
fn operations_that_come_in_one_piece_are_done_in_their_order() {
    let mut pair = Pair::new();
    let mut made = |args: &[&str]| match pair.data[0].noted(args).0 {
        Some(Outcome::Made(operation)) => operation,
        other => panic!("{other:?}"),
    };
    let operations: Vec<(HashSlot, Operation)> = (0..60)
        .map(|at| (format!("{{k{}}}", at % 7), at.to_string()))
        .map(|(key, value)| (HashSlot::of(key.as_bytes()), made(&["RPUSH", &key, &value])))
        .collect();
    let mut request = Vec::new();
    for (id, (slot, operation)) in (0..).zip(&operations) {
        put_ask(&mut request, id, &Ask::Apply { slot: *slot, since: Epoch(1), operation: operation.clone() });
    }
    // Another question, and one that is none.
    put_ask(&mut request, 60, &Ask::Version { slot: operations[0].0 });
    put_request(&mut request, &[b"RM.ASK", b"61", b"\x00\x01"]);
    pair.asks[1].send(&request);
    (0..60).for_each(|id| assert_eq!(pair.asks[1].said(), (id, Say::Done)));
    assert_eq!(pair.asks[1].said(), (60, Say::At(Version { changed: Epoch(1), n: 9 })));
    assert!(pair.asks[1].frame().starts_with(b"-ERR malformed RM request"));
    let (_, list) = pair.data[1].noted(&["LRANGE", "{k3}", "0", "1"]);
    assert_eq!(list, b"*2\r\n$1\r\n3\r\n$2\r\n10\r\n");
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
fn an_entry_that_is_not_the_tail_answers_reads_that_any_may_answer_and_no_others() {
    let mut pair = Pair::new();
    pair.write(&["SET", "k", "v"]);
    let get = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    let exec = format!("*3\r\n$7\r\nRM.EXEC\r\n${0}\r\n{get}\r\n${0}\r\n{get}\r\n", get.len());
    for at in [0, 1] {
        assert_eq!(pair.data[at].noted(&["RM.ANY", get]), (None, b"$1\r\nv\r\n".to_vec()));
        let both = pair.data[at].noted(&["RM.ANY", &exec]).1;
        assert_eq!(both, b"*2\r\n$1\r\nv\r\n$1\r\nv\r\n");
    }
    assert!(pair.data[0].noted(&["GET", "k"]).1.starts_with(b"-STALE"), "a plain read is the tail's");
    for wrong in ["*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nw\r\n", "*1\r\n$4\r\nPING\r\n", "GET", ""] {
        assert!(pair.data[0].noted(&["RM.ANY", wrong]).1.starts_with(b"-ERR malformed"), "{wrong:?}");
    }
    assert_eq!(pair.data[1].noted(&["GET", "k"]).1, b"$1\r\nv\r\n");
    pair.stop();
}

#[test]
fn a_node_that_came_back_blank_serves_nothing_to_who_takes_it_for_another() {
    let node = node();
    let mut proxy = Wire::to(&node);
    // As a proxy sends it to a node that was started anew without its noticing: in one piece.
    for request in [
        &[&b"RM.ATTACH"[..], b"1", b"5", b"7", b"7"][..],
        &[b"SET", b"k", b"v"],
        &[b"GET", b"k"],
        &[b"FLUSHALL"],
        &[b"RM.TICK", b"1"],
    ] {
        let mut bytes = Vec::new();
        put_request(&mut bytes, request);
        proxy.send(&bytes);
    }
    for _ in 0..5 {
        let reply = proxy.frame();
        let is_refused = [&b"-STALE"[..], b"-REBORN", b"-FOREIGN"].iter().any(|code| reply.starts_with(code));
        assert!(is_refused, "{}", String::from_utf8_lossy(&reply));
    }
    let mut plain = Wire::to(&node);
    assert_eq!(plain.call(&[b"DBSIZE"]), b":0\r\n", "it is as blank as before");
    drop((proxy, plain));
    node.stop();
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
fn what_an_older_connection_of_a_sender_still_brings_is_refused() {
    let pair = Pair::new();
    let mut wires = [(); 3].map(|()| Wire::to(&pair.nodes[0]));
    for (wire, generation) in wires.iter_mut().zip([3, 4]) {
        assert_eq!(wire.attach_as(pair.identities[0], generation), b"+OK\r\n");
        assert!(matches!(wire.noted(&["RPUSH", "k", "a"]).0, Some(Outcome::Made(_))));
    }
    // On both ways through the node: the short one and the general one.
    for request in [&["SET", "{k}", "b"][..], &["RPUSH", "k", "b"], &["RM.TICK", "7629"]] {
        assert!(wires[0].noted(request).1.starts_with(b"-STALE"), "{request:?}");
    }
    for wire in [0, 2] {
        let again = wires[wire].attach_as(pair.identities[0], 3);
        assert!(again.starts_with(b"-SUPERSEDED"), "{}", String::from_utf8_lossy(&again));
        assert!(wires[wire].noted(&["RPUSH", "k", "b"]).1.starts_with(b"-STALE"));
    }
    assert_eq!(wires[1].noted(&["RPUSH", "k", "a"]).1, b":3\r\n");
    drop(wires);
    pair.stop();
}

#[test]
fn an_attachment_with_half_a_claim_is_malformed() {
    let pair = Pair::new();
    let mut wire = Wire::to(&pair.nodes[0]);
    let (incarnation, boot) = pair.identities[0];
    let [incarnation, boot] = [incarnation.0, boot.0].map(|bits| format!("{bits:032x}"));
    let attach = [b"RM.ATTACH", &b"1"[..], b"1", incarnation.as_bytes(), boot.as_bytes()];
    for claim in [&[&b"5"[..]][..], &[b"5", b"0"], &[b"5", b"x", b"1"], &[b"5", b"0", b"-1"]] {
        let reply = wire.call(&[&attach[..], claim].concat());
        assert!(reply.starts_with(b"-ERR malformed"), "{}", String::from_utf8_lossy(&reply));
    }
    assert_eq!(wire.call(&[&attach[..], &[b"5", b"0", b"1"]].concat()), b"+OK\r\n");
    drop(wire);
    pair.stop();
}

#[test]
fn a_view_that_does_not_name_a_node_is_not_for_it() {
    let node = node();
    let mut wire = Wire::to(&node);
    let others = [(Incarnation(7), Boot(7))];
    let answer = wire.commit(&view(5, &others, &[0]));
    assert!(matches!(answer, Answer::Refused(Refusal::Reborn(_))), "{answer:?}");
    assert_eq!((wire.pulse(0).state, wire.pulse(0).epoch), (NodeState::Blank, Epoch(0)));
    drop(wire);
    node.stop();
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
