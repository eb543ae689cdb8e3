//! Error replies by their codes (`ERR`, `WRONGTYPE`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::Counters;

/// Most codes that are told apart: scripts can make up any.
const CODES_MAX: usize = 128;

/// Where the codes above [`CODES_MAX`] are counted.
const OTHERS: &str = "OTHERS";

/// A thread's error replies by code. Locked by its own thread, and by whoever reads the sums.
#[derive(Debug, Default)]
pub(crate) struct ErrorCodes(Mutex<BTreeMap<String, u64>>);

impl ErrorCodes {
    /// Counts an error reply, `-CODE text`.
    #[cold]
    pub(crate) fn count(&self, reply: &[u8]) {
        let end = reply.iter().position(|byte| b" \r\n".contains(byte)).unwrap_or(reply.len());
        let code = String::from_utf8_lossy(&reply[1.min(end)..end]);
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = codes.len() < CODES_MAX || codes.contains_key(&*code);
        *codes.entry(if known { code.into_owned() } else { OTHERS.to_owned() }).or_default() += 1;
    }
}

/// Error replies of all threads, by code.
pub(crate) fn sum_of_errors(threads: &[Counters]) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for counters in threads {
        let codes = counters.error_codes.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        let counters = [Counters::default()];
        for reply in ["-ERR no\r\n", "-ERR\r\n", "-OOM command\r\n"] {
            counters[0].error_codes.count(reply.as_bytes());
        }
        let sums = sum_of_errors(&counters);
        assert_eq!((sums.len(), sums["ERR"], sums["OOM"]), (2, 2, 1));
        (0..1000).for_each(|code| counters[0].error_codes.count(format!("-C{code} x\r\n").as_bytes()));
        let sums = sum_of_errors(&counters);
        assert_eq!((sums.len(), sums[OTHERS]), (CODES_MAX + 1, 1000 - 126));
    }
}
