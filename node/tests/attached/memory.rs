//! Memory of a chain: who names what is to go, who takes it out, and who waits.

use bytes::Bytes;
use ringmaster_protocol::extension::{Ask, Outcome, Say};
use ringmaster_protocol::heartbeat::Beat;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{ClusterId, Epoch, Version};

use super::pair::{Pair, Wire, view};

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
