//! The body of a record of an operation: what it did to each of its slots.
//!
//! ```text
//! count of slots
//! for each: slot u16 | changed | n | time | count of effects | for each: length | effect
//! ```
//! Numbers without a size are varints. An operation is recovered whole or not at all.

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Version};

use super::record::Bad;
use crate::store::effect::encoding::{DecodeError, Decoded, decode, varint};
use crate::store::journal::Section;

/// Appends what was done to `slot`.
#[inline]
pub fn put(out: &mut Vec<u8>, slot: HashSlot, section: &Section) {
    out.extend_from_slice(&slot.number().to_le_bytes());
    for number in [section.version.changed.0, section.version.n, section.time, section.count()] {
        varint::put(out, number);
    }
    out.extend_from_slice(section.bytes());
}

/// At least the bytes that [`put`] appends.
#[inline]
#[must_use]
pub fn bytes_max(section: &Section) -> usize {
    section.bytes().len() + SECTION_HEAD_BYTES_MAX
}

/// Most bytes of a section besides its effects.
const SECTION_HEAD_BYTES_MAX: usize = 2 + 4 * 10;

/// Appends the count of slots that a body begins with.
#[inline]
pub fn begin(out: &mut Vec<u8>, slots: usize) {
    varint::put(out, slots as u64);
}

/// What an operation did to one slot, as a record tells it.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The slot.
    pub slot: HashSlot,
    /// Its version after the operation.
    pub version: Version,
    /// Its time then, in Unix milliseconds.
    pub time: u64,
    count: u64,
    effects: &'a [u8],
}

impl<'a> Part<'a> {
    /// Its effects, in order.
    ///
    /// # Errors
    /// One of them is malformed: the record was not written by this release or a later one.
    pub fn effects(&self) -> Result<Vec<Decoded<'a>>, DecodeError> {
        let mut rest = self.effects;
        let mut effects = Vec::new();
        while !rest.is_empty() {
            effects.push(decode(take_bytes(&mut rest)?, self.slot)?);
        }
        Ok(effects)
    }

    /// Its bytes, to be read again by [`Part::decode`].
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.slot.number().to_le_bytes());
        for number in [self.version.changed.0, self.version.n, self.time, self.count] {
            varint::put(out, number);
        }
        out.extend_from_slice(self.effects);
    }

    /// Takes a part off the front of `rest`.
    pub(super) fn decode(rest: &mut &'a [u8]) -> Result<Self, Bad> {
        part(rest).ok_or(Bad::Body)
    }
}

/// The parts of a body.
///
/// # Errors
/// [`Bad::Body`]. No bytes make this panic.
pub fn parts(mut body: &[u8]) -> Result<Vec<Part<'_>>, Bad> {
    let count = varint::take(&mut body).map_err(|_| Bad::Body)?;
    if count > HashSlot::all().len() as u64 {
        return Err(Bad::Body);
    }
    let parts: Vec<_> = (0..count).map(|_| Part::decode(&mut body)).collect::<Result<_, _>>()?;
    let ascend = parts.is_sorted_by(|first, second| first.slot < second.slot);
    if body.is_empty() && ascend { Ok(parts) } else { Err(Bad::Body) }
}

fn part<'a>(rest: &mut &'a [u8]) -> Option<Part<'a>> {
    let (number, behind) = rest.split_first_chunk()?;
    *rest = behind;
    let slot = HashSlot::new(u16::from_le_bytes(*number))?;
    let mut number = || varint::take(rest).ok();
    let (changed, n, time, count) = (number()?, number()?, number()?, number()?);
    let start = *rest;
    for _ in 0..count {
        take_bytes(rest).ok()?;
    }
    let effects = &start[..start.len() - rest.len()];
    Some(Part { slot, version: Version { changed: Epoch(changed), n }, time, count, effects })
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let len = usize::try_from(varint::take(rest)?).map_err(|_| DecodeError::Number)?;
    let (bytes, behind) = rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
    *rest = behind;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::effect::Effect;
    use crate::store::key::Key;

    #[test]
    fn an_operation_is_read_as_it_was_written() {
        let key = Key::new(b"k", 0);
        let version = Version { changed: Epoch(3), n: 500 };
        let mut section = Section::default();
        (section.version, section.time) = (version, 1_000_000);
        section.push(&Effect::SetString { key, value: b"v", deadline: None });
        section.push(&Effect::Remove { key });
        let mut body = Vec::new();
        begin(&mut body, 1);
        put(&mut body, key.slot, &section);
        let parts = parts(&body).unwrap();
        assert_eq!((parts[0].slot, parts[0].version, parts[0].time), (key.slot, version, 1_000_000));
        let effects = parts[0].effects().unwrap();
        assert!(matches!(effects[0].effect(), Effect::SetString { value: b"v", .. }));
        assert!(matches!(effects[1].effect(), Effect::Remove { .. }));
        for cut in 0..body.len() {
            assert!(super::parts(&body[..cut]).is_err());
        }
    }
}
