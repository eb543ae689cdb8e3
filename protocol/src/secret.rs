//! The secret that proxies and nodes of a cluster share: who knows it is a proxy of the cluster.
//!
//! ```text
//! proxy ── RM.NONCE ─────────────► node
//!       ◄─ bulk: 32 random bytes ─        new for each question, good for one proof
//!       ── RM.PROVE proof [proof] ►       HMAC-SHA-256 of the nonce, under each secret of the proxy
//!       ◄─ +OK ──────────────────         one of them is right under one secret of the node
//! ```
//! The secret itself never travels. Each side may hold two secrets while they are changed, so no moment needs both sides to
//! change at once.

mod words;

pub use words::{Asked, put_nonce, put_proofs};

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 32;

/// Bytes of a proof.
pub const PROOF_BYTES: usize = 32;

/// Most secrets that are valid at once.
pub const SECRETS_MAX: usize = 2;

/// Longest text of secrets in bytes.
pub const SECRETS_BYTES_MAX: usize = 4096;

/// Fewest bytes of a secret. What is shorter can be found by trying.
pub const SECRET_BYTES_MIN: usize = 16;

/// The code of the error of a node that has no secret, and so asks for no proof.
pub const NO_SECRET: &str = "NOSECRET";

/// Says what a proof is for, so that it is good for nothing else.
const PURPOSE: &[u8] = b"ringmaster: a proxy proves itself to a node, 1\0";

/// Names a secret without telling anything of it, to tell secrets apart within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretId(u64);

/// One secret.
#[derive(Clone, PartialEq, Eq)]
struct Secret(Box<[u8]>);

/// The secrets of a process, the one to use first. Equal if they are the same in the same order.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secrets(Vec<Secret>);

/// Why a text is no secret. It says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none.
    #[error("holds no secret: give one line of at least 16 characters, as `openssl rand -hex 32` makes it")]
    Empty,
    /// One is too short.
    #[error("a secret is too short: give at least 16 characters, as `openssl rand -hex 32` makes them")]
    Short,
    /// There are too many.
    #[error(
        "holds more than two secrets: give the new one and, while it replaces an old one, that in a second line"
    )]
    Many,
    /// The text is too long.
    #[error("is longer than 4096 bytes, which no secret needs to be")]
    Long,
}

impl Secrets {
    /// The secrets of a text: one a line, or separated by other white space; at most [`SECRETS_MAX`].
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn parse(text: &[u8]) -> Result<Self, SecretError> {
        if text.len() > SECRETS_BYTES_MAX {
            return Err(SecretError::Long);
        }
        let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let secrets: Vec<Secret> = words.map(|word| Secret(word.into())).collect();
        match &secrets[..] {
            [] => Err(SecretError::Empty),
            secrets if secrets.len() > SECRETS_MAX => Err(SecretError::Many),
            secrets if secrets.iter().any(|secret| secret.0.len() < SECRET_BYTES_MIN) => {
                Err(SecretError::Short)
            }
            _ => Ok(Self(secrets)),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A proof for `nonce` under each secret, in their order.
    pub fn proofs(&self, nonce: &[u8; NONCE_BYTES]) -> impl Iterator<Item = [u8; PROOF_BYTES]> {
        self.0.iter().map(|secret| secret.mac(nonce).finalize().into_bytes().into())
    }

    /// The secret under which one of `proofs` is right. All are tried, each in constant time.
    #[must_use]
    pub fn proven<'a>(
        &self,
        nonce: &[u8; NONCE_BYTES],
        proofs: impl Iterator<Item = &'a [u8]>,
    ) -> Option<SecretId> {
        let mut proven = None;
        for proof in proofs.take(SECRETS_MAX) {
            for secret in &self.0 {
                let is_right = secret.mac(nonce).verify_slice(proof).is_ok();
                proven = proven.or(is_right.then(|| secret.id()));
            }
        }
        proven
    }

    /// Whether `told` is one of them, for who is told the secret itself. All are tried, each in constant time.
    #[must_use]
    pub fn is_one(&self, told: &[u8]) -> bool {
        // Compared as MACs, of which nobody can choose a part. The keys are digests, as all of one length: HMAC takes a short
        // key for the same one with zeros behind it.
        let key = |text: &[u8]| Secret(Sha256::digest(text).as_slice().into());
        let nonce = Sha256::digest(told).into();
        let theirs = key(told).mac(&nonce).finalize().into_bytes();
        let same = |secret: &Secret| key(&secret.0).mac(&nonce).verify_slice(&theirs).is_ok();
        self.0.iter().fold(false, |is_one, secret| same(secret) | is_one)
    }

    /// Whether this secret is one of them.
    #[must_use]
    pub fn has(&self, id: SecretId) -> bool {
        self.0.iter().any(|secret| secret.id() == id)
    }
}

impl Secret {
    fn mac(&self, nonce: &[u8; NONCE_BYTES]) -> Hmac<Sha256> {
        // A key of any length will do.
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(PURPOSE);
        mac.update(nonce);
        mac
    }

