//! From what the nodes tell of a part of the slots to one piece of a walk; and the cursor that stands behind it.
//!
//! A place is a slot and an order of hashes within it (14 and 32 bits), as nodes have it. Nodes pass by the slots that
//! others tell of, so each comes to another place; the least of them is how far all have come.

use ringmaster_protocol::resp::number;
use ringmaster_protocol::resp::scan::Scanner;
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};

/// Bits of a place.
const PLACE_BITS: u32 = 46;

/// Bits of the order within a slot.
const ORDER_BITS: u32 = 32;

/// Told of every cursor, so that one of a cluster without views is not taken for ours.
const OURS: u64 = 1 << 62;

/// Where a walk is: before the keys of `slot` whose hashes come at `order` or later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::replicated) struct Place(pub(in crate::replicated) u64);

impl Place {
    /// Behind all slots.
    pub(in crate::replicated) const END: Self = Self((SLOT_COUNT as u64) << ORDER_BITS);

    /// Before all keys of `slot`.
    pub(in crate::replicated) fn before(slot: HashSlot) -> Self {
        Self(u64::from(slot.number()) << ORDER_BITS)
    }

    /// Behind all keys of `slot`.
    pub(in crate::replicated) fn behind(slot: HashSlot) -> Self {
        Self((u64::from(slot.number()) + 1) << ORDER_BITS)
    }

    /// The begin of its slot.
    pub(in crate::replicated) fn of_slot(self) -> Self {
        Self(self.0 >> ORDER_BITS << ORDER_BITS)
    }

    /// The slot in which it is; `None` before the first key of one, or behind all.
    pub(in crate::replicated) fn within(self) -> Option<HashSlot> {
        let slot = u16::try_from(self.0 >> ORDER_BITS).ok().and_then(HashSlot::new);
        slot.filter(|_| self != self.of_slot())
    }
}

/// A cursor as a client has it: the place, and 16 bits of the process whose order of hashes it names. Below 2^63, which
/// every client library takes. Zero begins and ends a walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) place: Place,
    pub(super) process: u16,
}

impl Mark {
    /// The cursor that a client sent; `None` if it is no number. One that is not ours, from before the cluster had views,
    /// names no place: the walk begins anew, so that it misses nothing.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let number: u64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        if number & OURS == 0 {
            return Some(Self::default());
        }
        #[expect(clippy::cast_possible_truncation, reason = "the 16 bits above the place")]
        let process = (number >> PLACE_BITS) as u16;
        Some(Self { place: Place(number & ((1 << PLACE_BITS) - 1)), process })
    }

    /// The number that a client gets.
    pub(super) fn cursor(self) -> u64 {
        if self.place == Place::END {
            return 0;
        }
        OURS | u64::from(self.process) << PLACE_BITS | self.place.0
    }
}

/// Keys, as frames of bulk strings one behind the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) count: usize,
    pub(super) frames: Vec<u8>,
}

impl Keys {
    fn push(&mut self, frame: &[u8]) {
        self.count += 1;
        self.frames.extend_from_slice(frame);
    }

    /// Adds those of `more`.
    pub(super) fn append(&mut self, more: &Self) {
        self.count += more.count;
        self.frames.extend_from_slice(&more.frames);
    }

    /// Leaves out those of `slot`.
    pub(super) fn without(&self, slot: HashSlot) -> Self {
        let (mut kept, mut rest) = (Self::default(), &self.frames[..]);
        while let Some(frame) = take_frame(&mut rest) {
            if key_of(frame).is_none_or(|key| HashSlot::of(key) != slot) {
                kept.push(frame);
            }
        }
        kept
    }
}

/// How far a walk came, and what it found on the way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) place: Place,
    pub(super) keys: Keys,
}

/// What replies to SCAN of all nodes that tell of slots up to `asked_to` say together; `None` if one of them is no such
/// reply. What a node tells beyond the place to which all have come is told again later, and left out.
pub(super) fn piece(replies: &[Vec<u8>], asked_to: Place) -> Option<Piece> {
    let parts: Vec<(Place, &[u8])> = replies.iter().map(|reply| part(reply)).collect::<Option<_>>()?;
    let place = parts.iter().map(|(place, _)| *place).min()?.min(asked_to);
    let mut keys = Keys::default();
    for (_, mut rest) in parts {
        while !rest.is_empty() {
            let frame = take_frame(&mut rest)?;
            let slot = u64::from(HashSlot::of(key_of(frame)?).number()) << ORDER_BITS;
            // The slot in which the place lies is told of by one node, which came just to it.
            if slot < place.0 {
                keys.push(frame);
            }
        }
    }
    Some(Piece { place, keys })
}

