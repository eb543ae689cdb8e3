//! The cursor of `SCAN` over all nodes: which node, and the node's own cursor.
//!
//! Both fit a number below 2^63, which every client library takes: the place of the node among all names above, and
//! 46 bits of the node's cursor (14 for the slot, 32 for the hash) below. Zero begins and ends a walk.
//!
//! Nodes are walked in the order of their names, so cluster.yaml may be put in another order during a walk. A node that
//! is added or removed meanwhile shifts those behind it: the walk may skip a node's keys or tell them twice.

use std::fmt;

/// Bits of a node's own cursor.
const NODE_BITS: u32 = 46;

/// Where a walk over all nodes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Place of the node in the order of names.
    pub(crate) node: usize,
    /// The node's own cursor, below 2^46.
    pub(crate) place: u64,
}

impl Cursor {
    /// The cursor that a client sent; `None` if it is no number.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let number: u64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        let node = usize::try_from(number >> NODE_BITS).ok()?;
        Some(Self { node, place: number & ((1 << NODE_BITS) - 1) })
    }

    /// Where the walk goes on when a node answered this; after the last of `nodes` it is at its end. `None` if the
    /// node's cursor cannot be told to a client.
    pub(crate) fn after(self, nodes: usize) -> Option<Self> {
        if self.place >= 1 << NODE_BITS {
            return None;
        }
        let next = if self.place == 0 { Self { node: self.node + 1, place: 0 } } else { self };
        Some(if next.node >= nodes { Self { node: 0, place: 0 } } else { next })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", (self.node as u64) << NODE_BITS | self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_given() {
        for cursor in [Cursor { node: 0, place: 0 }, Cursor { node: 1000, place: (1 << 46) - 1 }] {
            assert_eq!(Cursor::parse(cursor.to_string().as_bytes()), Some(cursor));
        }
        let largest = Cursor { node: (1 << 17) - 1, place: (1 << 46) - 1 };
        assert!(largest.to_string().parse::<i64>().is_ok());
    }

    #[test]
    fn what_is_no_number_is_no_cursor() {
        for text in ["", "x", "-1", "99999999999999999999", "1 "] {
            assert_eq!(Cursor::parse(text.as_bytes()), None, "{text}");
        }
    }
}
