//! Texts from Lua values, as `lua_tolstring` makes them.

use mlua::Value;

use super::number::general;

/// Significant digits of a number that becomes a text.
const DIGITS: usize = 14;

/// The bytes of a string or a number; `None` for anything else.
pub(super) fn to_vec(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Integer(_) | Value::Number(_) => {
            let mut text = Vec::new();
            general(&mut text, to_number(value)?, DIGITS);
            Some(text)
        }
        _ => None,
    }
}

/// The number that a value is or that its text says, as `lua_tonumber` reads it.
pub(super) fn to_number(value: &Value) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "a number of Lua 5.1 is a double")]
        Value::Integer(integer) => Some(*integer as f64),
        Value::Number(number) => Some(*number),
        Value::String(text) => from_text(&text.as_bytes()),
        _ => None,
    }
}

/// A number as Lua reads one: decimal or hexadecimal, spaces around it.
fn from_text(bytes: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(bytes).ok()?.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let sign = if negative { -1.0 } else { 1.0 };
    if let Some(hexadecimal) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        #[expect(clippy::cast_precision_loss, reason = "a number of Lua 5.1 is a double")]
        let number = u64::from_str_radix(hexadecimal, 16).ok().map(|number| number as f64);
        return number.map(|number| sign * number);
    }
    match digits.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => Some(sign * f64::INFINITY),
        "nan" => Some(f64::NAN),
        lower => {
            lower.parse::<f64>().ok().filter(|_| !lower.starts_with(['-', '+'])).map(|number| sign * number)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_lua_reads_them() {
        for (text, expected) in [
            (" 10 ", Some(10.0)),
            ("0x10", Some(16.0)),
            ("-1e2", Some(-100.0)),
            ("", None),
            ("1x", None),
            ("--1", None),
        ] {
            assert_eq!(from_text(text.as_bytes()), expected, "{text}");
        }
    }
}
