//! What the hash slot of a key costs, in nanoseconds: `cargo run --profile quick --example hash_slot`.

use std::{hint::black_box, time::Instant};

use ringmaster_protocol::slot::HashSlot;

/// Keys of one round: more than a branch predictor learns by heart.
const KEYS: usize = 256;
/// Rounds of one measurement: so few that some measurements are not interrupted on a busy machine.
const ROUNDS: usize = 1000;
/// Measurements of which the fastest counts.
const REPEATS: usize = 200;

/// Nanoseconds a key in the fastest measurement.
fn nanoseconds(keys: &[Vec<u8>]) -> f64 {
    let measure = |_| {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            keys.iter().for_each(|key| {
                black_box(HashSlot::of(black_box(key)));
            });
        }
        start.elapsed().as_secs_f64() * 1e9 / (ROUNDS * keys.len()) as f64
    };
    (0..REPEATS).map(measure).fold(f64::INFINITY, f64::min)
}

/// Different keys of one length, without a tag or with one of all but the last byte.
fn keys(length: usize, tagged: bool) -> Vec<Vec<u8>> {
    let byte = |key: usize, at: usize| b'a' + ((key * 7 + at * 13) % 23) as u8;
    let mut keys: Vec<Vec<u8>> = (0..KEYS).map(|key| (0..length).map(|at| byte(key, at)).collect()).collect();
    if tagged {
        for key in &mut keys {
            key[0] = b'{';
            key[length - 2] = b'}';
        }
    }
    keys
}

fn main() {
    for length in [8, 16, 20, 40, 64] {
        let (plain, tagged) = (nanoseconds(&keys(length, false)), nanoseconds(&keys(length, true)));
        println!("{length} bytes: {plain:.1} ns, with a hash tag {tagged:.1} ns");
    }
}
