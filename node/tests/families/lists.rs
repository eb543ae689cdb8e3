//! Lists.

use super::support::{Random, Step, Words, duel, words};

/// A key of a list, or seldom of something else.
fn key(random: &mut Random) -> Vec<u8> {
    if random.once_in(15) { random.name("s", 2) } else { random.name("l", 4) }
}

fn end(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => random.text(),
        side if side % 2 == 0 => random.cased("LEFT"),
        _ => random.cased("RIGHT"),
    }
}

/// A command and `count` values.
fn with_values(random: &mut Random, name: &str) -> Words {
    let count = 1 + random.below(6);
    let mut words = vec![random.cased(name), key(random)];
    words.extend((0..count).map(|_| random.text()));
    words
}

fn lpos(random: &mut Random) -> Words {
    let mut words = vec![random.cased("LPOS"), key(random), random.text()];
    for _ in 0..random.below(4) {
        let option = random.pick(&["RANK", "COUNT", "MAXLEN"]);
        words.extend([random.cased(option), random.integer()]);
    }
    words
}

fn lmpop(random: &mut Random) -> Words {
    let count = 1 + random.below(3);
    let numkeys = if random.once_in(6) { random.integer() } else { count.to_string().into_bytes() };
    let mut words = vec![random.cased("LMPOP"), numkeys];
    words.extend((0..count).map(|_| key(random)));
    words.push(end(random));
    for _ in 0..random.below(6).saturating_sub(3) {
        words.extend([random.cased("COUNT"), random.integer()]);
    }
    words
}

pub(crate) fn command(random: &mut Random) -> Words {
    match random.below(24) {
        0..3 => with_values(random, "LPUSH"),
        3..6 => with_values(random, "RPUSH"),
        6 => with_values(random, "LPUSHX"),
        7 => with_values(random, "RPUSHX"),
        8 => vec![random.cased("LPOP"), key(random)],
        9 => vec![random.cased("RPOP"), key(random)],
        10 => vec![random.cased("LPOP"), key(random), random.integer()],
        11 => vec![random.cased("RPOP"), key(random), random.integer()],
        12 => lmpop(random),
        13 => vec![random.cased("LLEN"), key(random)],
        14 => vec![random.cased("LRANGE"), key(random), random.integer(), random.integer()],
        15 => vec![random.cased("LINDEX"), key(random), random.integer()],
        16 => vec![random.cased("LSET"), key(random), random.integer(), random.text()],
        17 => {
            let side = if random.once_in(2) { "BEFORE" } else { "AFTER" };
            vec![random.cased("LINSERT"), key(random), random.cased(side), random.text(), random.text()]
        }
        18 => vec![random.cased("LREM"), key(random), random.integer(), random.text()],
        19 if random.once_in(3) => {
            vec![random.cased("LTRIM"), key(random), random.integer(), random.integer()]
        }
        19 | 20 => lpos(random),
        21 => vec![random.cased("LMOVE"), key(random), key(random), end(random), end(random)],
        22 => vec![random.cased("RPOPLPUSH"), key(random), key(random)],
        _ => vec![b"SET".to_vec(), random.name("s", 2), random.text()],
    }
}

#[test]
fn lists_answer_as_redis() {
    duel(|random| {
        let mut words = command(random);
        random.spoil(&mut words);
        Step::exact(words)
    });
}

#[test]
fn long_lists_are_cut_and_searched_as_redis_does() {
    duel(|random| {
        let position = |random: &mut Random| (random.below(700) as i64 - 350).to_string().into_bytes();
        Step::exact(match random.below(12) {
            0..5 => {
                let mut words = words(random.pick(&["RPUSH l", "LPUSH l"]));
                words.extend((0..40).map(|_| random.name("", 30)));
                words
            }
            5 => vec![b"LREM".to_vec(), b"l".to_vec(), random.integer(), random.name("", 30)],
            6 => vec![
                b"LINSERT".to_vec(),
                b"l".to_vec(),
                b"AFTER".to_vec(),
                random.name("", 30),
                random.text(),
            ],
            7 => words("LTRIM l 100 -100"),
            8 => vec![b"LPOP".to_vec(), b"l".to_vec(), random.name("", 60)],
            9 => vec![b"LRANGE".to_vec(), b"l".to_vec(), position(random), position(random)],
            10 => vec![b"LSET".to_vec(), b"l".to_vec(), position(random), random.text()],
            _ => vec![b"LINDEX".to_vec(), b"l".to_vec(), position(random)],
        })
    });
}
