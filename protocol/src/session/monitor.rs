//! `MONITOR`: how a command is shown to those who see every command of all clients.

use std::io::Write;
use std::time::Duration;

use super::secrets::{REDACTED, is_secret};
use crate::command::{Flags, Spec};
use crate::resp::Args;

/// Commands that tell the monitors by themselves in Redis: before the commands that they call.
const SCRIPTS: [&str; 6] = ["eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro"];

/// Whether those who monitor are told of a command.
#[must_use]
pub fn is_told(spec: &Spec) -> bool {
    let is_hidden = spec.flags.contains(Flags::ADMIN)
        || (spec.flags.contains(Flags::SKIP_MONITOR) && !SCRIPTS.contains(&spec.name));
    !is_hidden
}

/// The line of a command that came `at` (since the Unix epoch) from `sender` (an address, or `lua`), with its end.
#[must_use]
pub fn line(at: Duration, database: u8, sender: &str, (spec, args): (&Spec, Args<'_>)) -> Vec<u8> {
    let (seconds, micros) = (at.as_secs(), at.subsec_micros());
    let mut line = format!("+{seconds}.{micros:06} [{database} {sender}]").into_bytes();
    for (index, arg) in args.iter().enumerate() {
        line.extend_from_slice(b" \"");
        push_escaped(&mut line, if is_secret(spec, args, index) { REDACTED } else { arg });
        line.push(b'"');
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// Appends `bytes` as Redis quotes them.
fn push_escaped(line: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'\\' | b'"' => line.extend_from_slice(&[b'\\', *byte]),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            7 => line.extend_from_slice(b"\\a"),
            8 => line.extend_from_slice(b"\\b"),
            b' '..=b'~' => line.push(*byte),
            // Writing to a Vec cannot fail.
            _ => drop(write!(line, "\\x{byte:02x}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::lookup;
    use crate::resp::{Span, inline};

    fn told(text: &str) -> String {
        let (mut store, mut spans): (Vec<u8>, Vec<Span>) = Default::default();
        inline::split(text.as_bytes(), &mut store, &mut spans).unwrap();
        let args = Args::new(&store, &spans);
        let spec = lookup(&args[0]).unwrap();
        String::from_utf8(line(Duration::from_micros(7_000_005), 2, "1.2.3.4:5", (spec, args))).unwrap()
    }

    #[test]
    fn a_line_is_quoted_as_in_redis() {
        let expected = r#"+7.000005 [2 1.2.3.4:5] "SET" "k" "v\r\n\t\x00\xff\"\\\a\b""#;
        assert_eq!(told(r#"SET k "v\r\n\t\x00\xff\"\\\a\b""#), format!("{expected}\r\n"));
    }

    #[test]
    fn secrets_are_not_told() {
        assert!(told("AUTH me secret").ends_with("\"AUTH\" \"(redacted)\" \"(redacted)\"\r\n"));
        let hello = told("HELLO 2 AUTH default pw SETNAME x");
        assert!(hello.ends_with("\"AUTH\" \"(redacted)\" \"(redacted)\" \"SETNAME\" \"x\"\r\n"), "{hello}");
    }
}
