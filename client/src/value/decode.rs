//! From the bytes of one complete frame to a [`Value`].
//!
//! The leaves are decoded by redis-protocol, the aggregates here: redis-protocol recurses without a limit, takes
//! the null of RESP2 for a stream when it decodes RESP3, keeps maps and sets in hash tables (so it refuses a set
//! of maps, which `COMMAND` answers in RESP3), and loses their order. The caller has measured the frame and
//! bounded its depth.

use bytes::Bytes;
use redis_protocol::{resp2, resp3};
use ringmaster_protocol::resp::number::parse_integer;

use super::Value;
use crate::error::ServerError;

/// Most elements that room is made for before they are seen.
const ROOM_MAX: usize = 1 << 16;

/// Decodes `frame`, which is exactly one complete frame, at most [`ringmaster_protocol::resp::scan::DEPTH_MAX`]
/// deep.
///
/// # Errors
/// A text that says what was refused.
pub(crate) fn decode(frame: &Bytes) -> Result<Value, String> {
    let mut rest = Rest { frame, at: 0 };
    let value = rest.value()?;
    if rest.at == frame.len() { Ok(value) } else { Err("a reply that ends elsewhere than measured".into()) }
}

/// What is left of a frame.
struct Rest<'a> {
    frame: &'a Bytes,
    at: usize,
}

