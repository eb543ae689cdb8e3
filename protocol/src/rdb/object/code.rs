//! The numbers of the types, and what they say of what follows.

use crate::rdb::{RdbError, VERSION};

pub(in crate::rdb) const STRING: u8 = 0;
const LIST: u8 = 1;
pub(super) const SET: u8 = 2;
const SORTED_SET_DECIMAL: u8 = 3;
pub(super) const HASH: u8 = 4;
pub(super) const SORTED_SET: u8 = 5;
const HASH_ZIPMAP: u8 = 9;
const LIST_ZIPLIST: u8 = 10;
pub(super) const SET_INTSET: u8 = 11;
const SORTED_SET_ZIPLIST: u8 = 12;
const HASH_ZIPLIST: u8 = 13;
const LIST_QUICKLIST_ZIPLISTS: u8 = 14;
pub(in crate::rdb) const STREAM_1: u8 = 15;
pub(super) const HASH_LISTPACK: u8 = 16;
pub(super) const SORTED_SET_LISTPACK: u8 = 17;
pub(super) const LIST_QUICKLIST: u8 = 18;
pub(in crate::rdb) const STREAM_2: u8 = 19;
const SET_LISTPACK: u8 = 20;
pub(in crate::rdb) const STREAM_3: u8 = 21;
const HASH_TIMED_FIRST: u8 = 22;
const HASH_TIMED_LISTPACK_FIRST: u8 = 23;
pub(super) const HASH_TIMED: u8 = 24;
const HASH_TIMED_LISTPACK: u8 = 25;

/// The first version of RDB that knows the type, but not below [`VERSION`].
pub(in crate::rdb) fn version(code: u8) -> u16 {
    match code {
        SET_LISTPACK | STREAM_3 => 11,
        HASH_TIMED_FIRST..=HASH_TIMED_LISTPACK => 12,
        _ => VERSION,
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes.
    String,
    /// A sequence of byte strings.
    List,
    /// Distinct byte strings.
    Set,
    /// Fields and their values.
    Hash,
    /// Members with scores.
    SortedSet,
    /// Entries with rising ids, and groups of consumers.
    Stream,
}

/// How elements lie in one block of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Intset,
    Listpack,
    Ziplist,
    Zipmap,
}

/// How the elements of a table follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row {
    Text,
    NameValue,
    /// A deadline before each name and value: 0 for none, else from this time on, less one.
    TimedFrom(Option<u64>),
    Score,
    DecimalScore,
}

/// What follows the type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// One text.
    Text,
    /// A count, and so many rows.
    Table(Row),
    /// One block, after eight bytes that say when its first field expires.
    Block { layout: Layout, timed: bool, skips: bool },
    /// A count, and so many blocks, each after its kind if `kinds`.
    Blocks { layout: Layout, kinds: bool },
    /// The parts of a stream in this release's form, 1 to 3.
    Stream(u8),
}

const fn block(layout: Layout) -> Form {
    Form::Block { layout, timed: false, skips: false }
}

/// What the type says.
pub(super) fn of(code: u8) -> Result<(Kind, Form), RdbError> {
    Ok(match code {
        STRING => (Kind::String, Form::Text),
        LIST => (Kind::List, Form::Table(Row::Text)),
        LIST_ZIPLIST => (Kind::List, block(Layout::Ziplist)),
        LIST_QUICKLIST_ZIPLISTS => (Kind::List, Form::Blocks { layout: Layout::Ziplist, kinds: false }),
        LIST_QUICKLIST => (Kind::List, Form::Blocks { layout: Layout::Listpack, kinds: true }),
        SET => (Kind::Set, Form::Table(Row::Text)),
        SET_INTSET => (Kind::Set, block(Layout::Intset)),
        SET_LISTPACK => (Kind::Set, block(Layout::Listpack)),
        SORTED_SET => (Kind::SortedSet, Form::Table(Row::Score)),
        SORTED_SET_DECIMAL => (Kind::SortedSet, Form::Table(Row::DecimalScore)),
        SORTED_SET_ZIPLIST => (Kind::SortedSet, block(Layout::Ziplist)),
        SORTED_SET_LISTPACK => (Kind::SortedSet, block(Layout::Listpack)),
        HASH => (Kind::Hash, Form::Table(Row::NameValue)),
        HASH_ZIPMAP => (Kind::Hash, block(Layout::Zipmap)),
        HASH_ZIPLIST => (Kind::Hash, block(Layout::Ziplist)),
        HASH_LISTPACK => (Kind::Hash, block(Layout::Listpack)),
        HASH_TIMED_FIRST => (Kind::Hash, Form::Table(Row::TimedFrom(None))),
        HASH_TIMED => (Kind::Hash, Form::Table(Row::TimedFrom(Some(0)))),
        HASH_TIMED_LISTPACK_FIRST => {
            (Kind::Hash, Form::Block { layout: Layout::Listpack, timed: true, skips: false })
        }
        HASH_TIMED_LISTPACK => {
            (Kind::Hash, Form::Block { layout: Layout::Listpack, timed: true, skips: true })
        }
        STREAM_1 => (Kind::Stream, Form::Stream(1)),
        STREAM_2 => (Kind::Stream, Form::Stream(2)),
        STREAM_3 => (Kind::Stream, Form::Stream(3)),
        code => return Err(RdbError::Unknown(code)),
    })
}
