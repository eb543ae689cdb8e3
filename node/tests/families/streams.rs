//! Streams.

use super::support::{Random, Same, Step, Words, duel};

/// A key of a stream, or seldom of something else.
fn key(random: &mut Random) -> Vec<u8> {
    if random.once_in(20) { random.name("x", 2) } else { random.name("s", 3) }
}

fn group(random: &mut Random) -> Vec<u8> {
    random.name("g", 3)
}

fn consumer(random: &mut Random) -> Vec<u8> {
    random.name("c", 3)
}

/// Ids that break careless parsing and arithmetic.
const IDS: [&str; 26] = [
    "0",
    "0-0",
    "0-1",
    "0-*",
    "5-*",
    "-",
    "+",
    "*",
    "$",
    ">",
    "(5",
    "(5-3",
    "(0-0",
    "(18446744073709551615-18446744073709551615",
    "18446744073709551615",
    "18446744073709551615-18446744073709551614",
    "18446744073709551615-18446744073709551615",
    "18446744073709551616-1",
    "007-01",
    " 5-+3",
    "5--1",
    "-5",
    "5-",
    "",
    "a-1",
    "9223372036854775808-9223372036854775808",
];

/// An id of a few dozen, so that entries are met; seldom a strange one.
fn id(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 if random.once_in(6) => random.pick(&IDS).as_bytes().to_vec(),
        6.. => format!("60-{}", random.below(250)).into_bytes(),
        0..3 => random.below(60).to_string().into_bytes(),
        _ => format!("{}-{}", random.below(60), random.below(4)).into_bytes(),
    }
}

/// The end of a range.
fn end(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => b"-".to_vec(),
        1 => b"+".to_vec(),
        2 => [b"(".to_vec(), id(random)].concat(),
        _ => id(random),
    }
}

fn count(random: &mut Random) -> Vec<u8> {
    if random.once_in(8) { random.integer() } else { random.below(6).to_string().into_bytes() }
}

/// Names and values: mostly the same names, so that blocks share them.
fn fields(random: &mut Random) -> Words {
    let value = |random: &mut Random| match random.below(40) {
        0 => vec![b'v'; random.below(5000)],
        1 => (random.bits() >> random.below(64)).to_string().into_bytes(),
        2 => format!("-{}", random.bits() >> random.below(64)).into_bytes(),
        _ => random.text(),
    };
    let mut words = Vec::new();
    for index in 0..=random.below(3) {
        let name = if random.once_in(4) { random.text() } else { format!("f{index}").into_bytes() };
        words.extend([name, value(random)]);
    }
    words
}

/// `MAXLEN` or `MINID`, once in a while in a wrong way.
fn limit(random: &mut Random) -> Words {
    let mut words = if random.once_in(2) {
        vec![random.cased("MAXLEN"), random.below(400).to_string().into_bytes()]
    } else {
        vec![random.cased("MINID"), id(random)]
    };
    match random.below(4) {
        0 => words.insert(1, b"=".to_vec()),
        1 => words.insert(1, b"~".to_vec()),
        _ => {}
    }
    if random.once_in(6) {
        words.extend([random.cased("LIMIT"), random.integer()]);
    }
    words
}

fn add(random: &mut Random) -> Words {
    let mut words = vec![random.cased("XADD"), key(random)];
    if random.once_in(12) {
        words.push(random.cased("NOMKSTREAM"));
    }
    if random.once_in(8) {
        words.extend(limit(random));
    }
    // Ids ascend by time or by number of a time: those that a stream takes become rare with its last one.
    words.push(match random.below(10) {
        0 if random.once_in(4) => id(random),
        1 => format!("{}-*", random.below(60)).into_bytes(),
        _ => b"60-*".to_vec(),
    });
    words.extend(fields(random));
    words
}

fn edit(random: &mut Random) -> Words {
    match random.below(12) {
        0..5 => {
            let mut words = vec![random.cased("XDEL"), key(random)];
            words.extend((0..=random.below(3)).map(|_| id(random)));
            words
        }
        5..8 => {
            let mut words = vec![random.cased("XTRIM"), key(random)];
            words.extend(limit(random));
            words
        }
        8 if random.once_in(2) => vec![random.cased("DEL"), key(random)],
        8 => vec![b"SET".to_vec(), random.name("x", 2), random.text()],
        9 => vec![random.cased("COPY"), key(random), key(random), random.cased("REPLACE")],
        10 => vec![random.cased("RENAME"), key(random), key(random)],
        _ => {
            let mut words = vec![random.cased("XSETID"), key(random), id(random)];
            if !random.once_in(4) {
                words[2] = b"60-300".to_vec();
            }
            if random.once_in(2) {
                words.extend([random.cased("ENTRIESADDED"), random.below(300).to_string().into_bytes()]);
            }
            if random.once_in(2) {
                words.extend([random.cased("MAXDELETEDID"), id(random)]);
            }
            words
        }
    }
}

