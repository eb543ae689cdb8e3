//! Why a command failed, in Redis's words.

use std::borrow::Cow;

/// An error reply. Nothing of the command took effect unless its documentation says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The key holds another kind of value.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// Options that do not fit together or are unknown.
    #[error("ERR syntax error")]
    Syntax,
    /// An argument or a value is no 64-bit integer.
    #[error("ERR value is not an integer or out of range")]
    NotInteger,
    /// An argument or a value is no double.
    #[error("ERR value is not a valid float")]
    NotFloat,
    /// A key that must exist does not.
    #[error("ERR no such key")]
    NoSuchKey,
    /// An index beyond the ends.
    #[error("ERR index out of range")]
    IndexOutOfRange,
    /// A count that must not be negative.
    #[error("ERR value is out of range, must be positive")]
    MustBePositive,
    /// A string would be longer than 512 MiB.
    #[error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")]
    StringTooLong,
    /// A reply would be longer than can be kept in memory.
    #[error("ERR reply exceeds maximum allowed size")]
    ReplyTooLong,
    /// Source and destination are one.
    #[error("ERR source and destination objects are the same")]
    SameObject,
    /// Any other text, its code first.
    #[error("{0}")]
    Other(Cow<'static, str>),
}

impl CommandError {
    /// A fixed text, its code first (`ERR …`).
    #[must_use]
    pub const fn text(text: &'static str) -> Self {
        Self::Other(Cow::Borrowed(text))
    }

    /// Appends the error reply. The constant ones cost no formatting.
    pub fn write(&self, reply: &mut ringmaster_protocol::resp::reply::Reply<'_>) {
        match self {
            Self::Other(text) => reply.error(text),
            other => reply.error(&other.to_string()),
        }
    }
}
