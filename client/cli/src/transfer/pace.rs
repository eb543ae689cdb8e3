//! No more than so many keys, or bytes, a second.

use std::str::FromStr;
use std::time::Duration;

use ringmaster_protocol::config::ByteSize;

use super::Tally;

/// A rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
    /// Keys a second, at least one.
    Keys(u64),
    /// Bytes a second, at least one.
    Bytes(u64),
}

impl FromStr for Rate {
    type Err = String;

    /// `5000` is keys, `20mb` bytes.
    fn from_str(text: &str) -> Result<Self, String> {
        let rate = match text.parse() {
            Ok(keys) => Rate::Keys(keys),
            Err(_) => Rate::Bytes(
                text.parse::<ByteSize>().map_err(|_| "write 5000 for keys a second, 20mb for bytes")?.bytes(),
            ),
        };
        let is_none = matches!(rate, Rate::Keys(0) | Rate::Bytes(0));
        if is_none {
            Err("a rate is at least 1; leave it out for as fast as can be".to_owned())
        } else {
            Ok(rate)
        }
    }
}

impl Rate {
    /// How long this many should have taken.
    pub(crate) fn time(self, tally: &Tally) -> Duration {
        let (count, rate) = match self {
            Rate::Keys(rate) => (tally.seen(), rate),
            Rate::Bytes(rate) => (tally.bytes, rate),
        };
        let millis = u128::from(count) * 1000 / u128::from(rate);
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_keys_or_of_bytes() {
        assert_eq!("5000".parse(), Ok(Rate::Keys(5000)));
        assert_eq!("20mb".parse(), Ok(Rate::Bytes(20 << 20)));
        for wrong in ["", "0", "0mb", "-1", "fast", "1.5"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
        let tally = Tally { keys: 100, bytes: 1000, ..Tally::default() };
        assert_eq!(Rate::Keys(50).time(&tally), Duration::from_secs(2));
        assert_eq!(Rate::Bytes(500).time(&tally), Duration::from_secs(2));
        let much = Tally { keys: u64::MAX, ..Tally::default() };
        assert_eq!(Rate::Keys(1).time(&much), Duration::from_millis(u64::MAX));
    }
}
