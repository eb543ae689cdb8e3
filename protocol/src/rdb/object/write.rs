//! Writing a value from its elements, as Redis 7.0 does.

use super::code;
use crate::rdb::intset;
use crate::rdb::listpack::Pack;
use crate::rdb::wire::Output;
use crate::resp::number::{parse_integer, push_double};

/// Bytes of a list's node that is full (`list-max-listpack-size -2`).
const NODE_BYTES_MAX: usize = 8 << 10;
/// What Redis reckons for an item beside its bytes.
const ITEM_BYTES: usize = 8;
/// The kind of a node that is a listpack.
const NODE_PACKED: u64 = 2;

/// Writes a string.
pub fn string(out: &mut Output<'_>, value: &[u8]) {
    out.raw(&[code::STRING]);
    out.text(value);
}

/// Writes a list of at least one item. It is walked twice.
pub fn list<'a>(out: &mut Output<'_>, items: impl Iterator<Item = &'a [u8]> + Clone) {
    out.raw(&[code::LIST_QUICKLIST]);
    let (mut nodes, mut pack) = (1, Pack::new());
    for item in items.clone() {
        if is_full(&pack, item) {
            nodes += 1;
            drop(pack.take());
        }
        pack.text(item);
    }
    out.count(nodes);
    let mut pack = Pack::new();
    for item in items {
        if is_full(&pack, item) {
            node(out, &mut pack);
        }
        pack.text(item);
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

/// Writes a set of at least one member: as an intset if `packed` and all its members are integers.
pub fn set<'a>(out: &mut Output<'_>, members: impl ExactSizeIterator<Item = &'a [u8]> + Clone, packed: bool) {
    let integers: Option<Vec<i64>> = if packed { members.clone().map(parse_integer).collect() } else { None };
    if let Some(integers) = integers {
        out.raw(&[code::SET_INTSET]);
        out.text(&intset::pack(integers));
        return;
    }
    out.raw(&[code::SET]);
    out.count(members.len());
    members.for_each(|member| out.text(member));
}

/// Writes a hash of at least one field: as a listpack if `packed`.
pub fn hash<'a>(
    out: &mut Output<'_>,
    fields: impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])>,
    packed: bool,
) {
    if packed {
        let mut pack = Pack::new();
        for (name, value) in fields {
            pack.text(name);
            pack.text(value);
        }
        out.raw(&[code::HASH_LISTPACK]);
        out.text(&pack.take());
        return;
    }
    out.raw(&[code::HASH]);
    out.count(fields.len());
    for (name, value) in fields {
        out.text(name);
        out.text(value);
    }
}

/// Writes a sorted set of at least one member, `members` being in order: as a listpack if `packed`.
pub fn sorted_set<'a>(
    out: &mut Output<'_>,
    members: impl ExactSizeIterator<Item = (&'a [u8], f64)> + DoubleEndedIterator,
    packed: bool,
) {
    if packed {
        let mut pack = Pack::new();
        for (member, score) in members {
            pack.text(member);
            push_score(&mut pack, score);
        }
        out.raw(&[code::SORTED_SET_LISTPACK]);
        out.text(&pack.take());
        return;
    }
    out.raw(&[code::SORTED_SET]);
    out.count(members.len());
    // From the highest down, as Redis does: it reads them fastest so.
    for (member, score) in members.rev() {
        out.text(member);
        out.double(score);
    }
}

fn push_score(pack: &mut Pack, score: f64) {
    let mut text = Vec::new();
    push_double(&mut text, score);
    pack.text(&text);
}
