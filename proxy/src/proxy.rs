//! A running proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_runtime::admin::AdminDoor;
use ringmaster_runtime::door::Doors;
use ringmaster_runtime::lookout::Lookout;
use ringmaster_runtime::profile;
use ringmaster_runtime::service::{Service, ServiceConfig};
use ringmaster_runtime::traces::{self, Sample, Traces};

use crate::admin::Pages;
use crate::clock;
use crate::config::{ClusterConfig, Watcher};
use crate::control::{ControlThread, Published};
use crate::settings::Config;
use crate::shared::Shared;
use crate::thread::DataThread;

/// Longest that a proxy waits at its start for what the nodes say of views, where the cluster.yaml asks for none. A node
/// that is not up has nothing to say.
const FIRST_LOOK: Duration = Duration::from_millis(300);

/// A running proxy: its threads and the watch over cluster.yaml. Dropping it without [`Proxy::stop`] leaves its
/// threads running.
pub struct Proxy {
    service: Service,
    shared: Arc<Shared>,
    watcher: Watcher,
    control: ControlThread,
    /// Follows the certificate of the listener; `None` without one.
    _lookout: Option<Lookout>,
}

impl Proxy {
    /// Loads cluster.yaml, binds both ports and starts the threads. Nodes need not be up yet.
    ///
    /// # Errors
    /// The file cannot be read or has faults (all are named), or a port cannot be bound.
    pub fn start(config: Config) -> anyhow::Result<Self> {
        profile::prepare_if(config.profiling);
        let mut cluster = ClusterConfig::load(&config.cluster)?;
        let doors = Doors::open(config.listen, config.tls.as_ref(), &config.listeners)?;
        if let Some(address) = doors.exposed().filter(|_| !config.insecure) {
            cluster.guard(address)?;
        }
        let admin = Arc::new(config.admin_access.open(config.admin)?);
        let lookout = follow(&doors, &admin)?;
        let (published, heard) = Published::new(cluster.by_views());
        let about = traces::Service::here("ringmaster-proxy", env!("CARGO_PKG_VERSION"), config.listen);
        let traces = config.tracing.as_ref().map(|tracing| Traces::start(tracing, &about, Sample::FEW));
        let traces = traces.transpose()?;
        let shared = Arc::new(Shared::new(config, &cluster, Arc::clone(&published), doors, traces));
        let control = ControlThread::start(cluster.topology(), published, cluster.credentials(), heard)?;
        control.first_look(FIRST_LOOK);
        let service_config = service_config(&shared, admin);
        let pages = Arc::new(Pages::new(Arc::clone(&shared)));
        let of_threads = Arc::clone(&shared);
        let make = move |index| DataThread::new(Arc::clone(&of_threads), index);
        let service = Service::start(&service_config, make, pages)?;
        shared.set_port(service.address().port());
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

    /// Whether commands are answered: always while the cluster.yaml alone says where slots are, else while a majority of
    /// the acceptors has confirmed the view.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.shared.published().is_none_or(|published| clock::now() < published.lease().until)
    }

    /// Takes no further client, lets those that there are finish for at most the drain time, and ends the threads.
    /// Blocks.
    pub fn stop(self) {
        self.watcher.stop();
        self.service.stop();
        // Last: what is under way needs its lease.
        self.control.stop();
        self.shared.traces.iter().for_each(|traces| traces.stop());
    }
}

/// Follows the files of the listeners' certificates and of the admin port, if they have some.
fn follow(doors: &Doors, admin: &Arc<AdminDoor>) -> io::Result<Option<Lookout>> {
    if !doors.speak_tls() && !admin.has_files() {
        return Ok(None);
    }
    let (doors, admin) = (doors.clone(), Arc::clone(admin));
    let look = move || {
        doors.refresh();
        admin.refresh();
    };
    Lookout::spawn("proxy-lookout", look).map(Some)
}

fn service_config(shared: &Shared, admin: Arc<AdminDoor>) -> ServiceConfig {
    let topology = shared.topology.load();
    let (limits, timeouts) = (&topology.file().limits, &topology.file().timeouts);
    shared.admission.set_bounds(limits.clients_per_address, limits.connects_per_second);
    ServiceConfig {
        name: "proxy",
        doors: shared.doors.all().to_vec(),
        admin,
        threads: shared.config.threads,
        admission: Arc::clone(&shared.admission),
        drain: timeouts.drain.duration(),
    }
}
