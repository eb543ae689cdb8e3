//! Hashes.

use super::sets::scan;
use super::support::{Random, Same, Step, Words, duel};

/// A key of a hash, or seldom of something else.
fn key(random: &mut Random) -> Vec<u8> {
    if random.once_in(15) { random.name("s", 2) } else { random.name("h", 3) }
}

fn field(random: &mut Random) -> Vec<u8> {
    if random.once_in(4) { random.text() } else { random.name("f", 8) }
}

/// A command, a key and some fields.
fn with_fields(random: &mut Random, name: &str) -> Words {
    let mut words = vec![random.cased(name), key(random)];
    words.extend((0..=random.below(5)).map(|_| field(random)));
    words
}

/// A command, a key and some fields with values.
fn with_pairs(random: &mut Random, name: &str) -> Words {
    let mut words = vec![random.cased(name), key(random)];
    for _ in 0..=random.below(4) {
        words.extend([field(random), random.text()]);
    }
    words
}

pub(crate) fn command(random: &mut Random) -> (Words, Same) {
    let words = match random.below(17) {
        0 | 1 => with_pairs(random, "HSET"),
        2 => with_pairs(random, "HMSET"),
        3 => vec![random.cased("HSETNX"), key(random), field(random), random.text()],
        4 => with_fields(random, "HDEL"),
        5 => vec![random.cased("HGET"), key(random), field(random)],
        6 => with_fields(random, "HMGET"),
        7 => vec![random.cased("HLEN"), key(random)],
        8 => vec![random.cased("HSTRLEN"), key(random), field(random)],
        9 => vec![random.cased("HEXISTS"), key(random), field(random)],
        10 => return (vec![random.cased("HGETALL"), key(random)], Same::AnyOrderOfPairs),
        11 => return (vec![random.cased("HKEYS"), key(random)], Same::AnyOrder),
        12 => return (vec![random.cased("HVALS"), key(random)], Same::AnyOrder),
        13 => vec![random.cased("HINCRBY"), key(random), field(random), random.integer()],
        14 => vec![random.cased("HINCRBYFLOAT"), key(random), field(random), random.double()],
        15 => vec![b"SET".to_vec(), random.name("s", 2), random.text()],
        _ => {
            let mut words = vec![random.cased("HDEL"), key(random)];
            words.extend((0..8).map(|n| format!("f{n}").into_bytes()));
            words
        }
    };
    (words, Same::Exact)
}

#[test]
fn hashes_answer_as_redis() {
    duel(|random| {
        let (mut words, same) = command(random);
        random.spoil(&mut words);
        Step { words, same }
    });
}

#[test]
fn random_fields_come_in_the_shape_of_redis() {
    duel(|random| {
        let counts =
            ["0", "1", "-1", "5", "-5", "7", "20", "-30", "x", "9223372036854775807", "-9223372036854775808"];
        let count = random.pick(&counts).as_bytes().to_vec();
        let mut words = match random.below(6) {
            0 => with_pairs(random, "HSET"),
            1 => with_fields(random, "HDEL"),
            2 => vec![random.cased("HRANDFIELD"), key(random)],
            3 => vec![b"SET".to_vec(), b"s0".to_vec(), b"v".to_vec()],
            4 => vec![random.cased("HRANDFIELD"), key(random), count],
            _ => vec![random.cased("HRANDFIELD"), key(random), count, random.cased("WITHVALUES")],
        };
        random.spoil(&mut words);
        Step { words, same: Same::Shape }
    });
}

#[test]
fn packed_hashes_are_scanned_in_one_step() {
    duel(|random| {
        let words = match random.below(4) {
            0 => vec![b"HSET".to_vec(), random.name("h", 3), random.name("1", 50), random.text()],
            1 => vec![b"HDEL".to_vec(), random.name("h", 3), random.name("1", 50)],
            _ => scan(random, "HSCAN", "h"),
        };
        Step { words, same: Same::Scan(2) }
    });
}

#[test]
fn hashes_are_packed_while_those_of_redis_are() {
    duel(|random| {
        let key = |random: &mut Random| random.name("h", 3);
        let words = match random.below(8) {
            0 => {
                let mut words = vec![b"HSET".to_vec(), key(random)];
                let start = random.below(4) * 200;
                (start..start + 200).for_each(|n| words.extend([n.to_string().into_bytes(), b"v".to_vec()]));
                words
            }
            1 => vec![b"HSET".to_vec(), key(random), vec![b'f'; random.below(70)], b"v".to_vec()],
            2 => vec![b"HSET".to_vec(), key(random), b"f".to_vec(), vec![b'v'; random.below(70)]],
            3 => vec![b"HSETNX".to_vec(), key(random), random.name("", 800), b"v".to_vec()],
            4 => vec![b"DEL".to_vec(), key(random)],
            5 => vec![b"HDEL".to_vec(), key(random), random.name("", 800)],
            _ => vec![b"OBJECT".to_vec(), b"ENCODING".to_vec(), key(random)],
        };
        Step::exact(words)
    });
}
