//! Numbers of `INCRBYFLOAT` and `HINCRBYFLOAT`: x86's `long double`, in software and exact.
//!
//! Redis computes these in C's `long double` and prints them with `%.17Lf`. Where Redis mostly runs, on x86-64, that
//! type has a mantissa of 64 bits and an exponent of 15; Rust has no such type, and a double shows other digits
//! (0.1 + 0.2). Text is read and printed correctly rounded, as glibc does. Two things differ from Redis:
//! hexadecimal text is refused, and below 2^-16382 (all of which prints as 0) the mantissa keeps its 64 bits.

mod big;

use big::Big;

/// Texts of this many bytes and longer are no numbers, as in Redis.
const TEXT_BYTES_MAX: usize = 5 * 1024;

/// Exponent of the highest bit of the largest finite number.
const TOP_MAX: i32 = 16383;

/// Exponent of the highest bit below which a number is read as zero.
const TOP_MIN: i32 = -16446;

/// Decimal digits after the point that are printed.
const DECIMALS: usize = 17;

/// A finite number or an infinity: ± `mantissa` × 2^`exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LongDouble {
    negative: bool,
    /// 0, or with its highest bit set.
    mantissa: u64,
    exponent: i32,
}

impl LongDouble {
    /// 0.
    pub(crate) const ZERO: Self = Self { negative: false, mantissa: 0, exponent: 0 };

    /// The number that `text` spells, as C's `strtold` over the whole text: no white space, no NaN, and neither
    /// too large nor too small.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= TEXT_BYTES_MAX {
            return None;
        }
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
            return Some(Self { negative, ..Self::INFINITE });
        }
        let number = Self { negative, ..decimal(text)? };
        let readable = number.mantissa == 0 || (TOP_MIN..=TOP_MAX).contains(&(number.exponent + 63));
        readable.then_some(number)
    }

    /// Whether it is no infinity.
    pub(crate) fn is_finite(&self) -> bool {
        self.exponent <= TOP_MAX - 63
    }

    /// The sum, `None` if it is infinite or no number.
    pub(crate) fn add(self, other: Self) -> Option<Self> {
        let rank = |number: &Self| (number.mantissa > 0, number.exponent, number.mantissa);
        let (large, small) = if rank(&self) < rank(&other) { (other, self) } else { (self, other) };
        if !large.is_finite() {
            return None;
        }
        if small.mantissa == 0 {
            return Some(large);
        }
        // 62 bits below the mantissa: one would round right, as long as what falls off leaves a trace.
        let (high, low) = (u128::from(large.mantissa) << 62, u128::from(small.mantissa) << 62);
        let shift = large.exponent.abs_diff(small.exponent).min(127);
        let low = low >> shift | u128::from((low >> shift) << shift != low);
        let sum = if large.negative == small.negative { high + low } else { high - low };
        let sum = Self { negative: large.negative, ..Self::rounded(sum, large.exponent - 62, false) };
        sum.is_finite().then_some(sum)
    }

    /// As `%.17Lf` prints it, without trailing zeros. It is finite.
    pub(crate) fn to_text(self) -> Vec<u8> {
        let (whole, decimals) = if self.exponent >= 0 {
            let shift = self.exponent.unsigned_abs();
            (Big::from(u128::from(self.mantissa)).shifted_left(shift).to_decimal(), 0)
        } else {
            let (whole, decimals) = self.split();
            (whole.to_string(), decimals)
        };
        let mut text = if self.negative && (whole != "0" || decimals != 0) { "-" } else { "" }.to_owned();
        text.push_str(&whole);
        if decimals != 0 {
            let decimals = format!(".{decimals:0DECIMALS$}");
            text.push_str(decimals.trim_end_matches('0'));
        }
        text.into_bytes()
    }

    const INFINITE: Self = Self { negative: false, mantissa: 1 << 63, exponent: 1 << 20 };

    /// The whole part and the decimals, as an integer below 10^17, of a number with a negative exponent.
    fn split(self) -> (u64, u128) {
        let shift = self.exponent.unsigned_abs();
        let whole = self.mantissa.checked_shr(shift).unwrap_or(0);
        let fraction = self.mantissa - whole.checked_shl(shift).unwrap_or(0);
        let unit = 10u128.pow(17);
        let scaled = u128::from(fraction) * unit;
        if shift >= 128 {
            return (whole, 0);
        }
        let (decimals, rest, half) = (scaled >> shift, scaled & ((1 << shift) - 1), 1u128 << (shift - 1));
        let up = rest > half || rest == half && decimals % 2 == 1;
        match decimals + u128::from(up) {
            carried if carried == unit => (whole + 1, 0),
            decimals => (whole, decimals),
        }
    }

    /// `bits` × 2^`exponent`, and a little more if `inexact`, rounded to the nearest, ties to even. `bits` has
    /// more than 64 bits if `inexact`.
    fn rounded(bits: u128, exponent: i32, inexact: bool) -> Self {
        if bits == 0 {
            return Self::ZERO;
        }
        let lead = bits.leading_zeros();
        if lead >= 64 {
            let normal = (bits as u64) << (lead - 64);
            let exponent = exponent - i32::try_from(lead - 64).unwrap_or(0);
            return Self { negative: false, mantissa: normal, exponent };
        }
        let shift = 64 - lead;
        let (kept, rest, half) = (bits >> shift, bits & ((1 << shift) - 1), 1u128 << (shift - 1));
        let up = rest > half || rest == half && (inexact || kept % 2 == 1);
        let exponent = exponent + i32::try_from(shift).unwrap_or(0);
        match u64::try_from(kept + u128::from(up)) {
            Ok(mantissa) => Self { negative: false, mantissa, exponent },
            Err(_) => Self { negative: false, mantissa: 1 << 63, exponent: exponent + 1 },
        }
    }
}

