//! Operations on their way down a chain, as they lie in a buffer.
//!
//! An operation has one form from the note of its head to the rings of those behind it, so nobody on the way needs more of
//! it than to look: its bytes are written once, and copied as they are from then on.

use bytes::Bytes;

use super::request::put_attribute_of;
use super::{Operation, wire};
use crate::slot::HashSlot;
use crate::varint;
use crate::view::{Epoch, Version};

/// An operation, encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passing<'m> {
    /// Version of the slot before it.
    pub previous: Version,
    /// Version of the slot after it.
    pub new: Version,
    /// The slot's time after it, in Unix milliseconds.
    pub time: u64,
    /// Its effects, as the node that executed it encoded them.
    pub effects: &'m [u8],
    encoded: &'m [u8],
}

impl<'m> Passing<'m> {
    /// The operation that these bytes are, and nothing but it.
    #[must_use]
    pub fn read(encoded: &'m [u8]) -> Option<Self> {
        let mut rest = encoded;
        let (previous, new) = (take_version(&mut rest)?, take_version(&mut rest)?);
        let time = varint::take(&mut rest)?;
        let len = varint::take(&mut rest)?;
        (len == rest.len() as u64).then_some(Self { previous, new, time, effects: rest, encoded })
    }

    /// Appends an operation of these parts to `out`.
    pub fn put(out: &'m mut Vec<u8>, (previous, new): (Version, Version), time: u64, effects: &[u8]) -> Self {
        let from = out.len();
        wire::put_version(out, previous);
        wire::put_version(out, new);
        varint::put(out, time);
        wire::put_bytes(out, effects);
        let encoded = &out[from..];
        Self { previous, new, time, effects: &encoded[encoded.len() - effects.len()..], encoded }
    }

    /// The version before the operation of which these bytes are the begin.
    #[must_use]
    pub fn previous_of(mut begin: &[u8]) -> Option<Version> {
        take_version(&mut begin)
    }

    /// Its bytes, of which [`Passing::read`] makes it again.
    #[inline]
    #[must_use]
    pub fn encoded(&self) -> &'m [u8] {
        self.encoded
    }

    /// A copy that lies nowhere else.
    #[must_use]
    pub fn kept(&self) -> Operation {
        let Self { previous, new, time, effects, .. } = *self;
        Operation { previous, new, time, effects: Bytes::copy_from_slice(effects) }
    }
}

impl Operation {
    /// The operation as it passes, encoded into `out`, which is emptied before.
    pub fn passing<'m>(&self, out: &'m mut Vec<u8>) -> Passing<'m> {
        out.clear();
        Passing::put(out, (self.previous, self.new), self.time, &self.effects)
    }
}

/// An [`Ask::Apply`](super::Ask::Apply) as it lies in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Apply<'m> {
    /// The slot.
    pub slot: HashSlot,
    /// Of the asked entry.
    pub since: Epoch,
    /// The operation.
    pub operation: Passing<'m>,
}

impl<'m> Apply<'m> {
    /// The question that a message is; `None` if it is another, or none.
    #[inline]
    #[must_use]
    pub fn read(message: &'m [u8]) -> Option<Self> {
        let mut rest = message.strip_prefix(&[wire::APPLY])?;
        let slot = HashSlot::new(u16::try_from(varint::take(&mut rest)?).ok()?)?;
        let since = Epoch(varint::take(&mut rest)?);
        Some(Self { slot, since, operation: Passing::read(rest)? })
    }
}

#[inline]
fn take_version(rest: &mut &[u8]) -> Option<Version> {
    Some(Version { changed: Epoch(varint::take(rest)?), n: varint::take(rest)? })
}

/// Appends the [`Note`](super::Note) of an operation that was made in `slot`, as an attribute. Returns the operation as it
/// lies there.
pub fn put_made<'m>(
    out: &'m mut Vec<u8>,
    slot: HashSlot,
    versions: (Version, Version),
    time: u64,
    effects: &[u8],
) -> Passing<'m> {
    let mut bytes = 0;
    put_attribute_of(out, |out| {
        wire::put_slot(out, &slot);
        out.push(wire::MADE);
        bytes = Passing::put(out, versions, time, effects).encoded.len();
    });
    // The end of its line is behind it.
    let end = out.len() - 2;
    let encoded = &out[end - bytes..end];
    let (previous, new) = versions;
    Passing { previous, new, time, effects: &encoded[bytes - effects.len()..], encoded }
}

/// Appends the answer to an `RM.ASK` that it is done.
#[inline]
pub fn put_done(out: &mut Vec<u8>, id: u64) {
    out.extend_from_slice(b"*2\r\n:");
    out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
    out.extend_from_slice(&[b'\r', b'\n', b'$', b'1', b'\r', b'\n', wire::DONE, b'\r', b'\n']);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::{Ask, Note, Outcome, Say, put_attribute, put_say, split_attribute};
    use proptest::prelude::*;

    fn operation(n: u64, effects: usize) -> Operation {
        let at = |n| Version { changed: Epoch(n / 3), n };
        Operation { previous: at(n), new: at(n + 1), time: n << 7, effects: vec![7; effects].into() }
    }

    proptest! {
        #[test]
        fn an_operation_that_passes_has_the_form_of_the_messages(n in 0u64..1 << 40, effects in 0usize..2000) {
            let (operation, slot, since) = (operation(n, effects), HashSlot::default(), Epoch(n));
            let mut message = Vec::new();
            Ask::Apply { slot, since, operation: operation.clone() }.encode(&mut message);
            let apply = Apply::read(&message).unwrap();
            prop_assert_eq!((apply.slot, apply.since, apply.operation.kept()), (slot, since, operation.clone()));
            let mut scratch = vec![1];
            prop_assert_eq!(operation.passing(&mut scratch), apply.operation);
            prop_assert_eq!(Passing::read(apply.operation.encoded()), Some(apply.operation));

            let (mut noted, mut expected) = (vec![9], vec![9]);
            let versions = (operation.previous, operation.new);
            let made = put_made(&mut noted, slot, versions, operation.time, &operation.effects);
            prop_assert_eq!(made, apply.operation);
            put_attribute(&mut expected, &Note { slot, outcome: Outcome::Made(operation) });
            prop_assert!(split_attribute(&noted[1..]).0.is_some());
            prop_assert_eq!(noted, expected);
        }
    }

    #[test]
    fn what_is_no_whole_operation_is_not_read() {
        let mut message = Vec::new();
        let (slot, since) = (HashSlot::default(), Epoch(300));
        Ask::Apply { slot, since, operation: operation(900, 3) }.encode(&mut message);
        (0..message.len()).for_each(|cut| assert_eq!(Apply::read(&message[..cut]), None, "cut at {cut}"));
        message.push(0);
        assert_eq!(Apply::read(&message), None, "and a byte more");
        message.clear();
        Ask::Version { slot }.encode(&mut message);
        assert_eq!(Apply::read(&message), None, "another question");
    }

    #[test]
    fn done_is_said_as_any_answer() {
        for id in [0, 9, u64::MAX] {
            let (mut short, mut long) = (Vec::new(), Vec::new());
            put_done(&mut short, id);
            put_say(&mut long, id, &Say::Done);
            assert_eq!(short, long);
        }
    }
}
