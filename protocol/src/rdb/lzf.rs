//! LZF, the compression of RDB's texts: runs of literals, and copies of what came at most 8 KiB before.
//!
//! ```text
//! 000LLLLL                     L+1 literals follow
//! LLLooooo oooooooo            copy L+2 bytes from o+1 back, L = 1..=6
//! 111ooooo LLLLLLLL oooooooo   copy L+9 bytes from o+1 back
//! ```
//!
//! The compressor makes the choices of `liblzf` as Redis builds it, so that equal texts become equal bytes.

/// Bits of the hash of three bytes.
const HASH_BITS: u32 = 16;
/// Longest run of literals.
const RUN_MAX: usize = 1 << 5;
/// Farthest copy.
const DISTANCE_MAX: usize = 1 << 13;
/// Longest copy.
const COPY_MAX: usize = (1 << 8) + (1 << 3);
/// Bytes that one byte of compressed text becomes at most: three bytes become 264.
const GROWTH_MAX: usize = COPY_MAX / 3;

/// A compressor. It keeps its table from text to text: a text costs nothing but itself.
#[derive(Debug)]
pub struct Compressor {
    /// By hash, where three bytes were last seen: counted over all texts so far.
    seen: Box<[u32]>,
    /// What the first byte of this text counts as; smaller places are those of earlier texts.
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Self { seen: vec![0; 1 << HASH_BITS].into(), base: 1 }
    }
}

/// What a compressor writes.
struct Output<'o> {
    bytes: &'o mut Vec<u8>,
    start: usize,
    max: usize,
    literals: usize,
}

impl Compressor {
    /// Appends `text` compressed to at most `bytes_max` bytes. Returns whether that was enough; if not, `out` is
    /// as it was.
    pub fn compress(&mut self, text: &[u8], out: &mut Vec<u8>, bytes_max: usize) -> bool {
        let start = out.len();
        let Ok(len) = u32::try_from(text.len()) else { return false };
        if self.base.checked_add(len).is_none() {
            self.seen.fill(0);
            self.base = 1;
        }
        let mut output = Output { bytes: out, start, max: bytes_max, literals: 0 };
        let fits = bytes_max > 0 && text.len() > 2 && self.run(text, &mut output).is_some();
        self.base += len;
        if !fits {
            out.truncate(start);
        }
        fits
    }

    fn run(&mut self, text: &[u8], out: &mut Output<'_>) -> Option<()> {
        out.begin_run();
        let (mut at, last) = (0, text.len() - 2);
        let mut hash = first(text, 0);
        while at < last {
            hash = next(hash, text, at);
            let found = self.exchange(hash, at).filter(|&place| matches(text, place, at));
            let Some(place) = found else {
                out.literal(text[at])?;
                at += 1;
                continue;
            };
            let len = common(text, place, at);
            out.copy(at - place - 1, len - 2)?;
            at += len;
            if at >= last {
                break;
            }
            // As liblzf's VERY_FAST: of what was copied only the last two places are remembered.
            hash = first(text, at - 2);
            for place in [at - 2, at - 1] {
                hash = next(hash, text, place);
                self.exchange(hash, place);
            }
        }
        out.finish(&text[at..])
    }

    /// Notes that the bytes of `hash` are at `at`; where they were before, if that is in this text.
    fn exchange(&mut self, hash: u32, at: usize) -> Option<usize> {
        let index = (hash >> (24 - HASH_BITS)).wrapping_sub(hash.wrapping_mul(5)) & ((1 << HASH_BITS) - 1);
        #[expect(clippy::cast_possible_truncation, reason = "the text's length is a u32")]
        let old = std::mem::replace(&mut self.seen[index as usize], self.base + at as u32);
        old.checked_sub(self.base).map(|place| place as usize)
    }
}

fn first(text: &[u8], at: usize) -> u32 {
    u32::from(text[at]) << 8 | u32::from(text[at + 1])
}

fn next(hash: u32, text: &[u8], at: usize) -> u32 {
    hash << 8 | u32::from(text[at + 2])
}

/// Whether the three bytes at `place` are those at `at`, and near enough. As in liblzf never those at place 0.
fn matches(text: &[u8], place: usize, at: usize) -> bool {
    place > 0 && place < at && at - place - 1 < DISTANCE_MAX && text[place..place + 3] == text[at..at + 3]
}

/// How many bytes from `at` on are those from `place` on, at least 3.
fn common(text: &[u8], place: usize, at: usize) -> usize {
    let max = (text.len() - at - 2).min(COPY_MAX);
    let mut len = 2;
    // liblzf looks at 16 bytes before it looks at its limit again.
    if max > 16 {
        while len < 18 {
            len += 1;
            if text[place + len] != text[at + len] {
                return len;
            }
        }
    }
    loop {
        len += 1;
        if len >= max || text[place + len] != text[at + len] {
            return len;
        }
    }
}

