//! `MONITOR`: clients that see every command of all clients.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;

use super::Attention;
use crate::mail::{Mail, Recipient};
use crate::server::clients::ClientHandle;
use crate::server::timing::secrets::{REDACTED, is_secret};

/// The clients that monitor.
#[derive(Debug, Default)]
pub(crate) struct Monitors(Mutex<Vec<(u64, Arc<ClientHandle>)>>);

impl Monitors {
    fn list(&self) -> MutexGuard<'_, Vec<(u64, Arc<ClientHandle>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds client `id`.
    pub(crate) fn enter(&self, id: u64, handle: &Arc<ClientHandle>, attention: &Attention) {
        let mut list = self.list();
        list.push((id, Arc::clone(handle)));
        attention.set_monitored(true);
    }

    /// Takes client `id` out, if it is one of them.
    pub(crate) fn leave(&self, id: u64, attention: &Attention) {
        let mut list = self.list();
        list.retain(|(of, _)| *of != id);
        attention.set_monitored(!list.is_empty());
    }

    /// Tells all of a command that came `at` (since the Unix epoch) from `sender` (an address, or `lua`).
    pub(crate) fn tell(&self, at: Duration, database: u8, sender: &str, (spec, args): (&Spec, Args<'_>)) {
        let mail = Mail::Line(line(at, database, sender, (spec, args)).into());
        self.list().iter().for_each(|(_, handle)| handle.receive(mail.clone()));
    }
}

fn line(at: Duration, database: u8, sender: &str, (spec, args): (&Spec, Args<'_>)) -> Vec<u8> {
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
    use ringmaster_protocol::command::lookup;
    use ringmaster_protocol::resp::{Span, inline};

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
