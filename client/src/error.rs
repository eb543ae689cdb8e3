//! What went wrong, told by what the caller may do next.

use std::{fmt, io};

/// Why a command has no value. Every variant says whether the command may be sent again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No byte of the command left this process (no connection, withdrawn from the queue, refused).
    /// It may be sent again, here or elsewhere.
    #[error("not sent: {0}")]
    NotSent(#[source] io::Error),
    /// The command was sent and the connection was lost before its reply: it was applied or it was not.
    /// Repeat it only if twice does no harm.
    #[error("sent, but the connection was lost before the reply: {0}")]
    MaybeApplied(#[source] io::Error),
    /// The server answered with an error reply.
    #[error("{0}")]
    Server(ServerError),
    /// The reply is not RESP, or is not of the type that the method promises. The command may have been
    /// applied. After broken RESP the connection is closed and made anew.
    #[error("protocol error: {0}")]
    Protocol(String),
    /// The command was sent and no reply came within the request timeout: it was applied or it was not, or
    /// it still will be. A late reply is read and dropped.
    #[error("no reply within the request timeout")]
    Timeout,
    /// What was watched was changed by others in every attempt. Nothing was applied; it may be tried again.
    #[error("the watched keys were changed by others in every attempt")]
    Conflict,
}

impl Error {
    /// True when the command is known not to have been applied and may be sent again, perhaps later: it was
    /// not sent, what it watched was changed, or the server refused it for the moment (`LOADING`, `BUSY`, `TRYAGAIN`, `CLUSTERDOWN`,
    /// `MASTERDOWN`, `OVERLOADED`).
    #[must_use]
    pub fn is_retry_safe(&self) -> bool {
        match self {
            Error::NotSent(_) | Error::Conflict => true,
            Error::Server(error) => matches!(
                error.code(),
                "LOADING" | "BUSY" | "TRYAGAIN" | "CLUSTERDOWN" | "MASTERDOWN" | "OVERLOADED"
            ),
            Error::MaybeApplied(_) | Error::Protocol(_) | Error::Timeout => false,
        }
    }

    /// [`Error::NotSent`] because of the caller's own arguments or limits.
    pub(crate) fn refused(why: impl Into<String>) -> Error {
        Error::NotSent(io::Error::new(io::ErrorKind::InvalidInput, why.into()))
    }
}

/// Behind this a server repeats what it was sent.
const WORDS_FOLLOW: &str = "with args beginning with:";

/// An error reply, e.g. `-WRONGTYPE Operation against a key …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    text: String,
    code_len: usize,
}

impl ServerError {
    /// From the line behind the `-`, or the payload of a RESP3 blob error. Bytes that are not UTF-8 become
    /// U+FFFD. A first word that is not all upper case is no code: the code is then `ERR`.
    #[must_use]
    pub fn from_reply(reply: &[u8]) -> ServerError {
        let text = String::from_utf8_lossy(reply).into_owned();
        let first = text.split(' ').next().unwrap_or_default();
        let is_code = !first.is_empty() && first.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        let code_len = if is_code { first.len() } else { 0 };
        ServerError { text, code_len }
    }

    /// The code, e.g. `WRONGTYPE`; `ERR` when the server gave none.
    #[must_use]
    pub fn code(&self) -> &str {
        if self.code_len == 0 { "ERR" } else { &self.text[..self.code_len] }
    }

    /// Without what a server repeats of the words it was sent, and without `secret` wherever it stands: the answer to
    /// words that hold a password.
    pub(crate) fn without(self, secret: Option<&str>) -> ServerError {
        let (code, mut message) = (self.code().to_owned(), self.message().to_owned());
        // Redis cuts the words off at some length, and writes line ends in another way: all of them go.
        if let Some(at) = message.find(WORDS_FOLLOW) {
            message.truncate(at + WORDS_FOLLOW.len());
            message.push_str(" ***");
        }
        if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
            message = message.replace(secret, "***");
        }
        ServerError::from_reply(format!("{code} {message}").as_bytes())
    }

    /// The text behind the code.
    #[must_use]
    pub fn message(&self) -> &str {
        self.text[self.code_len..].trim_start()
    }
}

impl fmt::Display for ServerError {
    /// The whole reply, as the server wrote it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_parted_into_code_and_message() {
        let error = ServerError::from_reply(b"WRONGTYPE Operation against a key");
        assert_eq!((error.code(), error.message()), ("WRONGTYPE", "Operation against a key"));
        assert_eq!(error.to_string(), "WRONGTYPE Operation against a key");
    }

    #[test]
    fn a_reply_without_a_code_is_err() {
        let error = ServerError::from_reply(b"oh no \xff");
        assert_eq!((error.code(), error.message()), ("ERR", "oh no \u{fffd}"));
    }

    #[test]
    fn a_password_that_a_server_repeats_is_left_out() {
        let text = "ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'me' 'secr";
        let hidden = ServerError::from_reply(text.as_bytes()).without(Some("secret"));
        assert_eq!(hidden.to_string(), "ERR unknown command 'HELLO', with args beginning with: ***");
        let hidden = ServerError::from_reply(b"WRONGPASS secret is wrong").without(Some("secret"));
        assert_eq!((hidden.code(), hidden.message()), ("WRONGPASS", "*** is wrong"));
    }

    #[test]
    fn only_what_was_not_applied_is_retry_safe() {
        let lost = || io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(Error::NotSent(lost()).is_retry_safe());
        assert!(Error::Server(ServerError::from_reply(b"LOADING wait")).is_retry_safe());
        assert!(!Error::Server(ServerError::from_reply(b"ERR syntax error")).is_retry_safe());
        assert!(!Error::MaybeApplied(lost()).is_retry_safe());
        assert!(!Error::Timeout.is_retry_safe());
    }
}
