//! Words of a command, kept together in one buffer that is used again and again.

use ringmaster_protocol::resp::{Args, Span};

/// Arguments, copied.
#[derive(Debug, Default)]
pub(crate) struct Words {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

/// Most bytes of all words: those of the longest request.
const BYTES_MAX: usize = 2 << 30;

/// Memory that is kept for the next command.
const KEPT_BYTES: usize = 64 << 10;

impl Words {
    /// Forgets all words, and the memory of unusually long ones.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        if self.bytes.capacity() > KEPT_BYTES || self.spans.capacity() > KEPT_BYTES / 8 {
            *self = Self::default();
        }
    }

    /// Adds a word. Returns false when all words together are too long.
    pub(crate) fn push(&mut self, word: &[u8]) -> bool {
        if self.bytes.len().saturating_add(word.len()) > BYTES_MAX {
            return false;
        }
        let (Ok(start), Ok(len)) = (u32::try_from(self.bytes.len()), u32::try_from(word.len())) else {
            return false;
        };
        self.bytes.extend_from_slice(word);
        self.spans.push(Span { start, len });
        true
    }

    /// The words as arguments.
    pub(crate) fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_went_in() {
        let mut words = Words::default();
        assert!(words.push(b"SET") && words.push(b"") && words.push(b"\0v"));
        assert_eq!(words.args().iter().collect::<Vec<_>>(), [&b"SET"[..], b"", b"\0v"]);
        words.clear();
        assert!(words.args().is_empty());
    }
}
