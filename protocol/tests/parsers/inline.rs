//! What must hold of the splitter of inline commands for any line, with a transcript of Redis's rules beside it.

use ringmaster_protocol::resp::{Args, inline};

/// The words of `line` are those of [`expected`], and lie one after the other in the store.
pub(crate) fn agrees(line: &[u8]) {
    let (mut store, mut spans) = (b"before".to_vec(), Vec::new());
    let ours = inline::split(line, &mut store, &mut spans);
    let words: Vec<Vec<u8>> = Args::new(&store, &spans).iter().map(<[u8]>::to_vec).collect();
    let text = line.escape_ascii();
    assert_eq!(ours.is_ok().then_some(words), expected(line), "{text}");
    let mut end = b"before".len();
    for span in spans {
        assert_eq!(span.start as usize, end, "{text}");
        end += span.len as usize;
    }
}

/// Any words come back when they are quoted.
pub(crate) fn quoted_words_come_back(words: &[Vec<u8>]) {
    let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let (mut store, mut spans) = (Vec::new(), Vec::new());
    inline::split(quoted.join(" ").as_bytes(), &mut store, &mut spans).expect("the quotes close");
    assert_eq!(Args::new(&store, &spans).iter().map(<[u8]>::to_vec).collect::<Vec<_>>(), words);
}

fn quoted(word: &[u8]) -> String {
    let bytes: String = word.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{bytes}\"")
}

/// Redis's rules (`sdssplitargs`), byte by byte: a line ends at a zero byte; words are separated by white space;
/// within a word, `"` begins a part with escapes and `'` one without; either must be the word's last part.
fn expected(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
    let (mut words, mut at) = (Vec::new(), 0);
    loop {
        while line.get(at).is_some_and(|&byte| is_space(byte)) {
            at += 1;
        }
        if at == line.len() {
            return Some(words);
        }
        let mut word = Vec::new();
        while let Some(&byte) = line.get(at) {
            at += 1;
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => break,
                b'"' | b'\'' => {
                    at = quoted_part(line, at, byte, &mut word)?;
                    break;
                }
                plain => word.push(plain),
            }
        }
        words.push(word);
    }
}

/// The part in quotes that begins at `at`; the offset after its closing quote, `None` if it is not closed well.
fn quoted_part(line: &[u8], mut at: usize, quote: u8, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        let byte = *line.get(at)?;
        at += 1;
        if byte == quote {
            return line.get(at).is_none_or(|&next| is_space(next)).then_some(at);
        }
        let next = line.get(at).copied();
        match (quote, byte, next) {
            (b'"', b'\\', Some(b'x')) if hex(line, at + 1).is_some() => {
                word.push(hex(line, at + 1)?);
                at += 3;
            }
            (b'"', b'\\', Some(next)) => {
                let plain = b"nrtba".iter().position(|&letter| letter == next);
                word.push(plain.map_or(next, |place| b"\n\r\t\x08\x07"[place]));
                at += 1;
            }
            (b'\'', b'\\', Some(b'\'')) => {
                word.push(b'\'');
                at += 1;
            }
            _ => word.push(byte),
        }
    }
}

/// The byte that two hexadecimal digits at `at` spell.
fn hex(line: &[u8], at: usize) -> Option<u8> {
    let digits = line.get(at..at + 2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}
