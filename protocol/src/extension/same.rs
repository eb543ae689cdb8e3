//! Conditions of a transaction where slots have copies: `RM.SAME database digest key` says what a key held when a client began
//! to watch it, and has to hold still.

use xxhash_rust::xxh3::xxh3_128;

use super::put_request;

/// Digest of what a key holds, as DUMP has it without version and checksum; `None` is a key that is not there.
#[must_use]
pub fn content_digest(object: Option<&[u8]>) -> u128 {
    object.map_or(0, xxh3_128)
}

/// Appends the condition that `key` of `database` still holds what has this digest.
pub fn put_same(out: &mut Vec<u8>, digest: u128, (database, key): (u8, &[u8])) {
    let (database, digest) = (database.to_string(), digest.to_string());
    put_request(out, &[b"RM.SAME", database.as_bytes(), digest.as_bytes(), key]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_a_request_with_the_database_and_the_digest_before_the_key() {
        let mut out = Vec::new();
        put_same(&mut out, 12, (3, b"k"));
        assert_eq!(out, b"*4\r\n$7\r\nRM.SAME\r\n$1\r\n3\r\n$2\r\n12\r\n$1\r\nk\r\n");
        assert_ne!(content_digest(None), content_digest(Some(b"")));
    }
}
