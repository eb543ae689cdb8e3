//! The PROXY protocol, versions 1 and 2: what a load balancer says in front of a connection about who it is for
//! (haproxy's `proxy-protocol.txt`).
//!
//! ```text
//! 1: PROXY TCP4 192.0.2.1 198.51.100.1 56324 6379\r\n
//! 2: signature, 12 bytes | version and command | family | length, 2 bytes | addresses | more that is not looked at
//! ```
//! A header is read in steps of known length, so that no byte behind it is taken.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes that tell the versions apart; every header is longer.
pub const START_BYTES: usize = 12;

/// Longest header of version 1, its end of line included.
pub const LINE_BYTES_MAX: usize = 107;

/// Longest header of version 2 behind its first 16 bytes that is taken.
pub const BODY_BYTES_MAX: usize = 4096;

const SIGNATURE: &[u8; START_BYTES] = b"\r\n\r\n\0\r\nQUIT\n";

/// What the first [`START_BYTES`] bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A line, version 1: it goes on to the next end of line.
    Line,
    /// Version 2: four bytes follow that tell how much follows them.
    Binary,
}

/// The bytes are no header, or one of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no PROXY protocol header, as this listener wants it: {0}")]
pub struct HeaderError(&'static str);

/// Looks at the first bytes.
///
/// # Errors
/// [`HeaderError`].
pub fn start(bytes: &[u8; START_BYTES]) -> Result<Start, HeaderError> {
    if bytes == SIGNATURE {
        Ok(Start::Binary)
    } else if bytes.starts_with(b"PROXY ") {
        Ok(Start::Line)
    } else {
        Err(HeaderError("it begins with something else"))
    }
}

/// Who a connection is for, by a whole line of version 1; `None` if the line does not tell.
///
/// # Errors
/// [`HeaderError`].
pub fn line(line: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    let wrong = HeaderError("its line is broken");
    let text = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok()).ok_or(wrong)?;
    let words: Vec<&str> = text.split(' ').collect();
    let (family, rest) = words
        .split_first()
        .filter(|(first, _)| **first == "PROXY")
        .map(|(_, rest)| rest)
        .and_then(|rest| rest.split_first())
        .ok_or(wrong)?;
    if *family == "UNKNOWN" {
        return Ok(None);
    }
    let [source, destination, source_port, destination_port] = rest else { return Err(wrong) };
    let [source, destination] = [source, destination].map(|text| text.parse::<IpAddr>().ok());
    let (source, destination) = source.zip(destination).ok_or(wrong)?;
    let is_family = |address: IpAddr| match *family {
        "TCP4" => address.is_ipv4(),
        "TCP6" => address.is_ipv6(),
        _ => false,
    };
    port(destination_port).ok_or(wrong)?;
    match port(source_port) {
        Some(port) if is_family(source) && is_family(destination) => Ok(Some(SocketAddr::new(source, port))),
        _ => Err(wrong),
    }
}

/// Digits only, and none too many.
fn port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_number)
}

/// How many bytes follow the four behind the signature of version 2.
///
/// # Errors
/// [`HeaderError`].
pub fn body_len(head: [u8; 4]) -> Result<usize, HeaderError> {
    let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
    match head[0] >> 4 {
        2 if len <= BODY_BYTES_MAX => Ok(len),
        2 => Err(HeaderError("it is too long")),
        _ => Err(HeaderError("it is of another version")),
    }
}

/// Who a connection is for, by the four bytes behind the signature of version 2 and what follows them; `None` if it is the
/// balancer's own, or the header does not tell.
///
/// # Errors
/// [`HeaderError`].
pub fn body(head: [u8; 4], body: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    let short = HeaderError("its addresses are cut off");
    match (head[0] & 15, head[1]) {
        (0, _) | (1, 0) => Ok(None),
        (1, 0x11) => {
            let (addresses, _) = body.split_first_chunk::<12>().ok_or(short)?;
            let [a, b, c, d, _, _, _, _, high, low, ..] = *addresses;
            Ok(Some((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into()))
        }
        (1, 0x21) => {
            let (addresses, _) = body.split_first_chunk::<36>().ok_or(short)?;
            let (source, rest) = addresses.split_first_chunk::<16>().ok_or(short)?;
            Ok(Some((Ipv6Addr::from(*source), u16::from_be_bytes([rest[16], rest[17]])).into()))
        }
        (1, _) => Err(HeaderError("it is for no TCP connection")),
        _ => Err(HeaderError("its command is unknown")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_line_tells_who_it_is() {
        for (text, expected) in [
            ("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", Some(address("192.0.2.1:56324"))),
            ("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", Some(address("[2001:db8::1]:1"))),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff:f...f:ffff 65535 65535\r\n", None),
        ] {
            assert_eq!(line(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_bad_line_is_refused() {
        for text in [
            "",
            "PROXY\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n",
            "PROXY TCP4  192.0.2.1 198.51.100.1 56324 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 +1 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 01 443\r\n",
            "PROXY TCP4 ::1 ::1 1 443\r\n",
            "PROXY TCP6 192.0.2.1 198.51.100.1 1 443\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.1 1 443\r\n",
            "proxy TCP4 192.0.2.1 198.51.100.1 1 443\r\n",
        ] {
            assert!(line(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_binary_header_tells_who_it_is() {
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 1, 187];
        assert_eq!(body([0x21, 0x11, 0, 12], &four), Ok(Some(address("192.0.2.1:56324"))));
        let with_more = [&four[..], &[4, 0, 1, 0]].concat();
        assert_eq!(body([0x21, 0x11, 0, 16], &with_more), Ok(Some(address("192.0.2.1:56324"))));
        let mut six = [0; 36];
        (six[15], six[33]) = (1, 7);
        assert_eq!(body([0x21, 0x21, 0, 36], &six), Ok(Some(address("[::1]:7"))));
        assert_eq!(body([0x20, 0, 0, 0], &[]), Ok(None));
        assert_eq!(body([0x21, 0, 0, 0], &[]), Ok(None));
        for (head, body_of) in
            [([0x21, 0x11, 0, 11], &four[..11]), ([0x21, 0x12, 0, 12], &four), ([0x22, 0x11, 0, 12], &four)]
        {
            assert!(body(head, body_of).is_err());
        }
        assert_eq!(body_len([0x21, 0x11, 0, 12]), Ok(12));
        assert!(body_len([0x11, 0x11, 0, 12]).is_err() && body_len([0x21, 0x11, 0xff, 0xff]).is_err());
    }

    #[test]
    fn the_first_bytes_tell_the_versions_apart() {
        assert_eq!(start(b"PROXY TCP4 1"), Ok(Start::Line));
        assert_eq!(start(SIGNATURE), Ok(Start::Binary));
        for other in [b"*1\r\n$4\r\nPING", b"PROXYTCP4 1.", b"\r\n\r\n\0\r\nQUIT\r"] {
            assert!(start(other).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), head: [u8; 4]) {
            let _ = (line(&bytes), body(head, &bytes), body_len(head));
        }
    }
}
