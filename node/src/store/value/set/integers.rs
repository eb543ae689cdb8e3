//! A set of integers in one block: in ascending order, all as wide as the widest needs.
//!
//! The first byte is the width in bytes (2, 4 or 8); then the integers follow, least significant byte first.

/// A block of integers, to read; an empty one has no byte at all.
#[derive(Clone, Copy)]
pub(super) struct Integers<'a> {
    width: usize,
    bytes: &'a [u8],
}

/// What has to be done to the block.
pub(super) enum Edit {
    /// These bytes (the first so many of the array) go in at this place of the block.
    Insert(usize, [u8; 9], usize),
    /// The block is to be these bytes.
    Rebuild(Vec<u8>),
}

/// Bytes that `number` needs.
fn width_of(number: i64) -> usize {
    match number {
        _ if i16::try_from(number).is_ok() => 2,
        _ if i32::try_from(number).is_ok() => 4,
        _ => 8,
    }
}

impl<'a> Integers<'a> {
    pub(super) fn new(block: &'a [u8]) -> Self {
        match block.split_first() {
            None => Self { width: 2, bytes: &[] },
            Some((width, bytes)) => Self { width: usize::from(*width), bytes },
        }
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.bytes.len() / self.width
    }

    /// The number of this rank, which is below the length.
    #[inline]
    pub(super) fn get(self, rank: usize) -> i64 {
        let bytes = &self.bytes[rank * self.width..(rank + 1) * self.width];
        match *bytes {
            [a, b] => i64::from(i16::from_le_bytes([a, b])),
            [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
            _ => bytes.try_into().map_or(0, i64::from_le_bytes),
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = i64> + use<'a> {
        (0..self.len()).map(move |rank| self.get(rank))
    }

    /// The rank of `number`, or the one that it would have.
    pub(super) fn search(self, number: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).cmp(&number) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Where the number of `rank` lies in the block.
    pub(super) fn range(self, rank: usize) -> std::ops::Range<usize> {
        1 + rank * self.width..1 + (rank + 1) * self.width
    }

    /// How to put `number`, which is not there, in at `rank`.
    pub(super) fn insertion(self, number: i64, rank: usize) -> Edit {
        let width = width_of(number);
        if self.bytes.is_empty() || width > self.width {
            let numbers = (0..=self.len()).map(|at| match at {
                _ if at == rank => number,
                _ => self.get(at - usize::from(at > rank)),
            });
            #[expect(clippy::cast_possible_truncation, reason = "at most 8")]
            let mut block = vec![width as u8];
            numbers.for_each(|number| block.extend_from_slice(&number.to_le_bytes()[..width]));
            return Edit::Rebuild(block);
        }
        let mut bytes = [0; 9];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Edit::Insert(1 + rank * self.width, bytes, self.width)
    }
}
