//! Replies as text, as redis-cli prints them: for people on a terminal, raw into pipes.

use std::io::Write as _;

use ringmaster_client::{Error, Value};
use ringmaster_protocol::resp::number;

/// Commands whose reply is a text for people: it is printed as it is, not quoted. The second word, where
/// there is one, must match as well.
const TEXTS: [(&str, Option<&str>); 9] = [
    ("INFO", None),
    ("LOLWUT", None),
    ("CLUSTER", Some("INFO")),
    ("CLUSTER", Some("NODES")),
    ("CLIENT", Some("LIST")),
    ("CLIENT", Some("INFO")),
    ("MEMORY", Some("DOCTOR")),
    ("MEMORY", Some("MALLOC-STATS")),
    ("LATENCY", Some("DOCTOR")),
];

/// How replies are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Quoted, typed and numbered.
    ForPeople,
    /// Only the bytes.
    Raw,
}

impl Format {
    /// The format for the reply of this command: texts are always raw.
    pub(super) fn of_command(self, words: &[Vec<u8>]) -> Format {
        let is = |index: usize, want: &str| {
            words.get(index).is_some_and(|word| word.eq_ignore_ascii_case(want.as_bytes()))
        };
        let text = TEXTS.iter().any(|(first, second)| is(0, first) && second.is_none_or(|word| is(1, word)));
        if text { Format::Raw } else { self }
    }
}

/// What a command came to, with a line feed at its end. An error that is not the server's begins with `Error: `.
pub(super) fn outcome(outcome: &Result<Value, Error>, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    match (outcome, format) {
        (Ok(value), Format::ForPeople) => for_people(value, "", &mut out),
        (Ok(value), Format::Raw) => {
            raw(value, &mut out);
            out.push(b'\n');
        }
        (Err(Error::Server(error)), Format::ForPeople) => append(&mut out, format_args!("(error) {error}\n")),
        (Err(Error::Server(error)), Format::Raw) => append(&mut out, format_args!("{error}\n\n")),
        (Err(error), _) => append(&mut out, format_args!("Error: {error}\n")),
    }
    out
}

/// Formats into memory, which cannot fail.
fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// `indent` goes before all lines but the first, which continues the line of the parent's index.
fn for_people(value: &Value, indent: &str, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"(nil)"),
        Value::Bool(flag) => append(out, format_args!("({flag})")),
        Value::Int(number) => append(out, format_args!("(integer) {number}")),
        Value::Double(number) => {
            out.extend_from_slice(b"(double) ");
            double(*number, out);
        }
        Value::Error(error) => append(out, format_args!("(error) {error}")),
        Value::Simple(text) | Value::Verbatim(text) | Value::BigNumber(text) => out.extend_from_slice(text),
        Value::Bulk(data) => quote(data, out),
        Value::Array(items) => return list(items, ')', "(empty array)", indent, out),
        Value::Push(items) => return list(items, ')', "(empty push)", indent, out),
        Value::Set(items) => return list(items, '~', "(empty set)", indent, out),
        Value::Map(pairs) => return map(pairs, indent, out),
    }
    out.push(b'\n');
}

/// An aggregate's items, each behind its number and `mark`; the numbers are as wide as the widest.
fn list(items: &[Value], mark: char, empty: &str, indent: &str, out: &mut Vec<u8>) {
    if items.is_empty() {
        return append(out, format_args!("{empty}\n"));
    }
    let width = items.len().to_string().len();
    let deeper = format!("{indent}{:1$}", "", width + 2);
    for (index, item) in items.iter().enumerate() {
        let before = if index == 0 { "" } else { indent };
        append(out, format_args!("{before}{:width$}{mark} ", index + 1));
        for_people(item, &deeper, out);
    }
}

/// `1# "field" => "value"`; a value of several lines begins on a line of its own.
fn map(pairs: &[(Value, Value)], indent: &str, out: &mut Vec<u8>) {
    if pairs.is_empty() {
        return out.extend_from_slice(b"(empty hash)\n");
    }
    let width = pairs.len().to_string().len();
    let deeper = format!("{indent}{:1$}", "", width + 2);
    for (index, (key, value)) in pairs.iter().enumerate() {
        let before = if index == 0 { "" } else { indent };
        append(out, format_args!("{before}{:width$}# ", index + 1));
        for_people(key, &deeper, out);
        out.pop();
        out.extend_from_slice(b" => ");
        let mut text = Vec::new();
        for_people(value, &deeper, &mut text);
        if text.iter().filter(|&&byte| byte == b'\n').count() > 1 {
            append(out, format_args!("\n{deeper}"));
        }
        out.append(&mut text);
    }
}

