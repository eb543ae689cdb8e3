//! TLS 1.3 and 1.2, by rustls with ring: whom the client believes, and who it says to be.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::error::Error;

/// How connections are encrypted. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    source: Source,
    server_name: Option<String>,
}

#[derive(Clone)]
enum Source {
    Files(TlsFiles),
    Config(Arc<ClientConfig>),
}

/// Files in PEM form. They are read anew for each connection, so one that is replaced holds from the next
/// connection on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the authorities that are believed; `None`: those that the system believes.
    pub ca: Option<PathBuf>,
    /// The client's own certificate with those between it and its authority, and the file of its key; `None`
    /// shows no certificate.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// Believes the authorities that the system believes, and shows no certificate.
    ///
    /// # Errors
    /// [`Error::NotSent`] when the system believes none.
    pub fn of_system() -> Result<Tls, Error> {
        Tls::of_files(TlsFiles::default())
    }

    /// Believes and shows what stands in files.
    ///
    /// # Errors
    /// [`Error::NotSent`] that names the file that cannot be read or used.
    pub fn of_files(files: TlsFiles) -> Result<Tls, Error> {
        files.config()?;
        Ok(Tls { source: Source::Files(files), server_name: None })
    }

    /// As rustls is told; for verifiers, keys and providers of one's own.
    #[must_use]
    pub fn of_config(config: Arc<ClientConfig>) -> Tls {
        Tls { source: Source::Config(config), server_name: None }
    }

    /// The server's certificate must be for this name or IP address, and not for the host that is connected to.
    #[must_use]
    pub fn server_name(self, name: impl Into<String>) -> Tls {
        Tls { server_name: Some(name.into()), ..self }
    }

    /// The name or IP address that the certificate of the server at `host` has to be for.
    #[must_use]
    pub fn name_for<'a>(&'a self, host: &'a str) -> &'a str {
        self.server_name.as_deref().unwrap_or(host)
    }

    /// What rustls is told, for sockets of one's own; the files are read anew.
    ///
    /// # Errors
    /// [`Error::NotSent`] that names the file that cannot be read or used.
    pub fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        match &self.source {
            Source::Config(config) => Ok(Arc::clone(config)),
            Source::Files(files) => files.config(),
        }
    }

    /// Shakes hands over `stream`, which leads to `host`.
    pub(crate) async fn connect(&self, stream: TcpStream, host: &str) -> io::Result<TlsStream<TcpStream>> {
        let name = self.name_for(host);
        let no_name = |_| invalid(format!("no certificate can be for the name {name}"));
        let name = ServerName::try_from(name.to_owned()).map_err(no_name)?;
        let config = self.config().map_err(|error| invalid(error.to_string()))?;
        TlsConnector::from(config).connect(name, stream).await
    }
}

impl TlsFiles {
    fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        let roots = match &self.ca {
            Some(file) => Arc::new(roots(file)?),
            None => system_roots()?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder =
            builder.with_safe_default_protocol_versions().map_err(|e| Error::refused(e.to_string()))?;
        let builder = builder.with_root_certificates(roots);
        let Some((certificate, key)) = &self.certificate else {
            return Ok(Arc::new(builder.with_no_client_auth()));
        };
        let own = PrivateKeyDer::from_pem_file(key).map_err(|error| blame(key, &error))?;
        let config = builder.with_client_auth_cert(certificates(certificate)?, own);
        Ok(Arc::new(config.map_err(|error| blame(certificate, &error))?))
    }
}

fn roots(file: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| blame(file, &error))?;
    }
    Ok(roots)
}

/// Those of a file: at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(|error| blame(file, &error))?.collect();
    match found {
        Ok(found) if found.is_empty() => Err(blame(file, &"holds no certificate in PEM form")),
        found => found.map_err(|error| blame(file, &error)),
    }
}

/// What the system believes; read once, it is a hundred and more certificates.
fn system_roots() -> Result<Arc<RootCertStore>, Error> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // Some systems hold certificates that nobody can read; the others are good nevertheless.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    if roots.is_empty() {
        return Err(Error::refused("the system believes no authority: name a file of certificates (ca)"));
    }
    Ok(Arc::clone(roots))
}

fn blame(file: &Path, why: &dyn fmt::Display) -> Error {
    Error::refused(format!("{}: {why}", file.display()))
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// What stands in the files is not shown.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = match &self.source {
            Source::Files(files) => Some(files),
            Source::Config(_) => None,
        };
        f.debug_struct("Tls").field("files", &files).field("server_name", &self.server_name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let missing = directory.path().join("missing.pem");
        for (file, why) in [(&empty, "holds no certificate"), (&missing, "missing.pem")] {
            let files = TlsFiles { ca: Some(file.clone()), certificate: None };
            let error = Tls::of_files(files).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(".pem"), "{error}");
        }
    }
}
