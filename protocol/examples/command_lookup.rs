//! What the command table costs a request, in nanoseconds: `cargo run --profile quick --example command_lookup`.

use std::{hint::black_box, time::Instant};

use ringmaster_protocol::command::{lookup, resolve};

/// Rounds of one measurement: so few that some measurements are not interrupted on a busy machine.
const ROUNDS: u32 = 200_000;
/// Measurements of which the fastest counts.
const REPEATS: usize = 200;

/// Nanoseconds that one call takes in the fastest measurement.
fn nanoseconds(mut call: impl FnMut()) -> f64 {
    let measure = |_| {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| call());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
    };
    (0..REPEATS).map(measure).fold(f64::INFINITY, f64::min)
}

fn main() {
    for name in ["GET", "set", "zrangebyscore", "nosuchcommand"] {
        let cost = nanoseconds(|| {
            black_box(lookup(black_box(name.as_bytes())));
        });
        println!("lookup {name}: {cost:.1} ns");
    }
    // Commands of a mixed load, so that branches and cache lines are not those of one name.
    let names = [
        "GET",
        "SET",
        "hget",
        "ZADD",
        "LPUSH",
        "expire",
        "INCR",
        "MGET",
        "del",
        "ZRANGEBYSCORE",
        "SADD",
        "ttl",
    ];
    let mut turn = 0usize;
    let cost = nanoseconds(|| {
        turn = (turn * 5 + 7) % 1021;
        black_box(lookup(black_box(names[turn % names.len()].as_bytes())));
    });
    println!("lookup of {} names mixed: {cost:.1} ns", names.len());
    let requests: [&[&str]; 4] = [
        &["GET", "key"],
        &["MGET", "a", "b", "c"],
        &["EVAL", "return", "2", "a", "b"],
        &["CLIENT", "SETNAME", "x"],
    ];
    let mut keys = Vec::<u32>::new();
    for request in requests {
        let cost = nanoseconds(|| {
            let spec = resolve(black_box(request)).expect("a known command");
            if !spec.single_key() {
                let _ = black_box(spec.key_positions(request, &mut keys));
            }
        });
        println!("resolve and find the keys of {}: {cost:.1} ns", request.join(" "));
    }
}
