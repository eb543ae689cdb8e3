//! Changes of streams as bytes. Ids are two numbers; a list's length stands before it.

use super::varint::put as put_number;
use super::wire::{Reader, put_bytes, put_signed, put_size};
use super::{DecodeError, Decoded, Effect, Lists, head};
use crate::store::effect::StreamChange;
use crate::store::key::Key;
use crate::store::value::stream::{Block, Cut, Delivery, StreamId};

const APPEND: u8 = 32;
const TRIM: u8 = 33;
const DELETE: u8 = 34;
const SET_IDS: u8 = 35;
const APPEND_BLOCK: u8 = 36;
const SET_GROUP: u8 = 37;
const REMOVE_GROUP: u8 = 38;
const DELIVER: u8 = 39;
const REMOVE_CONSUMER: u8 = 40;
const ACKNOWLEDGE: u8 = 41;

/// The kinds of these effects.
pub(super) const KINDS: std::ops::RangeInclusive<u8> = APPEND..=ACKNOWLEDGE;

/// Appends a change of the stream at `key`.
pub(super) fn encode(key: Key<'_>, change: &StreamChange<'_>, out: &mut Vec<u8>) {
    match *change {
        StreamChange::Append { id, fields } => {
            head(out, APPEND, key);
            put_id(out, id);
            put_size(out, fields.len());
            for (name, value) in fields {
                put_bytes(out, name);
                put_bytes(out, value);
            }
        }
        StreamChange::Trim { cut } => {
            head(out, TRIM, key);
            put_size(out, cut.blocks);
            put_size(out, cut.entries);
        }
        StreamChange::Delete { ids } => {
            head(out, DELETE, key);
            put_ids(out, ids);
        }
        StreamChange::SetIds { last, added, max_deleted } => {
            head(out, SET_IDS, key);
            put_id(out, last);
            put_number(out, added);
            put_id(out, max_deleted);
        }
        StreamChange::AppendBlock { id, listpack } => {
            head(out, APPEND_BLOCK, key);
            put_id(out, id);
            put_bytes(out, listpack);
        }
        _ => encode_group(key, change, out),
    }
}

fn encode_group(key: Key<'_>, change: &StreamChange<'_>, out: &mut Vec<u8>) {
    match *change {
        StreamChange::SetGroup { group, last, read } => {
            head(out, SET_GROUP, key);
            put_bytes(out, group);
            put_id(out, last);
            out.push(u8::from(read.is_some()));
            put_signed(out, read.unwrap_or(0));
        }
        StreamChange::RemoveGroup { group } => {
            head(out, REMOVE_GROUP, key);
            put_bytes(out, group);
        }
        StreamChange::Deliver { group, consumer, seen, deliveries } => {
            head(out, DELIVER, key);
            put_bytes(out, group);
            put_bytes(out, consumer);
            put_number(out, seen);
            put_size(out, deliveries.len());
            for Delivery { id, time, count } in deliveries {
                put_id(out, *id);
                put_number(out, *time);
                put_number(out, *count);
            }
        }
        StreamChange::RemoveConsumer { group, consumer } => {
            head(out, REMOVE_CONSUMER, key);
            put_bytes(out, group);
            put_bytes(out, consumer);
        }
        StreamChange::Acknowledge { group, ids } => {
            head(out, ACKNOWLEDGE, key);
            put_bytes(out, group);
            put_ids(out, ids);
        }
        // Named one by one, so that a new change cannot be forgotten here.
        StreamChange::Append { .. }
        | StreamChange::Trim { .. }
        | StreamChange::Delete { .. }
        | StreamChange::SetIds { .. }
        | StreamChange::AppendBlock { .. } => unreachable!("encode takes these"),
    }
}

fn put_id(out: &mut Vec<u8>, id: StreamId) {
    put_number(out, id.ms);
    put_number(out, id.seq);
}

