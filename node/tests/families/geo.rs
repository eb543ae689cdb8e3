//! Geospatial indexes.

use super::support::{Random, Same, Step, Words, duel};

/// Coordinates at the edges of the map and behind them.
const ODD: [&str; 16] = [
    "180",
    "-180",
    "0",
    "-0",
    "85.05112878",
    "-85.05112878",
    "85.06",
    "181",
    "inf",
    "-inf",
    "nan",
    "x",
    "",
    "1e300",
    "90",
    "45.5",
];

const UNITS: [&str; 12] = ["m", "m", "km", "KM", "Km", "ft", "mi", "km", "m", "mi", "ft", "bad"];

fn key(random: &mut Random) -> Vec<u8> {
    if random.once_in(25) { b"s".to_vec() } else { random.name("g", 3) }
}

fn member(random: &mut Random) -> Vec<u8> {
    if random.once_in(12) { random.text() } else { random.name("m", 60) }
}

/// Degrees between `-limit` and `limit`, near one of a few places so that members are neighbours. They have so many
/// digits that no two members are just as far from anywhere: what comes first then, Redis does not promise.
fn degrees(random: &mut Random, limit: f64) -> Vec<u8> {
    if random.once_in(60) {
        return random
            .pick(&["181", "-85.06", "inf", "-inf", "nan", "x", "", "1e300", "-1e20"])
            .as_bytes()
            .to_vec();
    }
    let unit = |random: &mut Random| (random.bits() >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0;
    let near = random.pick(&[0.0, 0.2, 0.8, -0.99]) * limit;
    let degrees = near + unit(random) * random.pick(&[limit, 5.0, 0.1, 0.02]);
    let degrees = if degrees.abs() < limit { degrees } else { unit(random) * limit };
    format!("{degrees}").into_bytes()
}

fn point(random: &mut Random, words: &mut Words) {
    words.push(degrees(random, 180.0));
    words.push(degrees(random, 85.05));
}

/// Commands on a set whose members are at the edges of the map, or where no `GEOADD` puts them.
fn odd(random: &mut Random) -> Words {
    let (key, odd) = (random.name("odd", 2), |random: &mut Random| random.pick(&ODD).as_bytes().to_vec());
    match random.below(7) {
        0 => vec![b"GEOADD".to_vec(), key, odd(random), odd(random), member(random)],
        1 => {
            let scores = ["-1", "1e300", "inf", "-inf", "4503599627370496", "0.5", "1e19", "-5", "9e18"];
            vec![b"ZADD".to_vec(), key, random.pick(&scores).as_bytes().to_vec(), member(random)]
        }
        2 => vec![random.cased("GEOPOS"), key, member(random), member(random)],
        3 => vec![random.cased("GEOHASH"), key, member(random), member(random)],
        4 => vec![random.cased("GEODIST"), key, member(random), member(random)],
        _ => {
            let mut words =
                vec![random.cased("GEOSEARCH"), key, b"FROMLONLAT".to_vec(), odd(random), odd(random)];
            words.extend([b"BYRADIUS".to_vec(), length(random), unit(random)]);
            options(random, &mut words, &["WITHCOORD", "WITHDIST", "WITHHASH", "ASC", "DESC"]);
            words
        }
    }
}

fn length(random: &mut Random) -> Vec<u8> {
    match random.below(16) {
        0 => random.double(),
        1 => random.pick(&["0", "-1", "inf", "1e9", "21000000", "9000000", "5000000"]).as_bytes().to_vec(),
        n => {
            format!("{:.3}", 10f64.powi(i32::try_from(n % 8).unwrap()) * (1 + random.below(40)) as f64 / 7.0)
                .into_bytes()
        }
    }
}

fn unit(random: &mut Random) -> Vec<u8> {
    random.pick(&UNITS).as_bytes().to_vec()
}

fn geoadd(random: &mut Random) -> Words {
    let mut words = vec![random.cased("GEOADD"), key(random)];
    for _ in 0..random.below(4).saturating_sub(1) {
        let option = random.pick(&["NX", "XX", "CH", "CH"]);
        words.push(random.cased(option));
    }
    for _ in 0..1 + random.below(6) {
        point(random, &mut words);
        words.push(member(random));
    }
    words
}

fn read(random: &mut Random) -> Words {
    let name = random.pick(&["GEOPOS", "GEOHASH", "GEODIST", "GEODIST"]);
    let mut words = vec![random.cased(name), key(random)];
    if name == "GEODIST" {
        words.extend([member(random), member(random), unit(random)]);
        words.truncate(4 + random.below(2));
    } else {
        (0..random.below(5)).for_each(|_| words.push(member(random)));
    }
    words
}

fn options(random: &mut Random, words: &mut Words, names: &[&str]) {
    for _ in 0..random.below(5) {
        let option = random.pick(names);
        words.push(random.cased(option));
        match option {
            "COUNT" if random.once_in(6) => words.push(random.integer()),
            "COUNT" => words.push((1 + random.below(12)).to_string().into_bytes()),
            // Of several keys to store in, one is known from the table only.
            "STORE" | "STOREDIST" if words.iter().any(|word| word.starts_with(b"d")) => {
                words.pop();
            }
            "STORE" | "STOREDIST" if words[0].len() < 14 && !words[0].eq_ignore_ascii_case(b"GEOSEARCH") => {
                words.push(random.name("d", 2));
            }
            _ => {}
        }
    }
}

const OPTIONS: [&str; 9] =
    ["WITHCOORD", "WITHDIST", "WITHHASH", "COUNT", "COUNT", "ANY", "ASC", "DESC", "ASC"];

fn radius(random: &mut Random) -> Words {
    let name = random.pick(&["GEORADIUS", "GEORADIUS_RO"]);
    let mut words = vec![random.cased(name), key(random)];
    point(random, &mut words);
    words.extend([length(random), unit(random)]);
    let stored = [&OPTIONS[3..], &["STORE", "STORE", "STOREDIST"]].concat();
    let names = if random.once_in(3) { &stored[..] } else { &OPTIONS };
    options(random, &mut words, names);
    words
}

fn radius_by_member(random: &mut Random) -> Words {
    let name = random.pick(&["GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"]);
    let mut words = vec![random.cased(name), key(random), member(random), length(random), unit(random)];
    options(random, &mut words, &OPTIONS);
    if random.once_in(6) {
        words.extend([random.cased("STORE"), random.name("d", 2)]);
    }
    words
}

fn search(random: &mut Random) -> Words {
    let stores = random.once_in(4);
    let mut words = vec![random.cased(if stores { "GEOSEARCHSTORE" } else { "GEOSEARCH" })];
    if stores {
        words.push(if random.once_in(8) { random.name("odd", 2) } else { random.name("d", 2) });
    }
    words.push(key(random));
    if !random.once_in(20) {
        if random.once_in(2) {
            words.extend([random.cased("FROMMEMBER"), member(random)]);
        } else {
            words.push(random.cased("FROMLONLAT"));
            point(random, &mut words);
        }
    }
    if random.once_in(2) {
        words.extend([random.cased("BYRADIUS"), length(random), unit(random)]);
    } else if !random.once_in(20) {
        words.extend([random.cased("BYBOX"), length(random), length(random), unit(random)]);
    }
    let names = if stores {
        &["COUNT", "ANY", "ASC", "DESC", "STOREDIST", "COUNT", "WITHDIST"][..]
    } else {
        &OPTIONS
    };
    options(random, &mut words, names);
    words
}

fn other(random: &mut Random) -> Words {
    match random.below(8) {
        0 => vec![b"SET".to_vec(), b"s".to_vec(), b"v".to_vec()],
        1 => vec![b"ZREM".to_vec(), key(random), member(random)],
        2 if random.once_in(4) => vec![b"DEL".to_vec(), key(random)],
        3..6 => odd(random),
        6 => vec![b"ZRANGE".to_vec(), key(random), b"0".to_vec(), b"-1".to_vec(), b"WITHSCORES".to_vec()],
        _ => {
            let name = random.name("d", 2);
            vec![b"ZRANGE".to_vec(), name, b"0".to_vec(), b"-1".to_vec(), b"WITHSCORES".to_vec()]
        }
    }
}

#[test]
fn places_answer_as_in_redis() {
    duel(|random| {
        let family =
            random.pick(&[geoadd, geoadd, read, radius, radius_by_member, search, search, search, other]);
        let mut words = family(random);
        random.spoil(&mut words);
        Step::exact(words)
    });
}

/// Many members in one set, which Redis keeps in another way.
#[test]
fn places_of_large_sets_answer_as_in_redis() {
    duel(|random| {
        let mut words = match random.below(8) {
            0 if random.once_in(3) => {
                let mut words = vec![b"GEOADD".to_vec(), b"g".to_vec()];
                for _ in 0..40 {
                    point(random, &mut words);
                    words.push(random.name("m", 400));
                }
                words
            }
            0..5 => search(random),
            5 => radius(random),
            _ => read(random),
        };
        if words[0].len() < 12 && words.len() > 1 {
            words[1] = b"g".to_vec();
        }
        Step { words, same: Same::Exact }
    });
}
