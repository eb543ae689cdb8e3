//! A command as it is built: its arguments already in the form of the wire.

use std::io::Write as _;

use bytes::{BufMut as _, BytesMut};
use redis_protocol::resp2::{encode::extend_encode_borrowed, types::BorrowedFrame};

use crate::{effect::Effect, error::Error};

/// Most arguments of one command, as in Redis: 1024 * 1024.
pub const ARGUMENTS_MAX: usize = 1 << 20;

/// Commands whose replies do not come one for one; on a shared connection they would break the order of
/// everybody's replies.
const TAKES_OVER: [&str; 10] = [
    "SUBSCRIBE",
    "PSUBSCRIBE",
    "SSUBSCRIBE",
    "UNSUBSCRIBE",
    "PUNSUBSCRIBE",
    "SUNSUBSCRIBE",
    "MONITOR",
    "SYNC",
    "PSYNC",
    "RESET",
];

/// One command: a name and arguments of any bytes.
///
/// ```
/// use ringmaster_client::Command;
/// let command = Command::new("SET").arg("key").arg(b"\x00\xff").arg("PX").int(1500);
/// ```
#[derive(Debug, Clone)]
pub struct Command {
    arguments: BytesMut,
    count: usize,
    refusal: Option<&'static str>,
    effect: Effect,
    idempotent: bool,
}

/// A command of that name: [`Command::new`] in short.
///
/// ```
/// use ringmaster_client::cmd;
/// let command = cmd("OBJECT").arg("ENCODING").arg("key");
/// ```
pub fn cmd(name: impl AsRef<[u8]>) -> Command {
    Command::new(name)
}

impl Command {
    /// A command of that name, in either case. Names of more words are more arguments:
    /// `Command::new("CLIENT").arg("ID")`.
    pub fn new(name: impl AsRef<[u8]>) -> Command {
        let name = name.as_ref();
        let takes_over = TAKES_OVER.iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes()));
        let refusal = takes_over.then_some("this command takes over its connection, which is shared here");
        let effect = Effect::of_name(name);
        Command { arguments: BytesMut::new(), count: 0, refusal, effect, idempotent: false }.arg(name)
    }

    /// For a connection that listens: the commands that take it over are what it is for.
    pub(crate) fn of_listener(name: &str) -> Command {
        Command { refusal: None, ..Command::new(name) }
    }

    /// From all its words, the name first.
    pub(crate) fn from_words<W: AsRef<[u8]>>(words: &[W]) -> Command {
        let mut rest = words.iter();
        let Some(name) = rest.next() else { return Command::new("").refuse("an empty command") };
        rest.fold(Command::new(name), Command::arg)
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<[u8]>) -> Command {
        let frame = BorrowedFrame::BulkString(argument.as_ref());
        self.count += 1;
        if self.count == 2 {
            self.effect = Effect::of_words(self.name(), argument.as_ref());
            if self.effect == Effect::Silences {
                self.refusal = Some("CLIENT REPLY would break the order of replies");
            }
        }
        match extend_encode_borrowed(&mut self.arguments, &frame, false) {
            Ok(_) if self.count <= ARGUMENTS_MAX => self,
            Ok(_) => self.refuse("too many arguments"),
            Err(_) => self.refuse("an argument that cannot be encoded"),
        }
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<A: AsRef<[u8]>>(self, arguments: impl IntoIterator<Item = A>) -> Command {
        arguments.into_iter().fold(self, Command::arg)
    }

    /// Adds an integer in decimal.
    #[must_use]
    pub fn int(self, number: i64) -> Command {
        self.arg(number.to_string())
    }

    /// Adds a number in decimal, as short as it can be read back.
    #[must_use]
    pub fn float(self, number: f64) -> Command {
        self.arg(number.to_string())
    }

    /// Says that the command may be applied twice: it is sent again also when it may have been applied. `SET`
    /// without a condition, `HSET`, `DEL` and every read may; `INCR`, `LPUSH` and `LPOP` may not, and nor may a
    /// `SET` that could overwrite what another client has set meanwhile.
    #[must_use]
    pub fn idempotent(self) -> Command {
        Command { idempotent: true, ..self }
    }

    /// What it does to its connection.
    pub(crate) fn effect(&self) -> Effect {
        self.effect
    }

    /// Its first word: what stands between the first line, its length, and the end of the second.
    fn name(&self) -> &[u8] {
        self.arguments[..].split(|&byte| byte == b'\n').nth(1).map_or(&[][..], <[u8]>::trim_ascii_end)
    }

    /// Whether it may be applied twice.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    fn refuse(mut self, why: &'static str) -> Command {
        self.refusal = Some(why);
        self
    }

    /// Appends the command as it goes over the wire.
    ///
    /// # Errors
    /// [`Error::NotSent`]: the command is empty, too long, or takes over its connection.
    pub(crate) fn encode(&self, out: &mut BytesMut) -> Result<(), Error> {
        if let Some(why) = self.refusal {
            return Err(Error::refused(why));
        }
        out.reserve(self.encoded_len());
        write!(out.writer(), "*{}\r\n", self.count).map_err(Error::NotSent)?;
        out.extend_from_slice(&self.arguments);
        Ok(())
    }

    /// Bytes on the wire, rounded up.
    pub(crate) fn encoded_len(&self) -> usize {
        self.arguments.len() + 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(command: &Command) -> Result<BytesMut, Error> {
        let mut out = BytesMut::new();
        command.encode(&mut out).map(|()| out)
    }

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        let command = Command::new("SET").arg("k").arg(b"\x00\r\n").int(-5);
        assert_eq!(
            &wire(&command).unwrap()[..],
            b"*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n\x00\r\n\r\n$2\r\n-5\r\n"
        );
    }

    #[test]
    fn what_would_break_the_order_of_replies_is_refused() {
        for words in [&["subscribe", "c"][..], &["MONITOR"], &["client", "reply", "off"], &[]] {
            assert!(matches!(wire(&Command::from_words(words)), Err(Error::NotSent(_))), "{words:?}");
        }
        assert!(wire(&Command::from_words(&["CLIENT", "ID"])).is_ok());
        // However it is built.
        assert!(wire(&cmd("CLIENT").arg("reply").arg("SKIP")).is_err());
        assert!(wire(&cmd("client").args(["REPLY", "ON"])).is_err());
    }
}