fn put_ids(out: &mut Vec<u8>, ids: &[StreamId]) {
    put_size(out, ids.len());
    ids.iter().for_each(|id| put_id(out, *id));
}

/// The change of a record of one of [`KINDS`].
pub(super) fn decode<'a>(kind: u8, reader: &mut Reader<'a>) -> Result<Decoded<'a>, DecodeError> {
    let key = reader.key()?;
    let mut lists = Lists::None;
    let change = match kind {
        APPEND => {
            let id = id(reader)?;
            lists = Lists::Fields(reader.sequence(|reader| Ok((reader.bytes()?, reader.bytes()?)))?);
            StreamChange::Append { id, fields: &[] }
        }
        TRIM => StreamChange::Trim { cut: Cut { blocks: reader.size()?, entries: reader.size()? } },
        DELETE => {
            lists = Lists::Ids(reader.sequence(id)?);
            StreamChange::Delete { ids: &[] }
        }
        SET_IDS => {
            StreamChange::SetIds { last: id(reader)?, added: reader.number()?, max_deleted: id(reader)? }
        }
        APPEND_BLOCK => append_block(reader)?,
        _ => on_group(kind, reader, &mut lists)?,
    };
    Ok(Decoded { effect: Effect::Stream { key, change }, lists })
}

fn append_block<'a>(reader: &mut Reader<'a>) -> Result<StreamChange<'a>, DecodeError> {
    let (id, listpack) = (id(reader)?, reader.bytes()?);
    if Block::from_listpack(id, listpack).is_none() {
        return Err(DecodeError::Block);
    }
    Ok(StreamChange::AppendBlock { id, listpack })
}

fn on_group<'a>(
    kind: u8,
    reader: &mut Reader<'a>,
    lists: &mut Lists<'a>,
) -> Result<StreamChange<'a>, DecodeError> {
    let group = reader.bytes()?;
    Ok(match kind {
        SET_GROUP => StreamChange::SetGroup { group, last: id(reader)?, read: read(reader)? },
        REMOVE_GROUP => StreamChange::RemoveGroup { group },
        REMOVE_CONSUMER => StreamChange::RemoveConsumer { group, consumer: reader.bytes()? },
        DELIVER => {
            let (consumer, seen) = (reader.bytes()?, reader.number()?);
            *lists = Lists::Deliveries(reader.sequence(delivery)?);
            StreamChange::Deliver { group, consumer, seen, deliveries: &[] }
        }
        ACKNOWLEDGE => {
            *lists = Lists::Ids(reader.sequence(id)?);
            StreamChange::Acknowledge { group, ids: &[] }
        }
        _ => return Err(DecodeError::Kind(kind)),
    })
}

fn id(reader: &mut Reader<'_>) -> Result<StreamId, DecodeError> {
    Ok(StreamId::new(reader.number()?, reader.number()?))
}

fn delivery(reader: &mut Reader<'_>) -> Result<Delivery, DecodeError> {
    Ok(Delivery { id: id(reader)?, time: reader.number()?, count: reader.number()? })
}

fn read(reader: &mut Reader<'_>) -> Result<Option<i64>, DecodeError> {
    let (known, read) = (reader.byte()?, reader.signed()?);
    match (known, read) {
        (0, 0) => Ok(None),
        (1, read) => Ok(Some(read)),
        _ => Err(DecodeError::Number),
    }
}

impl Lists<'_> {
    /// Gives a change the list that was read for it.
    pub(super) fn complete<'l>(&'l self, change: &mut StreamChange<'l>) {
        match (change, self) {
            (StreamChange::Append { fields, .. }, Lists::Fields(read)) => *fields = read,
            (StreamChange::Delete { ids } | StreamChange::Acknowledge { ids, .. }, Lists::Ids(read)) => {
                *ids = read;
            }
            (StreamChange::Deliver { deliveries, .. }, Lists::Deliveries(read)) => *deliveries = read,
            _ => {}
        }
    }
}
