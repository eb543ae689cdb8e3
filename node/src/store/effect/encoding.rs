//! Effects as bytes: the body of a record of the log, and of what the chain carries.
//!
//! ```text
//! | kind, 1 byte | the effect's parts, in the order of its fields |
//! key: database, 1 byte; length; bytes      byte string: length; bytes      number: varint
//! deadline: 0 for none, else one more than it      score: 8 bytes, little-endian
//! ```
//! The bytes are part of the disk format: a kind's number and its parts never change; a new effect takes a new
//! number. A record has one form only and is checked as a whole before any of it is applied; its slot stands
//! beside it and is the slot of all its keys.

pub(crate) mod framed;
mod stream;
pub(crate) mod varint;
mod wire;

use ringmaster_protocol::slot::HashSlot;

use super::Effect;
use crate::store::entry::STRING_BYTES_MAX;
use crate::store::key::Key;
use crate::store::value::stream::{Delivery, StreamId};
use varint::put as put_number;
use wire::{Reader, put_bytes, put_deadline, put_end, put_key, put_signed, put_size};

const SET_STRING: u8 = 1;
const WRITE_STRING: u8 = 2;
const REMOVE: u8 = 3;
const SET_DEADLINE: u8 = 4;
const RENAME: u8 = 5;
const COPY: u8 = 6;
const PUSH_LIST: u8 = 7;
const POP_LIST: u8 = 8;
const SET_LIST_ITEM: u8 = 9;
const INSERT_LIST_ITEM: u8 = 10;
const REMOVE_LIST_ITEMS: u8 = 11;
const TRIM_LIST: u8 = 12;
const ADD_MEMBERS: u8 = 13;
const REMOVE_MEMBERS: u8 = 14;
const SET_FIELDS: u8 = 15;
const REMOVE_FIELDS: u8 = 16;
const SET_SCORES: u8 = 17;
const REMOVE_SCORED: u8 = 18;
const CLEAR: u8 = 19;
const SWAP_DATABASES: u8 = 20;
const SET_FIELD_DEADLINES: u8 = 21;

/// The database of [`Effect::Clear`] that stands for all.
const ALL_DATABASES: u8 = 0xff;

/// Why bytes are no effect. Nothing of them may be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The record ends before the effect does.
    #[error("the record is cut off")]
    Truncated,
    /// Bytes follow the effect.
    #[error("bytes follow the effect")]
    Trailing,
    /// No effect has this number.
    #[error("unknown kind of effect {0}")]
    Kind(u8),
    /// A number is not in its one form or out of range.
    #[error("a number is malformed")]
    Number,
    /// A database that does not exist.
    #[error("there is no database {0}")]
    Database(u8),
    /// A string beyond the longest value.
    #[error("a string is too long")]
    TooLong,
    /// A block of a stream that is none.
    #[error("a block of a stream is damaged")]
    Block,
    /// A key that does not lie in the record's slot.
    #[error("a key lies in another slot than the record")]
    OtherSlot,
}

/// Appends `effect` to `out`.
pub fn encode(effect: &Effect<'_>, out: &mut Vec<u8>) {
    match *effect {
        Effect::SetString { key, value, deadline } => {
            head(out, SET_STRING, key);
            put_bytes(out, value);
            put_deadline(out, deadline);
        }
        Effect::WriteString { key, offset, bytes } => {
            head(out, WRITE_STRING, key);
            put_size(out, offset);
            put_bytes(out, bytes);
        }
        Effect::Remove { key } => head(out, REMOVE, key),
        Effect::SetDeadline { key, deadline } => {
            head(out, SET_DEADLINE, key);
            put_deadline(out, deadline);
        }
        Effect::Rename { from, to } => {
            head(out, RENAME, from);
            put_key(out, to);
        }
        Effect::Copy { from, to } => {
            head(out, COPY, from);
            put_key(out, to);
        }
        Effect::Stream { key, ref change } => stream::encode(key, change, out),
        Effect::Clear { database } => out.extend([CLEAR, database.unwrap_or(ALL_DATABASES)]),
        Effect::SwapDatabases { first, second } => out.extend([SWAP_DATABASES, first, second]),
        _ => encode_list(effect, out),
    }
}

