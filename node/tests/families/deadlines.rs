//! Deadlines by a clock that the test moves, so that what passes, and when, is compared to the millisecond.
//!
//! In the very millisecond of its deadline a key has passed here, while redis-server keeps it for one more (and yet
//! refuses to set such a deadline). So the clock stands at even milliseconds, and deadlines in milliseconds are odd;
//! one in seconds after now is met exactly by none of the seeds.

use super::support::clock::{advance, duel_by_clock};
use super::support::{Random, Same, Step, Words};

fn key(random: &mut Random) -> Vec<u8> {
    random.name("k", 8)
}

/// An odd number of milliseconds from now: most of them pass within the run.
fn soon(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => 1,
        1 => 1 + 2 * random.below(10) as u64,
        2 => 1 + 2 * random.below(1_500) as u64,
        _ => 1001 + 1000 * random.below(5) as u64 / 2 * 2,
    }
}

/// The four ways to say a deadline, and the amount that goes with the one drawn.
fn deadline(random: &mut Random, names: [&'static str; 4], now: u64) -> [Vec<u8>; 2] {
    let after = soon(random);
    let drawn = random.below(4);
    let amount = match drawn {
        0 => after.div_ceil(1000),
        1 => after,
        2 => (now + after) / 1000,
        _ => now + after,
    };
    [random.cased(names[drawn]), amount.to_string().into_bytes()]
}

fn set(random: &mut Random, now: u64) -> Words {
    let mut words = vec![random.cased("SET"), key(random), random.text()];
    match random.below(8) {
        0 => words.push(b"KEEPTTL".to_vec()),
        1 => words.push(b"NX".to_vec()),
        2 => {}
        _ => words.extend(deadline(random, ["EX", "PX", "EXAT", "PXAT"], now)),
    }
    words
}

fn expire(random: &mut Random, now: u64) -> Words {
    let [name, amount] = deadline(random, ["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"], now);
    let mut words = vec![name, key(random), amount];
    if random.once_in(3) {
        words.push(random.pick(&["NX", "XX", "GT", "LT"]).as_bytes().to_vec());
    }
    words
}

fn getex(random: &mut Random, now: u64) -> Words {
    let mut words = vec![random.cased("GETEX"), key(random)];
    words.extend(deadline(random, ["EX", "PX", "EXAT", "PXAT"], now));
    words
}

fn asked(random: &mut Random) -> Words {
    let names =
        ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "GET", "EXISTS", "TYPE", "PERSIST", "DEL", "TOUCH"];
    vec![random.pick(&names).as_bytes().to_vec(), key(random)]
}

/// Commands that meet a key which may have passed: it is as one that never was.
fn changed(random: &mut Random) -> Words {
    let key = key(random);
    let line: &[&str] = random.pick(&[
        &["INCR"][..],
        &["APPEND", "x"],
        &["LPUSH", "a"],
        &["LPUSHX", "a"],
        &["RPOP"],
        &["HSET", "f", "v"],
        &["HINCRBY", "f", "1"],
        &["SADD", "m"],
        &["SCARD"],
        &["ZADD", "1", "m"],
        &["ZINCRBY", "1", "m"],
        &["SETRANGE", "2", "x"],
        &["SETBIT", "7", "1"],
        &["PFADD", "m"],
        &["GETDEL"],
        &["GETSET", "v"],
        &["XADD", "*", "f", "v"],
        &["XADD", "NOMKSTREAM", "*", "f", "v"],
        &["XLEN"],
        &["XRANGE", "-", "+"],
    ]);
    let mut words = vec![line[0].as_bytes().to_vec(), key];
    words.extend(line[1..].iter().map(|word| word.as_bytes().to_vec()));
    words
}

fn moved(random: &mut Random, now: u64) -> Words {
    let (from, to) = (random.name("k", 8), random.name("k", 8));
    match random.below(6) {
        0 => vec![b"RENAME".to_vec(), from, to],
        1 => vec![b"RENAMENX".to_vec(), from, to],
        2 => vec![b"COPY".to_vec(), from, to],
        3 => vec![b"COPY".to_vec(), from, to, b"REPLACE".to_vec()],
        4 => vec![b"SETEX".to_vec(), from, (1 + random.below(4)).to_string().into_bytes(), b"v".to_vec()],
        _ => {
            // What DUMP tells of the string "v".
            let payload = b"\x00\x01v\x0a\x00".to_vec();
            let payload = [payload.clone(), checksum(&payload)].concat();
            let at = now + soon(random);
            let words: [&[u8]; 6] =
                [b"RESTORE", &from, &at.to_string().into_bytes(), &payload, b"ABSTTL", b"REPLACE"];
            words.map(<[u8]>::to_vec).to_vec()
        }
    }
}

fn checksum(payload: &[u8]) -> Vec<u8> {
    ringmaster_protocol::rdb::crc64::update(0, payload).to_le_bytes().to_vec()
}

#[test]
fn what_passes_passes_at_the_same_millisecond() {
    duel_by_clock(|random, now| match random.below(16) {
        0..=2 => advance(soon(random) + 1),
        3..=5 => Step::exact(set(random, now)),
        6..=7 => Step::exact(expire(random, now)),
        8 => Step::exact(getex(random, now)),
        9 => Step { words: vec![b"KEYS".to_vec(), b"*".to_vec()], same: Same::AnyOrder },
        10..=12 => Step::exact(asked(random)),
        13..=14 => Step::exact(changed(random)),
        _ => Step::exact(moved(random, now)),
    });
}
