//! Where a node listens: `host:port`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Longest name in the domain name system, in bytes (RFC 1035).
const HOST_BYTES_MAX: usize = 253;

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `:port` at the end.
    #[error("has no port: give host:port, as in `cache-0:6380`")]
    NoPort,
    /// The port is no number in 1..=65535.
    #[error("has no port in 1 to 65535 after its last colon")]
    Port,
    /// An IPv6 address that is not in brackets.
    #[error("has several colons: put an IPv6 address in brackets, as in `[::1]:6380`")]
    Unbracketed,
    /// The host is neither an IP address nor a host name.
    #[error("has no valid host: give an IP address or a name of letters, digits, dots and hyphens")]
    Host,
}

/// Host and port of a node. The host is a name, an IPv4 or an IPv6 address; names are looked up when connecting.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeAddress {
    host: String,
    port: u16,
}

impl NodeAddress {
    /// Name or IP address, an IPv6 address without its brackets, a name in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for NodeAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner.parse::<Ipv6Addr>().map_err(|_| AddressError::Host)?.to_string(),
            None if host.contains(':') => return Err(AddressError::Unbracketed),
            None if is_host(host) => host.to_ascii_lowercase(),
            None => return Err(AddressError::Host),
        };
        // `parse` alone would take a sign too.
        let has_digits_only = port.bytes().all(|byte| byte.is_ascii_digit());
        match port.parse() {
            Ok(port) if port > 0 && has_digits_only => Ok(Self { host, port }),
            _ => Err(AddressError::Port),
        }
    }
}

/// Letters, digits, hyphens and underscores in labels of 1..=63. What has only digits and dots must be an IP address.
fn is_host(host: &str) -> bool {
    let label_is_valid = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_numeric = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let labels = host.strip_suffix('.').unwrap_or(host);
    host.len() <= HOST_BYTES_MAX
        && labels.split('.').all(label_is_valid)
        && (!is_numeric || host.parse::<Ipv4Addr>().is_ok())
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, AddressError> {
        text.parse::<NodeAddress>().map(|address| address.to_string())
    }

    #[test]
    fn names_and_addresses_are_taken() {
        for text in
            ["127.0.0.1:6380", "cache-0.cache.default.svc:6380", "localhost:1", "[::1]:65535", "my_node:7"]
        {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
        assert_eq!(parse("Cache-0:6380").as_deref(), Ok("cache-0:6380"));
        assert_eq!(parse("[0:0::1]:80").as_deref(), Ok("[::1]:80"));
    }

    #[test]
    fn the_rest_is_refused_with_its_reason() {
        use AddressError::{Host, NoPort, Port, Unbracketed};
        let wrong = [
            ("", NoPort),
            ("localhost", NoPort),
            ("localhost:", Port),
            ("localhost:0", Port),
            ("localhost:+1", Port),
            ("localhost:65536", Port),
            ("localhost:http", Port),
            ("::1:80", Unbracketed),
            ("[::1", Unbracketed),
            (":6380", Host),
            ("[nowhere]:80", Host),
            ("1.2.3:80", Host),
            ("1.2.3.256:80", Host),
            ("a b:80", Host),
            ("a..b:80", Host),
            ("-a:80", Host),
        ];
        for (text, error) in wrong {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
