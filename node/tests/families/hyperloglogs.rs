//! HyperLogLogs: every step that changes a sketch may be followed by a look at its bytes.

use super::support::{Random, Step, Words, duel};

/// Keys of sketches that only the commands of the family write, and of one that holds something else.
fn key(random: &mut Random) -> Vec<u8> {
    if random.once_in(40) { b"l".to_vec() } else { random.name("h", 5) }
}

fn elements(random: &mut Random, words: &mut Words) {
    let count = match random.below(6) {
        0 => 0,
        1 => 200,
        _ => 1 + random.below(5),
    };
    let range = random.pick(&[20, 400, 100_000, 100_000_000]);
    words.extend((0..count).map(|_| match random.below(20) {
        0 => random.text(),
        len @ 1..4 => vec![b'x'; len * random.below(9)],
        _ => random.name("element:", range),
    }));
}

fn pfadd(random: &mut Random) -> Words {
    let mut words = vec![random.cased("PFADD"), key(random)];
    elements(random, &mut words);
    words
}

fn keys(random: &mut Random, name: &str) -> Words {
    let mut words = vec![random.cased(name)];
    (0..1 + random.below(4)).for_each(|_| words.push(key(random)));
    words
}

fn look(random: &mut Random) -> Words {
    match random.below(3) {
        0 => vec![b"GET".to_vec(), key(random)],
        1 => vec![b"STRLEN".to_vec(), key(random)],
        _ => debug(random),
    }
}

fn debug(random: &mut Random) -> Words {
    let word = random.pick(&["ENCODING", "DECODE", "DECODE", "ENCODING", "DECODE", "bad"]);
    let rare = if random.once_in(10) { random.pick(&["GETREG", "TODENSE"]) } else { word };
    vec![random.cased("PFDEBUG"), random.cased(rare), key(random)]
}

fn other(random: &mut Random) -> Words {
    match random.below(8) {
        0 => vec![b"RPUSH".to_vec(), b"l".to_vec(), b"x".to_vec()],
        1..3 => vec![b"DEL".to_vec(), key(random)],
        3..5 => vec![random.cased("PFCOUNT"), key(random)],
        5 => keys(random, "PFMERGE"),
        _ => keys(random, "PFCOUNT"),
    }
}

#[test]
fn sketches_answer_as_in_redis_and_have_its_bytes() {
    duel(|random| {
        let family = random.pick(&[pfadd, pfadd, other, look]);
        let mut words = family(random);
        if !words[0].eq_ignore_ascii_case(b"PFDEBUG") {
            // Its errors repeat the word; one that is no text is shown in another way.
            random.spoil(&mut words);
        }
        Step::exact(words)
    });
}

/// A string that begins as a sketch does, mostly.
fn corrupt(random: &mut Random) -> Vec<u8> {
    let mut bytes = if random.once_in(10) { b"HYLK".to_vec() } else { b"HYLL".to_vec() };
    let encoding = if random.once_in(8) { 2 } else { u8::from(!random.once_in(4)) };
    bytes.extend([encoding, 0, 0, 0]);
    let stale = random.pick(&[0, 0x80, 0x80, 0x80]);
    bytes.extend([random.pick(&[0, 1, 0xff]), 0, 0, 0, 0, 0, 0, stale]);
    if encoding == 0 {
        let letters = random.pick(&[&b"\0"[..], b"\0\x04\x41", b"\xff", b"\x55\xaa\0\0"]);
        bytes.extend((0..12288 + usize::from(random.once_in(4))).map(|_| random.pick(letters)));
        return bytes;
    }
    let mut left = 16384_usize;
    for _ in 0..random.below(40) {
        let byte = u8::try_from(random.below(256)).unwrap();
        bytes.push(byte);
        let len = if byte & 0x80 != 0 { usize::from(byte & 3) + 1 } else { usize::from(byte & 0x3f) + 1 };
        if byte & 0xc0 == 0x40 {
            bytes.push(0x10);
            left = left.saturating_sub((len - 1) * 256 + 17);
        } else {
            left = left.saturating_sub(len);
        }
    }
    if left > 0 && !random.once_in(4) {
        let [low, high, ..] = (left - 1).to_le_bytes();
        bytes.extend([0x40 | high, low]);
    }
    for _ in 0..random.below(4).saturating_sub(1) {
        bytes.push(random.pick(&[0x80, 0x83, 0x00, 0x40, 0xff]));
    }
    bytes
}

#[test]
fn corrupt_sketches_answer_as_in_redis() {
    let key = |random: &mut Random| random.name("c", 3);
    duel(|random| {
        // A PFADD that fails after some elements leaves them added in Redis, but not here: one at a time.
        Step::exact(match random.below(12) {
            0..4 => vec![b"SET".to_vec(), key(random), corrupt(random)],
            4..6 => vec![b"PFADD".to_vec(), key(random), random.name("e", 5000)],
            6 => vec![b"PFCOUNT".to_vec(), key(random)],
            7 => vec![b"PFCOUNT".to_vec(), key(random), key(random)],
            8 => vec![b"PFMERGE".to_vec(), key(random), key(random)],
            9 => {
                let word = random.pick(&["GETREG", "TODENSE", "DECODE", "DECODE", "ENCODING"]);
                vec![b"PFDEBUG".to_vec(), word.as_bytes().to_vec(), key(random)]
            }
            10 => vec![b"SETRANGE".to_vec(), key(random), random.name("", 60), random.text()],
            _ => vec![b"GET".to_vec(), key(random)],
        })
    });
}
