//! Sorted sets.
//!
//! Ranges by members (`BYLEX` and its kin) mean nothing where scores differ, and for a large set Redis's answer
//! then depends on chance: a large key of its own, where all scores are equal, is for these.

use super::support::{Random, Same, Step, Words, duel, words};

/// Ends of a range by scores.
const SCORE_ENDS: [&str; 16] = [
    "-inf", "+inf", "(-inf", "(+inf", "0", "(0", "(1", "1.5", "(1.5", "", "(", "nan", "1e400", " 1", "[1",
    "x",
];

/// Ends of a range by members.
const MEMBER_ENDS: [&[u8]; 14] =
    [b"-", b"+", b"[a", b"(a", b"[m1", b"(m1", b"[m2", b"(hello", b"[", b"(", b"", b"m1", b"++", b"[\xff"];

/// A key of a sorted set, or seldom of something else.
fn key(random: &mut Random) -> Vec<u8> {
    match random.below(30) {
        0 => random.name("x", 2),
        1..6 => random.name("p", 3),
        6..10 => random.name("big", 2),
        _ => random.name("z", 4),
    }
}

/// A key of a small set, mostly one whose scores are all equal, or of a large one where they are.
fn equal_key(random: &mut Random) -> Vec<u8> {
    match random.below(20) {
        0..3 => random.name("s", 2),
        3..7 => b"lbig".to_vec(),
        _ => random.name("l", 3),
    }
}

fn short_member(random: &mut Random) -> Vec<u8> {
    if random.once_in(12) { random.text() } else { random.name("m", 24) }
}

/// A member, seldom one that is too long for a packed set.
fn member(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 => [b"long".to_vec(), vec![b'x'; 57 + random.below(8)]].concat(),
        _ => short_member(random),
    }
}

fn score(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 => random.double(),
        1 => random.pick(&["1e17", "4e18", "5e18", "1e15", "0.1", "-0.1"]).as_bytes().to_vec(),
        _ => {
            let prefix = random.pick(&["", "-", "1."]);
            random.name(prefix, 12)
        }
    }
}

/// `ZADD` of so many members that the set is no longer packed.
fn zadd_many(random: &mut Random) -> Words {
    let (key, equal) =
        if random.once_in(3) { (b"lbig".to_vec(), true) } else { (random.name("big", 2), false) };
    let mut words = vec![random.cased("ZADD"), key];
    for _ in 0..random.below(60) + 1 {
        words.push(if equal { b"1".to_vec() } else { random.name("", 500) });
        words.push(random.name("m", 300));
    }
    words
}

fn zadd(random: &mut Random) -> Words {
    if random.once_in(5) {
        return zadd_many(random);
    }
    let mixed = random.once_in(10);
    let equal = !mixed && random.once_in(4);
    let key = match (mixed, equal) {
        (true, _) => random.name("s", 2),
        (_, true) => equal_key(random),
        _ => key(random),
    };
    let mut words = vec![random.cased("ZADD"), key];
    for _ in 0..random.below(6).saturating_sub(2) {
        let option = random.pick(&["NX", "XX", "GT", "LT", "CH", "CH", "INCR"]);
        if !(equal && option == "INCR") {
            words.push(random.cased(option));
        }
    }
    for _ in 0..1 + random.below(4).saturating_sub(1) {
        words.push(if equal { b"1".to_vec() } else { score(random) });
        words.push(if mixed || equal { short_member(random) } else { member(random) });
    }
    words
}

fn one(random: &mut Random) -> Words {
    match random.below(10) {
        0 => vec![random.cased("ZCARD"), key(random)],
        1 => vec![random.cased("ZSCORE"), key(random), member(random)],
        2 => vec![random.cased("ZMSCORE"), key(random), member(random), member(random)],
        3 => vec![random.cased("ZRANK"), key(random), member(random)],
        4 => vec![random.cased("ZREVRANK"), key(random), member(random)],
        5 => vec![random.cased("ZREM"), key(random), member(random), member(random)],
        6 => {
            vec![random.cased("ZINCRBY"), key(random), random.pick(&[b"NX", b"xx"]).to_vec(), member(random)]
        }
        _ => vec![random.cased("ZINCRBY"), key(random), score(random), member(random)],
    }
}

fn limit(random: &mut Random, words: &mut Words) {
    if random.once_in(2) {
        words.extend([random.cased("LIMIT"), random.integer(), random.integer()]);
    }
}

fn score_end(random: &mut Random) -> Vec<u8> {
    if random.once_in(2) { random.pick(&SCORE_ENDS).as_bytes().to_vec() } else { random.name("", 40) }
}

