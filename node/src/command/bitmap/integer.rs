//! The integers of `BITFIELD`: some bits of a string, and what happens to a value that they cannot hold.

use ringmaster_protocol::resp::number::parse_integer;

/// Most bytes that an integer of 64 bits touches.
pub(super) const BYTES_MAX: usize = 9;

/// `i1` to `i64`, `u1` to `u63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    pub(super) signed: bool,
    /// 1..=64, if unsigned 1..=63.
    pub(super) bits: u8,
}

/// What becomes of a value that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overflow {
    /// Its lowest bits are kept.
    Wrap,
    /// The nearest value that fits takes its place.
    Saturate,
    /// Nothing is written.
    Fail,
}

impl Encoding {
    /// The encoding that `text` names. As Redis, reads no further than a zero byte.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = text.split(|byte| *byte == 0).next()?;
        let (sign, digits) = text.split_first()?;
        let (signed, most) = match sign {
            b'i' => (true, 64),
            b'u' => (false, 63),
            _ => return None,
        };
        let bits = u8::try_from(parse_integer(digits)?).ok()?;
        (1..=most).contains(&bits).then_some(Self { signed, bits })
    }

    /// The value in the bits from `shift` (0..8) on of `bytes`.
    pub(super) fn read(self, bytes: [u8; BYTES_MAX], shift: u32) -> i64 {
        self.wrapped((window(bytes) >> self.above(shift)).cast_signed())
    }

    /// Puts the lowest bits of `value` there.
    pub(super) fn write(self, bytes: [u8; BYTES_MAX], shift: u32, value: i64) -> [u8; BYTES_MAX] {
        let mask = (1u128 << self.bits) - 1;
        let value = i128::from(value).cast_unsigned() & mask;
        let above = self.above(shift);
        let window = window(bytes) & !(mask << above) | value << above;
        let mut written = [0; BYTES_MAX];
        written.copy_from_slice(&window.to_be_bytes()[16 - BYTES_MAX..]);
        written
    }

    /// Bits of the window that follow the value.
    fn above(self, shift: u32) -> u32 {
        BYTES_MAX as u32 * 8 - shift - u32::from(self.bits)
    }

    /// The lowest bits of `value`, as a value.
    fn wrapped(self, value: i128) -> i64 {
        let unused = 128 - u32::from(self.bits);
        let kept = value << unused;
        let kept = if self.signed { kept >> unused } else { (kept.cast_unsigned() >> unused).cast_signed() };
        kept as i64
    }

    /// The value that a client gives, as Redis sees it: a negative one is far too large for an unsigned integer, not
    /// too small; and so is for a signed one what lies more than 2^63 below its greatest.
    pub(super) fn given(self, value: i64) -> i128 {
        let most = self.greatest();
        let far_below = self.bits < 64 && most - i128::from(value) > i128::from(i64::MAX);
        if far_below || !self.signed { i128::from(value.cast_unsigned()) } else { i128::from(value) }
    }

    fn greatest(self) -> i128 {
        (1 << (self.bits - u8::from(self.signed))) - 1
    }

    /// What is written for `value`; `None` if it does not fit and nothing is.
    pub(super) fn fit(self, value: i128, overflow: Overflow) -> Option<i64> {
        let most = self.greatest();
        let least = if self.signed { -most - 1 } else { 0 };
        match overflow {
            _ if (least..=most).contains(&value) => Some(self.wrapped(value)),
            Overflow::Wrap => Some(self.wrapped(value)),
            Overflow::Saturate => Some(self.wrapped(value.clamp(least, most))),
            Overflow::Fail => None,
        }
    }
}

/// The bytes as one number, the first one highest.
fn window(bytes: [u8; BYTES_MAX]) -> u128 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_else_changes(
            bytes: [u8; BYTES_MAX], shift in 0u32..8, signed: bool, bits in 1u8..=63, value: i64,
        ) {
            let encoding = Encoding { signed, bits };
            let written = encoding.write(bytes, shift, value);
            prop_assert_eq!(encoding.read(written, shift), encoding.wrapped(value.into()));
            prop_assert_eq!(encoding.write(written, shift, encoding.read(bytes, shift)), bytes);
        }
    }

    #[test]
    fn a_value_that_does_not_fit_wraps_or_saturates_or_fails() {
        let (i8, u8) = (Encoding { signed: true, bits: 8 }, Encoding { signed: false, bits: 8 });
        assert_eq!(i8.fit(128, Overflow::Wrap), Some(-128));
        assert_eq!(i8.fit(-129, Overflow::Saturate), Some(-128));
        assert_eq!(u8.fit(256, Overflow::Fail), None);
        assert_eq!(u8.fit(-1, Overflow::Saturate), Some(0));
        assert_eq!(u8.fit(255, Overflow::Fail), Some(255));
        assert_eq!(i8.fit(i8.given(-1000), Overflow::Saturate), Some(-128));
        assert_eq!(i8.fit(i8.given(i64::MIN), Overflow::Saturate), Some(127));
        assert_eq!(u8.fit(u8.given(-1), Overflow::Saturate), Some(255));
        let i64 = Encoding { signed: true, bits: 64 };
        assert_eq!(i64.fit(i64.given(i64::MIN), Overflow::Fail), Some(i64::MIN));
        assert_eq!(i64.fit(i128::from(i64::MAX) + 1, Overflow::Wrap), Some(i64::MIN));
    }

    #[test]
    fn encodings_are_named_as_in_redis() {
        assert_eq!(Encoding::parse(b"i64"), Some(Encoding { signed: true, bits: 64 }));
        assert_eq!(Encoding::parse(b"u8\0x"), Some(Encoding { signed: false, bits: 8 }));
        for wrong in ["u64", "i65", "i0", "I8", "u", "", "8", "u-1", "u 8", "u08"] {
            assert_eq!(Encoding::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
