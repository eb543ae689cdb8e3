//! `listeners` of node.yaml and proxy.yaml: addresses beside `listen`, each with settings of its own.

use std::sync::Arc;

use ringmaster_protocol::config::Findings;
use serde::Deserialize;

use super::{Door, Listen, Network};
use crate::tls::{ListenerTls, TlsError};

/// One more address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a listener: {address, tls, proxy_protocol_from}")]
pub struct ListenerConfig {
    /// Where.
    pub address: Listen,
    /// How clients speak TLS there, which they then must. Default: in the clear.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    /// The load balancers that say by the PROXY protocol whom a connection is for, and must; nobody else may connect there.
    /// Default: none, and nobody says so.
    #[serde(default)]
    pub proxy_protocol_from: Vec<Network>,
}

/// Most listeners beside the first.
const LISTENERS_MAX: usize = 16;

impl ListenerConfig {
    /// Adds what is wrong with these to `findings`.
    pub fn check_all(listeners: &[Self], findings: &mut Findings) {
        if listeners.len() > LISTENERS_MAX {
            findings.add("listeners", format!("are {}, give at most {LISTENERS_MAX}", listeners.len()));
        }
        for (at, listener) in listeners.iter().enumerate() {
            if let Some(tls) = &listener.tls {
                tls.check(&format!("listeners[{at}].tls"), findings);
            }
        }
    }

    /// Reads its files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn open(&self) -> Result<Door, TlsError> {
        let tls: Option<Arc<_>> = self.tls.as_ref().map(ListenerTls::open).transpose()?;
        let door = Door::new(self.address.clone(), tls);
        let balancers = self.proxy_protocol_from.clone();
        Ok(if balancers.is_empty() { door } else { door.behind(balancers) })
    }
}