/// Only the bytes; elements in lines of their own, keys and values parted by a space.
fn raw(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => append(out, format_args!("({flag})")),
        Value::Int(number) => append(out, format_args!("{number}")),
        Value::Double(number) => double(*number, out),
        Value::Error(error) => append(out, format_args!("{error}\n")),
        Value::Simple(data) | Value::Verbatim(data) | Value::BigNumber(data) | Value::Bulk(data) => {
            out.extend_from_slice(data);
        }
        Value::Array(items) | Value::Push(items) | Value::Set(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b'\n');
                }
                raw(item, out);
            }
        }
        Value::Map(pairs) => {
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.push(b'\n');
                }
                raw(key, out);
                out.push(b' ');
                raw(value, out);
            }
        }
    }
}

/// As Redis writes it; the text of the wire is not kept.
fn double(number: f64, out: &mut Vec<u8>) {
    if number.is_nan() {
        out.extend_from_slice(b"nan");
    } else {
        number::push_double(out, number);
    }
}

/// `"text"`, with everything that is not printable ASCII escaped, as Redis's `sdscatrepr`.
fn quote(data: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in data {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => append(out, format_args!("\\x{byte:02x}")),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmaster_client::ServerError;

    fn bulk(text: &'static str) -> Value {
        Value::Bulk(text.into())
    }

    fn text(value: Value, format: Format) -> String {
        String::from_utf8(outcome(&Ok(value), format)).unwrap()
    }

    #[test]
    fn scalars_are_printed_for_people() {
        for (value, want) in [
            (Value::Null, "(nil)\n"),
            (Value::Int(-1), "(integer) -1\n"),
            (Value::Simple("OK".into()), "OK\n"),
            (bulk("a \"b\"\\\r\n\t\x07\x08\x00é"), "\"a \\\"b\\\"\\\\\\r\\n\\t\\a\\b\\x00\\xc3\\xa9\"\n"),
            (Value::Bool(true), "(true)\n"),
            (Value::Double(1.5), "(double) 1.5\n"),
            (Value::Double(f64::NEG_INFINITY), "(double) -inf\n"),
            (Value::Verbatim("a\nb".into()), "a\nb\n"),
            (Value::Array(vec![]), "(empty array)\n"),
            (Value::Map(vec![]), "(empty hash)\n"),
            (Value::Set(vec![]), "(empty set)\n"),
        ] {
            assert_eq!(text(value, Format::ForPeople), want);
        }
    }

    #[test]
    fn nested_arrays_are_numbered_and_indented() {
        let inner = Value::Array(vec![bulk("x"), Value::Array(vec![Value::Int(1), Value::Null])]);
        let mut items = vec![bulk("a"), inner];
        items.extend((3..=10).map(|_| Value::Int(0)));
        let want =
            [" 1) \"a\"", " 2) 1) \"x\"", "    2) 1) (integer) 1", "       2) (nil)", " 3) (integer) 0"];
        let printed = text(Value::Array(items), Format::ForPeople);
        assert_eq!(printed.lines().take(5).collect::<Vec<_>>(), want);
        assert_eq!(printed.lines().last(), Some("10) (integer) 0"));
    }

    #[test]
    fn maps_and_sets_have_marks_of_their_own() {
        let map = Value::Map(vec![(bulk("f"), Value::Array(vec![Value::Int(1), Value::Int(2)]))]);
        assert_eq!(text(map, Format::ForPeople), "1# \"f\" => \n   1) (integer) 1\n   2) (integer) 2\n");
        assert_eq!(text(Value::Set(vec![bulk("m")]), Format::ForPeople), "1~ \"m\"\n");
    }

    #[test]
    fn raw_is_only_the_bytes() {
        let nested = Value::Array(vec![bulk("a\0"), Value::Null, Value::Int(3)]);
        assert_eq!(text(nested, Format::Raw), "a\0\n\n3\n");
        assert_eq!(text(Value::Map(vec![(bulk("f"), Value::Int(1))]), Format::Raw), "f 1\n");
    }

    #[test]
    fn errors_say_whose_they_are() {
        let server = || Err(Error::Server(ServerError::from_reply(b"ERR no such key")));
        assert_eq!(outcome(&server(), Format::ForPeople), b"(error) ERR no such key\n");
        assert_eq!(outcome(&server(), Format::Raw), b"ERR no such key\n\n");
        assert_eq!(
            outcome(&Err(Error::Timeout), Format::ForPeople),
            b"Error: no reply within the request timeout\n"
        );
    }

    #[test]
    fn texts_for_people_are_not_quoted() {
        let words = |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
        assert_eq!(Format::ForPeople.of_command(&words("info server")), Format::Raw);
        assert_eq!(Format::ForPeople.of_command(&words("client list")), Format::Raw);
        assert_eq!(Format::ForPeople.of_command(&words("client id")), Format::ForPeople);
    }
}
