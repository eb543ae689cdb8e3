//! Writing a value from its elements, as Redis 7.0 does.

use std::ops::Deref;

use super::code;
use crate::rdb::intset;
use crate::rdb::listpack::Pack;
use crate::rdb::wire::Output;
use crate::resp::number::push_double;

/// Bytes of a list's node that is full (`list-max-listpack-size -2`).
const NODE_BYTES_MAX: usize = 8 << 10;
/// What Redis reckons for an item beside its bytes.
const ITEM_BYTES: usize = 8;
/// The kind of a node that is a listpack.
const NODE_PACKED: u64 = 2;

/// What elements may be given as: `&[u8]`, or a text that is made as it is needed.
pub trait Bytes: Deref<Target = [u8]> {}

impl<T: Deref<Target = [u8]>> Bytes for T {}

/// Writes a string.
pub fn string(out: &mut Output<'_>, value: &[u8]) {
    out.raw(&[code::STRING]);
    out.text(value);
}

/// Writes a list of at least one item. It is walked twice.
pub fn list<I: Iterator<Item: Bytes>>(out: &mut Output<'_>, items: impl Fn() -> I) {
    out.raw(&[code::LIST_QUICKLIST]);
    let (mut nodes, mut pack) = (1, Pack::new());
    for item in items() {
        if is_full(&pack, &item) {
            nodes += 1;
            drop(pack.take());
        }
        pack.text(&item);
    }
    out.count(nodes);
    let mut pack = Pack::new();
    for item in items() {
        if is_full(&pack, &item) {
            node(out, &mut pack);
        }
        pack.text(&item);
    }
    node(out, &mut pack);
}

/// Whether the item begins a new node.
fn is_full(pack: &Pack, item: &[u8]) -> bool {
    !pack.is_empty() && pack.len() + item.len() + ITEM_BYTES > NODE_BYTES_MAX
}

fn node(out: &mut Output<'_>, pack: &mut Pack) {
    out.length(NODE_PACKED);
    out.text(&pack.take());
}

/// Writes a set of `len` members, at least one, as a table.
pub fn set(out: &mut Output<'_>, len: usize, members: impl Iterator<Item: Bytes>) {
    out.raw(&[code::SET]);
    out.count(len);
    members.for_each(|member| out.text(&member));
}

/// Writes a set of integers, at least one, in any order.
pub fn set_of_integers(out: &mut Output<'_>, members: Vec<i64>) {
    out.raw(&[code::SET_INTSET]);
    out.text(&intset::pack(members));
}

/// Writes a hash of `len` fields, at least one: as a listpack if `packed`.
pub fn hash(
    out: &mut Output<'_>,
    len: usize,
    fields: impl Iterator<Item = (impl Bytes, impl Bytes)>,
    packed: bool,
) {
    if packed {
        let mut pack = Pack::new();
        for (name, value) in fields {
            pack.text(&name);
            pack.text(&value);
        }
        out.raw(&[code::HASH_LISTPACK]);
        out.text(&pack.take());
        return;
    }
    out.raw(&[code::HASH]);
    out.count(len);
    for (name, value) in fields {
        out.text(&name);
        out.text(&value);
    }
}

/// Writes a hash of `len` fields, at least one, some of which expire: names, values and deadlines in Unix
/// milliseconds, none of them below `first`. Only Redis 7.4 and later know such hashes.
pub fn timed_hash(
    out: &mut Output<'_>,
    len: usize,
    first: u64,
    fields: impl Iterator<Item = (impl Bytes, impl Bytes, Option<u64>)>,
) {
    out.raw(&[code::HASH_TIMED]);
    out.raw(&first.to_le_bytes());
    out.count(len);
    for (name, value, deadline) in fields {
        out.length(deadline.map_or(0, |deadline| deadline.saturating_sub(first) + 1));
        out.text(&name);
        out.text(&value);
    }
}

/// Writes a sorted set of at least one member as a table; `members` come from the highest down, as in Redis, which
/// reads them fastest so.
pub fn sorted_set(out: &mut Output<'_>, members: impl ExactSizeIterator<Item = (impl Bytes, f64)>) {
    out.raw(&[code::SORTED_SET]);
    out.count(members.len());
    for (member, score) in members {
        out.text(&member);
        out.double(score);
    }
}

/// Writes a small sorted set of at least one member as a listpack; `members` come from the lowest up.
pub fn sorted_set_packed(out: &mut Output<'_>, members: impl Iterator<Item = (impl Bytes, f64)>) {
    let mut pack = Pack::new();
    for (member, score) in members {
        pack.text(&member);
        push_score(&mut pack, score);
    }
    out.raw(&[code::SORTED_SET_LISTPACK]);
    out.text(&pack.take());
}

fn push_score(pack: &mut Pack, score: f64) {
    let mut text = Vec::new();
    push_double(&mut text, score);
    pack.text(&text);
}