fn by_score(random: &mut Random) -> Words {
    let name = random.pick(&[
        "ZCOUNT",
        "ZRANGEBYSCORE",
        "ZREVRANGEBYSCORE",
        "ZREMRANGEBYSCORE",
        "ZRANGE",
        "ZRANGE",
        "ZRANGESTORE",
    ]);
    let mut words = vec![random.cased(name)];
    if name == "ZRANGESTORE" {
        words.push(key(random));
    }
    words.extend([key(random), score_end(random), score_end(random)]);
    if name == "ZREMRANGEBYSCORE" && random.once_in(2) {
        words[2] = words[3].clone();
    }
    if matches!(name, "ZRANGE" | "ZRANGESTORE") {
        words.push(random.cased("BYSCORE"));
        if random.once_in(2) {
            words.push(random.cased("REV"));
        }
    }
    if name != "ZREMRANGEBYSCORE" && name != "ZCOUNT" {
        limit(random, &mut words);
        if random.once_in(2) {
            words.push(random.cased("WITHSCORES"));
        }
    }
    words
}

fn by_member(random: &mut Random) -> Words {
    let name = random.pick(&[
        "ZLEXCOUNT",
        "ZRANGEBYLEX",
        "ZREVRANGEBYLEX",
        "ZREMRANGEBYLEX",
        "ZRANGE",
        "ZRANGE",
        "ZRANGESTORE",
    ]);
    let mut words = vec![random.cased(name)];
    if name == "ZRANGESTORE" {
        words.push(random.name("d", 2));
    }
    words.extend([equal_key(random), random.pick(&MEMBER_ENDS).to_vec(), random.pick(&MEMBER_ENDS).to_vec()]);
    if matches!(name, "ZRANGE" | "ZRANGESTORE") {
        words.push(random.cased("BYLEX"));
        if random.once_in(2) {
            words.push(random.cased("REV"));
        }
    }
    if name != "ZREMRANGEBYLEX" && name != "ZLEXCOUNT" {
        limit(random, &mut words);
        if random.once_in(20) {
            words.push(random.cased("WITHSCORES"));
        }
    }
    words
}

fn by_rank(random: &mut Random) -> Words {
    let name = random.pick(&["ZRANGE", "ZRANGE", "ZREVRANGE", "ZRANGESTORE", "ZREMRANGEBYRANK"]);
    let mut words = vec![random.cased(name)];
    if name == "ZRANGESTORE" {
        words.push(key(random));
    }
    words.extend([key(random), random.integer(), random.integer()]);
    for _ in 0..random.below(3) {
        let option = random.pick(&["WITHSCORES", "WITHSCORES", "REV", "LIMIT"]);
        match option {
            "LIMIT" => limit(random, &mut words),
            _ => words.push(random.cased(option)),
        }
    }
    words
}

fn pop(random: &mut Random) -> Words {
    let name = random.pick(&["ZPOPMIN", "ZPOPMAX", "ZMPOP"]);
    let mut words = vec![random.cased(name)];
    if name == "ZMPOP" {
        let count = 1 + random.below(3);
        words.push(if random.once_in(8) { b"x".to_vec() } else { count.to_string().into_bytes() });
        words.extend((0..count).map(|_| key(random)));
        words.push(random.pick(&[b"MIN" as &[u8], b"max", b"MAX", b"mid"]).to_vec());
        if random.once_in(2) {
            words.extend([random.cased("COUNT"), random.integer()]);
        }
    } else {
        words.push(key(random));
        if random.once_in(2) {
            words.push(random.integer());
        }
    }
    words
}

fn algebra(random: &mut Random) -> Words {
    let name =
        random.pick(&["ZUNION", "ZINTER", "ZDIFF", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "ZINTERCARD"]);
    let mut words = vec![random.cased(name)];
    if name.ends_with("STORE") {
        words.push(key(random));
    }
    let count = 1 + random.below(3);
    words.push(if random.once_in(12) { random.integer() } else { count.to_string().into_bytes() });
    words.extend((0..count).map(|_| key(random)));
    for _ in 0..random.below(3) {
        match random.below(4) {
            0 => {
                words.push(random.cased("WEIGHTS"));
                words.extend(
                    (0..count).map(|_| if random.once_in(9) { random.double() } else { random.name("", 4) }),
                );
            }
            1 => {
                let aggregate = random.pick(&["SUM", "MIN", "MAX", "AVG"]);
                words.extend([random.cased("AGGREGATE"), random.cased(aggregate)]);
            }
            2 => words.push(random.cased("WITHSCORES")),
            _ => words.extend([random.cased("LIMIT"), random.integer()]),
        }
    }
    words
}

