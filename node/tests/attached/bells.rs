//! Bells that a proxy hangs for its clients that wait; and walks, which end where another view comes.

use bytes::Bytes;
use ringmaster_protocol::extension::{Ask, Outcome, Say, refusal, rung};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Epoch;

use crate::pair::{Pair, view};

fn hang(keys: &[&'static str], at_tail: bool, bell: u64) -> Ask {
    let slot = HashSlot::of(keys[0].as_bytes());
    let keys = keys.iter().map(|key| Bytes::from_static(key.as_bytes())).collect();
    Ask::Hang { slot, at_tail, database: 0, keys, bell }
}

fn answer(pair: &mut Pair, at: usize, ask: &Ask) -> Say {
    pair.asks[at].ask(9, ask);
    pair.asks[at].said().1
}

#[test]
fn a_bell_rings_once_when_one_of_its_keys_is_changed() {
    let mut pair = Pair::new();
    assert_eq!(answer(&mut pair, 0, &hang(&["k", "{k}2"], false, 17)), Say::Done);
    assert_eq!(answer(&mut pair, 1, &hang(&["k"], true, 3)), Say::Done);
    pair.write(&["SET", "{k}other", "v"]);
    // What rings comes before an answer to what is asked behind it.
    let slot = HashSlot::of(b"k");
    assert!(matches!(answer(&mut pair, 0, &Ask::Version { slot }), Say::At(_)));
    let (note, _) = pair.data[0].noted(&["RPUSH", "{k}2", "x"]);
    assert_eq!(rung(&pair.asks[0].frame()), Some(17));
    let Some(Outcome::Made(operation)) = note else { panic!("{note:?}") };
    assert_eq!(pair.apply(&operation), Say::Done);
    let Some(Outcome::Made(operation)) = pair.data[0].noted(&["SET", "k", "v"]).0 else { panic!("no note") };
    pair.asks[1].ask(5, &Ask::Apply { slot, since: Epoch(1), operation });
    let mut frames = [pair.asks[1].frame(), pair.asks[1].frame()];
    frames.sort_unstable();
    assert_eq!(frames.iter().filter_map(|frame| rung(frame)).collect::<Vec<_>>(), [3], "the tail's, too");
    // Nothing rings any more.
    pair.write(&["SET", "k", "w"]);
    assert!(matches!(answer(&mut pair, 0, &Ask::Version { slot }), Say::At(_)));
    pair.stop();
}

#[test]
fn a_bell_is_hung_where_it_belongs_and_is_taken_down() {
    let mut pair = Pair::new();
    assert!(matches!(answer(&mut pair, 1, &hang(&["k"], false, 1)), Say::Stale(_)), "the head's");
    assert!(matches!(answer(&mut pair, 0, &hang(&["k"], true, 1)), Say::Stale(_)), "the tail's");
    assert!(matches!(answer(&mut pair, 0, &hang(&["k", "elsewhere"], false, 1)), Say::Broken(_)));
    let many: Vec<&str> = vec!["k"; 2000];
    assert_eq!(answer(&mut pair, 0, &hang(&many, false, 1)), Say::Overloaded);
    assert_eq!(answer(&mut pair, 0, &hang(&["k"], false, 1)), Say::Done);
    assert_eq!(answer(&mut pair, 0, &Ask::TakeDown { bell: 1 }), Say::Done);
    assert_eq!(answer(&mut pair, 0, &Ask::TakeDown { bell: 2 }), Say::Done, "none hangs");
    pair.write(&["SET", "k", "v"]);
    assert!(matches!(answer(&mut pair, 0, &Ask::Version { slot: HashSlot::of(b"k") }), Say::At(_)));
    pair.stop();
}

#[test]
fn a_walk_under_a_view_that_is_no_more_tells_nothing() {
    let mut pair = Pair::new();
    pair.write(&["SET", "k", "v"]);
    assert_eq!(pair.data[1].call(&[b"DBSIZE"]), b":1\r\n");
    let scan: &[&[u8]] = &[b"SCAN", b"0", b"COUNT", b"5000"];
    assert_eq!(pair.data[1].call(scan), b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n");
    assert_eq!(pair.data[0].call(&[b"DBSIZE"]), b":0\r\n", "only the tail tells");
    pair.commit(&view(2, &pair.identities, &[0, 1]));
    for walk in [&[&b"SCAN"[..], b"0"][..], &[b"KEYS", b"*"], &[b"DBSIZE"]] {
        assert_eq!(refusal(&pair.data[1].call(walk)), Some(Epoch(2)));
    }
    pair.attach(1, 2);
    assert_eq!(pair.data[1].call(&[b"KEYS", b"*"]), b"*1\r\n$1\r\nk\r\n");
    pair.stop();
}

#[test]
fn a_walk_tells_nothing_of_a_slot_that_is_fenced_for_a_later_view() {
    let mut pair = Pair::new();
    pair.write(&["SET", "k", "old"]);
    let slot = HashSlot::of(b"k");
    let all = format!("{}", u64::from(slot.number()) << 32);
    assert_eq!(answer(&mut pair, 1, &Ask::Fence { slots: vec![slot], epoch: Epoch(2) }), Say::Done);
    // Its own view is the one under which it is asked, and may not be the last.
    for walk in [&[&b"KEYS"[..], b"*"][..], &[b"DBSIZE"]] {
        assert!(refusal(&pair.data[1].call(walk)).is_some());
    }
    let ended = format!("*2\r\n${}\r\n{all}\r\n*0\r\n", all.len()).into_bytes();
    let mut cursor = b"0".to_vec();
    let reply = loop {
        let reply = pair.data[1].call(&[b"SCAN", &cursor]);
        let next = reply.split(|byte| *byte == b'\n').nth(2).unwrap().trim_ascii_end().to_vec();
        if next == cursor || reply == ended {
            break reply;
        }
        cursor = next;
    };
    assert_eq!(reply, ended, "it came to that slot");
    assert_eq!(pair.data[1].call(&[b"SCAN", all.as_bytes()]), ended, "and no further");
    pair.stop();
}

#[test]
fn a_part_of_a_scan_ends_after_a_bounded_number_of_slots() {
    let mut pair = Pair::new();
    let cursor = |slot: u64| {
        let text = (slot << 32).to_string();
        format!("*2\r\n${}\r\n{text}\r\n*0\r\n", text.len()).into_bytes()
    };
    assert_eq!(pair.data[1].call(&[b"SCAN", b"0"]), cursor(1024));
    assert_eq!(pair.data[1].call(&[b"SCAN", b"0", b"COUNT", b"500"]), cursor(5000));
    assert_eq!(pair.data[1].call(&[b"SCAN", b"0", b"COUNT", b"5000"]), b"*2\r\n$1\r\n0\r\n*0\r\n");
    pair.stop();
}
