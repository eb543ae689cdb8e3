//! Passwords are kept as their SHA-256, never as they are.

use sha2::{Digest, Sha256};

/// The SHA-256 of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash([u8; 32]);

impl PasswordHash {
    /// Of this password.
    #[must_use]
    pub fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    /// The hash that `text` spells in 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut hash = [0; 32];
        if text.len() != 2 * hash.len() {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(text.chunks(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(hash))
    }

    /// Its 64 hexadecimal digits.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| HEX[usize::from(half)]).collect()
    }

    /// Whether both are the same. The time that it takes says nothing of where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        std::hint::black_box(
            self.0.iter().zip(&other.0).fold(0, |differ, (one, other)| differ | (one ^ other)),
        ) == 0
    }
}

const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

/// Not even a hash goes into a log by accident.
impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_the_standard_and_reads_back() {
        let hash = PasswordHash::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.text(), text);
        assert!(PasswordHash::parse(text.as_bytes()).is_some_and(|read| read.matches(&hash)));
        assert!(!hash.matches(&PasswordHash::of(b"abd")));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for text in ["", "ab", &"A".repeat(64), &"a".repeat(63), &"a".repeat(65), &"g".repeat(64)] {
            assert_eq!(PasswordHash::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_hash_is_not_shown() {
        assert!(!format!("{:?}", PasswordHash::of(b"abc")).contains("ba78"));
    }
}
