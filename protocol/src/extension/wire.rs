//! The messages as bytes: the one argument of a request, and the bulk string of its answer.
//!
//! ```text
//! message: kind, 1 byte | its fields          slot, epochs, numbers, counts, lengths: varints
//! version: epoch | n      operation: previous | new | time | effects (length, bytes)
//! history: version | 1 if cut | count | versions
//! ```
//! A message has one form only; what is cut off or has bytes left is refused.

use bytes::Bytes;

use super::{Ask, Contents, History, LINEAGE_MAX, Note, Operation, Outcome, Report, Say, Victim};
use crate::slot::HashSlot;
use crate::varint;
use crate::view::{Epoch, Incarnation, Version};

/// Longest message in bytes: the largest value, and some more.
pub const MESSAGE_BYTES_MAX: usize = 768 << 20;

/// Most keys of an answer that names victims.
pub const VICTIMS_MAX: usize = 512;

/// The kind of [`Ask::Apply`].
pub(super) const APPLY: u8 = 0;

/// The kind of [`Say::Done`].
pub(super) const DONE: u8 = 0;

/// The kind of [`Outcome::Made`].
pub(super) const MADE: u8 = 0;

/// The bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no message of this release")]
pub struct MessageDecodeError;

type Decoded<T> = Result<T, MessageDecodeError>;

impl Ask {
    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Apply { slot, since, operation } => {
                head(out, APPLY, *slot);
                varint::put(out, since.0);
                put_operation(out, operation);
            }
            Self::Await { slot, since, version } => {
                head(out, 1, *slot);
                varint::put(out, since.0);
                put_version(out, *version);
            }
            Self::Version { slot } => head(out, 2, *slot),
            Self::Prove { slot, since, version } => {
                head(out, 3, *slot);
                varint::put(out, since.0);
                put_version(out, *version);
            }
            Self::Ring { slot, after } => {
                head(out, 4, *slot);
                put_version(out, *after);
            }
            Self::Export { slot } => head(out, 5, *slot),
            Self::Import { slot, since, contents } => {
                head(out, 6, *slot);
                varint::put(out, since.0);
                put_contents(out, contents);
            }
            Self::Stage { slot, contents } => {
                head(out, 7, *slot);
                put_contents(out, contents);
            }
            Self::StageMore { slot, operations } => {
                head(out, 8, *slot);
                put_all(out, operations, put_operation);
            }
            Self::Fence { slots, epoch } => {
                out.push(9);
                varint::put(out, epoch.0);
                put_all(out, slots, put_slot);
            }
            Self::Report { slots } => {
                out.push(10);
                put_all(out, slots, put_slot);
            }
            Self::Victims { of, bytes } => {
                out.push(11);
                out.extend_from_slice(&of.0.to_le_bytes());
                varint::put(out, *bytes);
            }
            Self::Hang { slot, at_tail, database, keys, bell } => {
                head(out, 12, *slot);
                out.extend([u8::from(*at_tail), *database]);
                put_all(out, keys, |out, key| put_bytes(out, key));
                varint::put(out, *bell);
            }
            Self::TakeDown { bell } => {
                out.push(13);
                varint::put(out, *bell);
            }
        }
    }

    /// The message of `bytes`, which it shares.
    ///
    /// # Errors
    /// [`MessageDecodeError`].
    pub fn decode(bytes: &Bytes) -> Decoded<Self> {
        let mut input = Input::new(bytes);
        let ask = match input.byte()? {
            APPLY => {
                Self::Apply { slot: input.slot()?, since: input.epoch()?, operation: input.operation()? }
            }
            1 => Self::Await { slot: input.slot()?, since: input.epoch()?, version: input.version()? },
            2 => Self::Version { slot: input.slot()? },
            3 => Self::Prove { slot: input.slot()?, since: input.epoch()?, version: input.version()? },
            4 => Self::Ring { slot: input.slot()?, after: input.version()? },
            5 => Self::Export { slot: input.slot()? },
            6 => Self::Import { slot: input.slot()?, since: input.epoch()?, contents: input.contents()? },
            7 => Self::Stage { slot: input.slot()?, contents: input.contents()? },
            8 => Self::StageMore { slot: input.slot()?, operations: input.all(Input::operation)? },
            9 => {
                let epoch = input.epoch()?;
                Self::Fence { slots: input.all(Input::slot)?, epoch }
            }
            10 => Self::Report { slots: input.all(Input::slot)? },
            11 => Self::Victims { of: input.incarnation()?, bytes: input.number()? },
            12 => Self::Hang {
                slot: input.slot()?,
                at_tail: input.byte()? == 1,
                database: Some(input.byte()?).filter(|database| *database < 16).ok_or(MessageDecodeError)?,
                keys: input.all(Input::bytes)?,
                bell: input.number()?,
            },
            13 => Self::TakeDown { bell: input.number()? },
            _ => return Err(MessageDecodeError),
        };
        input.end(ask)
    }
}

