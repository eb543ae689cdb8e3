//! The node as a running process: listeners, connections, housekeeping, admin pages.

mod batch;
mod clients;
mod connection;
mod context;
mod counters;
mod pages;
mod shared;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ringmaster_runtime::service::{Service, ServiceConfig};

use crate::config::Config;
use crate::engine::Engine;
use crate::store::Store;
use pages::Pages;
use shared::Shared;
use worker::Worker;

/// A running node.
pub struct Node {
    service: Service,
    shared: Arc<Shared>,
}

impl Node {
    /// Starts a node; it accepts connections when this returns.
    ///
    /// # Errors
    /// A setting is wrong, an address cannot be listened on, or a thread cannot be made.
    pub fn start(config: Config) -> io::Result<Self> {
        let findings = config.check();
        if let Some(finding) = findings.iter().next() {
            let wrong = format!("{}: {}", finding.path, finding.message);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, wrong));
        }
        let service_config = ServiceConfig {
            name: "node",
            listen: config.listen,
            admin: config.admin,
            threads: config.threads,
            connections_max: config.clients_max,
            drain: config.drain,
        };
        let shared = Arc::new(Shared::new(Engine::new(Store::new(None)), config));
        let of_workers = Arc::clone(&shared);
        let make = move |index| Worker::new(Arc::clone(&of_workers), index);
        let service = Service::start(&service_config, make, Arc::new(Pages(Arc::clone(&shared))))?;
        // Set once, here.
        let _ = shared.address.set(service.address());
        Ok(Self { service, shared })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Where the admin port listens.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.service.admin_address()
    }

    /// Stops accepting, lets connections finish what they have read, and returns when all threads have ended.
    pub fn stop(self) {
        self.service.stop_token().cancel();
        self.shared.clients.close_all();
        self.service.stop();
    }
}
