//! All the doors of a process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Door, ListenerConfig};
use crate::tls::{ListenerTls, TlsError};

/// Where clients come in; the first door has an IP address.
#[derive(Clone)]
pub struct Doors(Vec<Arc<Door>>);

impl Doors {
    /// One at `listen`, and more.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn open(
        listen: SocketAddr,
        tls: Option<&ListenerTls>,
        more: &[ListenerConfig],
    ) -> Result<Self, TlsError> {
        let first = Door::new(listen, tls.map(ListenerTls::open).transpose()?);
        let more: Result<Vec<Door>, TlsError> = more.iter().map(ListenerConfig::open).collect();
        Ok(Self(std::iter::once(first).chain(more?).map(Arc::new).collect()))
    }

    /// Each of them.
    #[must_use]
    pub fn all(&self) -> &[Arc<Door>] {
        &self.0
    }

    /// Connections that did not get in: no handshake or header, a wrong one, one that took too long.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.iter().map(|door| door.refused()).sum()
    }

    /// An address at which others than this machine come in without a certificate.
    #[must_use]
    pub fn exposed(&self) -> Option<SocketAddr> {
        self.0.iter().find_map(|door| door.exposed())
    }

    /// Whether any of them speaks TLS.
    #[must_use]
    pub fn speak_tls(&self) -> bool {
        self.0.iter().any(|door| door.tls().is_some())
    }

    /// Looks whether the files of certificates have changed.
    pub fn refresh(&self) {
        self.0.iter().filter_map(|door| door.tls()).for_each(|tls| tls.refresh());
    }

    /// When the certificate of each door that has one ends, since the Unix epoch; by where it listens.
    pub fn certificates(&self) -> impl Iterator<Item = (String, Duration)> {
        let with_tls = self.0.iter().filter_map(|door| Some((door.listen().to_string(), door.tls()?)));
        with_tls.map(|(listen, tls)| (listen, tls.expires_at()))
    }
}
