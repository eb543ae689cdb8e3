//! Ids and entries in replies.

use std::io::Write;

use ringmaster_protocol::resp::reply::Reply;

use crate::store::value::Stream;
use crate::store::value::stream::{Element, Entry, StreamId};

/// Longest text of an id: two numbers of twenty digits and what joins them.
const ID_BYTES_MAX: usize = 41;

/// Writes an id.
pub(super) fn id(reply: &mut Reply<'_>, id: StreamId) {
    let mut text = [0; ID_BYTES_MAX];
    let mut rest = &mut text[..];
    // It is long enough for any id.
    let _ = write!(rest, "{id}");
    let len = ID_BYTES_MAX - rest.len();
    reply.bulk(&text[..len]);
}

/// Writes an id or, for none, null.
pub(super) fn integer_or_null(reply: &mut Reply<'_>, value: Option<i64>) {
    match value {
        Some(value) => reply.int(value),
        None => reply.null(),
    }
}

/// Writes an entry: its id, its names and values.
pub(super) fn entry(reply: &mut Reply<'_>, entry: &Entry<'_>) {
    reply.array(2);
    id(reply, entry.id);
    let fields = entry.fields();
    reply.array(2 * fields.len());
    for (name, value) in fields {
        element(reply, name);
        element(reply, value);
    }
}

fn element(reply: &mut Reply<'_>, element: Element<'_>) {
    match element {
        Element::Integer(value) => reply.bulk_int(value),
        Element::Text(bytes) => reply.bulk(bytes),
    }
}

/// Writes the entry of `id`, which exists.
pub(super) fn entry_of(reply: &mut Reply<'_>, stream: &Stream, id: StreamId) {
    if let Some(found) = stream.get(id) {
        entry(reply, &found);
    }
}

/// Writes up to `max` entries from `first` to `last`, lowest first, or highest first if `reverse`.
pub(super) fn entries(
    reply: &mut Reply<'_>,
    stream: &Stream,
    (first, last): (StreamId, StreamId),
    max: usize,
    reverse: bool,
) {
    let count = stream.count(first, last, max);
    reply.array(count);
    let range = stream.range(first, last);
    if reverse {
        range.rev().take(count).for_each(|found| entry(reply, &found));
    } else {
        range.take(count).for_each(|found| entry(reply, &found));
    }
}
