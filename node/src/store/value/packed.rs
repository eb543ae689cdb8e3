//! Elements one after the other in one block of bytes: how a small collection lies in its entry.
//!
//! Each element is a byte of length and then its bytes. Sizes are bounded as in Redis, so that searching from the
//! front is cheap.

use std::ops::Range;

/// Longest element in bytes (`hash-max-listpack-value` and its like).
pub(super) const ITEM_BYTES_MAX: usize = 64;

/// Elements, front first.
#[derive(Clone)]
pub(super) struct Items<'a>(&'a [u8]);

impl<'a> Items<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.0.split_first()?;
        let (item, rest) = rest.split_at(usize::from(*len));
        self.0 = rest;
        Some(item)
    }
}

/// The byte that stands before an element of at most [`ITEM_BYTES_MAX`] bytes.
#[inline]
pub(super) fn length(item: &[u8]) -> [u8; 1] {
    #[expect(clippy::cast_possible_truncation, reason = "at most ITEM_BYTES_MAX")]
    let length = item.len() as u8;
    debug_assert!(item.len() <= ITEM_BYTES_MAX);
    [length]
}

/// Fields and their values, each an element of its own.
#[derive(Clone)]
pub(super) struct Pairs<'a>(Items<'a>);

impl<'a> Pairs<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Items(bytes))
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

/// Where a field was looked for in pairs.
pub(super) enum Place {
    /// Found: the bytes of the pair, and where in them its value begins (behind the length).
    At(Range<usize>, usize),
    /// Not found among this many.
    Nowhere(usize),
}

/// Looks for `field` in pairs.
pub(super) fn find_pair(bytes: &[u8], field: &[u8]) -> Place {
    let (mut at, mut count) = (0, 0);
    for (name, value) in Pairs::new(bytes) {
        let value_at = at + 2 + name.len();
        let end = value_at + value.len();
        if name == field {
            return Place::At(at..end, value_at);
        }
        (at, count) = (end, count + 1);
    }
    Place::Nowhere(count)
}
