//! Error replies by their codes (`ERR`, `WRONGTYPE`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Most codes that are told apart: scripts can make up any.
pub const CODES_MAX: usize = 128;

/// Where the codes above [`CODES_MAX`] are counted.
const OTHERS: &str = "OTHERS";

/// Longest code in bytes; what is longer is cut.
const CODE_BYTES_MAX: usize = 32;

/// A thread's error replies by code. Locked by its own thread, and by whoever reads the sums.
#[derive(Debug, Default)]
pub struct ErrorCodes(Mutex<BTreeMap<String, u64>>);

/// The code of an error reply, `-CODE text`.
#[must_use]
pub fn code(reply: &[u8]) -> &[u8] {
    let end = reply.iter().position(|byte| b" \r\n".contains(byte)).unwrap_or(reply.len());
    &reply[1.min(end)..end.min(1 + CODE_BYTES_MAX)]
}

impl ErrorCodes {
    /// Counts an error reply, `-CODE text`.
    #[cold]
    pub fn count(&self, reply: &[u8]) {
        self.count_code(code(reply), 1);
    }

    /// Counts so many of one code.
    #[cold]
    pub fn count_code(&self, code: &[u8], times: u64) {
        let code = String::from_utf8_lossy(code);
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = codes.len() < CODES_MAX || codes.contains_key(&*code);
        *codes.entry(if known { code.into_owned() } else { OTHERS.to_owned() }).or_default() += times;
    }
}

/// Error replies of all threads, by code.
#[must_use]
pub fn sum<'c>(threads: impl Iterator<Item = &'c ErrorCodes>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for codes in threads {
        let codes = codes.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (code, count) in codes.iter() {
            *sums.entry(code.clone()).or_default() += count;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_their_first_word_and_never_too_many() {
        let codes = ErrorCodes::default();
        for reply in ["-ERR no\r\n", "-ERR\r\n", "-OOM command\r\n"] {
            codes.count(reply.as_bytes());
        }
        let sums = sum([&codes].into_iter());
        assert_eq!((sums.len(), sums["ERR"], sums["OOM"]), (2, 2, 1));
        (0..1000).for_each(|code| codes.count(format!("-C{code} x\r\n").as_bytes()));
        let sums = sum([&codes].into_iter());
        assert_eq!((sums.len(), sums[OTHERS]), (CODES_MAX + 1, 1000 - 126));
    }

    #[test]
    fn a_word_without_end_is_cut() {
        assert_eq!(code(b""), b"");
        assert_eq!(code(b"-"), b"");
        assert_eq!(code(&[b'-'; 100]).len(), CODE_BYTES_MAX);
    }
}
