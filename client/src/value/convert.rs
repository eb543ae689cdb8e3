//! From a reply to a Rust type. Strict: a type that does not fit is an error, never a default.

use bytes::Bytes;

use super::Value;
use crate::error::Error;

/// A type that a reply can become.
pub trait FromValue: Sized {
    /// Converts `value`.
    ///
    /// # Errors
    /// [`Error::Protocol`] when the value is of another type, [`Error::Server`] when it is an error.
    fn from_value(value: Value) -> Result<Self, Error>;
}

/// The error for a `value` where `wanted` was expected.
fn mismatch(value: Value, wanted: &str) -> Error {
    match value {
        Value::Error(error) => Error::Server(error),
        other => Error::Protocol(format!("expected {wanted}, got {}", other.kind())),
    }
}

/// Parses the text of a string value as a number.
fn parse<T: std::str::FromStr>(data: &Bytes, wanted: &str) -> Result<T, Error> {
    let parsed = std::str::from_utf8(data).ok().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Error::Protocol(format!("expected {wanted}, got other text")))
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Error(error) => Err(Error::Server(error)),
            other => Ok(other),
        }
    }
}

impl FromValue for Bytes {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Simple(data) | Value::Bulk(data) | Value::Verbatim(data) | Value::BigNumber(data) => {
                Ok(data)
            }
            other => Err(mismatch(other, "a string")),
        }
    }
}

/// Text; bytes that are not UTF-8 are an error.
impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, Error> {
        let data = Bytes::from_value(value)?;
        String::from_utf8(data.into()).map_err(|_| Error::Protocol("expected UTF-8 text".into()))
    }
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Int(number) => Ok(number),
            Value::Bool(flag) => Ok(i64::from(flag)),
            Value::Bulk(data) | Value::Simple(data) => parse(&data, "an integer"),
            other => Err(mismatch(other, "an integer")),
        }
    }
}

/// A count: an integer that is not negative.
impl FromValue for u64 {
    fn from_value(value: Value) -> Result<Self, Error> {
        let number = i64::from_value(value)?;
        u64::try_from(number).map_err(|_| Error::Protocol(format!("expected a count, got {number}")))
    }
}

impl FromValue for f64 {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Double(number) => Ok(number),
            Value::Bulk(data) | Value::Simple(data) => parse(&data, "a number"),
            other => Err(mismatch(other, "a number")),
        }
    }
}

/// `:1`, `#t` and `+OK` are true; `:0`, `#f` and null are false.
impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Bool(flag) => Ok(flag),
            Value::Int(number @ (0 | 1)) => Ok(number == 1),
            Value::Null => Ok(false),
            Value::Simple(text) if text == "OK" => Ok(true),
            other => Err(mismatch(other, "yes or no")),
        }
    }
}

/// Only `+OK`.
impl FromValue for () {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Simple(text) if text == "OK" => Ok(()),
            other => Err(mismatch(other, "OK")),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => {
                items.into_iter().map(T::from_value).collect()
            }
            other => Err(mismatch(other, "an array")),
        }
    }
}

/// Pairs in the order of the wire: a RESP3 map, an array of two-element arrays (RESP3 scores), or the flat
/// array that RESP2 sends in their place.
pub(crate) struct Pairs<A, B>(pub(crate) Vec<(A, B)>);

impl<A: FromValue, B: FromValue> FromValue for Pairs<A, B> {
    fn from_value(value: Value) -> Result<Self, Error> {
        let pairs: Vec<(Value, Value)> = match value {
            Value::Map(pairs) => pairs,
            Value::Array(items) => pair_up(items)?,
            other => return Err(mismatch(other, "a map")),
        };
        let typed = pairs.into_iter().map(|(a, b)| Ok((A::from_value(a)?, B::from_value(b)?)));
        Ok(Pairs(typed.collect::<Result<_, Error>>()?))
    }
}

/// `[a, 1, b, 2]` or `[[a, 1], [b, 2]]` to pairs.
fn pair_up(items: Vec<Value>) -> Result<Vec<(Value, Value)>, Error> {
    let flat: Vec<Value> = if matches!(items.first(), Some(Value::Array(_))) {
        items.into_iter().map(two).collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect()
    } else {
        items
    };
    if flat.len() % 2 == 1 {
        return Err(Error::Protocol("expected pairs, got an odd number of elements".into()));
    }
    let mut rest = flat.into_iter();
    Ok(std::iter::from_fn(|| Some((rest.next()?, rest.next()?))).collect())
}

/// The two elements of a pair.
fn two(value: Value) -> Result<[Value; 2], Error> {
    let items = Vec::<Value>::from_value(value)?;
    items.try_into().map_err(|_| Error::Protocol("expected a pair".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &'static str) -> Value {
        Value::Bulk(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_number_is_read_from_both_protocols() {
        assert_eq!(bulk("1.5").into::<f64>().unwrap(), 1.5);
        assert_eq!(Value::Double(1.5).into::<f64>().unwrap(), 1.5);
        assert_eq!(bulk("-3").into::<i64>().unwrap(), -3);
    }

    #[test]
    fn a_type_that_does_not_fit_is_an_error() {
        assert_eq!(
            Value::Array(vec![]).into::<i64>().unwrap_err().to_string(),
            "protocol error: expected an integer, got array"
        );
        assert!(Value::Int(2).into::<bool>().is_err());
        assert!(Value::Int(-1).into::<u64>().is_err());
        assert!(bulk("OK").into::<()>().is_err());
    }

    #[test]
    fn null_is_none() {
        assert_eq!(Value::Null.into::<Option<Bytes>>().unwrap(), None);
        assert_eq!(bulk("a").into::<Option<String>>().unwrap(), Some("a".into()));
    }

    #[test]
    fn pairs_come_from_maps_flat_arrays_and_nested_arrays() {
        let want = vec![("a".to_string(), 1.0), ("b".to_string(), 2.0)];
        let map = Value::Map(vec![(bulk("a"), Value::Double(1.0)), (bulk("b"), Value::Double(2.0))]);
        let flat = Value::Array(vec![bulk("a"), bulk("1"), bulk("b"), bulk("2")]);
        let nested = Value::Array(vec![
            Value::Array(vec![bulk("a"), Value::Double(1.0)]),
            Value::Array(vec![bulk("b"), Value::Double(2.0)]),
        ]);
        for value in [map, flat, nested] {
            assert_eq!(value.into::<Pairs<String, f64>>().unwrap().0, want);
        }
        assert!(Value::Array(vec![bulk("a")]).into::<Pairs<String, f64>>().is_err());
    }
}
