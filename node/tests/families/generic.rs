//! Commands on keys of any type.

use super::support::{Random, Same, Step, Words, duel};

/// Amounts of a deadline: past, far in the future or invalid. Near ones would depend on the clock.
const AMOUNTS: [&str; 11] = [
    "4000000000",
    "4000000000000",
    "4000000001",
    "4000000001000",
    "-1",
    "0",
    "9223372036854775807",
    "-9223372036854775808",
    "x",
    "",
    "1.5",
];

/// Keys of many slots, some of one.
fn key(random: &mut Random) -> Vec<u8> {
    if random.once_in(2) { random.name("{t}k", 5) } else { random.name("k", 5) }
}

fn set(random: &mut Random) -> Words {
    let value = if random.once_in(8) { vec![b'v'; 40 + random.below(10)] } else { random.text() };
    let mut words = vec![random.cased("SET"), key(random), value];
    if random.once_in(3) {
        words.extend([b"EXAT".to_vec(), random.pick(&["4000000000", "4000000001"]).as_bytes().to_vec()]);
    }
    words
}

fn on_keys(random: &mut Random) -> Words {
    let name = random.pick(&["DEL", "UNLINK", "EXISTS", "TOUCH"]);
    let mut words = vec![random.cased(name)];
    let count = if random.once_in(3) { random.below(6) } else { 1 };
    (0..count).for_each(|_| words.push(key(random)));
    words
}

fn on_key(random: &mut Random) -> Words {
    let names = ["EXPIRETIME", "PEXPIRETIME", "PERSIST", "TYPE"];
    let name = random.pick(&names);
    vec![random.cased(name), key(random)]
}

fn expire(random: &mut Random) -> Words {
    let name = random.pick(&["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"]);
    // A deadline counted from now is not the same on both sides.
    let amounts = if name.ends_with("AT") { &AMOUNTS[..] } else { &AMOUNTS[4..] };
    let mut words = vec![random.cased(name), key(random), random.pick(amounts).as_bytes().to_vec()];
    for _ in 0..random.below(3) {
        let option = random.pick(&["NX", "XX", "GT", "LT", "bad\r\nx"]);
        words.push(random.cased(option));
    }
    words
}

fn rename(random: &mut Random) -> Words {
    let name = random.pick(&["RENAME", "RENAMENX"]);
    vec![random.cased(name), key(random), key(random)]
}

fn copy(random: &mut Random) -> Words {
    let mut words = vec![random.cased("COPY"), key(random), key(random)];
    for _ in 0..random.below(3) {
        let option = random.pick(&["REPLACE", "DB", "bad"]);
        words.push(random.cased(option));
        if option == "DB" {
            words.push(database(random));
        }
    }
    words
}

fn database(random: &mut Random) -> Vec<u8> {
    random.pick(&["0", "1", "2", "15", "16", "-1", "x", "99999999999"]).as_bytes().to_vec()
}

fn databases(random: &mut Random) -> Words {
    match random.below(4) {
        0 => vec![random.cased("MOVE"), key(random), database(random)],
        1 => vec![b"SELECT".to_vec(), random.pick(&["0", "1", "2"]).as_bytes().to_vec()],
        2 => vec![random.cased("SWAPDB"), database(random), database(random)],
        _ => {
            let name = random.pick(&["FLUSHDB", "FLUSHALL"]);
            let mode = random.pick(&["SYNC", "ASYNC", "bad"]);
            let mut words = vec![random.cased(name), random.cased(mode)];
            words.truncate(1 + random.below(2));
            words
        }
    }
}

fn object(random: &mut Random) -> Words {
    // HELP is answered by the session.
    let name = random.pick(&["ENCODING", "FREQ", "bad"]);
    vec![random.cased("OBJECT"), random.cased(name), key(random)]
}

/// With clean deadlines: what is left of an hour or a year, seen a moment later.
fn remaining(random: &mut Random) -> Step {
    let name = random.pick(&["EXPIRE", "TTL", "PTTL"]);
    let mut words = vec![random.cased(name), random.name("ttl", 3)];
    if name != "EXPIRE" && random.once_in(2) {
        words[1] = key(random);
    }
    if name == "EXPIRE" {
        words.push(random.pick(&["3600", "31536000"]).as_bytes().to_vec());
        (0..random.below(2)).for_each(|_| words.push(random.cased("NX")));
    }
    Step { words, same: Same::Near(5_000) }
}

/// Any command on keys, some on whole databases.
pub(crate) fn command(random: &mut Random) -> Words {
    let rare = if random.once_in(6) { databases } else { set };
    let family = random.pick(&[set, on_keys, on_key, expire, rename, copy, object, rare]);
    family(random)
}

#[test]
fn keys_answer_as_in_redis() {
    duel(|random| {
        if random.once_in(12) {
            return remaining(random);
        }
        if random.once_in(40) {
            // Whether Redis shares a small integer hangs on how it came there.
            return Step {
                words: vec![b"OBJECT".to_vec(), b"REFCOUNT".to_vec(), key(random)],
                same: Same::Shape,
            };
        }
        if random.once_in(20) {
            return Step {
                words: vec![b"SET".to_vec(), random.name("ttl", 3), b"v".to_vec()],
                same: Same::Exact,
            };
        }
        let mut words = command(random);
        random.spoil(&mut words);
        Step::exact(words)
    });
}

#[test]
fn walks_answer_as_in_redis() {
    duel(|random| match random.below(20) {
        0 => Step { words: vec![b"KEYS".to_vec(), pattern(random)], same: Same::AnyOrder },
        1 => Step::exact(vec![random.cased("DBSIZE")]),
        2 => Step { words: vec![random.cased("RANDOMKEY")], same: Same::Shape },
        3 => Step::exact(broken_scan(random)),
        4 => Step::exact(on_keys(random)),
        5 => Step::exact(databases(random)),
        _ => Step::exact(vec![b"SET".to_vec(), text_of(random, b"abc\xff^-"), b"v".to_vec()]),
    });
}

fn text_of(random: &mut Random, letters: &[u8]) -> Vec<u8> {
    (0..random.below(5)).map(|_| random.pick(letters)).collect()
}

fn pattern(random: &mut Random) -> Vec<u8> {
    if random.once_in(10) {
        return b"*".to_vec();
    }
    (0..random.below(7)).map(|_| random.pick(b"abc*?[]^-\\\xff")).collect()
}

/// A scan that fails, or ends at once: cursors of the two sides are not the same.
fn broken_scan(random: &mut Random) -> Words {
    let mut words = vec![random.cased("SCAN")];
    words.push(random.pick(&["x", " 0", "0x1", "99999999999999999999", "1 "]).as_bytes().to_vec());
    for _ in 0..random.below(3) {
        let option = random.pick(&["MATCH", "COUNT", "TYPE", "bad"]);
        words.extend([random.cased(option), random.integer()]);
    }
    words
}
