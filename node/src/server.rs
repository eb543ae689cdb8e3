//! The node as a running process: listeners, connections, housekeeping, admin pages.

mod account;
mod allocator;
mod attention;
mod batch;
mod clients;
mod connection;
mod context;
mod counters;
mod keeping;
mod leaving;
mod machines;
mod mailbox;
mod membership;
mod metrics;
mod pages;
mod parts;
mod processor;
mod room;
mod scripts;
mod secrets;
mod settings;
mod shared;
mod snapshots;
mod timing;
mod users;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ringmaster_runtime::admission::Admission;
use ringmaster_runtime::door::Doors;
use ringmaster_runtime::lookout::Lookout;
use ringmaster_runtime::profile;
use ringmaster_runtime::service::{Service, ServiceConfig};
use ringmaster_runtime::traces::{self, Sample, Traces};

pub use metrics::families as metric_families;

use crate::config::Config;
use crate::engine::Engine;
use crate::store::{Store, key};
use pages::Pages;
use shared::Shared;
pub(crate) use shared::random_bytes;
use worker::Worker;

/// Gives the hashes of this process the seed that is set, or, where none was, a random one.
fn seed_hashes(seed: Option<u64>) -> io::Result<()> {
    let Some(seed) = seed else {
        let mut random = [0; 8];
        random_bytes(&mut random);
        // An earlier node of the process may have set one: this one shares it.
        key::seed_hashes(u64::from_le_bytes(random));
        return Ok(());
    };
    if key::seed_hashes(seed) {
        return Ok(());
    }
    let wrong = "hash_seed: another node of this process has another one";
    Err(io::Error::new(io::ErrorKind::InvalidInput, wrong))
}

/// A running node.
pub struct Node {
    service: Service,
    shared: Arc<Shared>,
    /// Follows its secret; `None` without one.
    _lookout: Option<Lookout>,
}

impl Node {
    /// Starts a node; it serves when this returns. While it reads its log, it answers `-LOADING`.
    ///
    /// # Errors
    /// A setting is wrong, an address cannot be listened on, a thread cannot be made, or the log cannot be read.
    pub fn start(config: Config) -> io::Result<Self> {
        let findings = config.check();
        if let Some(finding) = findings.iter().next() {
            let wrong = format!("{}: {}", finding.path, finding.message);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, wrong));
        }
        seed_hashes(config.hash_seed)?;
        profile::prepare_if(config.profiling);
        allocator::give_back_freed_pages();
        let admission = Arc::new(Admission::new(config.clients_max));
        admission.set_bounds(config.clients_per_address, config.connects_per_second);
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let doors = Doors::open(config.listen, config.tls.as_ref(), &config.listeners).map_err(invalid)?;
        let admin = Arc::new(config.admin_access.open(config.admin)?);
        let service_config = ServiceConfig {
            name: "node",
            doors: doors.all().to_vec(),
            admin: Arc::clone(&admin),
            threads: config.threads,
            admission: Arc::clone(&admission),
            drain: config.drain,
        };
        let about = traces::Service::here("ringmaster-node", env!("CARGO_PKG_VERSION"), config.listen);
        let traces = config.tracing.as_ref().map(|tracing| Traces::start(tracing, &about, Sample::NONE));
        let traces = traces.transpose()?;
        let mut shared = Shared::new(Engine::new(Store::new(None)), config, admission, doors);
        shared.traces = traces;
        shared.engine.store().events().want(shared.config.notify_keyspace_events);
        shared.engine.tracking().set_keys_max(shared.config.tracking_table_max_keys);
        shared.memory.look();
        shared.memory.note_startup();
        shared.memory.look_at_kernel();
        users::open(&shared)?;
        secrets::open(&mut shared)?;
        users::check_exposure(&shared, &shared.accounts)
            .map_err(|exposed| io::Error::new(io::ErrorKind::InvalidInput, exposed))?;
        let opened = keeping::open(&shared)?;
        if let Some(opened) = &opened {
            shared.member = opened.member()?;
            shared.attention.set_member(shared.member.view().is_some());
        }
        let shared = Arc::new(shared);
        let of_workers = Arc::clone(&shared);
        let make = move |index| Worker::new(Arc::clone(&of_workers), index);
        let service = Service::start(&service_config, make, Arc::new(Pages(Arc::clone(&shared))))?;
        // Set once, here.
        let _ = shared.address.set(service.address());
        if let Some(opened) = opened
            && let Err(error) = keeping::load(&shared, &opened)
        {
            service.stop();
            return Err(error);
        }
        let lookout = secrets::follow(&shared, admin)?;
        Ok(Self { service, shared, _lookout: lookout })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Where clients connect, by listener and with the ports filled in; `None` for a Unix socket.
    #[must_use]
    pub fn addresses(&self) -> &[Option<SocketAddr>] {
        self.service.addresses()
    }

    /// Where the admin port listens.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.service.admin_address()
    }

    /// Says that it is about to stop, and returns when other nodes serve its slots: at most after the time of its settings, at
    /// once where no proxy looks after it or no other node can, and when `is_in_hurry` is set. It serves until then, and
    /// after it, too. Blocks.
    pub fn leave(&self, is_in_hurry: &AtomicBool) {
        leaving::leave(&self.shared, self.shared.config.leave, is_in_hurry);
    }

    /// Stops accepting, lets connections finish what they have read, and returns when all threads have ended and the
    /// log is durable.
    pub fn stop(self) {
        self.service.stop_token().cancel();
        self.shared.clients.finish_all();
        self.service.stop();
        keeping::close(&self.shared);
        self.shared.traces.iter().for_each(|traces| traces.stop());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seed_of_a_process_stays_and_another_one_is_refused() {
        seed_hashes(None).unwrap();
        let hash = key::hash_of(b"k");
        seed_hashes(None).unwrap();
        assert_eq!(key::hash_of(b"k"), hash);
        // A random seed is neither of two fixed ones, but for one start in 2^63.
        assert!((1..=2).any(|seed| seed_hashes(Some(seed)).is_err()));
    }
}
