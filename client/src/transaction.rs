//! `MULTI` … `EXEC`: commands that are applied together or not at all.

use bytes::BytesMut;

use crate::{
    client::{Batch, Client},
    command::Command,
    effect::Effect,
    error::Error,
    pipeline::PIPELINE_MAX,
    request::Outcome,
    value::Value,
};

/// Commands that are applied one behind the other with nothing of anybody else between them.
///
/// ```no_run
/// # async fn example(client: ringmaster_client::Client) -> Result<(), ringmaster_client::Error> {
/// use ringmaster_client::{Transaction, cmd};
/// let transfer = Transaction::new()
///     .push(cmd("DECRBY").arg("{bank}:a").int(5))
///     .push(cmd("INCRBY").arg("{bank}:b").int(5));
/// for outcome in client.transaction(&transfer).await? {
///     println!("{}", outcome?.into::<i64>()?);
/// }
/// # Ok(()) }
/// ```
///
/// There is no rollback: a command that fails when it is applied (`WRONGTYPE`) leaves the others applied. In a
/// cluster all keys have to be in one slot: give them a `{tag}`.
#[derive(Debug, Clone, Default)]
#[must_use = "a transaction does nothing until it is executed"]
pub struct Transaction {
    commands: Vec<Command>,
}

impl Transaction {
    /// Without commands.
    pub fn new() -> Transaction {
        Transaction::default()
    }

    /// Adds a command, name first.
    pub fn command<W: AsRef<[u8]>>(self, words: &[W]) -> Transaction {
        self.push(Command::from_words(words))
    }

    /// Adds a [`Command`].
    pub fn push(mut self, command: Command) -> Transaction {
        self.commands.push(command);
        self
    }

    /// Whether it has no commands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Whether one of its commands leaves another connection behind.
    pub(crate) fn stays(&self) -> bool {
        self.commands.iter().any(|command| command.effect().stays())
    }

    /// With `MULTI` and `EXEC` around it: the bytes, and of how many commands.
    pub(crate) fn encode(&self) -> Result<(BytesMut, usize), Error> {
        let is_inner =
            |command: &Command| matches!(command.effect(), Effect::Opens | Effect::Closes | Effect::Watches);
        if self.commands.iter().any(is_inner) {
            return Err(Error::refused("MULTI, EXEC, DISCARD and WATCH do not belong into a transaction"));
        }
        if self.commands.len() > PIPELINE_MAX {
            return Err(Error::refused(format!("more than {PIPELINE_MAX} commands in a transaction")));
        }
        let mut bytes = BytesMut::new();
        Command::new("MULTI").encode(&mut bytes)?;
        self.commands.iter().try_for_each(|command| command.encode(&mut bytes))?;
        Command::new("EXEC").encode(&mut bytes)?;
        Ok((bytes, self.commands.len() + 2))
    }
}

impl Client {
    /// Applies a transaction: an outcome for each of its commands.
    ///
    /// # Errors
    /// [`Error::Server`] when a command was refused before anything was applied (its own error, not `EXECABORT`);
    /// else as [`Client::command`], for all commands together: `NotSent` and `MaybeApplied` concern the whole. A
    /// server that refuses `MULTI` itself, by its ACL, applies the commands all the same, each for itself.
    ///
    /// Cancel safety: as [`Client::command`], for all commands together: all or none are applied.
    pub async fn transaction(&self, transaction: &Transaction) -> Result<Vec<Outcome>, Error> {
        if transaction.is_empty() {
            return Ok(Vec::new());
        }
        transaction.commands.iter().try_for_each(|command| self.may_send(command.effect()))?;
        let (bytes, count) = transaction.encode()?;
        let outcomes = self.submit(Batch { bytes: bytes.freeze(), count, idempotent: false }).await;
        // Without a watch there is nothing that EXEC could be null for.
        executed(outcomes)?.ok_or_else(|| Error::Protocol("EXEC was answered with null".into()))
    }
}

/// From the replies to `MULTI`, the commands and `EXEC`: what each command came to; `None` when something watched
/// had been changed.
pub(crate) fn executed(mut outcomes: Vec<Outcome>) -> Result<Option<Vec<Outcome>>, Error> {
    let exec = outcomes.pop().unwrap_or_else(|| Err(Error::Protocol("no reply to EXEC".into())));
    match exec {
        Ok(Value::Null) => Ok(None),
        Ok(Value::Array(values)) if values.len() + 1 == outcomes.len() => {
            let outcome = |value| match value {
                Value::Error(error) => Err(Error::Server(error)),
                value => Ok(value),
            };
            Ok(Some(values.into_iter().map(outcome).collect()))
        }
        Ok(other) => Err(Error::Protocol(format!("EXEC was answered with {}", other.kind()))),
        // The first error says why the transaction was refused.
        Err(Error::Server(abort)) => {
            let first = outcomes.into_iter().find_map(Result::err);
            Err(first.unwrap_or(Error::Server(abort)))
        }
        Err(lost) => Err(lost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ServerError;

    fn queued() -> Outcome {
        Ok(Value::Simple("QUEUED".into()))
    }

    fn error(text: &str) -> ServerError {
        ServerError::from_reply(text.as_bytes())
    }

    #[test]
    fn each_command_has_its_own_outcome() {
        let exec = Value::Array(vec![Value::Int(1), Value::Error(error("WRONGTYPE x"))]);
        let outcomes = executed(vec![queued(), queued(), queued(), Ok(exec)]).unwrap().unwrap();
        assert!(matches!(&outcomes[..], [Ok(Value::Int(1)), Err(Error::Server(_))]));
    }

    #[test]
    fn a_refused_command_tells_why_and_not_that_the_transaction_was_aborted() {
        let abort = Err(Error::Server(error("EXECABORT discarded")));
        let outcomes = vec![queued(), Err(Error::Server(error("ERR unknown command"))), abort];
        assert_eq!(executed(outcomes).unwrap_err().to_string(), "ERR unknown command");
    }

    #[test]
    fn a_null_says_that_something_watched_was_changed() {
        assert!(executed(vec![queued(), queued(), Ok(Value::Null)]).unwrap().is_none());
    }

    #[test]
    fn a_transaction_is_written_between_multi_and_exec() {
        let (bytes, count) = Transaction::new().command(&["PING"]).encode().unwrap();
        assert_eq!(&bytes[..], b"*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nEXEC\r\n");
        assert_eq!(count, 3);
        for words in [["SUBSCRIBE", "a"], ["EXEC", ""], ["WATCH", "k"]] {
            assert!(Transaction::new().command(&words).encode().is_err());
        }
    }
}
