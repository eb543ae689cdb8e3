//! Scripts: sent by their name (`EVALSHA`), and by their source to a server that does not know them.

use sha1::{Digest as _, Sha1};

use crate::{
    client::Client,
    command::Command,
    error::Error,
    value::{FromValue, Value},
};

/// A Lua script. Make it once and keep it: making it takes the digest of its source.
#[derive(Debug, Clone)]
pub struct Script {
    source: Box<str>,
    name: String,
    idempotent: bool,
}

impl Script {
    /// From its source.
    #[must_use]
    pub fn new(source: impl Into<Box<str>>) -> Script {
        let source = source.into();
        let digest = Sha1::digest(source.as_bytes());
        let name = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Script { source, name, idempotent: false }
    }

    /// Says that it may be applied twice: see [`Command::idempotent`].
    #[must_use]
    pub fn idempotent(self) -> Script {
        Script { idempotent: true, ..self }
    }

    /// The SHA-1 of its source in hexadecimal: its name in `EVALSHA` and `SCRIPT EXISTS`.
    #[must_use]
    pub fn sha(&self) -> &str {
        &self.name
    }

    fn call<K: AsRef<[u8]>, A: AsRef<[u8]>>(&self, how: Command, keys: &[K], arguments: &[A]) -> Command {
        let command = how.arg(keys.len().to_string()).args(keys).args(arguments);
        if self.idempotent { command.idempotent() } else { command }
    }
}

impl Client {
    /// Runs a script: by its name, and when the server does not know it by its source, which makes it known. In a
    /// cluster the script may use the keys of `keys` only, and they have to be in one slot.
    ///
    /// ```no_run
    /// # async fn example(client: ringmaster_client::Client) -> Result<(), ringmaster_client::Error> {
    /// use ringmaster_client::Script;
    /// let release = Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end");
    /// let released: Option<i64> = client.eval(&release, &["lock"], &["token"]).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Client::query`].
    ///
    /// Cancel safety: as [`Client::command`]; between the two attempts nothing was applied.
    pub async fn eval<T: FromValue>(
        &self,
        script: &Script,
        keys: &[impl AsRef<[u8]>],
        arguments: &[impl AsRef<[u8]>],
    ) -> Result<T, Error> {
        let by_name = script.call(Command::new("EVALSHA").arg(&script.name), keys, arguments);
        let deadline = self.limit().deadline();
        let outcome: Result<Value, Error> = match self.execute(&by_name).await {
            Err(Error::Server(error)) if error.code() == "NOSCRIPT" => {
                let source = Command::new("EVAL").arg(script.source.as_bytes());
                // What is left of the time of the call.
                self.until(deadline).execute(&script.call(source, keys, arguments)).await
            }
            outcome => outcome,
        };
        outcome.and_then(T::from_value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_named_by_the_digest_of_its_source() {
        assert_eq!(Script::new("return 1").sha(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }
}