/// `ZSCAN` of small sets, which Redis answers whole and in order; or what it needs.
fn zscan(random: &mut Random) -> Words {
    if random.once_in(2) {
        return vec![b"ZADD".to_vec(), random.name("scan", 2), score(random), random.name("m", 24)];
    }
    let cursor = random.pick(&[b"0" as &[u8], b"0", b"0", b"1", b"x", b"-1"]).to_vec();
    let mut words = vec![random.cased("ZSCAN"), random.name("scan", 2), cursor];
    if random.once_in(2) {
        let pattern = random.pick(&[b"*" as &[u8], b"m1*", b"[^m]*", b"?1"]).to_vec();
        words.extend([random.cased("MATCH"), pattern]);
    }
    if random.once_in(2) {
        words.extend([random.cased("COUNT"), random.integer()]);
    }
    words
}

fn zrandmember(random: &mut Random) -> Step {
    let mut words = vec![random.cased("ZRANDMEMBER"), key(random)];
    if random.once_in(2) {
        let count = random.integer();
        // So many members that one side or the other refuses them are not compared.
        let short = count.len() < 4;
        words.push(if short { count } else { b"7".to_vec() });
        if random.once_in(2) {
            words.push(random.cased("WITHSCORES"));
        }
    }
    Step { words, same: Same::Shape }
}

pub(crate) fn step(random: &mut Random) -> Step {
    let mut words = match random.below(16) {
        0..4 => zadd(random),
        4..6 => one(random),
        6..8 => by_score(random),
        8..10 => by_member(random),
        10..12 => by_rank(random),
        12 => pop(random),
        13 => algebra(random),
        14 => match random.below(4) {
            0 => return zrandmember(random),
            1 => zscan(random),
            2 => vec![b"SET".to_vec(), random.name("x", 2), random.text()],
            _ => [vec![b"SADD".to_vec(), random.name("p", 3)], vec![member(random), member(random)]].concat(),
        },
        _ => algebra(random),
    };
    // A broken command must not make the scores of the large key differ.
    if !words.contains(&b"lbig".to_vec()) {
        random.spoil(&mut words);
    }
    Step::exact(words)
}

#[test]
fn sorted_sets_answer_as_redis() {
    duel(step);
}

#[test]
fn members_at_random_come_in_the_shapes_of_redis() {
    duel(|random| match random.below(5) {
        0..2 => Step::exact(zadd_many(random)),
        2 => Step::exact(vec![b"DEL".to_vec(), key(random)]),
        _ => zrandmember(random),
    });
}

#[test]
fn numbers_and_options_at_their_limits_are_refused_as_by_redis() {
    let lines = [
        "ZADD z inf a -inf b",
        "ZINCRBY z -inf a",
        "ZADD z INCR +inf b",
        "ZADD z XX INCR 1 nobody",
        "ZADD z 1e400 c",
        "ZADD z 1e-400 c",
        "ZADD z 0e400 c",
        "ZADD z NX XX 1 a",
        "ZADD z NX GT 1 a",
        "ZADD z GT LT 1 a",
        "ZADD z INCR 1 a 2 b",
        "ZADD z CH",
        "ZADD z 1 a 2",
        "ZADD z x a 2",
        "ZRANDMEMBER z -9223372036854775808",
        "ZRANDMEMBER z 9223372036854775807 WITHSCORES",
        "ZRANDMEMBER z 1 WITHSCORES x",
        "ZUNION 0 z",
        "ZUNIONSTORE d 0 z",
        "ZINTERCARD 0 z",
        "ZDIFF -1 z",
        "ZUNION 3 z z",
        "ZUNION 2 z z WEIGHTS 1",
        "ZUNION 2 z z WEIGHTS 1 x",
        "ZUNION 2 z z AGGREGATE avg",
        "ZINTER 2 z z WITHSCORES AGGREGATE min WEIGHTS -1 1",
        "ZINTERSTORE d 2 z z WITHSCORES",
        "ZINTERCARD 1 z LIMIT -1",
        "ZINTERCARD 1 z LIMIT x",
        "ZMPOP 0 z MIN",
        "ZMPOP 1 z MIN COUNT 0",
        "ZMPOP 1 nothing MIN",
        "ZPOPMIN z -1",
        "ZPOPMIN z x",
        "ZPOPMIN nothing 0",
        "ZRANGE z 0 -1 LIMIT 0 1",
        "ZRANGE z - + BYLEX WITHSCORES",
        "ZRANGE z 0 -1 BYSCORE BYLEX",
    ];
    duel(|random| Step::exact(words(random.pick(&lines))));
}
