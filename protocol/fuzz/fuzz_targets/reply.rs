//! The scanner of replies agrees with `redis-protocol`, and lengths do not depend on the cuts.
//!
//! The first byte is how many of the following bytes are lengths of pieces; the rest is what arrives.
#![no_main]

#[path = "../../tests/parsers/reply.rs"]
mod reply;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((count, rest)) = data.split_first() else { return };
    let (sizes, input) = rest.split_at(usize::from(count % 8).min(rest.len()));
    reply::agrees(input);
    reply::cut_anywhere(input, sizes);
});
