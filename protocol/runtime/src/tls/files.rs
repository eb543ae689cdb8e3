//! The files: certificates with their key, and the certificates of those who are believed.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;

use super::certificate::Certificate;

/// Longest file in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Whether clients show certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// They are not asked for any.
    #[default]
    Off,
    /// They may; one that is shown must be good.
    Optional,
    /// They must.
    Required,
}

/// Names of the files, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The own certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// The key of the own certificate.
    pub key: PathBuf,
    /// Whose certificates are believed; `None` nobody's.
    pub ca: Option<PathBuf>,
}

/// Why the files cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", .file.display())]
pub struct TlsError {
    /// The file that is to blame.
    pub file: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl TlsError {
    pub(super) fn new(file: &Path, why: impl std::fmt::Display) -> Self {
        Self { file: file.to_owned(), why: why.to_string() }
    }
}

/// What the files hold.
pub(super) struct Material {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) roots: Arc<RootCertStore>,
    /// The own certificate holds until then, since the Unix epoch.
    pub(super) expires_at: Duration,
}

/// The bytes of the files: the same again is nothing new.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
    ca: Option<Vec<u8>>,
}

/// A key goes into no log.
impl std::fmt::Debug for Content {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Content(…)")
    }
}

impl TlsFiles {
    pub(super) fn content(&self) -> Result<Content, TlsError> {
        Ok(Content {
            certificate: bytes(&self.certificate)?,
            key: bytes(&self.key)?,
            ca: self.ca.as_deref().map(bytes).transpose()?,
        })
    }

    pub(super) fn material(&self, content: &Content) -> Result<Material, TlsError> {
        let wrong = |why: &str| TlsError::new(&self.certificate, why);
        let chain = certificates(&self.certificate, &content.certificate)?;
        let own = chain.first().and_then(|own| Certificate::read(own));
        let own = own.ok_or_else(|| wrong("the first certificate cannot be read"))?;
        let key = PrivateKeyDer::from_pem_slice(&content.key).map_err(|error| {
            TlsError::new(&self.key, format!("holds no private key in PEM form: {error}"))
        })?;
        let mut roots = RootCertStore::empty();
        if let (Some(file), Some(content)) = (&self.ca, &content.ca) {
            for root in certificates(file, content)? {
                roots.add(root).map_err(|error| TlsError::new(file, error))?;
            }
        }
        Ok(Material { chain, key, roots: Arc::new(roots), expires_at: own.expires_at })
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| TlsError::new(path, format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(TlsError::new(path, "is larger than 1 MiB"));
    }
    Ok(bytes)
}

/// The certificates of a PEM text: at least one.
fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(TlsError::new(path, "holds no certificate in PEM form"))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(TlsError::new(path, error)),
    }
}