impl Say {
    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Done => out.push(DONE),
            Self::At(version) => {
                out.push(1);
                put_version(out, *version);
            }
            Self::Behind(version) => {
                out.push(2);
                put_version(out, *version);
            }
            Self::Gap(version) => {
                out.push(3);
                put_version(out, *version);
            }
            Self::Operations(operations) => {
                out.push(4);
                put_all(out, operations, put_operation);
            }
            Self::Forgotten => out.push(5),
            Self::Contents(contents) => {
                out.push(6);
                put_contents(out, contents);
            }
            Self::Reports(reports) => {
                out.push(7);
                put_all(out, reports, put_report);
            }
            Self::Overloaded => out.push(8),
            Self::Stale(epoch) => {
                out.push(9);
                varint::put(out, epoch.0);
            }
            Self::Fenced(epoch) => {
                out.push(10);
                varint::put(out, epoch.0);
            }
            Self::Broken(why) => {
                out.push(11);
                put_bytes(out, why);
            }
            Self::Victims(victims) => {
                out.push(12);
                put_all(out, victims, put_victim);
            }
        }
    }

    /// The message of `bytes`, which it shares.
    ///
    /// # Errors
    /// [`MessageDecodeError`].
    pub fn decode(bytes: &Bytes) -> Decoded<Self> {
        let mut input = Input::new(bytes);
        let say = match input.byte()? {
            DONE => Self::Done,
            1 => Self::At(input.version()?),
            2 => Self::Behind(input.version()?),
            3 => Self::Gap(input.version()?),
            4 => Self::Operations(input.all(Input::operation)?),
            5 => Self::Forgotten,
            6 => Self::Contents(input.contents()?),
            7 => Self::Reports(input.all(Input::report)?),
            8 => Self::Overloaded,
            9 => Self::Stale(input.epoch()?),
            10 => Self::Fenced(input.epoch()?),
            11 => Self::Broken(input.bytes()?),
            12 => Self::Victims(input.all_up_to(VICTIMS_MAX, Input::victim)?),
            _ => return Err(MessageDecodeError),
        };
        input.end(say)
    }
}

impl Note {
    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_slot(out, &self.slot);
        match &self.outcome {
            Outcome::Made(operation) => {
                out.push(MADE);
                put_operation(out, operation);
            }
            Outcome::Alone(version) => {
                out.push(1);
                put_version(out, *version);
            }
            Outcome::Saw(version) => {
                out.push(2);
                put_version(out, *version);
            }
            Outcome::HasIt => out.push(3),
            Outcome::Forgotten => out.push(4),
            Outcome::Published(version) => {
                out.push(5);
                put_version(out, *version);
            }
        }
    }

    /// The message of `bytes`, which it shares.
    ///
    /// # Errors
    /// [`MessageDecodeError`].
    pub fn decode(bytes: &Bytes) -> Decoded<Self> {
        let mut input = Input::new(bytes);
        let slot = input.slot()?;
        let outcome = match input.byte()? {
            MADE => Outcome::Made(input.operation()?),
            1 => Outcome::Alone(input.version()?),
            2 => Outcome::Saw(input.version()?),
            3 => Outcome::HasIt,
            4 => Outcome::Forgotten,
            5 => Outcome::Published(input.version()?),
            _ => return Err(MessageDecodeError),
        };
        input.end(Self { slot, outcome })
    }
}

fn head(out: &mut Vec<u8>, kind: u8, slot: HashSlot) {
    out.push(kind);
    put_slot(out, &slot);
}

pub(super) fn put_slot(out: &mut Vec<u8>, slot: &HashSlot) {
    varint::put(out, u64::from(slot.number()));
}

