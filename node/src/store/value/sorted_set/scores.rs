//! Members and scores one after the other, lowest first: how a small sorted set lies in its entry.
//!
//! Each is a byte of length, the member, a byte that counts the bytes of the score that follow, and those: the score's
//! eight bytes, most significant first, without the zeros at their end (a small integer needs two or three).

use std::ops::Range;

use super::Bound;
use crate::store::value::packed::length;

const SCORE_BYTES: usize = size_of::<f64>();

/// Members and scores, lowest first.
#[derive(Clone, Copy)]
pub(super) struct Scores<'a>(&'a [u8]);

impl<'a> Scores<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Where `member` lies in the block, and its score.
    pub(super) fn find(self, member: &[u8]) -> Option<(Range<usize>, f64)> {
        let (mut items, mut at) = (self, 0);
        while let Some((name, score)) = items.next() {
            let end = self.0.len() - items.0.len();
            if name == member {
                return Some((at..end, score));
            }
            at = end;
        }
        None
    }

    /// How many members lie before `bound`, and where in the block that is.
    pub(super) fn position(self, bound: &Bound<'_>) -> (usize, usize) {
        let (mut items, mut rank, mut at) = (self, 0, 0);
        while let Some((name, score)) = items.next()
            && bound.is_behind(score, || name)
        {
            at = self.0.len() - items.0.len();
            rank += 1;
        }
        (rank, at)
    }
}

impl<'a> Iterator for Scores<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (len, rest) = self.0.split_first()?;
        let (member, rest) = rest.split_at(usize::from(*len));
        let (len, rest) = rest.split_first()?;
        let (written, rest) = rest.split_at(usize::from(*len));
        let mut score = [0; SCORE_BYTES];
        score[..written.len()].copy_from_slice(written);
        self.0 = rest;
        Some((member, f64::from_be_bytes(score)))
    }
}

/// An item's bytes but for the member: what stands before it, and what behind (the first so many of the array).
pub(super) fn written(member: &[u8], score: f64) -> ([u8; 1], [u8; 1 + SCORE_BYTES], usize) {
    let bytes = score.to_be_bytes();
    let len = SCORE_BYTES - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let mut behind = [0; 1 + SCORE_BYTES];
    #[expect(clippy::cast_possible_truncation, reason = "at most SCORE_BYTES")]
    let tag = len as u8;
    behind[0] = tag;
    behind[1..].copy_from_slice(&bytes);
    (length(member), behind, 1 + len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_come_back_bit_by_bit() {
        for score in [0.0, -0.0, 1.0, -1.5, 0.1, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE] {
            let (before, behind, len) = written(b"member", score);
            let block = [&before[..], b"member", &behind[..len]].concat();
            let (member, read) = Scores::new(&block).next().unwrap();
            assert_eq!((member, read.to_bits()), (&b"member"[..], score.to_bits()));
        }
        assert_eq!((written(b"", 0.0).2, written(b"", 100.0).2), (1, 3));
    }
}
