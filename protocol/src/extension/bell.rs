//! Bells: a proxy has clients that wait for keys, and wants to be told when one of the keys was changed.
//!
//! [`super::Ask::Hang`] hangs a bell at keys of one slot. It rings once, as a push on the connection over which it was hung:
//! ```text
//! >2 rung :number
//! ```

use crate::resp::number::parse_integer;

const HEAD: &[u8] = b">2\r\n$4\r\nrung\r\n:";

/// Appends what says that the bell of this number has rung.
pub fn put_rung(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(HEAD);
    out.extend_from_slice(number.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The number of the bell that a push says has rung; `None` if it says something else.
#[must_use]
pub fn rung(push: &[u8]) -> Option<u64> {
    let number = push.strip_prefix(HEAD)?.strip_suffix(b"\r\n")?;
    u64::try_from(parse_integer(number)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let mut out = Vec::new();
        put_rung(&mut out, 17);
        assert_eq!(rung(&out), Some(17));
        for other in [&b">2\r\n$4\r\nrung\r\n:x\r\n"[..], b">2\r\n$4\r\nrung\r\n:-1\r\n", b"+rung\r\n", b""] {
            assert_eq!(rung(other), None);
        }
    }
}