pub(super) fn put_version(out: &mut Vec<u8>, version: Version) {
    varint::put(out, version.changed.0);
    varint::put(out, version.n);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn put_operation(out: &mut Vec<u8>, operation: &Operation) {
    put_version(out, operation.previous);
    put_version(out, operation.new);
    varint::put(out, operation.time);
    put_bytes(out, &operation.effects);
}

/// The one operation that these bytes are.
pub(super) fn operation_of(bytes: &Bytes) -> Decoded<Operation> {
    let mut input = Input::new(bytes);
    let operation = input.operation()?;
    input.end(operation)
}

/// Appends an [`Ask::Apply`] whose operation is there as bytes.
pub(super) fn put_apply_message(out: &mut Vec<u8>, (slot, since): (HashSlot, Epoch), operation: &[u8]) {
    head(out, 0, slot);
    varint::put(out, since.0);
    out.extend_from_slice(operation);
}

fn put_history(out: &mut Vec<u8>, history: &History) {
    put_version(out, history.version());
    out.push(u8::from(history.is_cut()));
    put_all(out, history.earlier(), |out, version| put_version(out, *version));
}

fn put_contents(out: &mut Vec<u8>, contents: &Contents) {
    varint::put(out, contents.changed.0);
    varint::put(out, contents.born.0);
    put_history(out, &contents.history);
    varint::put(out, contents.time);
    put_bytes(out, &contents.effects);
}

fn put_report(out: &mut Vec<u8>, report: &Report) {
    put_slot(out, &report.slot);
    varint::put(out, report.born.0);
    put_history(out, &report.history);
    varint::put(out, report.proven.0);
}

fn put_victim(out: &mut Vec<u8>, victim: &Victim) {
    put_slot(out, &victim.slot);
    out.push(victim.database);
    put_bytes(out, &victim.key);
    varint::put(out, victim.bytes);
}

fn put_all<T>(out: &mut Vec<u8>, all: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    varint::put(out, all.len() as u64);
    all.iter().for_each(|one| put(out, one));
}

/// What is left of a message.
struct Input<'b> {
    whole: &'b Bytes,
    rest: &'b [u8],
}

impl<'b> Input<'b> {
    fn new(whole: &'b Bytes) -> Self {
        Self { whole, rest: whole }
    }

    fn end<T>(&self, message: T) -> Decoded<T> {
        if self.rest.is_empty() { Ok(message) } else { Err(MessageDecodeError) }
    }

    fn byte(&mut self) -> Decoded<u8> {
        let (byte, rest) = self.rest.split_first().ok_or(MessageDecodeError)?;
        self.rest = rest;
        Ok(*byte)
    }

    fn number(&mut self) -> Decoded<u64> {
        varint::take(&mut self.rest).ok_or(MessageDecodeError)
    }

    fn slot(&mut self) -> Decoded<HashSlot> {
        let number = u16::try_from(self.number()?).ok();
        number.and_then(HashSlot::new).ok_or(MessageDecodeError)
    }

    fn epoch(&mut self) -> Decoded<Epoch> {
        self.number().map(Epoch)
    }

    fn version(&mut self) -> Decoded<Version> {
        Ok(Version { changed: self.epoch()?, n: self.number()? })
    }

    fn bytes(&mut self) -> Decoded<Bytes> {
        let len = usize::try_from(self.number()?).map_err(|_| MessageDecodeError)?;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(MessageDecodeError)?;
        self.rest = rest;
        Ok(self.whole.slice_ref(bytes))
    }

    fn operation(&mut self) -> Decoded<Operation> {
        let (previous, new) = (self.version()?, self.version()?);
        Ok(Operation { previous, new, time: self.number()?, effects: self.bytes()? })
    }

    fn history(&mut self) -> Decoded<History> {
        let version = self.version()?;
        let is_cut = match self.byte()? {
            0 => false,
            1 => true,
            _ => return Err(MessageDecodeError),
        };
        let earlier = self.all_up_to(LINEAGE_MAX, Self::version)?;
        History::of_parts(version, earlier, is_cut).ok_or(MessageDecodeError)
    }

    fn contents(&mut self) -> Decoded<Contents> {
        let (changed, born, history) = (self.epoch()?, self.epoch()?, self.history()?);
        Ok(Contents { changed, born, history, time: self.number()?, effects: self.bytes()? })
    }

    fn report(&mut self) -> Decoded<Report> {
        let (slot, born) = (self.slot()?, self.epoch()?);
        Ok(Report { slot, born, history: self.history()?, proven: self.epoch()? })
    }