fn read(random: &mut Random) -> Words {
    match random.below(7) {
        0 => vec![random.cased("XLEN"), key(random)],
        1 | 2 => {
            let mut words = vec![random.cased("XRANGE"), key(random), end(random), end(random)];
            if random.once_in(2) {
                words.extend([random.cased("COUNT"), count(random)]);
            }
            words
        }
        3 => vec![
            random.cased("XREVRANGE"),
            key(random),
            end(random),
            end(random),
            b"COUNT".to_vec(),
            count(random),
        ],
        4 => {
            let mut words = vec![random.cased("XREAD"), random.cased("COUNT"), count(random)];
            words.push(random.cased("STREAMS"));
            let streams = 1 + random.below(3);
            words.extend((0..streams).map(|_| key(random)));
            words.extend((0..streams).map(|_| if random.once_in(9) { b"$".to_vec() } else { id(random) }));
            words
        }
        5 => vec![random.cased("XINFO"), random.cased("STREAM"), key(random)],
        _ => vec![b"OBJECT".to_vec(), b"ENCODING".to_vec(), key(random)],
    }
}

#[test]
fn streams_answer_as_redis() {
    duel(|random| {
        let mut words = match random.below(8) {
            0..4 => add(random),
            4 => edit(random),
            _ => read(random),
        };
        random.spoil(&mut words);
        Step::exact(words)
    });
}

/// New entries with the ids of few times, in few keys: groups have something to read.
fn simple_add(random: &mut Random) -> Words {
    let id = if random.once_in(40) { id(random) } else { b"60-*".to_vec() };
    let mut words = vec![random.cased("XADD"), random.name("s", 2), id];
    words.extend(fields(random));
    words
}

fn change_group(random: &mut Random) -> Words {
    let name = random.pick(&["CREATE", "CREATE", "SETID", "DESTROY", "CREATECONSUMER", "DELCONSUMER"]);
    if name == "DESTROY" && !random.once_in(4) {
        return read_group(random);
    }
    let mut words = vec![random.cased("XGROUP"), random.cased(name), key(random), group(random)];
    match name {
        "CREATE" | "SETID" => {
            words.push(if random.once_in(4) { b"$".to_vec() } else { id(random) });
            if name == "CREATE" && !random.once_in(3) {
                words.push(random.cased("MKSTREAM"));
            }
            if random.once_in(4) {
                words.extend([random.cased("ENTRIESREAD"), count(random)]);
            }
        }
        "DESTROY" => {}
        _ => words.push(consumer(random)),
    }
    words
}

fn read_group(random: &mut Random) -> Words {
    let mut words = vec![random.cased("XREADGROUP"), random.cased("GROUP"), group(random), consumer(random)];
    if !random.once_in(4) {
        words.extend([random.cased("COUNT"), count(random)]);
    }
    if random.once_in(6) {
        words.push(random.cased("NOACK"));
    }
    words.push(random.cased("STREAMS"));
    let streams = if random.once_in(3) { 2 } else { 1 };
    words.extend((0..streams).map(|_| key(random)));
    words.extend((0..streams).map(|_| match random.below(9) {
        0..5 => b">".to_vec(),
        5 | 6 => b"0".to_vec(),
        _ => id(random),
    }));
    words
}

fn ids(random: &mut Random, words: &mut Words) {
    words.extend((0..=random.below(4)).map(|_| id_of_few(random)));
}

fn id_of_few(random: &mut Random) -> Vec<u8> {
    if random.once_in(5) { id(random) } else { format!("60-{}", random.below(120)).into_bytes() }
}

fn claim(random: &mut Random) -> Words {
    let mut words = vec![random.cased("XCLAIM"), key(random), group(random), consumer(random)];
    words.push(idle(random));
    ids(random, &mut words);
    for _ in 0..random.below(3) {
        match random.below(6) {
            0 => words.push(random.cased("FORCE")),
            1 => words.push(random.cased("JUSTID")),
            2 => words.extend([random.cased("RETRYCOUNT"), random.integer()]),
            3 => words.extend([random.cased("TIME"), random.integer()]),
            4 => words.extend([random.cased("LASTID"), id_of_few(random)]),
            // Idle since 1970: what becomes of it does not hang on the clock.
            _ => words.extend([random.cased("TIME"), b"1000".to_vec()]),
        }
    }
    words
}

/// An idle time that no entry has, or every one.
fn idle(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => b"100000000000".to_vec(),
        1 => {
            random.pick(&["-1", "abc", "", "9223372036854775807", "9223372036854775808"]).as_bytes().to_vec()
        }
        _ => b"0".to_vec(),
    }
}

