//! Numbers as C's `%.*g` prints them.

/// Integers of so many digits are exact and printed the short way.
const EXACT_DIGITS: usize = 15;

/// Appends `value` with `precision` (1..=17) significant digits.
pub(crate) fn general(out: &mut Vec<u8>, value: f64, precision: usize) {
    if !value.is_finite() {
        let sign = if value.is_sign_negative() { "-" } else { "" };
        out.extend_from_slice(sign.as_bytes());
        return out.extend_from_slice(if value.is_nan() { b"nan" } else { b"inf" });
    }
    let digits = precision.min(EXACT_DIGITS);
    let bound = 10f64.powi(i32::try_from(digits).unwrap_or(0));
    if value.fract() == 0.0 && value.abs() < bound && (value != 0.0 || value.is_sign_positive()) {
        #[expect(clippy::cast_possible_truncation, reason = "an integer below 10^15")]
        let integer = value as i64;
        return out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
    }
    let text = format!("{:.*e}", precision - 1, value);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(|&char| char != '.').collect();
    let digits = digits.trim_end_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    out.extend_from_slice(sign.as_bytes());
    if exponent < -4 || i64::from(exponent) >= precision as i64 {
        scientific(out, digits, exponent);
    } else {
        fixed(out, digits, exponent);
    }
}

fn scientific(out: &mut Vec<u8>, digits: &str, exponent: i32) {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("{first}{point}{rest}e{sign}{:02}", exponent.abs()).as_bytes());
}

fn fixed(out: &mut Vec<u8>, digits: &str, exponent: i32) {
    let Ok(whole) = usize::try_from(exponent + 1) else {
        let zeros = "0".repeat(usize::try_from(-1 - exponent).unwrap_or(0));
        return out.extend_from_slice(format!("0.{zeros}{digits}").as_bytes());
    };
    if whole == 0 {
        out.extend_from_slice(format!("0.{digits}").as_bytes());
    } else if digits.len() <= whole {
        out.extend_from_slice(format!("{digits:0<whole$}").as_bytes());
    } else {
        out.extend_from_slice(format!("{}.{}", &digits[..whole], &digits[whole..]).as_bytes());
    }
}

/// A number as C casts it to a 64-bit integer on x86: what does not fit becomes the lowest.
#[expect(clippy::cast_possible_truncation, reason = "the bounds are checked")]
pub(crate) fn to_integer(value: f64) -> i64 {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    if fits { value as i64 } else { i64::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_c_prints_them() {
        for (value, precision, expected) in [
            (0.0, 14, "0"),
            (-0.0, 14, "-0"),
            (1.0, 17, "1"),
            (0.1, 17, "0.10000000000000001"),
            (0.1, 14, "0.1"),
            (1e15, 14, "1e+15"),
            (1e14, 14, "1e+14"),
            (123_456_789_012_345.0, 14, "1.2345678901234e+14"),
            (1e17, 17, "1e+17"),
            (12_345_678_901_234_567.0, 17, "12345678901234568"),
            (1e-5, 14, "1e-05"),
            (0.000_123, 14, "0.000123"),
            (-2.5, 14, "-2.5"),
            (100.25, 3, "100"),
            (1234.0, 2, "1.2e+03"),
            (f64::INFINITY, 14, "inf"),
            (1.797_693_134_862_315_7e308, 17, "1.7976931348623157e+308"),
        ] {
            let mut out = Vec::new();
            general(&mut out, value, precision);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{value} {precision}");
        }
    }

    #[test]
    fn what_does_not_fit_becomes_the_lowest_integer() {
        assert_eq!([to_integer(-1.9), to_integer(1e30), to_integer(f64::NAN)], [-1, i64::MIN, i64::MIN]);
    }
}
