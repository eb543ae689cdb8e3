//! What stands behind the `?` of a request.

/// The value of `name`, with what is written as `%XX` put back; `None` if there is none, or it is no text.
pub(super) fn value(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    decoded(pairs.find(|(of, _)| *of == name)?.1)
}

fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        bytes.push(u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_and_put_back() {
        let query = Some("a=1&level=info%2Caudit%3Doff,x=debug&b");
        assert_eq!(value(query, "level").as_deref(), Some("info,audit=off,x=debug"));
        assert_eq!(value(query, "a").as_deref(), Some("1"));
        for (query, name) in [(None, "a"), (query, "b"), (query, "c"), (query, ""), (Some(""), "a")] {
            assert_eq!(value(query, name), None, "{query:?} {name}");
        }
        for broken in ["a=%", "a=%4", "a=%+4", "a=%zz", "a=%ff"] {
            assert_eq!(value(Some(broken), "a"), None, "{broken}");
        }
    }
}
