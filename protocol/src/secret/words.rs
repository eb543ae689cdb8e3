//! What a proxy says and hears when it proves itself.

use super::{NO_SECRET, NONCE_BYTES, Secrets};
use crate::extension::put_request;

/// What a node answers to who wants to prove that it is a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A proof for this nonce.
    Nonce([u8; NONCE_BYTES]),
    /// Nothing: the node has no secret.
    Nothing,
    /// The node refuses, with this error, or is none that asks for proofs.
    Refused(String),
}

impl Asked {
    /// What the whole reply to [`put_nonce`] says.
    #[must_use]
    pub fn parse(reply: &[u8]) -> Self {
        let nonce = reply.strip_prefix(b"$32\r\n").and_then(|rest| rest.strip_suffix(b"\r\n"));
        if let Some(nonce) = nonce.and_then(|nonce| nonce.try_into().ok()) {
            return Self::Nonce(nonce);
        }
        match reply.strip_prefix(b"-") {
            Some(text) if text.starts_with(NO_SECRET.as_bytes()) => Self::Nothing,
            Some(text) => Self::Refused(String::from_utf8_lossy(text.trim_ascii()).into_owned()),
            None => Self::Refused("the node does not ask for a proof: is it of another release?".to_owned()),
        }
    }
}

/// Appends the request for a nonce.
pub fn put_nonce(out: &mut Vec<u8>) {
    put_request(out, &[b"RM.NONCE"]);
}

/// Appends a proof for `nonce` under each of the secrets.
pub fn put_proofs(out: &mut Vec<u8>, secrets: &Secrets, nonce: &[u8; NONCE_BYTES]) {
    let proofs: Vec<_> = secrets.proofs(nonce).collect();
    let args: Vec<&[u8]> =
        std::iter::once(&b"RM.PROVE"[..]).chain(proofs.iter().map(|proof| &proof[..])).collect();
    put_request(out, &args);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_a_nonce_or_a_reason() {
        let reply = [&b"$32\r\n"[..], &[9; 32], b"\r\n"].concat();
        assert_eq!(Asked::parse(&reply), Asked::Nonce([9; 32]));
        assert_eq!(Asked::parse(b"-NOSECRET none here\r\n"), Asked::Nothing);
        assert_eq!(Asked::parse(b"-ERR what\r\n"), Asked::Refused("ERR what".to_owned()));
        for other in [&b"+OK\r\n"[..], b"$31\r\nx\r\n", b""] {
            assert!(matches!(Asked::parse(other), Asked::Refused(_)));
        }
    }
}
