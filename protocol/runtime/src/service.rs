//! A running tier: its data threads, its control thread, and the handle that stops them.
//!
//! ```text
//! control thread   acceptor ──► data thread 0: current-thread runtime, its connections
//!                  admin port   data thread 1: …
//! ```
//! A connection lives and dies on the data thread that it was dealt to.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::task::{LocalSet, spawn_local};
use tokio_util::sync::CancellationToken;

use crate::acceptor::{Dealer, Listener};
use crate::admin::{self, Admin, AdminDoor, Loops, Served};
use crate::admission::Admission;
use crate::door::{Arrival, Door};
use crate::{acceptor, data_thread};

/// What a data thread does with connections. Made on its thread, so it may hold `Rc` and `RefCell`.
pub trait Worker: 'static {
    /// Called once, before the first connection: the place to spawn what the thread needs without one. `stop` is
    /// cancelled when the service begins to stop.
    fn start(self: &Rc<Self>, stop: &CancellationToken) {
        let _ = stop;
    }

    /// Serves one connection from accept to close. When `stop` is cancelled it finishes what it has read
    /// and closes.
    fn serve(self: Rc<Self>, arrival: Arrival, stop: CancellationToken) -> impl Future<Output = ()>;
}

/// How a tier listens.
#[derive(Clone)]
pub struct ServiceConfig {
    /// Prefix of the threads' names, e.g. `node`.
    pub name: &'static str,
    /// Where clients come in; the first has an IP address.
    pub doors: Vec<Arc<Door>>,
    /// Where the admin port listens, and for whom.
    pub admin: Arc<AdminDoor>,
    /// Data threads, 1..=256.
    pub threads: usize,
    /// How many connections there may be; one more is told so and closed.
    pub admission: Arc<Admission>,
    /// How long connections may take to finish when the service stops.
    pub drain: Duration,
}

/// A running tier. Dropping it without [`Service::stop`] leaves its threads running.
#[derive(Debug)]
pub struct Service {
    addresses: Vec<Option<SocketAddr>>,
    address: SocketAddr,
    admin_address: SocketAddr,
    stop: CancellationToken,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Service {
    /// Binds both ports, starts the threads and returns once connections are accepted.
    /// `make(index)` makes the worker of a data thread, on that thread and within its runtime.
    ///
    /// # Errors
    /// A port cannot be bound, or a thread or runtime cannot be made. Nothing is left running.
    pub fn start<W: Worker>(
        config: &ServiceConfig,
        make: impl Fn(usize) -> W + Send + Sync + 'static,
        admin: Arc<dyn Admin>,
    ) -> io::Result<Self> {
        let listeners: io::Result<Vec<_>> =
            config.doors.iter().map(|door| Ok((Listener::bind(door.listen())?, Arc::clone(door)))).collect();
        let listeners = listeners?;
        let admin_listener = acceptor::bind(config.admin.address())?;
        let addresses: io::Result<Vec<_>> =
            listeners.iter().map(|(listener, _)| listener.address()).collect();
        let (addresses, admin_address) = (addresses?, admin_listener.local_addr()?);
        let no_address =
            || io::Error::new(io::ErrorKind::InvalidInput, "the first listener needs an IP address");
        let address = addresses.first().copied().flatten().ok_or_else(no_address)?;
        let stop = CancellationToken::new();
        let make = Arc::new(make);
        let (mut threads, mut lanes) = (Vec::new(), Vec::new());
        let loops = Arc::new(Loops::new(config.threads.max(1)));
        for index in 0..config.threads.max(1) {
            let (make, of_thread) = (Arc::clone(&make), Arc::clone(&loops));
            let make = move || {
                of_thread.enter(index, &Handle::current());
                make(index)
            };
            let (lane, thread) = data_thread::spawn(config, index, make, &stop)?;
            lanes.push(lane);
            threads.push(thread);
        }
        let control = Builder::new_current_thread().enable_all().build()?;
        let dealer = Arc::new(Dealer { lanes, admission: Arc::clone(&config.admission), stop: stop.clone() });
        let served = Served { door: Arc::clone(&config.admin), admin, loops };
        let body = move || {
            LocalSet::new().block_on(&control, async {
                spawn_local(admin::serve(admin_listener, served, dealer.stop.clone()));
                acceptor::run_all(&dealer, listeners).await;
            });
        };
        threads.push(thread::Builder::new().name(format!("{}-control", config.name)).spawn(body)?);
        Ok(Self { addresses, address, admin_address, stop, threads })
    }

    /// Where clients connect, the port filled in.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients connect, by door, the port filled in; `None` for a Unix socket.
    #[must_use]
    pub fn addresses(&self) -> &[Option<SocketAddr>] {
        &self.addresses
    }

    /// Where the admin port listens, the port filled in.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Cancelled when the service begins to stop.
    #[must_use]
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Stops accepting, lets connections finish for at most the drain time, and joins the threads. Blocks.
    pub fn stop(self) {
        self.stop.cancel();
        for thread in self.threads {
            // A thread that panicked has said so by the panic hook; the others still have to be joined.
            drop(thread.join());
        }
    }
}

/// Connections that a data thread has now; the acceptor reads it to deal evenly.
pub(crate) type Load = Arc<AtomicUsize>;