/// A node's place and the frames of its keys.
fn part(reply: &[u8]) -> Option<(Place, &[u8])> {
    let mut rest = reply.strip_prefix(b"*2\r\n")?;
    let place: u64 = std::str::from_utf8(key_of(take_frame(&mut rest)?)?).ok()?.parse().ok()?;
    let place = if place == 0 { Place::END } else { Place(place).min(Place::END) };
    let end = rest.strip_prefix(b"*")?.iter().position(|byte| *byte == b'\n')?;
    Some((place, &rest[end + 2..]))
}

/// The integers of all replies, added; `None` if one of them is none.
pub(super) fn sum(replies: &[Vec<u8>]) -> Option<i64> {
    let integer = |reply: &Vec<u8>| number::parse_integer(reply.strip_prefix(b":")?.strip_suffix(b"\r\n")?);
    replies.iter().map(integer).sum()
}

/// Takes the frame at the front off `rest`.
fn take_frame<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = Scanner::default().frame(rest).ok().flatten()?;
    let (frame, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(frame)
}

/// The content of a bulk string.
fn key_of(frame: &[u8]) -> Option<&[u8]> {
    let end = frame.strip_prefix(b"$")?.iter().position(|byte| *byte == b'\n')? + 2;
    frame.get(end..)?.strip_suffix(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(cursor: u64, keys: &[&str]) -> Vec<u8> {
        let cursor = cursor.to_string();
        let mut out = format!("*2\r\n${}\r\n{cursor}\r\n*{}\r\n", cursor.len(), keys.len()).into_bytes();
        keys.iter().for_each(|key| out.extend_from_slice(format!("${}\r\n{key}\r\n", key.len()).as_bytes()));
        out
    }

    fn at(key: &str, order: u32) -> u64 {
        u64::from(HashSlot::of(key.as_bytes()).number()) << 32 | u64::from(order)
    }

    #[test]
    fn a_piece_ends_where_the_node_behind_all_others_stands() {
        // Slots of b, c and a: 3300, 7365, 15495.
        let all = |replies: &[Vec<u8>]| piece(replies, Place::END);
        let whole = all(&[reply(at("c", 9), &["b", "c"]), reply(0, &["a"])]).unwrap();
        assert_eq!(whole.place, Place(at("c", 9)));
        assert_eq!((whole.keys.count, whole.keys.frames), (2, b"$1\r\nb\r\n$1\r\nc\r\n".to_vec()));
        let end = all(&[reply(0, &["b"]), reply(0, &["a"])]).unwrap();
        assert_eq!((end.place, end.keys.count), (Place::END, 2));
        let between = all(&[reply(at("c", 0), &["b"]), reply(0, &["c"])]).unwrap();
        assert_eq!(between.keys.frames, b"$1\r\nb\r\n", "of the slot of c all is still to be told");
        let behind = Place::behind(HashSlot::of(b"c"));
        let alone = piece(&[reply(at("a", 3), &["c", "a"])], behind).unwrap();
        assert_eq!((alone.place, &alone.keys.frames[..]), (behind, &b"$1\r\nc\r\n"[..]), "asked of one slot");
    }

    #[test]
    fn what_is_no_reply_makes_no_piece() {
        for broken in
            [&b"-ERR no\r\n"[..], b"*2\r\n$1\r\nx\r\n*0\r\n", b"*2\r\n$1\r\n5\r\n*1\r\n$3\r\nab", b""]
        {
            assert_eq!(piece(&[broken.to_vec()], Place::END), None);
        }
        assert_eq!(
            (sum(&[b":1\r\n".to_vec(), b":2\r\n".to_vec()]), sum(&[b"+OK\r\n".to_vec()])),
            (Some(3), None)
        );
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_given_and_one_of_another_kind_begins_anew() {
        let mark = Mark { place: Place(at("a", u32::MAX)), process: u16::MAX };
        assert_eq!(Mark::parse(mark.cursor().to_string().as_bytes()), Some(mark));
        assert!(mark.cursor().to_string().parse::<i64>().is_ok());
        assert_eq!(Mark { place: Place::END, process: 7 }.cursor(), 0);
        for anew in ["0", "17", "70368744177664"] {
            assert_eq!(Mark::parse(anew.as_bytes()), Some(Mark::default()));
        }
        assert_eq!((Mark::parse(b"x"), Mark::parse(b"-1"), Mark::parse(b"")), (None, None, None));
    }

    #[test]
    fn keys_of_a_slot_are_left_out_where_it_is_told_of_anew() {
        let mut keys = Keys::default();
        for frame in [&b"$1\r\na\r\n"[..], b"$1\r\nb\r\n", b"$4\r\n{a}2\r\n"] {
            keys.push(frame);
        }
        let kept = keys.without(HashSlot::of(b"a"));
        assert_eq!((kept.count, &kept.frames[..]), (1, &b"$1\r\nb\r\n"[..]));
        keys.append(&kept);
        assert_eq!(keys.count, 4);
    }
}
