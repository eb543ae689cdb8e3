//! The request parser agrees with `redis-protocol`, and what a connection sees does not depend on the cuts.
//!
//! The first byte is how many of the following bytes are lengths of pieces; the rest is what arrives.
#![no_main]

#[path = "../../tests/parsers/request.rs"]
mod request;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((count, rest)) = data.split_first() else { return };
    let (sizes, input) = rest.split_at(usize::from(count % 8).min(rest.len()));
    request::agrees(input);
    request::cut_anywhere(input, sizes);
});
