//! `SORT`, and keys of every type that are copied, renamed and looked at.

use super::support::{Random, Same, Step, Words, duel, words};

/// Keys of many slots, some of one.
fn key(random: &mut Random) -> Vec<u8> {
    if random.once_in(2) { random.name("{t}k", 4) } else { random.name("k", 4) }
}

/// Mostly numbers, so that most sorts succeed. None that overflows: Redis keeps C's error of that and lets later
/// sorts fail for it. None with a zero byte: Redis compares texts to the first one and leaves equal ones in chance order.
fn element(random: &mut Random) -> Vec<u8> {
    match random.below(60) {
        0 => random.pick(&[&b""[..], b"abc", b"A", b"\r\n", b"\xff\xfe", b"foobar"]).to_vec(),
        1 => random.pick(&[" 7", "7 ", "inf", "-inf", "nan", "0.5"]).as_bytes().to_vec(),
        _ => random.name("", 30),
    }
}

fn fill(random: &mut Random) -> Words {
    let name = random.pick(&["RPUSH", "SADD", "ZADD", "HSET"]);
    let mut words = vec![name.as_bytes().to_vec(), key(random)];
    for _ in 0..1 + random.below(12) {
        if matches!(name, "ZADD" | "HSET") {
            words.push(random.name("", 30));
        }
        words.push(element(random));
    }
    words
}

/// Keys that patterns name: weights, and hashes with a field `f`.
fn named(random: &mut Random) -> Words {
    match random.below(3) {
        0 => vec![b"SET".to_vec(), random.name("w_", 30), random.name("", 9)],
        1 => vec![b"HSET".to_vec(), random.name("h_", 30), b"f".to_vec(), random.name("", 9)],
        _ => vec![b"DEL".to_vec(), random.name("w_", 30)],
    }
}

/// Sorts by what other keys hold. Elements of equal texts come in chance order.
fn sort_by_others(random: &mut Random) -> Step {
    let mut words = vec![random.pick(&["SORT", "SORT_RO"]).as_bytes().to_vec(), key(random)];
    let by = random.pick(&["w_*", "h_*->f", "none_*", "h_*", "w_*->"]);
    words.extend([random.cased("BY"), by.as_bytes().to_vec()]);
    for _ in 0..random.below(3) {
        let get = random.pick(&["#", "w_*", "h_*->f", "h_*->none", "none"]);
        words.extend([random.cased("GET"), get.as_bytes().to_vec()]);
    }
    let by_text = random.once_in(3);
    if by_text {
        words.push(random.cased("ALPHA"));
    } else if random.once_in(2) {
        words.extend([random.cased("LIMIT"), random.integer(), random.integer()]);
    }
    if random.once_in(3) {
        words.push(random.cased("DESC"));
    }
    Step { words, same: if by_text { Same::AnyOrder } else { Same::Exact } }
}

fn sort(random: &mut Random) -> Step {
    let mut words = vec![random.pick(&["SORT", "SORT", "SORT_RO"]).as_bytes().to_vec(), key(random)];
    let mut same = Same::Exact;
    for _ in 0..random.below(5) {
        match random.below(9) {
            0 => words.push(random.cased("ASC")),
            1 | 2 => words.push(random.cased("DESC")),
            3 => words.push(random.cased("ALPHA")),
            4 => words.extend([random.cased("LIMIT"), random.integer(), random.integer()]),
            5 => words.extend([random.cased("STORE"), key(random)]),
            6 => {
                // A set in its own order: that of a table on each side.
                words.extend([random.cased("BY"), b"nosort".to_vec()]);
                same = Same::AnyOrder;
            }
            7 => words.extend([random.cased("GET"), random.pick(&[&b"#"[..], b"none"]).to_vec()]),
            _ => words.push(b"bad".to_vec()),
        }
    }
    if matches!(same, Same::AnyOrder) && words.iter().any(|word| word.eq_ignore_ascii_case(b"LIMIT")) {
        same = Same::Shape;
    }
    Step { words, same }
}

fn on_any(random: &mut Random) -> Words {
    let lines = [
        "TYPE K",
        "COPY K K",
        "COPY K K REPLACE",
        "COPY K K DB 1",
        "RENAME K K",
        "RENAMENX K K",
        "DEL K",
        "GET K",
        "APPEND K x",
        "INCR K",
        "STRLEN K",
        "SETRANGE K 1 x",
        "GETRANGE K 0 1",
        "GETDEL K",
        "GETEX K",
        "LCS K K",
        "INCRBYFLOAT K 1",
        "GETSET K v",
        "SET K v GET",
        "MGET K K K",
        "PEXPIREAT K 4000000000000",
        "PERSIST K",
        "PEXPIRETIME K",
        "LRANGE K 0 -1",
        "LLEN K",
        "SCARD K",
        "ZCARD K",
        "ZRANGE K 0 -1 WITHSCORES",
        "HLEN K",
        "SELECT 1",
        "SELECT 0",
        "SELECT 0",
        "MOVE K 1",
        "OBJECT FREQ K",
    ];
    let line = words(random.pick(&lines));
    line.into_iter().map(|word| if word == b"K" { key(random) } else { word }).collect()
}

#[test]
fn sorts_and_values_of_all_types_answer_as_in_redis() {
    duel(|random| match random.below(8) {
        0 | 1 => Step::exact(fill(random)),
        2 => Step { words: vec![b"SMEMBERS".to_vec(), key(random)], same: Same::AnyOrder },
        3 => Step { words: vec![b"HGETALL".to_vec(), key(random)], same: Same::AnyOrderOfPairs },
        4 => Step::exact(on_any(random)),
        5 => Step::exact(vec![b"DEL".to_vec(), key(random)]),
        6 if random.once_in(2) => Step::exact(named(random)),
        6 => sort_by_others(random),
        _ => sort(random),
    });
}
