//! Glob patterns as `KEYS`, `SCAN`, `CONFIG GET` and `PSUBSCRIBE` read them (Redis's `stringmatchlen`).
//!
//! `*` any bytes, `?` one byte, `[a-c]` and `[^a-c]` one byte of a class, `\x` the byte itself. One pass with one
//! place to go back to, so a pattern of many stars costs pattern times text and not more.

/// Whether letters of different case are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `a` is not `A`: keys, channels.
    Sensitive,
    /// `a` is `A`: names of settings and commands.
    Insensitive,
}

/// Whether all of `text` fits `pattern`. As in Redis an empty text fits an empty pattern only: commands that
/// take `*` for "all" look for it themselves.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            if at == pattern.len() {
                return true;
            }
            star = Some((at, from));
            continue;
        }
        match one(&pattern[at..], text[from], case) {
            Some(taken) => {
                at += taken;
                from += 1;
            }
            None => match &mut star {
                Some((after, start)) => {
                    *start += 1;
                    (at, from) = (*after, *start);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// How many bytes of `pattern` stand for one byte that `byte` fits; `None` if it does not fit.
fn one(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let fold = |byte: u8| if case == Case::Insensitive { byte.to_ascii_lowercase() } else { byte };
    match *pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', ref rest @ ..] => {
            let (fits, taken) = class(rest, fold(byte), fold);
            fits.then_some(taken + 1)
        }
        [b'\\', escaped, ..] => (fold(escaped) == fold(byte)).then_some(2),
        [plain, ..] => (fold(plain) == fold(byte)).then_some(1),
    }
}

/// Whether `byte` is of the class that `pattern` begins with (after its `[`), and the class's length. A class that
/// does not end ends with the pattern.
fn class(pattern: &[u8], byte: u8, fold: impl Fn(u8) -> u8) -> (bool, usize) {
    let not = pattern.first() == Some(&b'^');
    let (mut at, mut fits) = (usize::from(not), false);
    loop {
        match pattern[at..] {
            [] => return (fits != not, at),
            [b']', ..] => return (fits != not, at + 1),
            [b'\\', escaped, ..] => {
                fits |= fold(escaped) == byte;
                at += 2;
            }
            [low, b'-', high, ..] => {
                // Bytes from 128 on are below all others: C's `char` on x86.
                let (low, high) = (low.cast_signed(), high.cast_signed());
                let ends = [low.min(high), low.max(high)].map(|end| fold(end.cast_unsigned()).cast_signed());
                fits |= (ends[0]..=ends[1]).contains(&byte.cast_signed());
                at += 3;
            }
            [plain, ..] => {
                fits |= fold(plain) == byte;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive)
    }

    #[test]
    fn stars_question_marks_and_classes_match_as_in_redis() {
        for (pattern, text) in [
            ("", ""),
            ("*", "abc"),
            ("a*c", "abbc"),
            ("a*b*c", "axxbyyc"),
            ("h?llo", "hello"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hallo"),
            ("h[a-c]llo", "hbllo"),
            ("h[c-a]llo", "hbllo"),
            (r"a\*b", "a*b"),
            (r"[\]]", "]"),
            ("[ab", "b"),
            ("abc**", "abc"),
            (r"a\", r"a\"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (pattern, text) in [
            ("", "a"),
            ("*", ""),
            ("a", ""),
            ("a*c", "abb"),
            ("h?llo", "hllo"),
            ("h[^e]llo", "hello"),
            ("[]", "a"),
            ("a", "A"),
            (r"a\*b", "axb"),
            ("?", ""),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
        assert!(matches(b"MAX*", b"maxmemory", Case::Insensitive));
        assert!(matches(b"[A-C]", b"b", Case::Insensitive));
        assert!(!matches(b"[a-\xff]", b"b", Case::Sensitive) && matches(b"[a-\xff]", b"A", Case::Sensitive));
    }

    #[test]
    fn many_stars_stay_cheap() {
        let (pattern, text) = ("a*".repeat(50) + "b", "a".repeat(5_000));
        assert!(!fits(&pattern, &text));
    }
}
