//! Numbers as Redis reads and prints them.
//!
//! Redis is strict where Rust is not (`+1`, `01` and ` 1` are no integers) and prints doubles with C's `%.17g`,
//! which Rust's formatter cannot do; both are seen by applications, so both are exact here.

/// Longest text of an `i64`: a sign and 19 digits.
pub const INTEGER_DIGITS_MAX: usize = 20;

/// The integer that `text` spells, as Redis's `string2ll`: an optional `-`, no leading zero, no other byte.
#[must_use]
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    match digits {
        [b'0'] => return (!negative).then_some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut value: u64 = 0;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    if negative { 0i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() }
}

/// The double that `text` spells, as C's `strtod` over the whole text: no white space, not `nan`, and no number
/// whose size a double cannot have (`1e400`, `1e-400`). `inf`, `+inf`, `-inf` and `infinity` are numbers, in any
/// case; hexadecimal floats are not accepted.
#[must_use]
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let mantissa = text.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or_default();
    let has_digit = |digits: std::ops::RangeInclusive<u8>| mantissa.iter().any(|byte| digits.contains(byte));
    let out_of_range =
        value.is_infinite() && has_digit(b'0'..=b'9') || value == 0.0 && has_digit(b'1'..=b'9');
    (!value.is_nan() && !out_of_range).then_some(value)
}

/// Appends `value` in decimal.
pub fn push_integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends `value` as C's `%.17g`: what Redis 7.0 answers for scores.
pub fn push_double(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"nan");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value == value.trunc() && value.abs() < 1e15 && !(value == 0.0 && value.is_sign_negative()) {
        #[expect(clippy::cast_possible_truncation, reason = "an integer below 1e15 fits exactly")]
        push_integer(out, value as i64);
    } else {
        push_general(out, value, 17);
    }
}

/// Appends a finite `value` as C's `%.{precision}g`; `precision` is 1..=17.
fn push_general(out: &mut Vec<u8>, value: f64, precision: usize) {
    let scientific = format!("{:.*e}", precision - 1, value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let precision = i32::try_from(precision).unwrap_or(17);
    if exponent < -4 || exponent >= precision {
        let sign = if exponent < 0 { '-' } else { '+' };
        let text = format!("{}e{sign}{:02}", without_trailing_zeros(mantissa), exponent.abs());
        out.extend_from_slice(text.as_bytes());
    } else {
        let decimals = usize::try_from(precision - 1 - exponent).unwrap_or(0);
        out.extend_from_slice(without_trailing_zeros(&format!("{value:.decimals$}")).as_bytes());
    }
}

/// `1.500` → `1.5`, `2.000` → `2`; a text without a point is unchanged.
fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(value: f64) -> String {
        let mut out = Vec::new();
        push_double(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn integers_are_read_as_strictly_as_redis_reads_them() {
        assert_eq!(parse_integer(b"0"), Some(0));
        assert_eq!(parse_integer(b"-1"), Some(-1));
        assert_eq!(parse_integer(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_integer(b"-9223372036854775808"), Some(i64::MIN));
        for wrong in
            ["", "-", "+1", "01", "-0", " 1", "1 ", "1a", "9223372036854775808", "-9223372036854775809"]
        {
            assert_eq!(parse_integer(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn doubles_are_printed_as_c_prints_them_with_17_digits() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (0.1, "0.10000000000000001"),
            (1.5, "1.5"),
            (1e17, "1e+17"),
            (1e16, "10000000000000000"),
            (1e-5, "1.0000000000000001e-05"),
            (0.0001, "0.0001"),
            (-1e300, "-1.0000000000000001e+300"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(double(value), text);
        }
    }

    #[test]
    fn doubles_are_read_without_white_space_or_nan() {
        assert_eq!(parse_double(b"1.5e3"), Some(1500.0));
        assert_eq!(parse_double(b"+inf"), Some(f64::INFINITY));
        assert_eq!(parse_double(b"-Infinity"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_double(b"0.0e400"), Some(0.0));
        assert_eq!(parse_double(b"5e-324"), Some(5e-324));
        for wrong in ["", " 1", "1 ", "nan", "abc", "1x", "1e400", "-1e400", "1e-400", "-0.1e-400"] {
            assert_eq!(parse_double(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
