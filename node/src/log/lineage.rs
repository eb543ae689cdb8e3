//! What a slot that is an entry of chains has beside its content: when it started empty, and its lineage.
//!
//! ```text
//! lineage: born | 1 if cut, else 0 | count | for each earlier epoch: changed, n      all varints
//! whole:   slot u16 | changed | n | time | length of the lineage | lineage | effects, each with its length before it
//! ```

use ringmaster_protocol::extension::{History, LINEAGE_MAX};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Version};

use super::record::Bad;
use crate::store::effect::encoding::varint;
use crate::store::journal::Whole;

/// Appends when a content started empty, and what it has had before the epoch of its version.
pub fn put(out: &mut Vec<u8>, born: Epoch, history: &History) {
    let earlier = history.earlier();
    for number in [born.0, u64::from(history.is_cut()), earlier.len() as u64] {
        varint::put(out, number);
    }
    for version in earlier {
        varint::put(out, version.changed.0);
        varint::put(out, version.n);
    }
}

/// Takes off the front of `rest` what [`put`] has appended of a content of this version.
///
/// # Errors
/// [`Bad::Body`].
pub fn take(rest: &mut &[u8], version: Version) -> Result<(Epoch, History), Bad> {
    let mut number = || varint::take(rest).map_err(|_| Bad::Body);
    let (born, is_cut, count) = (Epoch(number()?), number()? == 1, number()?);
    if count > LINEAGE_MAX as u64 {
        return Err(Bad::Body);
    }
    let one = |_| Ok(Version { changed: Epoch(number()?), n: number()? });
    let earlier = (0..count).map(one).collect::<Result<_, Bad>>()?;
    Ok((born, History::of_parts(version, earlier, is_cut).ok_or(Bad::Body)?))
}

/// Appends the body of a record of a whole slot.
pub fn put_whole(out: &mut Vec<u8>, slot: HashSlot, whole: &Whole<'_>) {
    out.extend_from_slice(&slot.number().to_le_bytes());
    let (version, mut lineage) = (whole.history.version(), Vec::new());
    put(&mut lineage, whole.born, whole.history);
    for number in [version.changed.0, version.n, whole.time, lineage.len() as u64] {
        varint::put(out, number);
    }
    out.extend_from_slice(&lineage);
    out.extend_from_slice(whole.effects);
}

/// A slot as a record tells it whole.
#[derive(Clone, Debug)]
pub struct WholeSlot<'a> {
    /// The slot.
    pub slot: HashSlot,
    /// Epoch in which its content started empty; 0 if it never had any.
    pub born: Epoch,
    /// The operations that it contains.
    pub history: History,
    /// Its time in Unix milliseconds.
    pub time: u64,
    /// Effects that make it, each with its length before it.
    pub effects: &'a [u8],
}

/// What [`put_whole`] has appended.
///
/// # Errors
/// [`Bad::Body`]. No bytes make this panic.
pub fn told(body: &[u8]) -> Result<WholeSlot<'_>, Bad> {
    let (number, mut rest) = body.split_first_chunk().ok_or(Bad::Body)?;
    let slot = HashSlot::new(u16::from_le_bytes(*number)).ok_or(Bad::Body)?;
    let mut number = || varint::take(&mut rest).map_err(|_| Bad::Body);
    let (changed, n, time, len) = (number()?, number()?, number()?, number()?);
    let len = usize::try_from(len).map_err(|_| Bad::Body)?;
    let (mut lineage, effects) = rest.split_at_checked(len).ok_or(Bad::Body)?;
    let (born, history) = take(&mut lineage, Version { changed: Epoch(changed), n })?;
    if lineage.is_empty() { Ok(WholeSlot { slot, born, history, time, effects }) } else { Err(Bad::Body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_slot_is_read_as_it_was_written() {
        let mut history = History::born(Epoch(2));
        for (changed, n) in [(2, 40), (5, 41), (9, 900)] {
            history.advance(Version { changed: Epoch(changed), n });
        }
        let slot = HashSlot::new(16_383).unwrap();
        let mut body = Vec::new();
        let whole = Whole { born: Epoch(2), history: &history, time: 1 << 41, effects: b"xyz" };
        put_whole(&mut body, slot, &whole);
        let read = told(&body).unwrap();
        assert_eq!((read.slot, read.born, read.time, read.effects), (slot, Epoch(2), 1 << 41, &b"xyz"[..]));
        assert_eq!(read.history, history);
        (0..body.len() - 3).for_each(|cut| assert!(told(&body[..cut]).is_err(), "cut at {cut}"));
    }
}
