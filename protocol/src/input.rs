//! What is left to read of a message, for the decoders of [`crate::heartbeat`] and [`crate::register`].

use bytes::Bytes;

use crate::extension::MessageDecodeError;
use crate::slot::HashSlot;
use crate::varint;
use crate::view::Epoch;

pub(crate) type Decoded<T> = Result<T, MessageDecodeError>;

/// What is left of a message. Bytes are shared with it, not copied.
pub(crate) struct Input<'b> {
    whole: &'b Bytes,
    rest: &'b [u8],
}

impl<'b> Input<'b> {
    pub(crate) fn new(whole: &'b Bytes) -> Self {
        Self { whole, rest: whole }
    }

    /// The message, if nothing is left.
    pub(crate) fn end<T>(&self, message: T) -> Decoded<T> {
        if self.rest.is_empty() { Ok(message) } else { Err(MessageDecodeError) }
    }

    pub(crate) fn byte(&mut self) -> Decoded<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn flag(&mut self) -> Decoded<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(MessageDecodeError),
        }
    }

    pub(crate) fn number(&mut self) -> Decoded<u64> {
        varint::take(&mut self.rest).ok_or(MessageDecodeError)
    }

    pub(crate) fn number_128(&mut self) -> Decoded<u128> {
        self.array().map(u128::from_le_bytes)
    }

    pub(crate) fn epoch(&mut self) -> Decoded<Epoch> {
        self.number().map(Epoch)
    }

    pub(crate) fn slot(&mut self) -> Decoded<HashSlot> {
        let number = u16::try_from(self.number()?).ok();
        number.and_then(HashSlot::new).ok_or(MessageDecodeError)
    }

    /// A length of at most `max`, and so many bytes.
    pub(crate) fn bytes(&mut self, max: usize) -> Decoded<Bytes> {
        let len = usize::try_from(self.number()?).ok().filter(|len| *len <= max);
        let split = len.and_then(|len| self.rest.split_at_checked(len));
        let (bytes, rest) = split.ok_or(MessageDecodeError)?;
        self.rest = rest;
        Ok(self.whole.slice_ref(bytes))
    }

    /// A count of at most `max`, and so many things.
    pub(crate) fn all<T>(&mut self, max: usize, one: impl Fn(&mut Self) -> Decoded<T>) -> Decoded<Vec<T>> {
        let count = usize::try_from(self.number()?).ok().filter(|count| *count <= max);
        (0..count.ok_or(MessageDecodeError)?).map(|_| one(self)).collect()
    }

    fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(MessageDecodeError)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

/// Appends a length and the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a count and each thing.
pub(crate) fn put_all<T>(out: &mut Vec<u8>, all: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    varint::put(out, all.len() as u64);
    all.iter().for_each(|one| put(out, one));
}
