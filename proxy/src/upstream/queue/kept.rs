//! The requests of reads under way that may have to begin anew, oldest first.

/// Most bytes that are kept for one connection.
const BYTES_MAX: usize = 1 << 20;

/// From this many bytes on, those of requests that are over are given back.
const COMPACT_FROM_BYTES: usize = 16 << 10;

/// Requests, one behind the other: who waits knows how long each is.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    /// Bytes of requests that are over.
    over: usize,
}

impl Kept {
    /// Whether there is room for a request of this many bytes.
    #[inline]
    pub(super) fn takes(&self, len: usize) -> bool {
        self.bytes.len() - self.over + len <= BYTES_MAX
    }

    /// Keeps a request.
    #[inline]
    pub(super) fn push(&mut self, request: &[u8]) {
        self.bytes.extend_from_slice(request);
    }

    /// The oldest request, which is this long.
    pub(super) fn front(&self, len: usize) -> &[u8] {
        &self.bytes[self.over..self.over + len]
    }

    /// The oldest request, which is this long, is over.
    #[inline]
    pub(super) fn pop(&mut self, len: usize) {
        self.over += len;
        if self.over == self.bytes.len() {
            self.bytes.clear();
            self.over = 0;
        } else if self.over >= COMPACT_FROM_BYTES && self.over > self.bytes.len() / 2 {
            self.bytes.drain(..self.over);
            self.over = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_leave_in_their_order_and_their_bytes_are_given_back() {
        let mut kept = Kept::default();
        kept.push(&[0; 1000]);
        for round in 0..200u8 {
            kept.push(&[round + 1; 1000]);
            assert_eq!(kept.front(1000), [round; 1000]);
            kept.pop(1000);
            assert!(kept.bytes.len() <= 2 * COMPACT_FROM_BYTES);
        }
        kept.pop(1000);
        assert!(kept.bytes.is_empty() && kept.takes(BYTES_MAX) && !kept.takes(BYTES_MAX + 1));
    }
}
