//! What a key may hold: a string, or one of the collections.

pub mod hash;
pub mod list;
mod packed;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod text;

pub use hash::{Fields, Hash, HashMut};
pub use list::{Chunks, List, ListMut};
pub use set::{Members, Set, SetMut};
pub use sorted_set::{Ranked, SortedSet, SortedSetMut};
pub use stream::Stream;
pub use text::Text;

/// The kind of a value, as kept in four bits of the entry's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Bytes.
    String = 0,
    /// A sequence of byte strings.
    List = 1,
    /// Distinct byte strings.
    Set = 2,
    /// Fields and their values.
    Hash = 3,
    /// Members ordered by score.
    SortedSet = 4,
    /// Entries by ascending ids, and groups that read them.
    Stream = 5,
}

impl Kind {
    /// The kind of four header bits.
    #[inline]
    pub(super) fn from_bits(bits: u8) -> Self {
        match bits {
            1 => Self::List,
            2 => Self::Set,
            3 => Self::Hash,
            4 => Self::SortedSet,
            5 => Self::Stream,
            _ => Self::String,
        }
    }

    /// The name that `TYPE` answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Hash => "hash",
            Self::SortedSet => "zset",
            Self::Stream => "stream",
        }
    }
}

/// A value, to read.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// Bytes.
    String(&'a [u8]),
    /// A list.
    List(List<'a>),
    /// A set.
    Set(Set<'a>),
    /// A hash.
    Hash(Hash<'a>),
    /// A sorted set.
    SortedSet(SortedSet<'a>),
    /// A stream.
    Stream(&'a Stream),
}

impl<'a> Value<'a> {
    /// A collection whose elements lie in its entry.
    ///
    /// # Panics
    /// If collections of this kind never do.
    pub(super) fn of_packed(kind: Kind, bytes: &'a [u8]) -> Self {
        match kind {
            Kind::List => Self::List(List::packed(bytes)),
            Kind::Set => Self::Set(Set::packed(bytes)),
            Kind::Hash => Self::Hash(Hash::packed(bytes)),
            Kind::SortedSet => Self::SortedSet(SortedSet::packed(bytes)),
            Kind::String | Kind::Stream => unreachable!("{kind:?} is not packed"),
        }
    }

    /// Whether it is a collection without elements, which is as none at all. A stream stays: it has its last id and
    /// its groups.
    pub(super) fn is_empty(self) -> bool {
        match self {
            Self::String(_) | Self::Stream(_) => false,
            Self::List(list) => list.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::Hash(hash) => hash.is_empty(),
            Self::SortedSet(set) => set.is_empty(),
        }
    }

    /// Elements of a collection; 0 for what is none.
    #[must_use]
    pub fn elements(self) -> usize {
        match self {
            Self::String(_) => 0,
            Self::Stream(stream) => stream.len(),
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::Hash(hash) => hash.len(),
            Self::SortedSet(set) => set.len(),
        }
    }

    /// Bytes of memory that the value takes beside its entry's block. O(1).
    #[must_use]
    pub fn heap_bytes(self) -> usize {
        match self {
            Self::String(_) => 0,
            Self::List(list) => list.heap_bytes(),
            Self::Set(set) => set.heap_bytes(),
            Self::Hash(hash) => hash.heap_bytes(),
            Self::SortedSet(set) => set.heap_bytes(),
            Self::Stream(stream) => stream.heap_bytes(),
        }
    }

    /// A copy of a collection that has a box of its own.
    ///
    /// # Panics
    /// On a string and on a packed collection.
    pub(super) fn to_collection(self) -> Collection {
        match self {
            Self::String(_) => unreachable!("a string is no collection"),
            Self::List(list) => Collection::List(Box::new(list.chunks().expect("not packed").clone())),
            Self::Set(set) => Collection::Set(Box::new(set.members().expect("not packed").clone())),
            Self::Hash(hash) => Collection::Hash(Box::new(hash.fields().expect("not packed").clone())),
            Self::SortedSet(set) => {
                Collection::SortedSet(Box::new(set.ranked().expect("not packed").clone()))
            }
            Self::Stream(stream) => Collection::Stream(Box::new(stream.clone())),
        }
    }
}

/// A value, to change in place. A string and a packed collection are changed through their entry.
pub enum ValueMut<'a> {
    /// Bytes.
    String,
    /// Elements in the entry itself; they are changed through it.
    Packed,
    /// A large list.
    List(&'a mut Chunks),
    /// A large set.
    Set(&'a mut Members),
    /// A large hash.
    Hash(&'a mut Fields),
    /// A large sorted set.
    SortedSet(&'a mut Ranked),
    /// A stream.
    Stream(&'a mut Stream),
}

/// An owned collection in a box of its own.
pub enum Collection {
    /// A large list.
    List(Box<Chunks>),
    /// A large set.
    Set(Box<Members>),
    /// A large hash.
    Hash(Box<Fields>),
    /// A large sorted set.
    SortedSet(Box<Ranked>),
    /// A stream.
    Stream(Box<Stream>),
}

impl Collection {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Hash(_) => Kind::Hash,
            Self::SortedSet(_) => Kind::SortedSet,
            Self::Stream(_) => Kind::Stream,
        }
    }
}

/// Collections as one address: what an entry keeps.
#[allow(unsafe_code)]
mod address {
    use super::{Collection, Hash, Kind, List, Set, SortedSet, Value, ValueMut};

    impl Collection {
        /// Gives the box up as its address.
        pub(in crate::store) fn into_address(self) -> usize {
            match self {
                Self::List(list) => Box::into_raw(list) as usize,
                Self::Set(set) => Box::into_raw(set) as usize,
                Self::Hash(hash) => Box::into_raw(hash) as usize,
                Self::SortedSet(set) => Box::into_raw(set) as usize,
                Self::Stream(stream) => Box::into_raw(stream) as usize,
            }
        }

        /// # Safety
        /// `address` comes from [`Collection::into_address`] of a collection of `kind` and is taken back once.
        pub(in crate::store) unsafe fn from_address(kind: Kind, address: usize) -> Self {
            // SAFETY: by the caller.
            unsafe {
                match kind {
                    Kind::String => unreachable!("a string has no address"),
                    Kind::List => Self::List(Box::from_raw(address as *mut _)),
                    Kind::Set => Self::Set(Box::from_raw(address as *mut _)),
                    Kind::Hash => Self::Hash(Box::from_raw(address as *mut _)),
                    Kind::SortedSet => Self::SortedSet(Box::from_raw(address as *mut _)),
                    Kind::Stream => Self::Stream(Box::from_raw(address as *mut _)),
                }
            }
        }

        /// # Safety
        /// As [`Collection::from_address`], but borrowed: the collection lives, unchanged, for `'a`.
        pub(in crate::store) unsafe fn borrow<'a>(kind: Kind, address: usize) -> Value<'a> {
            // SAFETY: by the caller.
            unsafe {
                match kind {
                    Kind::String => unreachable!("a string has no address"),
                    Kind::List => Value::List(List::spread(&*(address as *const _))),
                    Kind::Set => Value::Set(Set::spread(&*(address as *const _))),
                    Kind::Hash => Value::Hash(Hash::spread(&*(address as *const _))),
                    Kind::SortedSet => Value::SortedSet(SortedSet::spread(&*(address as *const _))),
                    Kind::Stream => Value::Stream(&*(address as *const _)),
                }
            }
        }

        /// # Safety
        /// As [`Collection::borrow`], and this is the only borrow for `'a`.
        pub(in crate::store) unsafe fn borrow_mut<'a>(kind: Kind, address: usize) -> ValueMut<'a> {
            // SAFETY: by the caller.
            unsafe {
                match kind {
                    Kind::String => ValueMut::String,
                    Kind::List => ValueMut::List(&mut *(address as *mut _)),
                    Kind::Set => ValueMut::Set(&mut *(address as *mut _)),
                    Kind::Hash => ValueMut::Hash(&mut *(address as *mut _)),
                    Kind::SortedSet => ValueMut::SortedSet(&mut *(address as *mut _)),
                    Kind::Stream => ValueMut::Stream(&mut *(address as *mut _)),
                }
            }
        }
    }
}
