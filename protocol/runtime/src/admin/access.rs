//! Who may look at the admin port: `admin_access` of node.yaml and proxy.yaml, and the door that is made of it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::config::Findings;
use ringmaster_protocol::secret::Secrets;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::exposure::is_local;
use crate::secret::{SecretKeeper, SecretSource};
use crate::seldom::Seldom;
use crate::stream::{Socket, Stream};
use crate::tls::{ClientCertificates, ListenerTls, TlsServer};

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Who may look at the admin port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "who may look at the admin port: {tls, token_file, open}")]
pub struct AdminAccess {
    /// How it speaks TLS, which it then always does. Default: in the clear.
    pub tls: Option<ListenerTls>,
    /// A file with the token that is to be told for all pages but whether the process is alive and ready: one line of at least 16
    /// characters, or two while it is changed. Default: none.
    pub token_file: Option<PathBuf>,
    /// Others than this machine may look though they are asked for nothing. Default `false`.
    pub open: bool,
}

/// Why the admin port cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Nothing keeps strangers out.
    #[error(
        "not listening on {0} for the admin port: everybody who reaches that address could see keys and settings; give \
         `admin_access` a `token_file` (`--admin-token-file`) or TLS with `clients: required`, or say `open: true` \
         (`--admin-open`) if only friends can reach it"
    )]
    Exposed(SocketAddr),
    /// The files of its certificate are not in order.
    #[error("admin_access: {0}")]
    Tls(#[from] crate::tls::TlsError),
    /// The file of the token is not.
    #[error("admin_access: {0}")]
    Token(String),
}

impl From<AccessError> for io::Error {
    fn from(error: AccessError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

impl AdminAccess {
    /// Adds what is wrong with it, which stands at `path`, to `findings`.
    pub fn check(&self, path: &str, findings: &mut Findings) {
        if let Some(tls) = &self.tls {
            tls.check(&format!("{path}.tls"), findings);
        }
    }

    /// Reads the files, for a port at `address`.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn open(&self, address: SocketAddr) -> Result<AdminDoor, AccessError> {
        let knows_clients = self.tls.as_ref().is_some_and(|tls| tls.clients == ClientCertificates::Required);
        let asks = self.token_file.is_some() || knows_clients;
        if !asks && !self.open && !is_local(address) {
            return Err(AccessError::Exposed(address));
        }
        let tls = self.tls.as_ref().map(ListenerTls::open).transpose()?;
        let source = self.token_file.clone().map_or(SecretSource::None, SecretSource::File);
        let token = SecretKeeper::of("admin port's token", &source).map_err(AccessError::Token)?;
        Ok(AdminDoor { address, asks, tls, source, token, refusals: Seldom::default() })
    }
}

/// Where the admin port is, and whom it lets in.
pub struct AdminDoor {
    address: SocketAddr,
    /// Whether who comes is asked for a token or a certificate.
    asks: bool,
    tls: Option<Arc<TlsServer>>,
    source: SecretSource,
    token: SecretKeeper,
    refusals: Seldom,
}

impl AdminDoor {
    /// Where it is; port 0 takes a free one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether there are files to be followed.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.tls.is_some() || self.source.is_some()
    }

    /// Looks whether the files have changed.
    pub fn refresh(&self) {
        if let Some(tls) = &self.tls {
            tls.refresh();
        }
        if self.source.is_some() {
            self.token.refresh(&self.source);
        }
    }

    /// When the certificate ends, since the Unix epoch, if there is one.
    #[must_use]
    pub fn certificate_expires_at(&self) -> Option<Duration> {
        self.tls.as_ref().map(|tls| tls.expires_at())
    }

    /// Lets a connection in, once it has shaken hands where it must.
    pub(super) async fn let_in(&self, socket: TcpStream) -> io::Result<Stream> {
        let Some(tls) = &self.tls else { return Ok(socket.into()) };
        let from = socket.peer_addr();
        let shaken = timeout(HANDSHAKE_TIMEOUT, tls.accept(Socket::Tcp(socket))).await;
        let outcome = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if let (Err(error), Some(times)) =
            (&outcome, outcome.is_err().then(|| self.refusals.happened()).flatten())
        {
            tracing::warn!(%error, times, from = ?from.ok(), "the admin port let somebody not in");
        }
        outcome.map(|(stream, _)| Stream::Tls(Box::new(stream)))
    }

    /// Whether something may be changed over it: not where everybody who reaches it may look, and others than this machine do.
    pub(super) fn may_change(&self) -> bool {
        self.asks || is_local(self.address)
    }

    /// Whether a page that a browser on this machine shows could ask for all pages.
    pub(super) fn is_open_to_browsers(&self) -> bool {
        !self.asks && is_local(self.address)
    }

    /// Whether who says this in `Authorization` may see all pages.
    pub(super) fn trusts(&self, authorization: Option<&[u8]>) -> bool {
        let tokens = self.token.current();
        tokens.is_empty() || authorization.and_then(bearer).is_some_and(|told| Secrets::is_one(&tokens, told))
    }
}

/// The token of a header `Authorization: Bearer TOKEN`.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "0.0.0.0:0";

    fn open(access: &AdminAccess, address: &str) -> Result<AdminDoor, AccessError> {
        access.open(address.parse().unwrap())
    }

    #[test]
    fn others_than_this_machine_are_asked_who_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "0123456789abcdef\n").unwrap();
        let silent = AdminAccess::default();
        assert!(open(&silent, "127.0.0.1:0").unwrap().trusts(None));
        assert!(open(&silent, "127.0.0.1:0").unwrap().may_change());
        assert!(open(&silent, "127.0.0.1:0").unwrap().is_open_to_browsers());
        let refused = open(&silent, PUBLIC).err().unwrap().to_string();
        assert!(refused.contains("--admin-token-file") && refused.contains("--admin-open"), "{refused}");
        let exposed = AdminAccess { open: true, ..AdminAccess::default() };
        assert!(!open(&exposed, PUBLIC).unwrap().may_change(), "anybody could change it");
        assert!(!open(&exposed, PUBLIC).unwrap().is_open_to_browsers(), "it has names of its own");
        let guarded = AdminAccess { token_file: Some(path.clone()), ..AdminAccess::default() };
        let door = open(&guarded, PUBLIC).unwrap();
        assert!(door.may_change() && !open(&guarded, "127.0.0.1:0").unwrap().is_open_to_browsers());
        assert!(
            door.trusts(Some(b"Bearer 0123456789abcdef")) && door.trusts(Some(b"bearer  0123456789abcdef "))
        );
        for wrong in
            [None, Some(&b""[..]), Some(b"Bearer"), Some(b"Bearer 0"), Some(b"Basic 0123456789abcdef")]
        {
            assert!(!door.trusts(wrong), "{wrong:?}");
        }
        std::fs::write(&path, "fedcba9876543210").unwrap();
        door.refresh();
        assert!(
            !door.trusts(Some(b"Bearer 0123456789abcdef")) && door.trusts(Some(b"Bearer fedcba9876543210"))
        );
        std::fs::remove_file(&path).unwrap();
        door.refresh();
        assert!(door.trusts(Some(b"Bearer fedcba9876543210")), "it stays as it was");
        assert!(open(&guarded, PUBLIC).err().unwrap().to_string().contains("cannot be read"));
    }
}
