//! `tls` of node.yaml and proxy.yaml: how a listener speaks TLS.

use std::path::PathBuf;
use std::sync::Arc;

use ringmaster_protocol::config::Findings;
use serde::Deserialize;

use super::{ClientCertificates, TlsError, TlsFiles, TlsServer};

/// How a listener speaks TLS. Files are PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "TLS of the listener: {certificate, key, ca, clients}")]
pub struct ListenerTls {
    /// The certificate that is shown, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Certificates of those who may sign that of a client. Default: none.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Whether clients show certificates. Default: `off`.
    #[serde(default)]
    pub clients: ClientCertificates,
}

impl ListenerTls {
    /// That of the command line: with an authority of clients, they must show certificates.
    #[must_use]
    pub fn of_flags(certificate: PathBuf, key: PathBuf, ca: Option<PathBuf>) -> Self {
        let clients = if ca.is_some() { ClientCertificates::Required } else { ClientCertificates::Off };
        Self { certificate, key, ca, clients }
    }

    /// Adds what is wrong with it, which stands at `path`, to `findings`.
    pub fn check(&self, path: &str, findings: &mut Findings) {
        if self.clients != ClientCertificates::Off && self.ca.is_none() {
            findings
                .add(&format!("{path}.ca"), "is missing: whose certificates of clients are to be believed?");
        }
    }

    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn open(&self) -> Result<Arc<TlsServer>, TlsError> {
        let Self { certificate, key, ca, clients } = self.clone();
        TlsServer::new(TlsFiles { certificate, key, ca }, clients).map(Arc::new)
    }
}