    fn id(&self) -> SecretId {
        let hash: [u8; 32] = Sha256::new().chain_update(b"id\0").chain_update(&self.0).finalize().into();
        let mut id = [0; 8];
        id.copy_from_slice(&hash[..8]);
        SecretId(u64::from_le_bytes(id))
    }
}

/// A secret goes into no log, not even by accident.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "0123456789abcdef-new";
    const OLD: &str = "0123456789abcdef-old";

    fn secrets(text: &str) -> Secrets {
        Secrets::parse(text.as_bytes()).unwrap()
    }

    fn proves(proxy: &Secrets, node: &Secrets) -> bool {
        let nonce = [7; NONCE_BYTES];
        let proofs: Vec<_> = proxy.proofs(&nonce).collect();
        node.proven(&nonce, proofs.iter().map(|proof| &proof[..])).is_some()
    }

    #[test]
    fn who_tells_one_of_them_is_believed_and_nobody_else() {
        let secrets = Secrets::parse(b"0123456789abcdef fedcba9876543210").unwrap();
        assert!(secrets.is_one(b"0123456789abcdef") && secrets.is_one(b"fedcba9876543210"));
        for wrong in
            [&b""[..], b"0123456789abcde", b"0123456789abcdef ", b"0123456789abcdef\0", b"0123456789abcdee"]
        {
            assert!(!secrets.is_one(wrong));
        }
        assert!(!Secrets::default().is_one(b""));
    }

    #[test]
    fn who_shares_a_secret_is_believed_and_nobody_else() {
        let both = secrets(&format!("{NEW}\n{OLD}\n"));
        for (proxy, node, expected) in [
            (&secrets(NEW), &secrets(NEW), true),
            (&both, &secrets(OLD), true),
            (&secrets(OLD), &both, true),
            (&secrets(OLD), &secrets(NEW), false),
            (&Secrets::default(), &both, false),
            (&both, &Secrets::default(), false),
        ] {
            assert_eq!(proves(proxy, node), expected);
        }
    }

    #[test]
    fn a_proof_is_good_for_its_nonce_only() {
        let shared = secrets(NEW);
        let proof = shared.proofs(&[1; NONCE_BYTES]).next().unwrap();
        assert!(shared.proven(&[1; NONCE_BYTES], [&proof[..]].into_iter()).is_some());
        assert_eq!(shared.proven(&[2; NONCE_BYTES], [&proof[..]].into_iter()), None);
        for wrong in [&proof[..31], &[], &[0; 32], &[proof, proof].concat()] {
            assert_eq!(shared.proven(&[1; NONCE_BYTES], [wrong].into_iter()), None);
        }
    }

    #[test]
    fn no_more_proofs_are_looked_at_than_there_can_be_secrets() {
        let shared = secrets(NEW);
        let proof = shared.proofs(&[1; NONCE_BYTES]).next().unwrap();
        let proofs = [&[0; 32][..], &[0; 32], &proof];
        assert_eq!(shared.proven(&[1; NONCE_BYTES], proofs.into_iter()), None);
    }

    #[test]
    fn a_secret_is_known_again_by_its_id() {
        let (both, nonce) = (secrets(&format!("{NEW} {OLD}")), [7; NONCE_BYTES]);
        let proof = secrets(OLD).proofs(&nonce).next().unwrap();
        let id = both.proven(&nonce, [&proof[..]].into_iter()).unwrap();
        assert!(both.has(id) && secrets(OLD).has(id) && !secrets(NEW).has(id));
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_told() {
        let long = "x".repeat(SECRETS_BYTES_MAX + 1);
        for (text, error) in [
            ("", SecretError::Empty),
            (" \n\t", SecretError::Empty),
            ("hunter2", SecretError::Short),
            (&format!("{NEW} hunter2"), SecretError::Short),
            (&[NEW; 3].join("\n"), SecretError::Many),
            (&long, SecretError::Long),
        ] {
            let refused = Secrets::parse(text.as_bytes()).unwrap_err();
            assert_eq!(refused, error);
            assert!(!refused.to_string().contains("hunter2"));
        }
        assert!(!format!("{:?}", secrets(NEW)).contains("0123"));
    }
}
