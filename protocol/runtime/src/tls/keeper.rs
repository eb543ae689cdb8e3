//! A configuration of TLS that follows its files.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;

use super::files::{Content, Material, TlsError, TlsFiles};

/// From this time before its end on, a certificate is warned of.
const WARN_BEFORE: Duration = Duration::from_secs(14 * 24 * 3600);

/// Time between two warnings.
const WARN_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How files become a configuration.
pub(super) type Make<T> = fn(&TlsFiles, Material, ClientsOf) -> Result<T, TlsError>;

/// Whether clients show certificates: what a server's configuration needs beside the files.
pub(super) type ClientsOf = super::ClientCertificates;

/// What was made of the files when they were last in order.
pub(super) struct Keeper<T> {
    files: TlsFiles,
    clients: ClientsOf,
    make: Make<T>,
    current: ArcSwap<T>,
    expires_at: AtomicU64,
    seen: Mutex<Seen>,
}

/// What the last look found.
struct Seen {
    content: Result<Content, TlsError>,
    warned_at: Duration,
}

impl<T> Keeper<T> {
    pub(super) fn new(files: TlsFiles, clients: ClientsOf, make: Make<T>) -> Result<Self, TlsError> {
        let content = files.content()?;
        let material = files.material(&content)?;
        let expires_at = material.expires_at;
        let current = make(&files, material, clients)?;
        let seen = Mutex::new(Seen { content: Ok(content), warned_at: Duration::ZERO });
        let keeper = Self {
            files,
            clients,
            make,
            current: ArcSwap::from_pointee(current),
            expires_at: AtomicU64::new(expires_at.as_secs()),
            seen,
        };
        keeper.warn(now());
        Ok(keeper)
    }

    pub(super) fn current(&self) -> Arc<T> {
        self.current.load_full()
    }

    pub(super) fn clients(&self) -> ClientsOf {
        self.clients
    }

    /// When the own certificate ends, since the Unix epoch.
    pub(super) fn expires_at(&self) -> Duration {
        Duration::from_secs(self.expires_at.load(Ordering::Relaxed))
    }

    /// Looks at the files. What changed for the bad changes nothing, and is logged once.
    pub(super) fn refresh(&self) {
        self.warn(now());
        let found = self.files.content();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if found == seen.content {
            return;
        }
        let made = found.as_ref().map_err(Clone::clone).and_then(|content| self.files.material(content));
        let outcome = made.and_then(|material| {
            let expires_at = material.expires_at;
            (self.make)(&self.files, material, self.clients).map(|made| (made, expires_at))
        });
        seen.content = found;
        match outcome {
            Ok((made, expires_at)) => {
                self.current.store(Arc::new(made));
                self.expires_at.store(expires_at.as_secs(), Ordering::Relaxed);
                seen.warned_at = Duration::ZERO;
                let days = expires_at.saturating_sub(now()).as_secs() / (24 * 3600);
                tracing::info!(file = %self.files.certificate.display(), days, "certificate was replaced");
            }
            Err(fault) => tracing::error!(%fault, "the certificate stays as it was"),
        }
    }

    /// Tells of a certificate that ends soon, or has: once a day.
    fn warn(&self, now: Duration) {
        let left = self.expires_at().saturating_sub(now);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if left > WARN_BEFORE || !seen.warned_at.is_zero() && now < seen.warned_at + WARN_EVERY {
            return;
        }
        seen.warned_at = now;
        let (file, hours) = (self.files.certificate.display(), left.as_secs() / 3600);
        if left.is_zero() {
            tracing::error!(%file, "certificate has expired: replace the file, it is read anew");
        } else {
            tracing::warn!(%file, hours, "certificate expires soon: replace the file, it is read anew");
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn made(directory: &Path, name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        fs::write(directory.join("certificate"), &certificate).unwrap();
        fs::write(directory.join("key"), &key).unwrap();
        (certificate, key)
    }

    #[test]
    fn files_are_followed_and_what_does_not_fit_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let files = TlsFiles { certificate: at("certificate"), key: at("key"), ca: None };
        let open = || crate::tls::server::keeper(files.clone(), ClientsOf::Off);
        assert!(open().err().unwrap().to_string().contains("certificate: cannot be read"));
        let (_, first_key) = made(directory.path(), "first");
        let keeper = open().unwrap();
        let first = keeper.current();
        let (_, second_key) = made(directory.path(), "second");
        for bad in [&first_key[..], "", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            fs::write(at("key"), bad).unwrap();
            keeper.refresh();
            assert!(Arc::ptr_eq(&keeper.current(), &first), "{bad}");
        }
        fs::write(at("key"), &second_key).unwrap();
        keeper.refresh();
        let second = keeper.current();
        assert!(!Arc::ptr_eq(&second, &first));
        keeper.refresh();
        assert!(Arc::ptr_eq(&keeper.current(), &second));
        fs::remove_file(at("certificate")).unwrap();
        keeper.refresh();
        assert!(Arc::ptr_eq(&keeper.current(), &second));
    }
}