/// The number of digits with at most one point and perhaps an exponent. Far out of range is infinite or tiny.
fn decimal(text: &[u8]) -> Option<LongDouble> {
    let (digits, exponent) = match text.iter().position(|byte| byte.eq_ignore_ascii_case(&b'e')) {
        Some(at) => (&text[..at], decimal_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (whole, fraction) = match digits.iter().position(|&byte| byte == b'.') {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &[][..]),
    };
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mantissa = Big::from_decimal(&digits);
    let exponent = exponent - i64::try_from(fraction.len()).ok()?;
    let magnitude = i64::from(mantissa.bits()) * 3 / 10 + exponent;
    match magnitude {
        _ if mantissa.is_zero() => Some(LongDouble::ZERO),
        5000.. => Some(LongDouble::INFINITE),
        // Below every number that is not read as zero.
        ..-5000 => Some(LongDouble { mantissa: 1 << 63, exponent: -20_000, ..LongDouble::ZERO }),
        _ => Some(scaled(mantissa, i32::try_from(exponent).ok()?)),
    }
}

/// The exponent after the `e`; beyond all that matters it stays at a million.
fn decimal_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: i64, digit: &u8| (sum * 10 + i64::from(digit - b'0')).min(1_000_000);
    let exponent = digits.iter().fold(0, add);
    Some(if negative { -exponent } else { exponent })
}

/// `digits` × 10^`exponent`, rounded.
fn scaled(digits: Big, exponent: i32) -> LongDouble {
    if exponent >= 0 {
        let (bits, shift, inexact) = digits.times_ten_to(exponent.unsigned_abs()).top_bits();
        return LongDouble::rounded(bits, shift, inexact);
    }
    let divisor = Big::from(1).times_ten_to(exponent.unsigned_abs());
    let (bits, shift, inexact) = digits.divided(&divisor);
    LongDouble::rounded(bits, shift, inexact)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(first: &str, second: &str) -> String {
        let [first, second] = [first, second].map(|text| LongDouble::parse(text.as_bytes()).unwrap());
        first.add(second).map_or("infinite".to_owned(), |sum| String::from_utf8(sum.to_text()).unwrap())
    }

    #[test]
    fn sums_are_printed_as_redis_prints_them() {
        for (first, second, expected) in [
            ("0.1", "0.2", "0.3"),
            ("3.0e3", "200", "3200"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "-5.0e3", "0"),
            ("-0.1", "0", "-0.1"),
            ("1e-20", "0", "0"),
            ("-1e-20", "0", "0"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("1e20", "1", "100000000000000000000"),
            ("1e25", "0", "10000000000000000000000000"),
            ("1e26", "0", "100000000000000000000000000"),
            ("1", "1e-17", "1.00000000000000001"),
            ("0.5", "1e30", "1000000000000000000024696061952"),
            ("1e4932", "1e4932", "infinite"),
            ("inf", "1", "infinite"),
            ("inf", "-inf", "infinite"),
            ("0.999999999999999999", "0", "1"),
        ] {
            assert_eq!(sum(first, second), expected, "{first} + {second}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for wrong in [
            "", " 1", "1 ", "nan", "-", "+", ".", "e5", "1e", "1e+", "1.2.3", "0x10", "1e5000", "1e-5000",
            "--1",
        ] {
            assert_eq!(LongDouble::parse(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(LongDouble::parse(&[b'1'; 5 * 1024]), None);
        assert!(LongDouble::parse(&[b'0'; 5 * 1024 - 1]).is_some());
        assert!(LongDouble::parse(b"1e4932").is_some() && LongDouble::parse(b"0e99999999999").is_some());
    }
}
