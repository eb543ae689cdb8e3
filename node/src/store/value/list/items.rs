//! Items of a list one after the other in one block, readable from both ends.
//!
//! Each item has its length before and behind it: a byte, or, from 255 on, that byte and four more (the byte is the
//! outermost on both sides).

use std::ops::Range;

/// Lengths from here on stand in four bytes of their own.
const LONG: usize = 255;
const SHORT_FRAME: usize = 1;
const LONG_FRAME: usize = 5;

/// Items, front first.
#[derive(Clone, Copy, Default)]
pub(super) struct Items<'a>(&'a [u8]);

/// What stands before and behind an item.
pub(super) struct Frame {
    before: [u8; LONG_FRAME],
    behind: [u8; LONG_FRAME],
    len: usize,
}

#[inline]
fn frame_len(item_len: usize) -> usize {
    if item_len < LONG { SHORT_FRAME } else { LONG_FRAME }
}

/// Bytes of an item with its frame.
#[inline]
pub(super) fn framed_len(item: &[u8]) -> usize {
    item.len() + 2 * frame_len(item.len())
}

impl Frame {
    pub(super) fn of(item: &[u8]) -> Self {
        let len = u32::try_from(item.len()).expect("an item is below 4 GiB").to_le_bytes();
        let [a, b, c, d] = len;
        if item.len() < LONG {
            return Self { before: [a, 0, 0, 0, 0], behind: [a, 0, 0, 0, 0], len: SHORT_FRAME };
        }
        Self { before: [0xff, a, b, c, d], behind: [a, b, c, d, 0xff], len: LONG_FRAME }
    }

    pub(super) fn before(&self) -> &[u8] {
        &self.before[..self.len]
    }

    pub(super) fn behind(&self) -> &[u8] {
        &self.behind[..self.len]
    }
}

/// Writes `item` with its frame into `place`, which is as long as [`framed_len`] tells.
#[inline]
pub(super) fn write_framed(item: &[u8], place: &mut [u8]) {
    if item.len() < LONG
        && let [before, middle @ .., behind] = place
    {
        #[expect(clippy::cast_possible_truncation, reason = "below LONG")]
        let len = item.len() as u8;
        (*before, *behind) = (len, len);
        return middle.copy_from_slice(item);
    }
    let frame = Frame::of(item);
    let (before, rest) = place.split_at_mut(frame.before().len());
    let (middle, behind) = rest.split_at_mut(item.len());
    before.copy_from_slice(frame.before());
    middle.copy_from_slice(item);
    behind.copy_from_slice(frame.behind());
}

fn long(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize
}

impl<'a> Items<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Bytes of the items with their frames.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Where the item at `index`, which may be just behind the last, lies in the block with its frame.
    pub(super) fn range(self, index: usize) -> Range<usize> {
        let mut rest = self;
        if index > 0 {
            rest.nth(index - 1);
        }
        let start = self.0.len() - rest.0.len();
        let len = rest.next().map_or(0, framed_len);
        start..start + len
    }

    /// Bytes of the first `count` items, which are there.
    pub(super) fn front_bytes(self, count: usize) -> usize {
        self.range(count).start
    }

    /// Bytes of the last `count` items, which are there.
    pub(super) fn back_bytes(self, count: usize) -> usize {
        let mut rest = self;
        if count > 0 {
            rest.nth_back(count - 1);
        }
        self.0.len() - rest.0.len()
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let short = usize::from(*self.0.first()?);
        let len = if short < LONG { short } else { long(&self.0[1..LONG_FRAME]) };
        let frame = frame_len(len);
        let (item, rest) = self.0.split_at(2 * frame + len);
        self.0 = rest;
        Some(&item[frame..frame + len])
    }
}

impl<'a> DoubleEndedIterator for Items<'a> {
    #[inline]
    fn next_back(&mut self) -> Option<&'a [u8]> {
        let short = usize::from(*self.0.last()?);
        let end = self.0.len();
        let len = if short < LONG { short } else { long(&self.0[end - LONG_FRAME..end - 1]) };
        let frame = frame_len(len);
        let (rest, item) = self.0.split_at(end - 2 * frame - len);
        self.0 = rest;
        Some(&item[frame..frame + len])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_from_both_ends() {
        let items: Vec<Vec<u8>> = [0, 1, 254, 255, 256, 70_000].iter().map(|len| vec![7; *len]).collect();
        let block: Vec<u8> = items
            .iter()
            .flat_map(|item| {
                let frame = Frame::of(item);
                [frame.before(), item, frame.behind()].concat()
            })
            .collect();
        let read = Items::new(&block);
        assert!(read.eq(items.iter().map(|item| &item[..])));
        assert!(read.rev().eq(items.iter().rev().map(|item| &item[..])));
        assert_eq!((read.front_bytes(2), read.back_bytes(1)), (5, 70_010));
        assert_eq!((read.range(1), read.range(6)), (2..5, block.len()..block.len()));
    }
}
