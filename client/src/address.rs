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
    /// [`Error::NotSent`] that names what is wrong.
    fn from_str(text: &str) -> Result<Address, Error> {
        if let Some(path) = text.strip_prefix("unix:").or(text.starts_with('/').then_some(text)) {
            return match path {
                "" => Err(Error::refused("unix: without the path of a socket")),
                path => Ok(Address::Unix(path.into())),
            };
        }
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(rest))),
            None => match text.split_once(':') {
                Some((_, rest)) if rest.contains(':') => {
                    return Err(Error::refused(format!(
                        "{text}: write an IPv6 address in brackets, as [::1]:6379"
                    )));
                }
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map_or(Ok(PORT), str::parse);
        let port = port.map_err(|_| Error::refused(format!("{text}: the port is a number up to 65535")))?;
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(Error::refused(format!("\"{text}\": expected host:port, or unix:/path")));
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
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
