//! Redis's RDB: values as bytes, as `DUMP` answers them, `RESTORE` takes them and `dump.rdb` keeps them.
//!
//! | room | what |
//! | --- | --- |
//! | [`dump`] | the envelope of `DUMP`: version and checksum around one object |
//! | [`mod@file`] | `dump.rdb`: all keys in one file, read and written |
//! | [`object`] | one object read as [`object::Part`]s, and written from iterators |
//! | [`stream`] | the parts of a stream, read and written |
//! | [`wire`] | lengths, texts and numbers of which objects are made |
//! | [`crc64`], [`lzf`] | the checksum and the compression |
//!
//! Reading takes everything that Redis 2.8 to 8.0 writes, in their old and new encodings, but for values of
//! modules. Writing gives what Redis 7.0 and later take ([`VERSION`]).
//!
//! A reader borrows from its input, keeps nothing of a collection but where it is, and reserves memory only for
//! bytes that have arrived or that compressed bytes at hand can become. It checks each packed encoding to the
//! last byte before it hands an element out.

pub mod crc64;
pub mod dump;
pub mod file;
mod intset;
mod listpack;
pub mod lzf;
pub mod object;
pub mod stream;
pub mod wire;
mod ziplist;
mod zipmap;

/// The version of what is written: Redis 7.0's. Only hashes whose fields expire need a higher one.
pub const VERSION: u16 = 10;

/// The highest version that is read: Redis 7.4's and 8.0's.
pub const VERSION_READ_MAX: u16 = 12;

/// Longest text in bytes, as Redis bounds its strings.
pub const TEXT_BYTES_MAX: usize = 512 << 20;

/// Why bytes are no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RdbError {
    /// The bytes end within the object. With more of them the same step may succeed; nothing was taken.
    #[error("the payload ends too early")]
    Short,
    /// The bytes break a rule of their encoding.
    #[error("the payload is corrupt: {0}")]
    Corrupt(&'static str),
    /// A type of value that is not known here, or one of a module.
    #[error("values of type {0} are not supported")]
    Unknown(u8),
}
