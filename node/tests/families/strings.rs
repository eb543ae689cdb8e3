//! Strings.

use super::support::{Random, Step, Words, duel};

/// Amounts of a deadline: far in the future, or invalid. Near ones would depend on the clock.
const AMOUNTS: [&str; 8] = ["4000000000", "4000000000000", "0", "-1", "9223372036854775807", "x", "", "1e3"];

fn key(random: &mut Random) -> Vec<u8> {
    random.name("k", 6)
}

fn options(random: &mut Random, words: &mut Words, names: &[&str]) {
    for _ in 0..random.below(3) {
        let option = random.pick(names);
        words.push(random.cased(option));
        if matches!(option, "EX" | "PX" | "EXAT" | "PXAT") {
            words.push(random.pick(&AMOUNTS).as_bytes().to_vec());
        }
    }
}

fn set(random: &mut Random) -> Words {
    let mut words = vec![random.cased("SET"), key(random), random.text()];
    options(random, &mut words, &["NX", "XX", "GET", "KEEPTTL", "EX", "PX", "EXAT", "PXAT", "bad"]);
    words
}

fn getex(random: &mut Random) -> Words {
    let mut words = vec![random.cased("GETEX"), key(random)];
    options(random, &mut words, &["PERSIST", "PERSIST", "EX", "PX", "EXAT", "PXAT", "KEEPTTL"]);
    words
}

fn part(random: &mut Random) -> Words {
    let offset = if random.once_in(3) { random.integer() } else { random.name("", 30) };
    match random.below(5) {
        0 => vec![random.cased("APPEND"), key(random), random.text()],
        // An offset between the longest string and some megabytes costs both sides memory only.
        1 if offset.len() < 4 || offset.len() > 9 => {
            vec![random.cased("SETRANGE"), key(random), offset, random.text()]
        }
        2 => vec![random.cased("SUBSTR"), key(random), offset, random.integer()],
        3 => vec![random.cased("STRLEN"), key(random)],
        _ => vec![random.cased("GETRANGE"), key(random), random.integer(), random.integer()],
    }
}

fn many(random: &mut Random) -> Words {
    let mut words = vec![random.pick(&["MGET", "MSET", "MSETNX"]).as_bytes().to_vec()];
    let count = if random.once_in(20) { 60 } else { random.below(6) };
    (0..count).for_each(|_| words.push(if random.once_in(2) { key(random) } else { random.name("n", 90) }));
    words
}

fn counter(random: &mut Random) -> Words {
    let name = random.pick(&["INCR", "DECR", "INCRBY", "DECRBY", "INCRBYFLOAT"]);
    let mut words = vec![random.cased(name), random.name("c", 4)];
    match name {
        "INCRBY" | "DECRBY" => words.push(random.integer()),
        "INCRBYFLOAT" => words.push(random.double()),
        _ => {}
    }
    words
}

fn lcs(random: &mut Random) -> Words {
    let mut words = vec![random.cased("LCS"), key(random), key(random)];
    options(random, &mut words, &["LEN", "IDX", "WITHMATCHLEN", "MINMATCHLEN"]);
    if words.last().is_some_and(|word| word.eq_ignore_ascii_case(b"MINMATCHLEN")) {
        words.push(random.integer());
    }
    words
}

fn simple(random: &mut Random) -> Words {
    match random.below(6) {
        0 => vec![random.cased("GET"), key(random)],
        1 => vec![random.cased("GETDEL"), key(random)],
        2 => vec![random.cased("GETSET"), key(random), random.text()],
        3 => vec![random.cased("SETNX"), key(random), random.text()],
        4 => vec![b"SETEX".to_vec(), key(random), random.pick(&AMOUNTS).as_bytes().to_vec(), random.text()],
        _ => vec![b"PSETEX".to_vec(), key(random), random.pick(&AMOUNTS).as_bytes().to_vec(), random.text()],
    }
}

/// Any command on strings.
pub(crate) fn command(random: &mut Random) -> Words {
    let family = random.pick(&[set, getex, part, many, counter, lcs, simple]);
    family(random)
}

#[test]
fn strings_answer_as_in_redis() {
    duel(|random| {
        let mut words = command(random);
        random.spoil(&mut words);
        Step::exact(words)
    });
}

/// A decimal of up to 25 digits with a point and perhaps an exponent.
fn decimal(random: &mut Random) -> Vec<u8> {
    let mut text = random.pick(&["", "-", "+"]).to_owned();
    let len = 1 + random.below(25);
    let point = random.below(30);
    for at in 0..len {
        if at == point {
            text.push('.');
        }
        text.push(char::from(b'0' + u8::try_from(random.below(10)).unwrap()));
    }
    if random.once_in(3) {
        text.push_str(&format!("e{}", i64::try_from(random.below(60)).unwrap() - 30));
    }
    if random.once_in(50) {
        text.push_str(&format!("e{}", i64::try_from(random.below(11_000)).unwrap() - 5_500));
    }
    text.into_bytes()
}

#[test]
fn floats_are_added_as_redis_adds_them() {
    duel(|random| {
        let counter = random.name("c", 50);
        Step::exact(match random.below(3) {
            0 => vec![b"SET".to_vec(), counter, decimal(random)],
            _ => vec![b"INCRBYFLOAT".to_vec(), counter, decimal(random)],
        })
    });
}
