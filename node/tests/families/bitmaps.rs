//! Bitmaps.

use super::support::{Random, Step, Words, duel};

/// A key of a bitmap, or seldom of a list.
fn key(random: &mut Random) -> Vec<u8> {
    if random.once_in(20) { b"l".to_vec() } else { random.name("b", 4) }
}

/// A bit: mostly of the first bytes, or at and beyond the longest string's end.
fn offset(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 => random.integer(),
        1 => random.pick(&["4294967296", "-4294967296", "4294967295000", "+1", "1e3"]).as_bytes().to_vec(),
        _ => random.name("", 200),
    }
}

fn bit(random: &mut Random) -> Vec<u8> {
    if random.once_in(10) { random.integer() } else { random.name("", 2) }
}

/// A place in a string, from either end.
fn place(random: &mut Random) -> Vec<u8> {
    match random.below(4) {
        0 => random.integer(),
        1 => random.name("-", 300),
        _ => random.name("", 300),
    }
}

fn unit(random: &mut Random) -> Vec<u8> {
    let unit = random.pick(&["BIT", "BIT", "BIT", "BYTE", "BYTE", "bad"]);
    random.cased(unit)
}

fn bytes(random: &mut Random) -> Vec<u8> {
    let len = if random.once_in(4) { 60 + random.below(80) } else { random.below(40) };
    let letters =
        random.pick(&[&b"\0"[..], b"\xff", b"\0\xff", b"\0\0\0\0\0\0\0\x01", b"a\x80\x0f\xf0\xff\0"]);
    (0..len).map(|_| random.pick(letters)).collect()
}

fn bitcount(random: &mut Random) -> Words {
    let mut words = vec![random.cased("BITCOUNT"), key(random), place(random), place(random), unit(random)];
    words.truncate(random.pick(&[2, 4, 5, 5, 5]));
    words
}

fn bitpos(random: &mut Random) -> Words {
    let mut words =
        vec![random.cased("BITPOS"), key(random), bit(random), place(random), place(random), unit(random)];
    words.truncate(3 + random.below(4));
    words
}

fn bitop(random: &mut Random) -> Words {
    let operation = random.pick(&["AND", "OR", "XOR", "NOT", "AND", "OR", "XOR", "bad"]);
    let mut words = vec![random.cased("BITOP"), random.cased(operation), key(random)];
    let sources = if operation == "NOT" && !random.once_in(5) { 1 } else { 1 + random.below(4) };
    (0..sources).for_each(|_| words.push(key(random)));
    words
}

fn encoding(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 => random.pick(&["u64", "i65", "u0", "i0", "U8", "x", "", "u", "i-1", "u08"]).as_bytes().to_vec(),
        1 | 2 => random.pick(&["i64", "u63", "i1", "u1", "i63", "i8", "u8"]).as_bytes().to_vec(),
        n if n % 2 == 0 => format!("u{}", 1 + random.below(63)).into_bytes(),
        _ => format!("i{}", 1 + random.below(64)).into_bytes(),
    }
}

fn field_offset(random: &mut Random) -> Vec<u8> {
    match random.below(16) {
        0 => random.pick(&["#", "#-1", "#x", "-1", "#9223372036854775807", "4294967296"]).as_bytes().to_vec(),
        1..6 => random.name("#", 12),
        _ => random.name("", 200),
    }
}

fn field_value(random: &mut Random) -> Vec<u8> {
    match random.below(3) {
        0 => random.integer(),
        1 if random.once_in(4) => i64::MIN.saturating_add(random.below(300) as i64).to_string().into_bytes(),
        1 => (random.bits().cast_signed() >> random.below(64)).to_string().into_bytes(),
        _ => random.name("-", 300),
    }
}

fn bitfield(random: &mut Random) -> Words {
    let read_only = random.once_in(5);
    let mut words = vec![random.cased(if read_only { "BITFIELD_RO" } else { "BITFIELD" }), key(random)];
    for _ in 0..random.below(5) {
        let action = match random.below(8) {
            _ if read_only && !random.once_in(8) => "GET",
            0 | 1 => "GET",
            2 | 3 => "SET",
            4 => "OVERFLOW",
            _ => "INCRBY",
        };
        words.push(random.cased(action));
        if action == "OVERFLOW" {
            let mode = random.pick(&["WRAP", "SAT", "SAT", "FAIL", "FAIL", "WRAP", "bad"]);
            words.push(random.cased(mode));
            continue;
        }
        words.extend([encoding(random), field_offset(random)]);
        if action != "GET" {
            words.push(field_value(random));
        }
    }
    words
}

fn simple(random: &mut Random) -> Words {
    match random.below(9) {
        0..3 => vec![random.cased("SETBIT"), key(random), offset(random), bit(random)],
        3 | 4 => vec![random.cased("GETBIT"), key(random), offset(random)],
        5 => vec![b"SET".to_vec(), random.name("b", 4), bytes(random)],
        6 => vec![b"DEL".to_vec(), key(random)],
        7 => vec![b"RPUSH".to_vec(), b"l".to_vec(), b"x".to_vec()],
        _ => vec![b"GET".to_vec(), key(random)],
    }
}

#[test]
fn bitmaps_answer_as_in_redis() {
    duel(|random| {
        let family = random.pick(&[simple, simple, bitcount, bitpos, bitop, bitfield, bitfield]);
        let mut words = family(random);
        random.spoil(&mut words);
        Step::exact(words)
    });
}
