//! The splitter of inline commands follows Redis's rules, and any words come back when they are quoted.
#![no_main]

#[path = "../../tests/parsers/inline.rs"]
mod inline;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    inline::agrees(data);
    let words: Vec<Vec<u8>> = data.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect();
    inline::quoted_words_come_back(&words);
});
