//! Conversions to collections and tuples.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::Hash,
};

use super::{
    Value,
    convert::{FromValue, Pairs},
};
use crate::error::Error;

/// A map, or an array of pairs; of a field that comes twice the last value.
impl<K: FromValue + Eq + Hash, V: FromValue> FromValue for HashMap<K, V> {
    fn from_value(value: Value) -> Result<Self, Error> {
        Pairs::from_value(value).map(|Pairs(pairs)| pairs.into_iter().collect())
    }
}

/// As for [`HashMap`].
impl<K: FromValue + Ord, V: FromValue> FromValue for BTreeMap<K, V> {
    fn from_value(value: Value) -> Result<Self, Error> {
        Pairs::from_value(value).map(|Pairs(pairs)| pairs.into_iter().collect())
    }
}

/// A set or an array.
impl<T: FromValue + Eq + Hash> FromValue for HashSet<T> {
    fn from_value(value: Value) -> Result<Self, Error> {
        Vec::from_value(value).map(|items| items.into_iter().collect())
    }
}

/// A set or an array.
impl<T: FromValue + Ord> FromValue for BTreeSet<T> {
    fn from_value(value: Value) -> Result<Self, Error> {
        Vec::from_value(value).map(|items| items.into_iter().collect())
    }
}

/// An array of exactly two.
impl<A: FromValue, B: FromValue> FromValue for (A, B) {
    fn from_value(value: Value) -> Result<Self, Error> {
        let [a, b] = exactly(value)?;
        Ok((A::from_value(a)?, B::from_value(b)?))
    }
}

/// An array of exactly three.
impl<A: FromValue, B: FromValue, C: FromValue> FromValue for (A, B, C) {
    fn from_value(value: Value) -> Result<Self, Error> {
        let [a, b, c] = exactly(value)?;
        Ok((A::from_value(a)?, B::from_value(b)?, C::from_value(c)?))
    }
}

/// The elements, which may be errors and nulls.
fn exactly<const N: usize>(value: Value) -> Result<[Value; N], Error> {
    match value {
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            let count = items.len();
            items.try_into().map_err(|_| Error::Protocol(format!("expected {N} elements, got {count}")))
        }
        Value::Error(error) => Err(Error::Server(error)),
        other => Err(Error::Protocol(format!("expected {N} elements, got {}", other.kind()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &'static str) -> Value {
        Value::Bulk(bytes::Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn pairs_become_maps_of_either_kind() {
        let flat = Value::Array(vec![bulk("a"), bulk("1"), bulk("b"), bulk("2")]);
        let map = flat.clone().into::<BTreeMap<String, i64>>().unwrap();
        assert_eq!(map, BTreeMap::from([("a".into(), 1), ("b".into(), 2)]));
        assert_eq!(flat.into::<HashMap<String, i64>>().unwrap().len(), 2);
    }

    #[test]
    fn a_tuple_has_exactly_its_elements() {
        let three = Value::Array(vec![bulk("a"), Value::Int(1), Value::Null]);
        let got: (String, i64, Option<f64>) = three.clone().into().unwrap();
        assert_eq!(got, ("a".into(), 1, None));
        assert!(three.into::<(String, i64)>().is_err());
        assert!(Value::Int(1).into::<(String, i64)>().is_err());
    }

    #[test]
    fn a_set_holds_each_element_once() {
        let items = Value::Array(vec![Value::Int(1), Value::Int(1)]);
        assert_eq!(items.clone().into::<HashSet<i64>>().unwrap().len(), 1);
        assert_eq!(items.into::<BTreeSet<i64>>().unwrap().len(), 1);
    }
}
