//! Intsets: sorted integers of one width, each set in one block.
//!
//! ```text
//! width (4 bytes: 2, 4 or 8) · count (4 bytes) · integers, the lowest first; all little-endian
//! ```

use super::RdbError;

const HEADER_BYTES: usize = 8;

/// The integers of an intset.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    rest: &'a [u8],
    width: usize,
}

impl<'a> Entries<'a> {
    /// The integers of a well-formed intset: its header fits, and they rise.
    pub(super) fn checked(bytes: &'a [u8]) -> Result<Self, RdbError> {
        let entries = Self::new(bytes).ok_or(RdbError::Corrupt("the header of an intset"))?;
        if entries.clone().is_sorted_by(|one, other| one < other) {
            Ok(entries)
        } else {
            Err(RdbError::Corrupt("the order of an intset"))
        }
    }

    /// The integers of an intset that was checked.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let [width, count] = [0, 4].map(|at| header[at..at + 4].try_into().map(u32::from_le_bytes));
        let (width, count) = (usize::try_from(width.ok()?).ok()?, usize::try_from(count.ok()?).ok()?);
        let fits = matches!(width, 2 | 4 | 8) && count.checked_mul(width) == Some(rest.len());
        fits.then_some(Self { rest, width })
    }
}

impl Iterator for Entries<'_> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let (bytes, rest) = self.rest.split_at_checked(self.width).filter(|(bytes, _)| !bytes.is_empty())?;
        self.rest = rest;
        Some(super::listpack::integer(bytes))
    }
}

/// The intset of `members`, which are distinct.
pub(super) fn pack(mut members: Vec<i64>) -> Vec<u8> {
    members.sort_unstable();
    let fits = |min: i64, max: i64| members.iter().all(|member| (min..=max).contains(member));
    let width: u8 = match () {
        () if fits(i16::MIN.into(), i16::MAX.into()) => 2,
        () if fits(i32::MIN.into(), i32::MAX.into()) => 4,
        () => 8,
    };
    let mut bytes = vec![width, 0, 0, 0];
    // A set of more members than this is no intset.
    bytes.extend(u32::try_from(members.len()).unwrap_or(u32::MAX).to_le_bytes());
    for member in members {
        bytes.extend_from_slice(&member.to_le_bytes()[..usize::from(width)]);
    }
    bytes
}
