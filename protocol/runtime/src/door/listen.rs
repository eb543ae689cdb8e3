//! An address to listen on: of IPv4, of IPv6, or the path of a Unix socket.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// Longest path of a Unix socket in bytes: what every system takes.
const PATH_BYTES_MAX: usize = 100;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Listen {
    /// `127.0.0.1:6379`, `[::1]:6379`; port 0 takes a free one.
    Tcp(SocketAddr),
    /// `unix:/run/ringmaster.sock`.
    Unix(PathBuf),
}

/// The text is no address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no address to listen on: give IP:port, [IPv6]:port, or unix: and a path of at most 100 bytes"
)]
pub struct ListenError(String);

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let wrong = || ListenError(text.to_owned());
        match text.strip_prefix("unix:") {
            Some(path) if path.is_empty() || path.len() > PATH_BYTES_MAX => Err(wrong()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| wrong()),
        }
    }
}

impl TryFrom<String> for Listen {
    type Error = ListenError;

    fn try_from(text: String) -> Result<Self, ListenError> {
        text.parse()
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths_are_taken_and_the_rest_is_not() {
        for text in ["127.0.0.1:6379", "[::1]:0", "[::]:6379", "unix:/run/x.sock", "unix:x.sock"] {
            assert_eq!(text.parse::<Listen>().map(|listen| listen.to_string()).as_deref(), Ok(text));
        }
        let long = format!("unix:/{}", "x".repeat(PATH_BYTES_MAX));
        for text in ["", "localhost:1", "::1:80", "127.0.0.1", "unix:", "/run/x.sock", &long] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }
}
