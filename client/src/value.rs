//! A reply as a value: one small enum for RESP2 and RESP3.

mod convert;
mod decode;
mod tuples;

use bytes::Bytes;

pub use convert::FromValue;
pub(crate) use convert::Pairs;
pub(crate) use decode::decode;

use crate::error::ServerError;

/// A reply. Byte strings are slices of the buffer that was read: cloning one copies no bytes, and keeping
/// one keeps that buffer. Attributes of RESP3 are dropped.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// RESP3 `_`, RESP2 `$-1` and `*-1`.
    Null,
    /// RESP3 `#t`, `#f`.
    Bool(bool),
    /// `:1`.
    Int(i64),
    /// RESP3 `,1.5`; also `inf`, `-inf`, `nan`.
    Double(f64),
    /// RESP3 `(`: decimal digits, not parsed.
    BigNumber(Bytes),
    /// `+OK`.
    Simple(Bytes),
    /// `$3`: any bytes.
    Bulk(Bytes),
    /// RESP3 `=`: text for people, its format tag (`txt:`) taken off.
    Verbatim(Bytes),
    /// An error inside an array. An error that is the whole reply is [`crate::Error::Server`] instead.
    Error(ServerError),
    /// `*`.
    Array(Vec<Value>),
    /// RESP3 `%`, in the order of the wire.
    Map(Vec<(Value, Value)>),
    /// RESP3 `~`, in the order of the wire.
    Set(Vec<Value>),
    /// RESP3 `>`: a message that answers no command.
    Push(Vec<Value>),
}

impl Value {
    /// The word for this type in error messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "integer",
            Value::Double(_) => "double",
            Value::BigNumber(_) => "big number",
            Value::Simple(_) => "simple string",
            Value::Bulk(_) => "bulk string",
            Value::Verbatim(_) => "verbatim string",
            Value::Error(_) => "error",
            Value::Array(_) => "array",
            Value::Map(_) => "map",
            Value::Set(_) => "set",
            Value::Push(_) => "push",
        }
    }

    /// The bytes of any string type; `None` for other types.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Value::Simple(data) | Value::Bulk(data) | Value::Verbatim(data) | Value::BigNumber(data) => {
                Some(data)
            }
            _ => None,
        }
    }

    /// Converts to `T`.
    ///
    /// # Errors
    /// [`crate::Error::Protocol`] when the value is of another type; [`crate::Error::Server`] for an error value.
    pub fn into<T: FromValue>(self) -> Result<T, crate::Error> {
        T::from_value(self)
    }
}
