//! Hexadecimal floats, as C's `strtod` reads them behind `0x`.

/// The number at the front of `bytes` and its length: hexadecimal digits, perhaps with a point and a binary exponent.
/// `None` where there is no digit.
pub(crate) fn hexadecimal(bytes: &[u8]) -> Option<(f64, usize)> {
    let (mut value, mut len, mut digits, mut point) = (0.0f64, 0, 0, None);
    for &byte in bytes {
        match char::from(byte).to_digit(16) {
            Some(digit) => {
                value = value * 16.0 + f64::from(digit);
                digits += 1;
            }
            None if byte == b'.' && point.is_none() => point = Some(len + 1),
            None => break,
        }
        len += 1;
    }
    if digits == 0 {
        return None;
    }
    let fraction = point.map_or(0, |point| len - point);
    let mut exponent = -4 * i32::try_from(fraction).ok()?;
    if matches!(bytes.get(len), Some(b'p' | b'P')) {
        let sign = usize::from(matches!(bytes.get(len + 1), Some(b'-' | b'+')));
        let count = bytes[len + 1 + sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count > 0 {
            let text = std::str::from_utf8(&bytes[len + 1..=len + sign + count]).ok()?;
            exponent = exponent.saturating_add(text.parse().unwrap_or(i32::MAX / 2));
            len += 1 + sign + count;
        }
    }
    Some((value * 2f64.powi(exponent), len))
}

/// The number that the whole of `text` spells, a sign and `0x` in front.
pub(crate) fn parse(text: &[u8]) -> Option<f64> {
    let (sign, rest) = match text {
        [b'-', rest @ ..] => (-1.0, rest),
        [b'+', rest @ ..] => (1.0, rest),
        _ => (1.0, text),
    };
    let digits = rest.strip_prefix(b"0x").or_else(|| rest.strip_prefix(b"0X"))?;
    hexadecimal(digits).filter(|(_, len)| *len == digits.len()).map(|(value, _)| sign * value)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_text_is_a_number_as_a_whole_or_not_at_all() {
        assert_eq!(parse(b"0x1F"), Some(31.0));
        assert_eq!(parse(b"-0X.8"), Some(-0.5));
        assert_eq!(parse(b"+0x1p-3"), Some(0.125));
        for text in ["", "0x", "1f", "0x1g", "0x1p", "0x 1", "x1", "0x.", "--0x1"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
