//! A running proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use ringmaster_runtime::admission::Admission;
use ringmaster_runtime::service::{Service, ServiceConfig};

use crate::admin::Pages;
use crate::clock;
use crate::config::{ClusterConfig, Watcher};
use crate::control::{ControlThread, Published};
use crate::settings::Config;
use crate::shared::Shared;
use crate::thread::DataThread;

/// A running proxy: its threads and the watch over cluster.yaml. Dropping it without [`Proxy::stop`] leaves its
/// threads running.
pub struct Proxy {
    service: Service,
    shared: Arc<Shared>,
    watcher: Watcher,
    /// `None` in a cluster of single copies.
    control: Option<ControlThread>,
}

impl Proxy {
    /// Loads cluster.yaml, binds both ports and starts the threads. Nodes need not be up yet.
    ///
    /// # Errors
    /// The file cannot be read or has faults (all are named), or a port cannot be bound.
    pub fn start(config: Config) -> anyhow::Result<Self> {
        let mut cluster = ClusterConfig::load(&config.cluster)?;
        if !config.insecure {
            cluster.guard(config.listen)?;
        }
        let service_config = service_config(&config, &cluster);
        let is_replicated = cluster.topology().load().file().replicas > 1;
        let (published, heard) = is_replicated.then(Published::new).unzip();
        let shared = Arc::new(Shared::new(config, &cluster, published.clone()));
        let pages = Arc::new(Pages { shared: Arc::clone(&shared) });
        let of_threads = Arc::clone(&shared);
        let make = move |index| DataThread::new(Arc::clone(&of_threads), index);
        let service = Service::start(&service_config, make, pages)?;
        shared.set_port(service.address().port());
        let control = match published.zip(heard) {
            Some((published, heard)) => {
                let credentials = Arc::clone(&shared.credentials);
                Some(ControlThread::start(cluster.topology(), published, credentials, heard)?)
            }
            None => None,
        };
        let watcher = Watcher::spawn(cluster)?;
        Ok(Self { service, shared, watcher, control })
    }

    /// Where clients connect, the port filled in.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Where the admin port listens, the port filled in.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.service.admin_address()
    }

    /// Whether commands are answered: always in a cluster of single copies, else while a majority of the acceptors has
    /// confirmed the view.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.shared.published.as_ref().is_none_or(|published| clock::now() < published.lease().until)
    }

    /// Takes no further client, lets those that there are finish for at most the drain time, and ends the threads.
    /// Blocks.
    pub fn stop(self) {
        self.watcher.stop();
        self.service.stop();
        // Last: what is under way needs its lease.
        self.control.into_iter().for_each(ControlThread::stop);
    }
}

fn service_config(config: &Config, cluster: &ClusterConfig) -> ServiceConfig {
    let topology = cluster.topology();
    let topology = topology.load();
    let (limits, timeouts) = (&topology.file().limits, &topology.file().timeouts);
    ServiceConfig {
        name: "proxy",
        listen: config.listen,
        admin: config.admin,
        threads: config.threads,
        admission: Arc::new(Admission::new(limits.clients)),
        drain: timeouts.drain.duration(),
    }
}
