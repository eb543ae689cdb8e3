//! The connection behind the prompt. What its user does to it (`SELECT`, `AUTH`, `HELLO`) is done again when it
//! has to be made anew.

use std::time::Duration;

use ringmaster_client::{Client, Error, Options, Protocol, Target, Value};

/// Longest wait for a reply: blocking commands are the user's business, Ctrl-C ends the wait.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Most bytes of one command.
const COMMAND_BYTES_MAX: u32 = 1 << 30;

/// Options of a prompt, before its flags.
pub(super) fn defaults() -> Options {
    Options {
        name: Some("ringmaster-cli".to_owned()),
        request_timeout: REQUEST_TIMEOUT,
        queue_max_bytes: COMMAND_BYTES_MAX,
        reconnect: false,
        ..Options::default()
    }
}

/// One user's connection.
pub(super) struct Session {
    /// Its server, and how it was connected to last.
    target: Target,
    client: Option<Client>,
    in_transaction: bool,
}

impl Session {
    /// Not connected yet.
    pub(super) fn new(target: Target) -> Session {
        Session { target, client: None, in_transaction: false }
    }

    /// The connection; made now if there is none.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub(super) async fn connect(&mut self) -> Result<&Client, Error> {
        let client = match self.client.take() {
            Some(client) => client,
            None => Client::open(self.target.clone()).await?,
        };
        Ok(self.client.insert(client))
    }

    /// The text before the cursor, as redis-cli writes it.
    pub(super) fn prompt(&self) -> String {
        if self.client.is_none() {
            return "not connected> ".to_owned();
        }
        let database = match self.target.options.database {
            0 => String::new(),
            number => format!("[{number}]"),
        };
        let transaction = if self.in_transaction { "(TX)" } else { "" };
        let server = self.target.addresses.first().map_or_else(String::new, ToString::to_string);
        format!("{server}{database}{transaction}> ")
    }

    /// Runs a command; connects first if need be. A command that was not sent because the connection had been
    /// lost is sent once more on a new one, except in a transaction, which is lost with its connection.
    pub(super) async fn run(&mut self, words: &[Vec<u8>]) -> Result<Value, Error> {
        let was_connected = self.client.is_some();
        let mut outcome = self.try_once(words).await;
        if was_connected && self.client.is_none() {
            let in_transaction = std::mem::take(&mut self.in_transaction);
            if matches!(outcome, Err(Error::NotSent(_))) && !in_transaction {
                outcome = self.try_once(words).await;
            }
        }
        if let Ok(value) = &outcome {
            self.note(words, value);
        }
        outcome
    }

    /// Sends the command; gives up the connection if that shows it is lost.
    async fn try_once(&mut self, words: &[Vec<u8>]) -> Result<Value, Error> {
        let outcome = self.connect().await?.command(words).await;
        let refused = matches!(&outcome, Err(Error::NotSent(error)) if error.kind() == std::io::ErrorKind::InvalidInput);
        if matches!(outcome, Err(Error::NotSent(_) | Error::MaybeApplied(_) | Error::Timeout)) && !refused {
            self.client = None;
        }
        outcome
    }

    /// Remembers what a command has changed about the connection.
    fn note(&mut self, words: &[Vec<u8>], value: &Value) {
        let word = |index: usize| words.get(index).map(|word| String::from_utf8_lossy(word).into_owned());
        let name = word(0).unwrap_or_default().to_ascii_uppercase();
        let ok = matches!(value, Value::Simple(text) if text == "OK");
        let options = &mut self.target.options;
        match (name.as_str(), words.len()) {
            ("SELECT", 2) if ok => options.database = word(1).and_then(|n| n.parse().ok()).unwrap_or(0),
            ("AUTH", 2) if ok => (options.username, options.password) = (None, word(1)),
            ("AUTH", 3) if ok => (options.username, options.password) = (word(1), word(2)),
            ("MULTI", 1) if ok => self.in_transaction = true,
            ("EXEC" | "DISCARD", 1) => self.in_transaction = false,
            ("HELLO", 2..) => self.note_hello(words),
            _ => {}
        }
    }

    /// `HELLO protocol [AUTH user password] …`.
    fn note_hello(&mut self, words: &[Vec<u8>]) {
        self.target.options.protocol = if words[1] == b"3" { Protocol::Resp3 } else { Protocol::Resp2 };
        if let Some([_, user, password]) =
            words.windows(3).find(|window| window[0].eq_ignore_ascii_case(b"AUTH"))
        {
            let text = |word: &[u8]| Some(String::from_utf8_lossy(word).into_owned());
            (self.target.options.username, self.target.options.password) = (text(user), text(password));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::new(Target::new("h:1", defaults()).unwrap())
    }

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn what_a_command_changes_is_remembered_for_the_next_connection() {
        let mut session = session();
        let ok = Value::Simple("OK".into());
        session.note(&words("select 3"), &ok);
        session.note(&words("auth me secret"), &ok);
        assert_eq!(session.target.options.database, 3);
        assert_eq!(session.target.options.username.as_deref(), Some("me"));
        session.note(&words("hello 3 auth you other"), &Value::Map(vec![]));
        assert_eq!(session.target.options.protocol, Protocol::Resp3);
        assert_eq!(session.target.options.password.as_deref(), Some("other"));
    }

    #[test]
    fn a_transaction_begins_with_multi_and_ends_with_exec() {
        let mut session = session();
        session.note(&words("MULTI"), &Value::Simple("OK".into()));
        assert!(session.in_transaction);
        session.note(&words("EXEC"), &Value::Array(vec![]));
        assert!(!session.in_transaction);
    }

    #[test]
    fn the_prompt_says_when_there_is_no_connection() {
        assert_eq!(session().prompt(), "not connected> ");
    }
}
