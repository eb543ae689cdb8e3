//! One value: read part by part, and written from its elements.
//!
//! ```text
//! type (1 byte) · what the type says
//! ```
//! [`Reader`] hands out the parts one after the other: single elements of a value that is a table, packed
//! collections of many elements ([`Packed`]) of one that is small or a list of such. It can stop at any part for
//! want of bytes and go on when there are more, so that a file need not be in memory.

mod code;
mod distinct;
mod packed;
mod read;
mod write;

pub use code::Kind;
pub use distinct::Distinct;
pub use packed::{Elements, Packed};
pub use read::{Part, Reader};
pub use write::{Bytes, hash, list, set, set_of_integers, sorted_set, sorted_set_packed, string, timed_hash};

pub(super) use code::{STREAM_2 as STREAM, version};

use super::wire::Text;

/// One element of a value.
#[derive(Clone, Debug)]
pub enum Element<'a> {
    /// The bytes of a string, an item of a list, a member of a set.
    Item(Text<'a>),
    /// A field of a hash.
    Field {
        /// Its name.
        name: Text<'a>,
        /// Its value.
        value: Text<'a>,
        /// When it expires, in Unix milliseconds; `None` never. Redis 7.4 and later know such fields.
        deadline: Option<u64>,
    },
    /// A member of a sorted set.
    Scored {
        /// The member.
        member: Text<'a>,
        /// Its score, never NaN.
        score: f64,
    },
}

impl Element<'_> {
    /// What no other element of the same set, hash or sorted set may have.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        match self {
            Self::Item(text) => text,
            Self::Field { name, .. } => name,
            Self::Scored { member, .. } => member,
        }
    }
}
