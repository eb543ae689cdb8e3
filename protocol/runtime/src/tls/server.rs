//! TLS for who comes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ServerConfig, ServerConnection};

use super::certificate::Certificate;
use super::files::{ClientCertificates, Material, TlsError, TlsFiles};
use super::keeper::Keeper;
use super::{VERSIONS, provider};
use crate::stream::{Socket, TlsStream};

/// How a listener shakes hands.
pub struct TlsServer(Keeper<Arc<ServerConfig>>);

impl TlsServer {
    /// By these files, which are followed by [`TlsServer::refresh`].
    ///
    /// # Errors
    /// A file cannot be read or used, or the key is not that of the certificate.
    pub fn new(files: TlsFiles, clients: ClientCertificates) -> Result<Self, TlsError> {
        keeper(files, clients).map(Self)
    }

    /// Looks whether the files have changed.
    pub fn refresh(&self) {
        self.0.refresh();
    }

    /// Whether nobody comes in without a certificate.
    #[must_use]
    pub fn knows_clients(&self) -> bool {
        self.0.clients() == ClientCertificates::Required
    }

    /// When the certificate ends, since the Unix epoch.
    #[must_use]
    pub fn expires_at(&self) -> Duration {
        self.0.expires_at()
    }

    /// Shakes hands with who came; the name in the certificate that it showed, if it showed one.
    ///
    /// # Errors
    /// As [`TlsStream::handshake`].
    pub async fn accept(&self, socket: Socket) -> io::Result<(TlsStream, Option<String>)> {
        let session = ServerConnection::new(Arc::clone(&self.0.current())).map_err(io::Error::other)?;
        let stream = TlsStream::handshake(socket, session).await?;
        let name = stream.look(|session| {
            let shown = session.peer_certificates()?.first()?;
            Certificate::read(shown)?.name
        });
        Ok((stream, name))
    }
}

/// The configuration, and its files.
pub(super) fn keeper(
    files: TlsFiles,
    clients: ClientCertificates,
) -> Result<Keeper<Arc<ServerConfig>>, TlsError> {
    Keeper::new(files, clients, config)
}

fn config(
    files: &TlsFiles,
    material: Material,
    clients: ClientCertificates,
) -> Result<Arc<ServerConfig>, TlsError> {
    let wrong = |error: rustls::Error| TlsError::new(&files.certificate, error);
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS);
    let builder = builder.map_err(wrong)?;
    let builder = if clients == ClientCertificates::Off {
        builder.with_no_client_auth()
    } else {
        let verifier = WebPkiClientVerifier::builder_with_provider(material.roots, provider());
        let verifier =
            if clients == ClientCertificates::Optional { verifier.allow_unauthenticated() } else { verifier };
        let ca = files.ca.as_deref().unwrap_or(&files.certificate);
        builder.with_client_cert_verifier(verifier.build().map_err(|error| TlsError::new(ca, error))?)
    };
    let mut config = builder.with_single_cert(material.chain, material.key).map_err(wrong)?;
    // Connections last: shaking hands anew is rarer than what tickets and a cache of sessions would cost.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}
