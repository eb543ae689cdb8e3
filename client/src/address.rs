//! Where a server listens.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::error::Error;

/// Port where none is named, as Redis has it.
const PORT: u16 = 6379;

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// TCP: a name or an IP address, and a port.
    Tcp {
        /// Resolved anew for each connection; an IPv6 address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = Error;

    /// From `host:port`, `host` (port 6379), `[::1]:port`, `unix:/path` or `/path`.
    ///
    /// # Errors
    /// [`Error::NotSent`] that names what is wrong; without the text if there may be a password in it.
    fn from_str(text: &str) -> Result<Address, Error> {
        Address::read(text).map_err(|why| match text.contains('@') {
            true => Error::refused(why),
            false => Error::refused(format!("\"{text}\": {why}")),
        })
    }
}

impl Address {
    /// As [`Address::from_str`], with an error that says nothing of the text.
    pub(crate) fn read(text: &str) -> Result<Address, &'static str> {
        if text.contains('@') && !text.starts_with('/') && !text.starts_with("unix:") {
            return Err("user and password belong into a URL: redis://user:password@host:port");
        }
        if let Some(path) = text.strip_prefix("unix:").or(text.starts_with('/').then_some(text)) {
            return match path {
                "" => Err("unix: without the path of a socket"),
                path => Ok(Address::Unix(path.into())),
            };
        }
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(rest))),
            None => match text.split_once(':') {
                Some((_, rest)) if rest.contains(':') => {
                    return Err("write an IPv6 address in brackets, as [::1]:6379");
                }
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map_or(Ok(PORT), str::parse).map_err(|_| "the port is a number up to 65535")?;
        let is_foreign = |letter: char| letter.is_whitespace() || matches!(letter, '/' | '?' | '#');
        if host.is_empty() || host.contains(is_foreign) {
            return Err("expected host:port, or unix:/path");
        }
        Ok(Address::Tcp { host: host.to_owned(), port })
    }
}

/// As it is read.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_it_is_read() {
        for text in ["a:1", "127.0.0.1:6379", "[::1]:7000", "unix:/run/redis.sock"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("a".parse::<Address>().unwrap().to_string(), "a:6379");
        assert_eq!("[::1]".parse::<Address>().unwrap().to_string(), "[::1]:6379");
        assert_eq!("/tmp/s".parse::<Address>().unwrap(), Address::Unix("/tmp/s".into()));
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_to_write() {
        for (text, why) in [
            ("", "expected host:port"),
            (":1", "expected host:port"),
            ("a b:1", "expected host:port"),
            ("a:x", "the port is a number"),
            ("a:65536", "the port is a number"),
            ("::1:6379", "in brackets"),
            ("unix:", "without the path"),
            ("me:secret@a:1", "into a URL"),
            ("secret@a:1", "into a URL"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