    fn incarnation(&mut self) -> Decoded<Incarnation> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(MessageDecodeError)?;
        self.rest = rest;
        Ok(Incarnation(u128::from_le_bytes(*bytes)))
    }

    fn victim(&mut self) -> Decoded<Victim> {
        let (slot, database) = (self.slot()?, self.byte()?);
        Ok(Victim { slot, database, key: self.bytes()?, bytes: self.number()? })
    }

    /// Each is at least a byte, so there are no more than there are bytes.
    fn all<T>(&mut self, one: impl Fn(&mut Self) -> Decoded<T>) -> Decoded<Vec<T>> {
        self.all_up_to(self.rest.len(), one)
    }

    fn all_up_to<T>(&mut self, max: usize, one: impl Fn(&mut Self) -> Decoded<T>) -> Decoded<Vec<T>> {
        let count = usize::try_from(self.number()?).ok().filter(|count| *count <= max);
        (0..count.ok_or(MessageDecodeError)?).map(|_| one(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(changed: u64, n: u64) -> Version {
        Version { changed: Epoch(changed), n }
    }

    fn samples() -> (Vec<Ask>, Vec<Say>, Vec<Note>) {
        let slot = HashSlot::new(16_383).unwrap();
        let since = Epoch(300);
        let operation = Operation {
            previous: at(1, 7),
            new: at(300, 8),
            time: 1 << 41,
            effects: Bytes::from_static(b"xyz"),
        };
        let history = History::of_parts(at(300, 8), vec![at(1, 7)], true).unwrap();
        let contents = Contents {
            changed: since,
            born: Epoch(1),
            history: history.clone(),
            time: 5,
            effects: Bytes::from_static(b"all"),
        };
        let report = Report { slot, born: Epoch(1), history, proven: Epoch(4) };
        let asks = vec![
            Ask::Apply { slot, since, operation: operation.clone() },
            Ask::Await { slot, since, version: at(2, 3) },
            Ask::Hang {
                slot,
                at_tail: true,
                database: 15,
                keys: vec![Bytes::from_static(b"k")],
                bell: 1 << 40,
            },
            Ask::TakeDown { bell: 3 },
            Ask::Version { slot },
            Ask::Prove { slot, since, version: at(2, 3) },
            Ask::Ring { slot, after: at(9, 9) },
            Ask::Export { slot },
            Ask::Import { slot, since, contents: contents.clone() },
            Ask::Stage { slot, contents: contents.clone() },
            Ask::StageMore { slot, operations: vec![operation.clone(); 2] },
            Ask::Fence { slots: vec![slot; 3], epoch: since },
            Ask::Report { slots: vec![slot] },
            Ask::Victims { of: Incarnation(1 << 90), bytes: 1 << 30 },
        ];
        let says = vec![
            Say::Done,
            Say::At(at(1, 1)),
            Say::Behind(at(1, 1)),
            Say::Gap(at(1, 1)),
            Say::Operations(vec![operation.clone()]),
            Say::Forgotten,
            Say::Contents(contents),
            Say::Reports(vec![report]),
            Say::Overloaded,
            Say::Stale(since),
            Say::Fenced(since),
            Say::Broken(Bytes::from_static(b"disk")),
            Say::Victims(vec![Victim { slot, database: 3, key: Bytes::from_static(b"cold"), bytes: 900 }]),
        ];
        let outcomes = [
            Outcome::Made(operation),
            Outcome::Alone(at(4, 4)),
            Outcome::Saw(at(4, 4)),
            Outcome::Published(at(4, 5)),
            Outcome::HasIt,
            Outcome::Forgotten,
        ];
        let notes = outcomes.map(|outcome| Note { slot, outcome }).to_vec();
        (asks, says, notes)
    }

    /// Each message comes back from its bytes, and from none of their beginnings.
    fn comes_back<T: PartialEq + std::fmt::Debug>(
        message: &T,
        encode: impl Fn(&T, &mut Vec<u8>),
        decode: impl Fn(&Bytes) -> Decoded<T>,
    ) {
        let mut bytes = Vec::new();
        encode(message, &mut bytes);
        let bytes = Bytes::from(bytes);
        assert_eq!(decode(&bytes).as_ref(), Ok(message));
        (0..bytes.len())
            .for_each(|cut| assert!(decode(&bytes.slice(..cut)).is_err(), "{message:?} cut at {cut}"));
        let longer = Bytes::from([&bytes[..], &[0]].concat());
        assert!(decode(&longer).is_err(), "{message:?} and a byte more");
    }

    #[test]
    fn messages_come_back_from_their_bytes() {
        let (asks, says, notes) = samples();
        asks.iter().for_each(|ask| comes_back(ask, Ask::encode, Ask::decode));
        says.iter().for_each(|say| comes_back(say, Say::encode, Say::decode));
        notes.iter().for_each(|note| comes_back(note, Note::encode, Note::decode));
    }

    #[test]
    fn a_count_that_cannot_be_allocates_nothing() {
        let bytes = Bytes::from_static(&[10, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert_eq!(Ask::decode(&bytes), Err(MessageDecodeError));
    }
}