impl Output<'_> {
    fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    fn begin_run(&mut self) {
        self.literals = 0;
        self.bytes.push(0);
    }

    /// Writes the length of the run before its literals, or takes an empty run back.
    fn end_run(&mut self) {
        let at = self.bytes.len() - self.literals - 1;
        match u8::try_from(self.literals) {
            Ok(0) | Err(_) => drop(self.bytes.pop()),
            Ok(literals) => self.bytes[at] = literals - 1,
        }
    }

    fn literal(&mut self, byte: u8) -> Option<()> {
        if self.len() >= self.max {
            return None;
        }
        self.push_literal(byte);
        Some(())
    }

    fn push_literal(&mut self, byte: u8) {
        self.bytes.push(byte);
        self.literals += 1;
        if self.literals == RUN_MAX {
            self.end_run();
            self.begin_run();
        }
    }

    /// A copy of `extra + 2` bytes from `distance + 1` back.
    fn copy(&mut self, distance: usize, extra: usize) -> Option<()> {
        if self.len() - usize::from(self.literals == 0) + 4 >= self.max {
            return None;
        }
        self.end_run();
        let [high, low] = u16::try_from(distance).ok()?.to_be_bytes();
        if extra < 7 {
            self.bytes.push(high | u8::try_from(extra).ok()? << 5);
        } else {
            self.bytes.extend([high | 7 << 5, u8::try_from(extra - 7).ok()?]);
        }
        self.bytes.push(low);
        self.begin_run();
        Some(())
    }

    /// What is left when no copy can begin any more: at most two bytes.
    fn finish(&mut self, rest: &[u8]) -> Option<()> {
        if self.len() + 3 > self.max {
            return None;
        }
        rest.iter().for_each(|byte| self.push_literal(*byte));
        self.end_run();
        Some(())
    }
}

/// The text of `len` bytes that `packed` is, `None` if it is not one. Reserves no more than `packed` can become.
#[must_use]
pub fn decompress(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > packed.len().saturating_mul(GROWTH_MAX) {
        return None;
    }
    let (mut text, mut rest) = (Vec::with_capacity(len), packed);
    while let Some((&control, after)) = rest.split_first() {
        rest = match usize::from(control) {
            run @ ..32 => {
                let (literals, after) = after.split_at_checked(run + 1)?;
                text.extend_from_slice(literals);
                after
            }
            control => copy_back(&mut text, control, after)?,
        };
        if text.len() > len {
            return None;
        }
    }
    (text.len() == len).then_some(text)
}

/// Carries a copy out; returns what follows it.
fn copy_back<'p>(text: &mut Vec<u8>, control: usize, packed: &'p [u8]) -> Option<&'p [u8]> {
    let (mut len, mut rest) = (control >> 5, packed);
    if len == 7 {
        let (&extra, after) = rest.split_first()?;
        (len, rest) = (7 + usize::from(extra), after);
    }
    let (&low, rest) = rest.split_first()?;
    let distance = ((control & 31) << 8 | usize::from(low)) + 1;
    let mut from = text.len().checked_sub(distance)?;
    let mut left = len + 2;
    while left > 0 {
        // What is copied may reach into what the copy makes.
        let piece = left.min(text.len() - from);
        text.extend_from_within(from..from + piece);
        (from, left) = (from + piece, left - piece);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_that_does_not_shrink_leaves_no_trace() {
        let mut out = vec![9];
        assert!(!Compressor::default().compress(b"no two alike", &mut out, 8));
        assert_eq!(out, [9]);
    }

    #[test]
    fn broken_texts_are_refused() {
        let wrong: [&[u8]; 5] = [&[0], &[32, 0], &[0, b'a', 0xe0], &[0, b'a', 32, 9], &[31]];
        for packed in wrong {
            for len in 0..40 {
                assert_eq!(decompress(packed, len), None);
            }
        }
        assert_eq!(decompress(&[0, b'a', 32, 0], usize::MAX), None);
        assert_eq!(decompress(&[0, b'a', 32, 0], 4).as_deref(), Some(&b"aaaa"[..]));
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(
            texts in prop::collection::vec(prop::collection::vec(0u8..4, 0..700), 1..6)
        ) {
            let mut compressor = Compressor::default();
            for text in texts {
                let mut packed = Vec::new();
                if compressor.compress(&text, &mut packed, text.len().saturating_sub(4)) {
                    prop_assert!(packed.len() <= text.len() - 4);
                    prop_assert_eq!(decompress(&packed, text.len()), Some(text));
                }
            }
        }

        #[test]
        fn any_bytes_are_a_text_or_refused(packed in prop::collection::vec(any::<u8>(), 0..60), len in 0usize..900) {
            if let Some(text) = decompress(&packed, len) {
                prop_assert_eq!(text.len(), len);
            }
        }
    }
}
