//! Line and column of a path in a text.
//!
//! The YAML crate tells positions only with its errors. So the text is read once more, down to the value that the
//! path names, and failed there on purpose: the error then carries the place, whatever the style of the YAML.
//! That costs a parse a problem, and files with problems are read by people.

use super::{Path, Segment};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Which end of the last step is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// The key itself: it should not be there.
    Key,
    /// The value.
    Value,
}

/// Line and column, from 1, of `path`; of the nearest value around it if the text does not have it.
pub(super) fn find(text: &str, path: &Path, aim: Aim) -> (usize, usize) {
    let steps = path.segments();
    for kept in (0..=steps.len()).rev() {
        let probe = Probe { steps: &steps[..kept], aim };
        if let Err(error) = probe.deserialize(serde_yaml::Deserializer::from_str(text)) {
            return within(text, &error);
        }
    }
    (1, 1)
}

/// Line and column of an error, kept within the text: what is never closed is reported past its end.
pub(super) fn within(text: &str, error: &serde_yaml::Error) -> (usize, usize) {
    let last_line = text.lines().count().max(1);
    match error.location() {
        None => (1, 1),
        Some(place) if place.line() > last_line => (last_line, 1),
        Some(place) => (place.line(), place.column()),
    }
}

/// Fails at the value (or key) at the end of the steps, succeeds if there is none.
#[derive(Clone, Copy)]
struct Probe<'a> {
    steps: &'a [Segment],
    aim: Aim,
}

impl<'a> Probe<'a> {
    fn arrived<E: Error>(self) -> Result<(), E> {
        if self.steps.is_empty() { Err(E::custom("here")) } else { Ok(()) }
    }

    fn after_first(self) -> Self {
        Self { steps: &self.steps[1..], aim: self.aim }
    }

    fn wants_key(self) -> bool {
        self.aim == Aim::Key && self.steps.len() == 1
    }
}

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.arrived()
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.arrived()
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.arrived()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.arrived()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.arrived()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.arrived()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.arrived()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.arrived()?;
        if let Segment::Index(wanted) = &self.steps[0] {
            for _ in 0..*wanted {
                list.next_element::<IgnoredAny>()?;
            }
            list.next_element_seed(self.after_first())?;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.arrived()?;
        while let Some(is_wanted) = map.next_key_seed(KeyProbe(self))? {
            if is_wanted {
                map.next_value_seed(self.after_first())?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Tells whether a key is the wanted one; fails at it if the key itself is the aim.
struct KeyProbe<'a>(Probe<'a>);

impl<'de> DeserializeSeed<'de> for KeyProbe<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyProbe<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        let is_wanted = matches!(&self.0.steps[0], Segment::Key(wanted) if wanted == key);
        if is_wanted && self.0.wants_key() { Err(E::custom("here")) } else { Ok(is_wanted) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "nodes:\n  - name: a\n    address: x:1\n  - { name: b,\n      address: y:2 }\n  # a comment\n  - *gone\n";

    fn value(text: &str, path: &str) -> (usize, usize) {
        find(text, &Path::from(path), Aim::Value)
    }

    #[test]
    fn values_are_found_in_block_and_flow_style() {
        let text = TEXT.replace("*gone", "name: c");
        assert_eq!(value(&text, "nodes[0].address"), (3, 14));
        assert_eq!(value(&text, "nodes[1].address"), (5, 16));
        assert_eq!(value(&text, "nodes[2].name"), (7, 11));
        assert_eq!(find(&text, &Path::from("nodes[1].name"), Aim::Key), (4, 7));
    }

    #[test]
    fn what_is_not_there_is_shown_at_what_is_around_it() {
        let text = TEXT.replace("*gone", "name: c");
        assert_eq!(value(&text, "nodes[2].address"), (7, 5));
        assert_eq!(value(&text, "nodes[9]"), value(&text, "nodes"));
        assert_eq!(value(&text, "limits.clients"), (1, 1));
        assert_eq!(value("", "limits"), (1, 1));
    }
}