fn encode_list(effect: &Effect<'_>, out: &mut Vec<u8>) {
    match *effect {
        Effect::PushList { key, end, values } => {
            head(out, PUSH_LIST, key);
            put_end(out, end);
            put_all(out, values);
        }
        Effect::PopList { key, end, count } => {
            head(out, POP_LIST, key);
            put_end(out, end);
            put_size(out, count);
        }
        Effect::SetListItem { key, index, value } => {
            head(out, SET_LIST_ITEM, key);
            put_size(out, index);
            put_bytes(out, value);
        }
        Effect::InsertListItem { key, index, value } => {
            head(out, INSERT_LIST_ITEM, key);
            put_size(out, index);
            put_bytes(out, value);
        }
        Effect::RemoveListItems { key, value, count } => {
            head(out, REMOVE_LIST_ITEMS, key);
            put_bytes(out, value);
            put_signed(out, count);
        }
        Effect::TrimList { key, start, len } => {
            head(out, TRIM_LIST, key);
            put_size(out, start);
            put_size(out, len);
        }
        _ => encode_unordered(effect, out),
    }
}

fn encode_unordered(effect: &Effect<'_>, out: &mut Vec<u8>) {
    match *effect {
        Effect::AddMembers { key, members } => {
            head(out, ADD_MEMBERS, key);
            put_all(out, members);
        }
        Effect::RemoveMembers { key, members } => {
            head(out, REMOVE_MEMBERS, key);
            put_all(out, members);
        }
        Effect::SetFields { key, fields } => {
            head(out, SET_FIELDS, key);
            put_size(out, fields.len());
            for (field, value) in fields {
                put_bytes(out, field);
                put_bytes(out, value);
            }
        }
        Effect::RemoveFields { key, fields } => {
            head(out, REMOVE_FIELDS, key);
            put_all(out, fields);
        }
        Effect::SetFieldDeadlines { key, deadline, fields } => {
            head(out, SET_FIELD_DEADLINES, key);
            put_deadline(out, deadline);
            put_all(out, fields);
        }
        Effect::SetScores { key, scores } => {
            head(out, SET_SCORES, key);
            put_size(out, scores.len());
            for (score, member) in scores {
                out.extend_from_slice(&score.to_le_bytes());
                put_bytes(out, member);
            }
        }
        Effect::RemoveScored { key, members } => {
            head(out, REMOVE_SCORED, key);
            put_all(out, members);
        }
        // Named one by one, so that a new effect cannot be forgotten here.
        Effect::SetString { .. }
        | Effect::WriteString { .. }
        | Effect::Remove { .. }
        | Effect::SetDeadline { .. }
        | Effect::Rename { .. }
        | Effect::Copy { .. }
        | Effect::Stream { .. }
        | Effect::Clear { .. }
        | Effect::SwapDatabases { .. }
        | Effect::PushList { .. }
        | Effect::PopList { .. }
        | Effect::SetListItem { .. }
        | Effect::InsertListItem { .. }
        | Effect::RemoveListItems { .. }
        | Effect::TrimList { .. } => unreachable!("encode and encode_list take these"),
    }
}

fn head(out: &mut Vec<u8>, kind: u8, key: Key<'_>) {
    out.push(kind);
    put_key(out, key);
}

fn put_all(out: &mut Vec<u8>, strings: &[&[u8]]) {
    put_number(out, strings.len() as u64);
    strings.iter().for_each(|string| put_bytes(out, string));
}

/// An effect read from a record: it borrows the record's bytes and owns the lists of them.
pub struct Decoded<'a> {
    /// With empty lists.
    effect: Effect<'a>,
    lists: Lists<'a>,
}

enum Lists<'a> {
    None,
    Strings(Vec<&'a [u8]>),
    Fields(Vec<(&'a [u8], &'a [u8])>),
    Scores(Vec<(f64, &'a [u8])>),
    Ids(Vec<StreamId>),
    Deliveries(Vec<Delivery>),
}

impl Decoded<'_> {
    /// The effect.
    #[must_use]
    pub fn effect(&self) -> Effect<'_> {
        let mut effect = self.effect;
        match (&mut effect, &self.lists) {
            (Effect::PushList { values, .. }, Lists::Strings(strings)) => *values = strings,
            (Effect::AddMembers { members, .. }, Lists::Strings(strings)) => *members = strings,
            (Effect::RemoveMembers { members, .. }, Lists::Strings(strings)) => *members = strings,
            (Effect::RemoveFields { fields, .. }, Lists::Strings(strings)) => *fields = strings,
            (Effect::SetFieldDeadlines { fields, .. }, Lists::Strings(strings)) => *fields = strings,
            (Effect::RemoveScored { members, .. }, Lists::Strings(strings)) => *members = strings,
            (Effect::SetFields { fields, .. }, Lists::Fields(read)) => *fields = read,
            (Effect::SetScores { scores, .. }, Lists::Scores(read)) => *scores = read,
            (Effect::Stream { change, .. }, lists) => lists.complete(change),
            _ => {}
        }
        effect
    }
}

