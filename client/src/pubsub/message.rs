//! What comes over a subscribed connection.

use bytes::Bytes;

use crate::{
    error::{Error, ServerError},
    value::{FromValue as _, Value},
};

/// Something that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The channel that it was published on.
    pub channel: Bytes,
    /// The pattern that the channel's name matches, if that is why it comes. Who is subscribed to a channel and to a
    /// pattern that matches it gets its messages twice.
    pub pattern: Option<Bytes>,
    /// What was published.
    pub payload: Bytes,
}

/// One thing that the server says.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Message(Message),
    /// It has done what was asked for, or answers a `PING`.
    Confirmed,
    /// It does not.
    Refused(ServerError),
}

impl Heard {
    /// From a reply of RESP2 or a push of RESP3.
    ///
    /// # Errors
    /// [`Error::Protocol`]: it is neither.
    pub(super) fn of(value: Value) -> Result<Heard, Error> {
        let parts = match value {
            Value::Error(error) => return Ok(Heard::Refused(error)),
            Value::Array(parts) | Value::Push(parts) => parts,
            _ => return Ok(Heard::Confirmed),
        };
        let is_message = |kind: &Value| match kind.as_bytes().map(|kind| &kind[..]) {
            Some(b"message" | b"smessage") => 3,
            Some(b"pmessage") => 4,
            _ => 0,
        };
        let len = parts.first().map_or(0, is_message);
        if len == 0 {
            return Ok(Heard::Confirmed);
        }
        if parts.len() != len {
            return Err(Error::Protocol(format!("a message of {} parts", parts.len())));
        }
        let mut parts = parts.into_iter().skip(1).map(Bytes::from_value);
        let mut next = || parts.next().unwrap_or_else(|| Err(Error::Protocol("half a message".into())));
        let pattern = if len == 4 { Some(next()?) } else { None };
        Ok(Heard::Message(Message { pattern, channel: next()?, payload: next()? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &'static str) -> Value {
        Value::Bulk(Bytes::from_static(text.as_bytes()))
    }

    fn heard(words: &[&'static str]) -> Result<Heard, Error> {
        Heard::of(Value::Push(words.iter().map(|word| bulk(word)).collect()))
    }

    #[test]
    fn messages_of_all_kinds_are_read() {
        let message = |pattern: Option<&'static str>| {
            let pattern = pattern.map(|text| Bytes::from_static(text.as_bytes()));
            Heard::Message(Message { channel: "c".into(), pattern, payload: "hello".into() })
        };
        assert_eq!(heard(&["message", "c", "hello"]).unwrap(), message(None));
        assert_eq!(heard(&["smessage", "c", "hello"]).unwrap(), message(None));
        assert_eq!(heard(&["pmessage", "c*", "c", "hello"]).unwrap(), message(Some("c*")));
    }

    #[test]
    fn what_is_no_message_confirms_refuses_or_breaks_the_connection() {
        for value in [
            Value::Array(vec![bulk("subscribe"), bulk("c"), Value::Int(1)]),
            Value::Array(vec![bulk("pong"), bulk("")]),
            Value::Simple("PONG".into()),
            Value::Push(vec![bulk("invalidate"), Value::Null]),
        ] {
            assert_eq!(Heard::of(value).unwrap(), Heard::Confirmed);
        }
        let refusal = ServerError::from_reply(b"NOPERM no");
        assert_eq!(Heard::of(Value::Error(refusal.clone())).unwrap(), Heard::Refused(refusal));
        assert!(heard(&["message", "c"]).is_err());
        assert!(Heard::of(Value::Array(vec![bulk("message"), Value::Null, bulk("x")])).is_err());
    }
}