impl Rest<'_> {
    /// Takes the next value; attributes before it are dropped.
    fn value(&mut self) -> Result<Value, String> {
        while self.kind()? == b'|' {
            let attributes = self.count()?.unwrap_or(0);
            self.pairs(attributes)?;
        }
        let kind = self.kind()?;
        match kind {
            b'+' | b'-' | b':' | b'$' => self.resp2_leaf(),
            b'*' | b'~' | b'>' | b'%' => match self.count()? {
                None => Ok(Value::Null),
                Some(count) if kind == b'*' => self.values(count).map(Value::Array),
                Some(count) if kind == b'~' => self.values(count).map(Value::Set),
                Some(count) if kind == b'>' => self.values(count).map(Value::Push),
                Some(count) => self.pairs(count).map(Value::Map),
            },
            _ => self.resp3_leaf(),
        }
    }

    fn values(&mut self, count: usize) -> Result<Vec<Value>, String> {
        let mut values = Vec::with_capacity(count.min(ROOM_MAX));
        for _ in 0..count {
            values.push(self.value()?);
        }
        Ok(values)
    }

    fn pairs(&mut self, count: usize) -> Result<Vec<(Value, Value)>, String> {
        let mut pairs = Vec::with_capacity(count.min(ROOM_MAX));
        for _ in 0..count {
            pairs.push((self.value()?, self.value()?));
        }
        Ok(pairs)
    }

    /// The byte that says what comes next.
    fn kind(&self) -> Result<u8, String> {
        self.frame.get(self.at).copied().ok_or_else(|| "a reply that ends early".into())
    }

    /// Takes the header of an aggregate: its count, `None` for the null of RESP2.
    fn count(&mut self) -> Result<Option<usize>, String> {
        let header = &self.frame[self.at + 1..];
        let len = header.iter().position(|&byte| byte == b'\r').ok_or("a length that does not end")?;
        let count = parse_integer(&header[..len]).ok_or("a length that is no number")?;
        self.at += 1 + len + 2;
        match count {
            -1 => Ok(None),
            count => usize::try_from(count).map(Some).map_err(|_| "a negative length".into()),
        }
    }

    fn resp2_leaf(&mut self) -> Result<Value, String> {
        use resp2::types::RangeFrame as R;
        let start = self.at;
        let range = self.leaf(resp2::decode::decode_range)?;
        let slice = |(from, to): (usize, usize)| self.frame.slice(start + from..start + to);
        Ok(match range {
            R::SimpleString(data) => Value::Simple(slice(data)),
            R::Error(data) => Value::Error(ServerError::from_reply(&slice(data))),
            R::Integer(number) => Value::Int(number),
            R::BulkString(data) => Value::Bulk(slice(data)),
            R::Null => Value::Null,
            R::Array(_) => return Err("an array in place of a leaf".into()),
        })
    }

    fn resp3_leaf(&mut self) -> Result<Value, String> {
        use resp3::types::RangeFrame as R;
        let start = self.at;
        let range = self.leaf(resp3::decode::complete::decode_range)?;
        let slice = |(from, to): (usize, usize)| self.frame.slice(start + from..start + to);
        Ok(match range {
            R::Null => Value::Null,
            R::Boolean { data, .. } => Value::Bool(data),
            R::Double { data, .. } => Value::Double(data),
            R::BigNumber { data, .. } => Value::BigNumber(slice(data)),
            R::VerbatimString { data, .. } => Value::Verbatim(slice(data)),
            R::BlobError { data, .. } => Value::Error(ServerError::from_reply(&slice(data))),
            _ => return Err("a frame that is no reply".into()),
        })
    }

    /// Takes what `decoder` finds at the front.
    fn leaf<T, E: std::fmt::Display>(
        &mut self,
        decoder: impl Fn(&[u8]) -> Result<Option<(T, usize)>, E>,
    ) -> Result<T, String> {
        match decoder(&self.frame[self.at..]) {
            Ok(Some((range, len))) => {
                self.at += len;
                Ok(range)
            }
            Ok(None) => Err("a reply that ends early".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wire: &'static str) -> Result<Value, String> {
        decode(&Bytes::from_static(wire.as_bytes()))
    }

    fn bulk(text: &'static str) -> Value {
        Value::Bulk(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn nulls_of_both_protocols_are_null_wherever_they_stand() {
        for wire in ["$-1\r\n", "*-1\r\n", "_\r\n"] {
            assert_eq!(read(wire), Ok(Value::Null), "{wire}");
        }
        let nested = Value::Array(vec![Value::Null, Value::Null, Value::Map(vec![(bulk("a"), Value::Null)])]);
        assert_eq!(read("*3\r\n$-1\r\n_\r\n%1\r\n$1\r\na\r\n*-1\r\n"), Ok(nested));
    }

    #[test]
    fn maps_and_sets_keep_the_order_of_the_wire_and_what_comes_twice() {
        let map = read("%2\r\n$1\r\nb\r\n:1\r\n$1\r\na\r\n:2\r\n").unwrap();
        assert_eq!(map, Value::Map(vec![(bulk("b"), Value::Int(1)), (bulk("a"), Value::Int(2))]));
        assert_eq!(
            read("~3\r\n:2\r\n:1\r\n:2\r\n"),
            Ok(Value::Set(vec![Value::Int(2), Value::Int(1), Value::Int(2)]))
        );
    }

    #[test]
    fn a_set_may_hold_maps() {
        let map = Value::Map(vec![(Value::Array(vec![]), Value::Bool(false))]);
        assert_eq!(read("~1\r\n%1\r\n*0\r\n#f\r\n"), Ok(Value::Set(vec![map])));
    }

    #[test]
    fn every_resp3_type_has_its_value() {
        assert_eq!(read("#t\r\n"), Ok(Value::Bool(true)));
        assert_eq!(read(",1.5\r\n"), Ok(Value::Double(1.5)));
        assert_eq!(read("(12345678901234567890\r\n"), Ok(Value::BigNumber("12345678901234567890".into())));
        assert_eq!(read("=7\r\ntxt:abc\r\n"), Ok(Value::Verbatim("abc".into())));
        assert_eq!(read("!5\r\nERR x\r\n"), Ok(Value::Error(ServerError::from_reply(b"ERR x"))));
        assert_eq!(read(">1\r\n+x\r\n"), Ok(Value::Push(vec![Value::Simple("x".into())])));
        assert_eq!(read("|1\r\n+ttl\r\n:9\r\n:1\r\n"), Ok(Value::Int(1)), "attributes are dropped");
    }

    #[test]
    fn an_error_that_is_not_utf8_is_still_an_error_reply() {
        let frame = Bytes::from_static(b"-ERR unknown command '\xff'\r\n");
        let Ok(Value::Error(error)) = decode(&frame) else { panic!("no error") };
        assert_eq!(error.code(), "ERR");
    }

    #[test]
    fn frames_that_are_no_reply_are_refused() {
        for wire in ["$x\r\n", ":1\r\n:2\r\n", ";3\r\nabc\r\n", "*2\r\n:1\r\n", "", "*", ":1x\r\n", "#x\r\n"]
        {
            assert!(read(wire).is_err(), "{wire:?}");
        }
    }
}
