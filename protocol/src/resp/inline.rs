//! Inline commands: a line of words as typed into telnet, with Redis's quoting (`sdssplitargs`).

use super::{ProtocolError, Span};

/// Splits `line`, which ends at its first zero byte, into words: appends their unescaped bytes to `store` and their places in it to `spans`.
///
/// # Errors
/// [`ProtocolError::UnbalancedQuotes`]: a quote does not close, or is followed by something else than a space.
pub fn split(line: &[u8], store: &mut Vec<u8>, spans: &mut Vec<Span>) -> Result<(), ProtocolError> {
    let mut rest = without_leading_space(line.split(|&byte| byte == 0).next().unwrap_or_default());
    while !rest.is_empty() {
        let start = store.len();
        rest = without_leading_space(word(rest, store)?);
        let len = store.len() - start;
        spans.push(Span { start: to_u32(start), len: to_u32(len) });
    }
    Ok(())
}

/// Takes one word off `rest`; a word may be put together from quoted and plain parts only at its end.
fn word<'a>(mut rest: &'a [u8], store: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Ok(rest.get(1..).unwrap_or_default()),
            [b'"', tail @ ..] => return closed(double_quoted(tail, store)?),
            [b'\'', tail @ ..] => return closed(single_quoted(tail, store)?),
            [byte, tail @ ..] => {
                store.push(*byte);
                rest = tail;
            }
        }
    }
}

/// After a closing quote only white space or the end may follow.
fn closed(rest: &[u8]) -> Result<&[u8], ProtocolError> {
    match rest.first() {
        Some(byte) if !is_space(*byte) => Err(ProtocolError::UnbalancedQuotes),
        _ => Ok(rest),
    }
}

/// C's `isspace`: as Rust's, and the vertical tab.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn without_leading_space(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|&byte| !is_space(byte)).unwrap_or(line.len());
    &line[start..]
}

fn double_quoted<'a>(mut rest: &'a [u8], store: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'"', tail @ ..] => return Ok(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                store.push(hex(*high) << 4 | hex(*low));
                rest = tail;
            }
            [b'\\', escaped, tail @ ..] => {
                store.push(unescaped(*escaped));
                rest = tail;
            }
            [byte, tail @ ..] => {
                store.push(*byte);
                rest = tail;
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], store: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'\\', b'\'', tail @ ..] => {
                store.push(b'\'');
                rest = tail;
            }
            [b'\'', tail @ ..] => return Ok(tail),
            [byte, tail @ ..] => {
                store.push(*byte);
                rest = tail;
            }
        }
    }
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// A line is at most [`super::request::LINE_BYTES_MAX`] bytes.
#[expect(clippy::cast_possible_truncation, reason = "a line is at most 64 KiB")]
fn to_u32(value: usize) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Args;

    fn words(line: &str) -> Result<Vec<String>, ProtocolError> {
        let (mut store, mut spans) = (Vec::new(), Vec::new());
        split(line.as_bytes(), &mut store, &mut spans)?;
        Ok(Args::new(&store, &spans).iter().map(|word| word.escape_ascii().to_string()).collect())
    }

    #[test]
    fn words_are_split_at_white_space_and_unquoted() {
        assert_eq!(words("  SET k  v ").unwrap(), ["SET", "k", "v"]);
        assert_eq!(words(r#"SET "a b" 'c d'"#).unwrap(), ["SET", "a b", "c d"]);
        assert_eq!(words(r#"SET "\x41\n\"" '\''"#).unwrap(), ["SET", r#"A\n\""#, r"\'"]);
        assert_eq!(words(r#"SET k """#).unwrap(), ["SET", "k", ""]);
        assert_eq!(words("\x0bSET k\0 v").unwrap(), ["SET", "k"]);
    }

    #[test]
    fn unbalanced_quotes_are_an_error() {
        for line in [r#"SET "a"#, "SET 'a", r#"SET "a"b"#, "SET 'a'b"] {
            assert_eq!(words(line).unwrap_err(), ProtocolError::UnbalancedQuotes, "{line}");
        }
    }
}
