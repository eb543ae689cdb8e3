//! Text to a tree of values within limits: how large, how deep, how many, and no key twice.
//!
//! The values of aliases count each time that they are used, so a small text cannot grow without bound.

use super::{FILE_BYTES_MAX, Path, Problem, locate};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Mapping, Value};
use std::cell::{Cell, RefCell};
use std::fmt;

/// Deepest nesting taken; our files need five.
const DEPTH_MAX: usize = 16;

/// Most values taken. A cluster.yaml of ten thousand nodes has fifty thousand.
const VALUES_MAX: usize = 100_000;

/// Reads `text` as one YAML document; an empty one is an empty mapping.
///
/// # Errors
/// The first thing that is not YAML, or not within the limits.
pub(super) fn read(text: &str) -> Result<Value, Problem> {
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes, at most {FILE_BYTES_MAX} are taken", text.len());
        return Err(Problem { line: 1, column: 1, path: Path::default(), message });
    }
    let limits = Limits::default();
    let mut track = serde_path_to_error::Track::new();
    let tracked =
        serde_path_to_error::Deserializer::new(serde_yaml::Deserializer::from_str(text), &mut track);
    match (Tree { limits: &limits, depth: 0 }).deserialize(tracked) {
        Ok(Value::Null) => Ok(Value::Mapping(Mapping::new())),
        Ok(tree) => Ok(tree),
        Err(error) => Err(problem(text, &error, Path::from(&track.path()), limits.refusal.take())),
    }
}

/// A refusal of ours has a path that means something; the parser's own words have their place in them.
fn problem(text: &str, error: &serde_yaml::Error, path: Path, refusal: Option<String>) -> Problem {
    let (line, column) = locate::within(text, error);
    match refusal {
        Some(message) => Problem { line, column, path, message },
        None => Problem { line, column, path: Path::default(), message: error.to_string() },
    }
}

#[derive(Default)]
struct Limits {
    values: Cell<usize>,
    refusal: RefCell<Option<String>>,
}

impl Limits {
    fn count_value<E: Error>(&self) -> Result<(), E> {
        self.values.set(self.values.get() + 1);
        if self.values.get() > VALUES_MAX {
            return Err(self.refuse(format!("the file has more than {VALUES_MAX} values")));
        }
        Ok(())
    }

    fn refuse<E: Error>(&self, message: String) -> E {
        *self.refusal.borrow_mut() = Some(message);
        E::custom("refused")
    }
}

#[derive(Clone, Copy)]
struct Tree<'a> {
    limits: &'a Limits,
    depth: usize,
}

impl Tree<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(self.limits.refuse(format!("nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value, list or mapping")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.limits.count_value()?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.limits.count_value()?;
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.limits.count_value()?;
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.limits.count_value()?;
        Ok(Value::Number(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.limits.count_value()?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            self.limits.count_value()?;
            values.push(value);
        }
        Ok(Value::Sequence(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Mapping::new();
        while let Some(key) = map.next_key_seed(Key { limits: self.limits, taken: &values })? {
            let value = map.next_value_seed(inner)?;
            self.limits.count_value()?;
            values.insert(Value::String(key), value);
        }
        values.retain(|_, value| !value.is_null());
        Ok(Value::Mapping(values))
    }
}

/// A key that the mapping does not have yet.
struct Key<'a> {
    limits: &'a Limits,
    taken: &'a Mapping,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        if self.taken.contains_key(key) {
            return Err(self.limits.refuse("the key is given twice".to_owned()));
        }
        Ok(key.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn a_key_given_twice_is_refused_at_its_second_place() {
        assert_eq!(refusal("a:\n  b: 1\n  c: 2\n  b: 3\n"), "4:3: a.b: the key is given twice");
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&nested(DEPTH_MAX)).is_ok());
        assert!(refusal(&nested(DEPTH_MAX + 1)).ends_with("nested deeper than 16 levels"));
        assert!(read(&nested(100_000)).is_err());
    }

    #[test]
    fn size_is_bounded() {
        let text = " ".repeat(FILE_BYTES_MAX + 1);
        assert_eq!(refusal(&text), "1:1: the file has 1048577 bytes, at most 1048576 are taken");
    }

    #[test]
    fn aliases_cannot_blow_up_the_tree() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{before}]\n"));
        }
        let refusal = refusal(&text);
        assert!(refusal.contains("more than 100000 values") || refusal.contains("repetition"), "{refusal}");
    }

    #[test]
    fn tags_are_refused() {
        assert!(read("a: !secret b\n").is_err());
    }
}
