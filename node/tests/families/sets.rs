//! Sets.

use super::support::{Random, Same, Step, Words, duel, words};

/// A key of a set, or seldom of something else.
fn key(random: &mut Random) -> Vec<u8> {
    if random.once_in(15) { random.name("x", 2) } else { random.name("s", 5) }
}

/// A command, a key and some members.
fn with_members(random: &mut Random, name: &str) -> Words {
    let mut words = vec![random.cased(name), key(random)];
    words.extend((0..=random.below(6)).map(|_| random.text()));
    words
}

/// A command and some keys.
fn with_keys(random: &mut Random, name: &str) -> Words {
    let mut words = vec![random.cased(name)];
    words.extend((0..=random.below(4)).map(|_| key(random)));
    words
}

fn sintercard(random: &mut Random) -> Words {
    let count = 1 + random.below(3);
    let numkeys = if random.once_in(6) { random.integer() } else { count.to_string().into_bytes() };
    let mut words = vec![random.cased("SINTERCARD"), numkeys];
    words.extend((0..count).map(|_| key(random)));
    for _ in 0..random.below(6).saturating_sub(3) {
        words.extend([random.cased("LIMIT"), random.integer()]);
    }
    words
}

pub(crate) fn read(random: &mut Random) -> Words {
    match random.below(9) {
        0 => vec![random.cased("SCARD"), key(random)],
        1 => vec![random.cased("SISMEMBER"), key(random), random.text()],
        2 => with_members(random, "SMISMEMBER"),
        3 => sintercard(random),
        4 => with_keys(random, "SINTER"),
        5 => with_keys(random, "SUNION"),
        6 => with_keys(random, "SDIFF"),
        _ => vec![random.cased("SMEMBERS"), key(random)],
    }
}

pub(crate) fn write(random: &mut Random) -> Words {
    match random.below(10) {
        0..4 => with_members(random, "SADD"),
        4 => with_members(random, "SREM"),
        5 => vec![random.cased("SMOVE"), key(random), key(random), random.text()],
        6 => with_keys(random, "SINTERSTORE"),
        7 => with_keys(random, "SUNIONSTORE"),
        8 => with_keys(random, "SDIFFSTORE"),
        _ => vec![b"SET".to_vec(), random.name("x", 2), random.text()],
    }
}

#[test]
fn sets_answer_as_redis() {
    duel(|random| {
        let mut words = if random.once_in(2) { read(random) } else { write(random) };
        random.spoil(&mut words);
        Step { words, same: Same::AnyOrder }
    });
}

/// A count that does not ask for millions of members.
fn small_count(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => random
            .pick(&["", "abc", "1.0", "9223372036854775807", "9223372036854775808", "-9223372036854775808"])
            .into(),
        _ => (random.below(40) as i64 - 20).to_string().into_bytes(),
    }
}

#[test]
fn random_members_come_in_the_shape_of_redis() {
    const ALL: &str = "SADD r 0 1 2 3 4 5 6 7 8 9 a b c d e f";
    duel(|random| {
        let (words, same) = match random.below(10) {
            0 => (words(ALL), Same::Exact),
            1 => (words("SCARD r"), Same::Exact),
            2 => (words("SPOP r"), Same::Shape),
            3 => (vec![random.cased("SPOP"), b"r".to_vec(), small_count(random)], Same::Shape),
            4 => (vec![random.cased("SRANDMEMBER"), random.name("r", 2)], Same::Shape),
            5 => (vec![random.cased("SRANDMEMBER"), b"r".to_vec(), small_count(random)], Same::Shape),
            6 => (vec![random.cased("SPOP"), random.name("x", 2), small_count(random)], Same::Exact),
            7 => (vec![b"SRANDMEMBER".to_vec(), random.name("x", 2), small_count(random)], Same::Exact),
            8 => (vec![random.cased("SET"), b"x0".to_vec(), b"v".to_vec()], Same::Exact),
            _ => (
                words(random.pick(&["SPOP", "SPOP r 1 2", "SRANDMEMBER r 1 2", "SPOP nobody", "SPOP x0"])),
                Same::Exact,
            ),
        };
        Step { words, same }
    });
}

/// A packed set is one of integers; any other is walked through in the order of hashes, so its replies are not
/// compared here.
#[test]
fn packed_sets_are_scanned_in_one_step() {
    duel(|random| {
        let words = match random.below(4) {
            0 => vec![b"SADD".to_vec(), random.name("s", 3), random.name("", 50), random.name("-1", 50)],
            1 => vec![b"SREM".to_vec(), random.name("s", 3), random.name("", 50)],
            _ => scan(random, "SSCAN", "s"),
        };
        Step { words, same: Same::Scan(1) }
    });
}

/// A walk with options, some of them broken.
pub(super) fn scan(random: &mut Random, name: &str, prefix: &str) -> Words {
    let key = if random.once_in(6) { b"nobody".to_vec() } else { random.name(prefix, 3) };
    let cursor = if random.once_in(4) { random.integer() } else { b"0".to_vec() };
    let mut words = vec![random.cased(name), key, cursor];
    for _ in 0..random.below(3) {
        match random.below(4) {
            0 => words.extend([random.cased("COUNT"), random.integer()]),
            1 => words.extend([random.cased("TYPE"), b"set".to_vec()]),
            _ => {
                let pattern = random.pick(&[
                    "*", "1*", "?", "[0-3]*", "*[!1]", "[^1-2]*", "-*", "\\1*", "[", "[1", "**5", "",
                ]);
                words.extend([random.cased("MATCH"), pattern.into()]);
            }
        }
    }
    random.spoil(&mut words);
    words
}

#[test]
fn sets_are_packed_while_those_of_redis_are() {
    duel(|random| {
        let member =
            |random: &mut Random| if random.once_in(8) { random.text() } else { random.name("", 2_000) };
        let key = |random: &mut Random| random.name("s", 4);
        let words = match random.below(8) {
            0 => {
                let mut words = vec![b"SADD".to_vec(), key(random)];
                let start = random.below(4) * 200;
                words.extend((start..start + 200).map(|n| n.to_string().into_bytes()));
                words
            }
            1 => vec![b"SADD".to_vec(), key(random), member(random)],
            2 => vec![b"SREM".to_vec(), key(random), member(random)],
            3 => vec![b"SMOVE".to_vec(), key(random), key(random), member(random)],
            4 => vec![
                random.pick(&[b"SUNIONSTORE", b"SINTERSTORE"]).to_vec(),
                key(random),
                key(random),
                key(random),
            ],
            5 => vec![b"SDIFFSTORE".to_vec(), key(random), key(random), key(random)],
            _ => vec![b"OBJECT".to_vec(), b"ENCODING".to_vec(), key(random)],
        };
        Step::exact(words)
    });
}
