//! What comes over a subscribed connection.

use bytes::Bytes;

use super::change::{Change, Kind};
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
    /// It has begun or ceased to send what is published under a name.
    Confirmed {
        kind: Kind,
        adds: bool,
        name: Bytes,
    },
    /// It answers a `PING`.
    Pong,
    /// It does not do what it was asked for.
    Refused(ServerError),
    /// Something that does not concern a subscription.
    Other,
}

impl Heard {
    /// From a reply of RESP2 or a push of RESP3.
    ///
    /// # Errors
    /// [`Error::Protocol`]: it is neither.
    pub(super) fn of(value: Value) -> Result<Heard, Error> {
        let parts = match value {
            Value::Error(error) => return Ok(Heard::Refused(error)),
            Value::Simple(text) if &text[..] == b"PONG" => return Ok(Heard::Pong),
            Value::Array(parts) | Value::Push(parts) => parts,
            _ => return Ok(Heard::Other),
        };
        let first = parts.first().and_then(Value::as_bytes).cloned().unwrap_or_default();
        match &first[..] {
            b"message" | b"smessage" => message(parts, 3),
            b"pmessage" => message(parts, 4),
            b"pong" => Ok(Heard::Pong),
            word => match Change::confirmed_by(word) {
                Some((kind, adds)) => confirmation(parts, kind, adds),
                None => Ok(Heard::Other),
            },
        }
    }
}

/// Of `len` parts.
fn message(parts: Vec<Value>, len: usize) -> Result<Heard, Error> {
    if parts.len() != len {
        return Err(Error::Protocol(format!("a message of {} parts", parts.len())));
    }
    let mut parts = parts.into_iter().skip(1).map(Bytes::from_value);
    let mut next = || parts.next().unwrap_or_else(|| Err(Error::Protocol("half a message".into())));
    let pattern = if len == 4 { Some(next()?) } else { None };
    Ok(Heard::Message(Message { pattern, channel: next()?, payload: next()? }))
}

fn confirmation(parts: Vec<Value>, kind: Kind, adds: bool) -> Result<Heard, Error> {
    let name = parts.into_iter().nth(1).ok_or_else(|| Error::Protocol("half a confirmation".into()))?;
    // Without a name: who listened to nothing was asked to listen to nothing.
    let name = Option::<Bytes>::from_value(name)?.unwrap_or_default();
    Ok(Heard::Confirmed { kind, adds, name })
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
    fn what_is_no_message_confirms_answers_refuses_or_is_nothing() {
        let confirmed = Heard::Confirmed { kind: Kind::Channel, adds: true, name: "c".into() };
        let heard_of = |value: Value| Heard::of(value).unwrap();
        assert_eq!(heard_of(Value::Array(vec![bulk("subscribe"), bulk("c"), Value::Int(1)])), confirmed);
        assert_eq!(heard_of(Value::Array(vec![bulk("pong"), bulk("")])), Heard::Pong);
        assert_eq!(heard_of(Value::Simple("PONG".into())), Heard::Pong);
        assert_eq!(heard_of(Value::Push(vec![bulk("invalidate"), Value::Null])), Heard::Other);
        let refusal = ServerError::from_reply(b"NOPERM no");
        assert_eq!(heard_of(Value::Error(refusal.clone())), Heard::Refused(refusal));
    }

    #[test]
    fn half_a_message_or_confirmation_breaks_the_connection() {
        assert!(heard(&["message", "c"]).is_err());
        assert!(heard(&["subscribe"]).is_err());
        assert!(Heard::of(Value::Array(vec![bulk("message"), Value::Null, bulk("x")])).is_err());
    }
}
