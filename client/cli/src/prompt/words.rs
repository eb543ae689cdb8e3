//! A typed line as words, quoted as in redis-cli: `"a b\x00\n"`, `'a b'`.

use ringmaster_protocol::resp::inline;

/// What to say about a line that [`split`] refuses; redis-cli's words.
pub(super) const UNBALANCED: &str = "Invalid argument(s)";

/// The words of `line`; `None` when a quote does not close or a word goes on behind one.
pub(super) fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut store, mut spans) = (Vec::new(), Vec::new());
    inline::split(line, &mut store, &mut spans).ok()?;
    Some(spans.iter().map(|span| span.of(&store).to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes_are_those_of_redis_cli() {
        let words = split(br#" set "a b\x00\n\"" 'it\'s "\n' plain "#).unwrap();
        let want: [&[u8]; 4] = [b"set", b"a b\x00\n\"", b"it's \"\\n", b"plain"];
        assert_eq!(words, want);
        assert_eq!(split(br#"set k """#).unwrap(), [&b"set"[..], b"k", b""]);
        assert_eq!(split(b"  \n").unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_quote_that_does_not_close_is_refused() {
        for line in [r#"get "a"#, "get 'a", r#"get "a"b"#] {
            assert_eq!(split(line.as_bytes()), None, "{line}");
        }
    }
}