/// The effect of a record of `slot`.
///
/// # Errors
/// [`DecodeError`]. No bytes make this panic or reserve more than 32 times their number.
pub fn decode(record: &[u8], slot: HashSlot) -> Result<Decoded<'_>, DecodeError> {
    let mut reader = Reader::new(record, slot);
    let kind = reader.byte()?;
    let decoded = match kind {
        PUSH_LIST | ADD_MEMBERS | REMOVE_MEMBERS | SET_FIELDS | REMOVE_FIELDS | SET_SCORES
        | REMOVE_SCORED | SET_FIELD_DEADLINES => with_list(kind, &mut reader)?,
        kind if stream::KINDS.contains(&kind) => stream::decode(kind, &mut reader)?,
        _ => Decoded { effect: without_list(kind, &mut reader)?, lists: Lists::None },
    };
    reader.end_of_record()?;
    Ok(decoded)
}

fn with_list<'a>(kind: u8, reader: &mut Reader<'a>) -> Result<Decoded<'a>, DecodeError> {
    let key = reader.key()?;
    let effect = match kind {
        PUSH_LIST => Effect::PushList { key, end: reader.end()?, values: &[] },
        ADD_MEMBERS => Effect::AddMembers { key, members: &[] },
        REMOVE_MEMBERS => Effect::RemoveMembers { key, members: &[] },
        REMOVE_FIELDS => Effect::RemoveFields { key, fields: &[] },
        SET_FIELD_DEADLINES => Effect::SetFieldDeadlines { key, deadline: reader.deadline()?, fields: &[] },
        REMOVE_SCORED => Effect::RemoveScored { key, members: &[] },
        SET_FIELDS => Effect::SetFields { key, fields: &[] },
        SET_SCORES => Effect::SetScores { key, scores: &[] },
        _ => return Err(DecodeError::Kind(kind)),
    };
    let lists = match kind {
        SET_FIELDS => Lists::Fields(reader.sequence(|reader| Ok((reader.bytes()?, reader.bytes()?)))?),
        SET_SCORES => Lists::Scores(reader.sequence(|reader| Ok((reader.score()?, reader.bytes()?)))?),
        _ => Lists::Strings(reader.sequence(Reader::bytes)?),
    };
    Ok(Decoded { effect, lists })
}

fn without_list<'a>(kind: u8, reader: &mut Reader<'a>) -> Result<Effect<'a>, DecodeError> {
    Ok(match kind {
        CLEAR => Effect::Clear { database: cleared(reader)? },
        SWAP_DATABASES => Effect::SwapDatabases { first: reader.database()?, second: reader.database()? },
        SET_STRING..=TRIM_LIST => on_key(kind, reader.key()?, reader)?,
        _ => return Err(DecodeError::Kind(kind)),
    })
}

fn cleared(reader: &mut Reader<'_>) -> Result<Option<u8>, DecodeError> {
    match reader.database() {
        Err(DecodeError::Database(ALL_DATABASES)) => Ok(None),
        database => database.map(Some),
    }
}

fn on_key<'a>(kind: u8, key: Key<'a>, reader: &mut Reader<'a>) -> Result<Effect<'a>, DecodeError> {
    Ok(match kind {
        SET_STRING => Effect::SetString { key, value: reader.bytes()?, deadline: reader.deadline()? },
        WRITE_STRING => {
            let (offset, bytes) = (reader.size()?, reader.bytes()?);
            if offset.saturating_add(bytes.len()) > STRING_BYTES_MAX {
                return Err(DecodeError::TooLong);
            }
            Effect::WriteString { key, offset, bytes }
        }
        REMOVE => Effect::Remove { key },
        SET_DEADLINE => Effect::SetDeadline { key, deadline: reader.deadline()? },
        RENAME => Effect::Rename { from: key, to: reader.key()? },
        COPY => Effect::Copy { from: key, to: reader.key()? },
        POP_LIST => Effect::PopList { key, end: reader.end()?, count: reader.size()? },
        SET_LIST_ITEM => Effect::SetListItem { key, index: reader.size()?, value: reader.bytes()? },
        INSERT_LIST_ITEM => Effect::InsertListItem { key, index: reader.size()?, value: reader.bytes()? },
        REMOVE_LIST_ITEMS => Effect::RemoveListItems { key, value: reader.bytes()?, count: reader.signed()? },
        TRIM_LIST => Effect::TrimList { key, start: reader.size()?, len: reader.size()? },
        _ => return Err(DecodeError::Kind(kind)),
    })
}

#[cfg(test)]
mod tests;
