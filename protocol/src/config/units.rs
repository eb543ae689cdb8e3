//! Sizes and times as people write them: `64mb`, `250ms`.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::time::Duration;

/// A text that is no size or no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a number, or not one of Redis's units of memory.
    #[error("`{0}` is no size: give bytes, or a number with k, kb, m, mb, g or gb, as in `64mb`")]
    Size(String),
    /// Not a number with a unit of time.
    #[error("`{0}` is no time: give a number with ms, s, m or h, as in `250ms`")]
    Time(String),
}

/// A number of bytes. Written as Redis writes it: plain, or with `k` (1000), `kb` (1024), `m`, `mb`, `g`, `gb`, in
/// any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// This many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// This many times 1024 bytes.
    pub const fn kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    /// This many times 1024 × 1024 bytes.
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes, for lengths in memory.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl std::str::FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError::Size(text.to_owned());
        let (number, unit) = number_and_unit(text).ok_or_else(error)?;
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" => 1000,
            "kb" => 1 << 10,
            "m" => 1_000_000,
            "mb" => 1 << 20,
            "g" => 1_000_000_000,
            "gb" => 1 << 30,
            _ => return Err(error()),
        };
        number.checked_mul(factor).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for ByteSize {
    /// In the largest unit of 1024s that holds it exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
        match units.iter().find(|(factor, _)| self.0 > 0 && self.0.is_multiple_of(*factor)) {
            Some((factor, unit)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A time in whole milliseconds, written with its unit: `250ms`, `2s`, `5m`, `1h`. `0` needs none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(u64);

impl Millis {
    /// This many milliseconds.
    pub const fn new(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// This many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    /// The number of milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The same for the clock.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// The same for the clock, `None` where 0 means off.
    pub fn unless_zero(self) -> Option<Duration> {
        (self.0 > 0).then(|| self.duration())
    }
}

impl std::str::FromStr for Millis {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError::Time(text.to_owned());
        let (number, unit) = number_and_unit(text).ok_or_else(error)?;
        let factor = match unit {
            "" if number == 0 => 1,
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(error()),
        };
        number.checked_mul(factor).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for Millis {
    /// In the largest unit that holds it exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(3_600_000, "h"), (60_000, "m"), (1000, "s")];
        match units.iter().find(|(factor, _)| self.0 > 0 && self.0.is_multiple_of(*factor)) {
            Some((factor, unit)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}ms", self.0),
        }
    }
}

/// "64 mb" → (64, "mb"); `None` without digits in front, or with more of them than a `u64` holds.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..digits].parse().ok()?;
    Some((number, text[digits..].trim_start()))
}

/// Reads a plain number or a text as the human type `T`.
fn human<'de, D, T>(deserializer: D, expecting: &'static str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err = UnitError>,
{
    struct Human<T>(&'static str, std::marker::PhantomData<T>);

    impl<T: std::str::FromStr<Err = UnitError>> Visitor<'_> for Human<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_any(Human(expecting, std::marker::PhantomData))
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        human(deserializer, "a size as in `64mb`")
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        human(deserializer, "a time as in `250ms`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> Option<u64> {
        text.parse().ok().map(ByteSize::bytes)
    }

    fn time(text: &str) -> Option<u64> {
        text.parse().ok().map(Millis::as_millis)
    }

    #[test]
    fn sizes_have_the_units_of_redis() {
        assert_eq!(size("1"), Some(1));
        assert_eq!(size("2k"), Some(2000));
        assert_eq!(size("2kb"), Some(2048));
        assert_eq!(size("64MB"), Some(64 << 20));
        assert_eq!(size("1 gb"), Some(1 << 30));
    }

    #[test]
    fn times_need_a_unit() {
        assert_eq!(time("250ms"), Some(250));
        assert_eq!(time("2s"), Some(2000));
        assert_eq!(time("1h"), Some(3_600_000));
        assert_eq!(time("0"), Some(0));
        assert_eq!(time("5"), None);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in ["", "mb", "-1", "1.5gb", "1tb", "99999999999gb", "18446744073709551616"] {
            assert_eq!(size(text), None, "{text}");
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn the_written_form_reads_back() {
        for text in ["0", "1023", "1kb", "64mb", "3gb"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
        for text in ["0ms", "250ms", "2s", "90s", "5m", "1h"] {
            assert_eq!(text.parse::<Millis>().unwrap().to_string(), text);
        }
    }
}
