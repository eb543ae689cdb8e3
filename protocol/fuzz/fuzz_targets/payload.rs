//! An object of Redis's RDB, as `RESTORE` gets it: any bytes are a value or refused, and a value comes back.
#![no_main]

#[path = "../../tests/rdb/payload.rs"]
mod payload;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    payload::any_bytes(data);
});
