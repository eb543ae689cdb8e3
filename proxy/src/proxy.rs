//! A running proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ringmaster_runtime::door::Doors;
use ringmaster_runtime::lookout::Lookout;
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
    /// Follows the certificate of the listener; `None` without one.
    _lookout: Option<Lookout>,
}

impl Proxy {
    /// Loads cluster.yaml, binds both ports and starts the threads. Nodes need not be up yet.
    ///
    /// # Errors
    /// The file cannot be read or has faults (all are named), or a port cannot be bound.
    pub fn start(config: Config) -> anyhow::Result<Self> {
        let mut cluster = ClusterConfig::load(&config.cluster)?;
        let doors = Doors::open(config.listen, config.tls.as_ref(), &config.listeners)?;
        if let Some(address) = doors.exposed().filter(|_| !config.insecure) {
            cluster.guard(address)?;
        }
        let lookout = follow(&doors)?;
        let is_replicated = cluster.topology().load().file().replicas > 1;
        let (published, heard) = is_replicated.then(Published::new).unzip();
        let shared = Arc::new(Shared::new(config, &cluster, published.clone(), doors));
        let service_config = service_config(&shared);
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
        Ok(Self { service, shared, watcher, control, _lookout: lookout })
    }

    /// Where clients connect, the port filled in.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Where clients connect, by listener and with the ports filled in; `None` for a Unix socket.
    #[must_use]
    pub fn addresses(&self) -> &[Option<SocketAddr>] {
        self.service.addresses()
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

/// Follows the files of the listeners' certificates, if they have some.
fn follow(doors: &Doors) -> io::Result<Option<Lookout>> {
    if !doors.speak_tls() {
        return Ok(None);
    }
    let doors = doors.clone();
    Lookout::spawn("proxy-lookout", move || doors.refresh()).map(Some)
}

fn service_config(shared: &Shared) -> ServiceConfig {
    let topology = shared.topology.load();
    let (limits, timeouts) = (&topology.file().limits, &topology.file().timeouts);
    shared.admission.set_bounds(limits.clients_per_address, limits.connects_per_second);
    ServiceConfig {
        name: "proxy",
        doors: shared.doors.all().to_vec(),
        admin: shared.config.admin,
        threads: shared.config.threads,
        admission: Arc::clone(&shared.admission),
        drain: timeouts.drain.duration(),
    }
}