fn auto_claim(random: &mut Random) -> Words {
    let mut words =
        vec![random.cased("XAUTOCLAIM"), key(random), group(random), consumer(random), idle(random)];
    words.push(match random.below(3) {
        0 => b"-".to_vec(),
        1 => [b"(".to_vec(), id_of_few(random)].concat(),
        _ => id_of_few(random),
    });
    if random.once_in(2) {
        words.extend([random.cased("COUNT"), count(random)]);
    }
    if random.once_in(3) {
        words.push(random.cased("JUSTID"));
    }
    words
}

fn pending(random: &mut Random) -> Words {
    let mut words = vec![random.cased("XPENDING"), key(random), group(random)];
    if random.once_in(3) {
        return words;
    }
    if random.once_in(4) {
        words.extend([random.cased("IDLE"), idle(random)]);
    }
    words.extend([b"-".to_vec(), end(random), count(random)]);
    if random.once_in(3) {
        words.push(consumer(random));
    }
    words
}

fn info(random: &mut Random) -> Words {
    let mut words = vec![random.cased("XINFO")];
    match random.below(8) {
        0 => words.extend([random.cased("CONSUMERS"), key(random), group(random)]),
        1 | 2 => words.extend([random.cased("STREAM"), key(random), random.cased("FULL")]),
        3 => words.extend([
            random.cased("STREAM"),
            key(random),
            b"FULL".to_vec(),
            b"COUNT".to_vec(),
            count(random),
        ]),
        4 if random.once_in(20) => words.push(random.cased("HELP")),
        _ => words.extend([random.cased("GROUPS"), key(random)]),
    }
    words
}

/// No idle time that an entry of this run may have or not.
fn keep_from_the_clock(words: &mut Words) {
    let at = match words.first().map(|name| name.to_ascii_uppercase()).as_deref() {
        Some(b"XCLAIM" | b"XAUTOCLAIM" | b"XPENDING") => 4,
        _ => return,
    };
    let idle = words.get(at).and_then(|text| std::str::from_utf8(text).ok()?.parse::<i64>().ok());
    if idle.is_some_and(|idle| (1..1_000_000).contains(&idle)) {
        words[at] = b"0".to_vec();
    }
}

#[test]
fn groups_answer_as_redis() {
    duel(|random| {
        let mut words = match random.below(20) {
            0..4 => simple_add(random),
            4 => edit(random),
            5 | 6 => change_group(random),
            7..11 => read_group(random),
            11 | 12 => {
                let mut words = vec![random.cased("XACK"), key(random), group(random)];
                ids(random, &mut words);
                words
            }
            13 | 14 => claim(random),
            15 => auto_claim(random),
            16 | 17 => pending(random),
            _ => info(random),
        };
        random.spoil(&mut words);
        keep_from_the_clock(&mut words);
        Step { words, same: Same::ButTimes }
    });
}

/// Long streams: where blocks begin shows in approximate trims and in the tree that `XINFO` tells of.
#[test]
fn streams_are_cut_where_those_of_redis_are() {
    duel(|random| {
        let number = |random: &mut Random, limit| random.below(limit).to_string().into_bytes();
        let id = |random: &mut Random| format!("{}-{}", random.below(3), random.below(6_000)).into_bytes();
        let key = random.name("long", 2);
        let words = match random.below(60) {
            0 => {
                [vec![b"XTRIM".to_vec(), key, b"MAXLEN".to_vec(), b"~".to_vec()], vec![number(random, 3_000)]]
                    .concat()
            }
            1 => vec![b"XTRIM".to_vec(), key, b"MINID".to_vec(), b"~".to_vec(), id(random)],
            2 => {
                let limit = number(random, 300);
                vec![
                    b"XTRIM".to_vec(),
                    key,
                    b"MAXLEN".to_vec(),
                    b"~".to_vec(),
                    b"9".to_vec(),
                    b"LIMIT".to_vec(),
                    limit,
                ]
            }
            3 if random.once_in(4) => vec![b"XTRIM".to_vec(), key, b"MINID".to_vec(), id(random)],
            3 => vec![
                b"XTRIM".to_vec(),
                key,
                b"MAXLEN".to_vec(),
                (1_000 + random.below(3_000)).to_string().into_bytes(),
            ],
            4..12 => [vec![b"XDEL".to_vec(), key], (0..9).map(|_| id(random)).collect()].concat(),
            12..18 => vec![b"XINFO".to_vec(), b"STREAM".to_vec(), key],
            18 => {
                vec![b"XRANGE".to_vec(), key, id(random), id(random), b"COUNT".to_vec(), number(random, 300)]
            }
            19 => vec![
                b"XREVRANGE".to_vec(),
                key,
                id(random),
                id(random),
                b"COUNT".to_vec(),
                number(random, 300),
            ],
            _ => {
                let time = if random.once_in(3_000) { b"2-*".to_vec() } else { b"1-*".to_vec() };
                [vec![b"XADD".to_vec(), key, time], fields(random)].concat()
            }
        };
        Step::exact(words)
    });
}
