//! From the bytes of one complete frame to a [`Value`], by redis-protocol.
//!
//! The caller has measured the frame and bounded its depth: redis-protocol recurses without a limit. Its
//! range frames are used, not its byte frames: those refuse errors that are not UTF-8 and drop duplicates.

use bytes::Bytes;
use redis_protocol::{resp2, resp3};

use super::Value;
use crate::error::ServerError;

/// Which decoder to try first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `$-1` is null. The RESP3 decoder takes it for a stream.
    Resp2,
    /// Maps, sets, doubles and the like.
    Resp3,
}

/// Decodes `frame`, which is exactly one complete frame. Tries `dialect` first, then the other, and leaves in
/// `dialect` the one that fitted, so that each connection settles on its own.
///
/// # Errors
/// A text that says what both decoders refused.
pub(crate) fn decode(frame: &Bytes, dialect: &mut Dialect) -> Result<Value, String> {
    let other = match dialect {
        Dialect::Resp2 => Dialect::Resp3,
        Dialect::Resp3 => Dialect::Resp2,
    };
    decode_as(frame, *dialect).or_else(|_| {
        let value = decode_as(frame, other)?;
        *dialect = other;
        Ok(value)
    })
}

fn decode_as(frame: &Bytes, dialect: Dialect) -> Result<Value, String> {
    match dialect {
        Dialect::Resp2 => {
            whole(frame, resp2::decode::decode_range(frame)).map(|range| from_resp2(frame, range))
        }
        Dialect::Resp3 => whole(frame, resp3::decode::complete::decode_range(frame))
            .and_then(|range| from_resp3(frame, range)),
    }
}

/// The range frame, if it covers all of `frame`.
fn whole<T, E: std::fmt::Display>(
    frame: &Bytes,
    decoded: Result<Option<(T, usize)>, E>,
) -> Result<T, String> {
    match decoded {
        Ok(Some((range, len))) if len == frame.len() => Ok(range),
        Ok(_) => Err("a reply that ends elsewhere than measured".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn from_resp2(frame: &Bytes, range: resp2::types::RangeFrame) -> Value {
    use resp2::types::RangeFrame as R;
    match range {
        R::SimpleString((start, end)) => Value::Simple(frame.slice(start..end)),
        R::Error((start, end)) => Value::Error(ServerError::from_reply(&frame[start..end])),
        R::Integer(number) => Value::Int(number),
        R::BulkString((start, end)) => Value::Bulk(frame.slice(start..end)),
        R::Array(items) => Value::Array(items.into_iter().map(|item| from_resp2(frame, item)).collect()),
        R::Null => Value::Null,
    }
}

fn from_resp3(frame: &Bytes, range: resp3::types::RangeFrame) -> Result<Value, String> {
    use resp3::types::RangeFrame as R;
    let slice = |(start, end): (usize, usize)| frame.slice(start..end);
    Ok(match range {
        R::Null => Value::Null,
        R::Boolean { data, .. } => Value::Bool(data),
        R::Number { data, .. } => Value::Int(data),
        R::Double { data, .. } => Value::Double(data),
        R::BigNumber { data, .. } => Value::BigNumber(slice(data)),
        R::SimpleString { data, .. } => Value::Simple(slice(data)),
        R::BlobString { data, .. } => Value::Bulk(slice(data)),
        R::VerbatimString { data, .. } => Value::Verbatim(slice(data)),
        R::SimpleError { data, .. } | R::BlobError { data, .. } => {
            Value::Error(ServerError::from_reply(&slice(data)))
        }
        R::Array { data, .. } => Value::Array(all(frame, data)?),
        R::Push { data, .. } => Value::Push(all(frame, data)?),
        R::Set { data, .. } => Value::Set(all(frame, data)?),
        R::Map { data, .. } => Value::Map(pairs(frame, data)?),
        R::Hello { .. } | R::ChunkedString(_) => return Err("a frame that is no reply".into()),
    })
}

fn all(
    frame: &Bytes,
    ranges: impl IntoIterator<Item = resp3::types::RangeFrame>,
) -> Result<Vec<Value>, String> {
    ranges.into_iter().map(|range| from_resp3(frame, range)).collect()
}

/// redis-protocol fills its maps from the last pair to the first; reversed, they are in the wire's order.
fn pairs(
    frame: &Bytes,
    ranges: resp3::types::FrameMap<resp3::types::RangeFrame, resp3::types::RangeFrame>,
) -> Result<Vec<(Value, Value)>, String> {
    ranges
        .into_iter()
        .rev()
        .map(|(key, value)| Ok((from_resp3(frame, key)?, from_resp3(frame, value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wire: &'static str) -> Result<Value, String> {
        decode(&Bytes::from_static(wire.as_bytes()), &mut Dialect::Resp3)
    }

    fn bulk(text: &'static str) -> Value {
        Value::Bulk(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_resp2_null_is_read_on_a_resp3_connection_and_the_dialect_follows() {
        let mut dialect = Dialect::Resp3;
        assert_eq!(decode(&Bytes::from_static(b"$-1\r\n"), &mut dialect), Ok(Value::Null));
        assert_eq!(dialect, Dialect::Resp2);
        assert_eq!(decode(&Bytes::from_static(b"_\r\n"), &mut dialect), Ok(Value::Null));
        assert_eq!(dialect, Dialect::Resp3);
        assert_eq!(read("*2\r\n$-1\r\n:1\r\n"), Ok(Value::Array(vec![Value::Null, Value::Int(1)])));
    }

    #[test]
    fn maps_and_sets_keep_the_order_of_the_wire() {
        let map = read("%2\r\n$1\r\nb\r\n:1\r\n$1\r\na\r\n:2\r\n").unwrap();
        assert_eq!(map, Value::Map(vec![(bulk("b"), Value::Int(1)), (bulk("a"), Value::Int(2))]));
        assert_eq!(
            read("~3\r\n$1\r\nb\r\n$1\r\na\r\n$1\r\nb\r\n"),
            Ok(Value::Set(vec![bulk("b"), bulk("a"), bulk("b")]))
        );
    }

    #[test]
    fn every_resp3_type_has_its_value() {
        assert_eq!(read("#t\r\n"), Ok(Value::Bool(true)));
        assert_eq!(read(",1.5\r\n"), Ok(Value::Double(1.5)));
        assert_eq!(read("(12345678901234567890\r\n"), Ok(Value::BigNumber("12345678901234567890".into())));
        assert_eq!(read("=7\r\ntxt:abc\r\n"), Ok(Value::Verbatim("abc".into())));
        assert_eq!(read("!5\r\nERR x\r\n"), Ok(Value::Error(ServerError::from_reply(b"ERR x"))));
        assert_eq!(read(">1\r\n+x\r\n"), Ok(Value::Push(vec![Value::Simple("x".into())])));
    }

    #[test]
    fn an_error_that_is_not_utf8_is_still_an_error_reply() {
        let frame = Bytes::from_static(b"-ERR unknown command '\xff'\r\n");
        let Ok(Value::Error(error)) = decode(&frame, &mut Dialect::Resp3) else { panic!("no error") };
        assert_eq!(error.code(), "ERR");
    }

    #[test]
    fn a_frame_that_no_decoder_knows_is_refused() {
        assert!(read("$x\r\n").is_err());
        assert!(read(":1\r\n:2\r\n").is_err());
        assert!(read(";3\r\nabc\r\n").is_err());
    }
}
