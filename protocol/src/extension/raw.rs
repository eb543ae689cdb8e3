//! Operations as the bytes that they are on the wire: who only hands them on neither decodes nor copies them apart.

use bytes::Bytes;

use super::wire::{operation_of, put_operation};
use super::{MessageDecodeError, Operation};
use crate::slot::HashSlot;
use crate::varint;
use crate::view::{Epoch, Version};

/// An operation as a note and an [`Ask::Apply`](super::Ask::Apply) carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawOperation<'b> {
    /// All of it.
    pub bytes: &'b [u8],
    /// The version that the slot has behind it.
    pub new: Version,
}

impl<'b> RawOperation<'b> {
    /// The slot and the operation of a note that says that one was made; `None` if it says something else.
    #[inline]
    #[must_use]
    pub fn of_note(note: &'b [u8]) -> Option<(HashSlot, Self)> {
        let mut rest = note;
        let slot = HashSlot::new(u16::try_from(varint::take(&mut rest)?).ok()?)?;
        let bytes = rest.strip_prefix(&[0])?;
        let mut rest = bytes;
        let _previous = version(&mut rest)?;
        let new = version(&mut rest)?;
        let _time = varint::take(&mut rest)?;
        let len = usize::try_from(varint::take(&mut rest)?).ok()?;
        (rest.len() == len).then_some((slot, Self { bytes, new }))
    }
}

fn version(rest: &mut &[u8]) -> Option<Version> {
    Some(Version { changed: Epoch(varint::take(rest)?), n: varint::take(rest)? })
}

impl Operation {
    /// Appends the operation as a message carries it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_operation(out, self);
    }

    /// The operation of `bytes`, which it shares.
    ///
    /// # Errors
    /// [`MessageDecodeError`].
    pub fn decode(bytes: &Bytes) -> Result<Self, MessageDecodeError> {
        operation_of(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Ask, Note, Outcome, attribute, put_apply, put_ask};
    use super::*;

    #[test]
    fn a_raw_operation_is_the_one_that_the_note_and_the_question_carry() {
        let version = |changed, n| Version { changed: Epoch(changed), n };
        for effects in [&b""[..], &[7; 300]] {
            let effects = Bytes::copy_from_slice(effects);
            let operation =
                Operation { previous: version(1, 7), new: version(300, 8), time: 1 << 41, effects };
            let slot = HashSlot::new(16_383).unwrap();
            let note = attribute(&Note { slot, outcome: Outcome::Made(operation.clone()) });
            let (of, raw) = RawOperation::of_note(&note).unwrap();
            assert_eq!((of, raw.new), (slot, operation.new));
            assert_eq!(Operation::decode(&Bytes::copy_from_slice(raw.bytes)), Ok(operation.clone()));
            let mut encoded = Vec::new();
            operation.encode(&mut encoded);
            assert_eq!(raw.bytes, encoded);
            let (mut whole, mut handed_on) = (Vec::new(), Vec::new());
            put_ask(&mut whole, 5, &Ask::Apply { slot, since: Epoch(300), operation });
            put_apply(&mut handed_on, 5, (slot, Epoch(300)), raw.bytes);
            assert_eq!(whole, handed_on);
            (0..note.len()).for_each(|cut| assert_eq!(RawOperation::of_note(&note[..cut]), None));
        }
        let saw = attribute(&Note { slot: HashSlot::default(), outcome: Outcome::Saw(version(1, 1)) });
        assert_eq!(RawOperation::of_note(&saw), None);
    }
}
