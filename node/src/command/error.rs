//! Why a command failed, in Redis's words.

use std::borrow::Cow;

use ringmaster_protocol::slot::HashSlot;

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
    /// A slot that the command reaches for beyond its keys is held by somebody else. Nothing was done: the engine
    /// waits for the slot and begins anew. Only within a hold, where it cannot wait, it is a reply.
    #[error("TRYAGAIN a key that the command reaches for is in use")]
    Busy(HashSlot),
    /// The command would take long and can be run elsewhere. Nothing was done: the engine says so to the connection.
    #[error("TRYAGAIN the command takes long")]
    Long,
    /// Any other text, its code first.
    #[error("{0}")]
    Other(Cow<'static, str>),
    /// As [`CommandError::Other`], for a text that repeats what the client sent, which need not be UTF-8.
    #[error("{}", .0.escape_ascii())]
    Quoting(Box<[u8]>),
}

impl CommandError {
    /// A fixed text, its code first (`ERR …`).
    #[must_use]
    pub const fn text(text: &'static str) -> Self {
        Self::Other(Cow::Borrowed(text))
    }

    /// A text in which each `%` stands for one of `quoted`: what Redis says of an argument, up to its first zero byte.
    #[must_use]
    pub fn quoting(text: &'static str, quoted: &[&[u8]]) -> Self {
        let mut quoted = quoted.iter();
        let mut whole = Vec::new();
        for (index, part) in text.split('%').enumerate() {
            let argument = if index == 0 { None } else { quoted.next() };
            let end = |bytes: &[u8]| bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            whole.extend(argument.iter().flat_map(|bytes| &bytes[..end(bytes)]));
            whole.extend_from_slice(part.as_bytes());
        }
        Self::Quoting(whole.into())
    }

    /// Appends the error reply. The constant ones cost no formatting.
    pub fn write(&self, reply: &mut ringmaster_protocol::resp::reply::Reply<'_>) {
        match self {
            Self::Other(text) => reply.error(text),
            Self::Quoting(text) => reply.error_bytes(text),
            other => reply.error(&other.to_string()),
        }
    }
}
