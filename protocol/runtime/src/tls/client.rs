//! TLS for who is gone to.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::files::{ClientCertificates, Material, TlsError, TlsFiles};
use super::keeper::Keeper;
use super::{VERSIONS, provider};
use crate::stream::{Socket, TlsStream};

/// TLS over a socket that is waited for.
pub type BlockingTls = rustls::StreamOwned<ClientConnection, TcpStream>;

/// How a process shakes hands with those to whom it connects; it shows its certificate to who asks.
pub struct TlsClient(Keeper<Arc<ClientConfig>>);

impl TlsClient {
    /// By these files, which are followed by [`TlsClient::refresh`].
    ///
    /// # Errors
    /// A file cannot be read or used, or the key is not that of the certificate.
    pub fn new(files: TlsFiles) -> Result<Self, TlsError> {
        Keeper::new(files, ClientCertificates::Off, config).map(Self)
    }

    /// Looks whether the files have changed.
    pub fn refresh(&self) {
        self.0.refresh();
    }

    /// When the certificate ends, since the Unix epoch.
    #[must_use]
    pub fn expires_at(&self) -> Duration {
        self.0.expires_at()
    }

    /// Shakes hands with who must have a certificate for `host`: a name or an IP address.
    ///
    /// # Errors
    /// As [`TlsStream::handshake`], or the other is somebody else.
    pub async fn connect(&self, socket: Socket, host: &str) -> io::Result<TlsStream> {
        TlsStream::handshake(socket, self.session(host)?).await
    }

    /// As [`TlsClient::connect`] for who waits. Hands are shaken with the first bytes that go either way.
    ///
    /// # Errors
    /// No certificate can be for such a name.
    pub fn connect_blocking(&self, socket: TcpStream, host: &str) -> io::Result<BlockingTls> {
        Ok(BlockingTls::new(self.session(host)?, socket))
    }

    fn session(&self, host: &str) -> io::Result<ClientConnection> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, "no certificate can be for such a name")
        })?;
        ClientConnection::new(Arc::clone(&self.0.current()), name).map_err(io::Error::other)
    }
}

fn config(
    files: &TlsFiles,
    material: Material,
    _: ClientCertificates,
) -> Result<Arc<ClientConfig>, TlsError> {
    let wrong = |error: rustls::Error| TlsError::new(&files.certificate, error);
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS);
    let builder = builder.map_err(wrong)?.with_root_certificates(material.roots);
    let mut config = builder.with_client_auth_cert(material.chain, material.key).map_err(wrong)?;
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}
