//! Conditions of a transaction where slots have copies: `RM.SAME digest command …` says what a command that reads has replied
//! when a client began to watch a key, and has to reply still.

use xxhash_rust::xxh3::xxh3_128;

use super::put_request;

/// Digest of a whole reply frame.
#[must_use]
pub fn reply_digest(reply: &[u8]) -> u128 {
    xxh3_128(reply)
}

/// Appends the condition that these words are still replied to with what has this digest.
pub fn put_same(out: &mut Vec<u8>, digest: u128, words: &[&[u8]]) {
    let digest = digest.to_string();
    let all: Vec<&[u8]> =
        [&b"RM.SAME"[..], digest.as_bytes()].into_iter().chain(words.iter().copied()).collect();
    put_request(out, &all);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_a_request_with_the_digest_before_the_command() {
        let mut out = Vec::new();
        put_same(&mut out, 12, &[b"DUMP", b"k"]);
        assert_eq!(out, b"*4\r\n$7\r\nRM.SAME\r\n$2\r\n12\r\n$4\r\nDUMP\r\n$1\r\nk\r\n");
        assert_ne!(reply_digest(b"$-1\r\n"), reply_digest(b"$0\r\n\r\n"));
    }
}
