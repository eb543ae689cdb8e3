//! Transactions on condition: what keys hold is told as a digest, and compared when the transaction comes.

use ringmaster_protocol::extension::{put_request, put_same};

use crate::pair::{Pair, Wire, taken_apart, view};

/// The digests of keys.
fn digests(wire: &mut Wire, keys: &[&str]) -> Vec<u128> {
    let reply = wire.noted(&[&["RM.DIGEST"], keys].concat()).1;
    let text = String::from_utf8(reply).unwrap();
    text.lines().skip(2).step_by(2).map(|number| number.parse().unwrap()).collect()
}

/// A transaction that increments a counter, if the key still has this digest.
fn exec(wire: &mut Wire, digest: u128, key: (u8, &str)) -> Vec<u8> {
    let (mut same, mut incr) = (Vec::new(), Vec::new());
    put_same(&mut same, digest, (key.0, key.1.as_bytes()));
    put_request(&mut incr, &[b"INCR", b"{k}n"]);
    taken_apart(&wire.call(&[b"RM.EXEC", &same, &incr])).1
}

#[test]
fn a_transaction_is_carried_out_while_keys_hold_what_they_held() {
    let mut pair = Pair::new();
    pair.write(&["SET", "k", "v"]);
    let [held, absent] = digests(&mut pair.data[0], &["k", "{k}none"])[..] else { panic!() };
    assert_ne!(held, absent);
    assert_eq!(exec(&mut pair.data[0], held, (0, "k")), b"*1\r\n:1\r\n");
    assert_eq!(exec(&mut pair.data[0], absent, (0, "{k}none")), b"*1\r\n:2\r\n");
    assert_eq!(exec(&mut pair.data[0], absent, (3, "k")), b"*1\r\n:3\r\n", "of that database");
    for wrong in [(held, (3, "k")), (absent, (0, "k"))] {
        assert_eq!(exec(&mut pair.data[0], wrong.0, wrong.1), b"*-1\r\n");
    }
    pair.data[0].noted(&["HELLO", "3"]);
    assert_eq!(exec(&mut pair.data[0], held, (0, "k")), b"*1\r\n:4\r\n", "whatever the protocol");
    for malformed in [(16, "k"), (0, "elsewhere")] {
        let reply = exec(&mut pair.data[0], held, malformed);
        assert!(reply.starts_with(b"-ERR"), "{}", String::from_utf8_lossy(&reply));
    }
    pair.stop();
}

#[test]
fn what_is_too_large_to_be_compared_is_refused_in_words() {
    let mut pair = Pair::new();
    let small = digests(&mut pair.data[0], &["k"])[0];
    let large = "x".repeat(65 << 20);
    pair.data[0].noted(&["SET", "k", &large]);
    for reply in [pair.data[0].noted(&["RM.DIGEST", "k"]).1, exec(&mut pair.data[0], small, (0, "k"))] {
        assert!(reply.starts_with(b"-ERR watched keys hold more"), "{}", String::from_utf8_lossy(&reply));
    }
    pair.stop();
}

#[test]
fn a_look_is_no_use_of_a_key() {
    let mut pair = Pair::new();
    pair.data[0].call(&[b"CONFIG", b"SET", b"maxmemory-policy", b"allkeys-lfu"]);
    pair.commit(&view(2, &pair.identities, &[0]));
    pair.attach(0, 2);
    pair.data[0].noted(&["SET", "k", "v"]);
    let uses = |pair: &mut Pair| pair.data[0].noted(&["OBJECT", "FREQ", "k"]).1;
    let before = uses(&mut pair);
    assert!(before.starts_with(b":"), "{}", String::from_utf8_lossy(&before));
    for _ in 0..10 {
        digests(&mut pair.data[0], &["k"]);
    }
    assert_eq!(uses(&mut pair), before);
    pair.stop();
}
