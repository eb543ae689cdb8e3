//! One data thread: its clients, its connections to nodes, and the tasks that look after them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Cache};
use ringmaster_protocol::resp::request::RequestLimits;
use ringmaster_runtime::door::Arrival;
use ringmaster_runtime::service::Worker;
use ringmaster_runtime::stream::Stream;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::cluster::Topology;
use crate::downstream::input::READ_BYTES;
use crate::downstream::{Connection, Scratch, linger};
use crate::hot_keys::HotKeys;
use crate::output::{Closed, Output, OutputLimits};
use crate::pubsub::Hub;
use crate::replicated::Replicated;
use crate::shared::Shared;
use crate::telemetry::{self, Sampling, ThreadMetrics};
use crate::traces::Tracer;
use crate::turn::Turn;
use crate::upstream::{Links, UpstreamContext, UpstreamLimits};

/// Shortest and longest time between two looks at the clients.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// The topology as this thread has it, and the connections for it.
pub(crate) struct Routes {
    cache: Cache<Arc<ArcSwap<Topology>>, Arc<Topology>>,
    /// The topology that `links` is for.
    adopted: Arc<Topology>,
    links: Links,
    /// Whether commands are sent by the file: no more once slots are served by views here.
    follows_file: bool,
    shared: Arc<Shared>,
    upstreams: Rc<UpstreamContext>,
}

impl Routes {
    /// Looks for a new topology. Once a batch: within it the topology stays the same.
    #[inline]
    pub(crate) fn refresh(&mut self) {
        let latest = self.cache.load();
        if !Arc::ptr_eq(latest, &self.adopted) {
            self.adopted = Arc::clone(latest);
            self.adopt();
        }
    }

    #[cold]
    fn adopt(&mut self) {
        let shared = Arc::clone(&self.shared);
        if self.follows_file {
            self.links.adopt(self.adopted.nodes().iter().map(|node| shared.nodes.status_of(node)));
        }
        self.upstreams.limits.set(upstream_limits(&self.adopted));
    }

    /// The topology and its connections.
    #[inline]
    pub(crate) fn parts(&mut self) -> (&Topology, &mut Links) {
        (&self.adopted, &mut self.links)
    }
}

/// One data thread.
pub(crate) struct DataThread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) metrics: Arc<ThreadMetrics>,
    pub(crate) routes: RefCell<Routes>,
    /// The chains of slots, once they are served by views.
    replicated: OnceCell<Rc<Replicated>>,
    upstreams: Rc<UpstreamContext>,
    /// What clients are subscribed to.
    pub(crate) hub: Rc<Hub>,
    pub(crate) hot_keys: Rc<HotKeys>,
    /// Which commands are timed.
    pub(crate) sampling: Sampling,
    pub(crate) scratch: RefCell<Scratch>,
    /// What all clients are read into.
    pub(crate) read_buffer: RefCell<Vec<u8>>,
    pub(crate) request_limits: Cell<RequestLimits>,
    output_limits: Rc<Cell<OutputLimits>>,
    turn: Rc<Turn>,
    clients: RefCell<BTreeMap<u64, Rc<Output>>>,
    /// Set when the proxy stops.
    stopping: Cell<bool>,
    /// How often the users have changed.
    users_changes: Cell<u64>,
}

impl DataThread {
    /// Data thread `index`; to be called on it.
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> Self {
        shared.threads.enter(index);
        let (turn, metrics) = (Rc::new(Turn::default()), Arc::clone(&shared.metrics[index]));
        let topology = shared.topology.load_full();
        let limits = Cell::new(upstream_limits(&topology));
        let hot_keys = Rc::new(HotKeys::new(&shared.hot_keys, index));
        let upstreams = Rc::new(UpstreamContext {
            turn: Rc::clone(&turn),
            limits,
            metrics: Arc::clone(&metrics),
            thread: index,
            credentials: Arc::clone(&shared.credentials),
            hot_keys: Rc::clone(&hot_keys),
            tracer: Tracer::new(shared.traces.as_ref()),
            lines: Rc::default(),
        });
        let mut routes = Routes {
            cache: Cache::new(Arc::clone(&shared.topology)),
            adopted: Arc::clone(&topology),
            links: Links::new(Rc::clone(&upstreams)),
            follows_file: shared.published().is_none(),
            shared: Arc::clone(&shared),
            upstreams: Rc::clone(&upstreams),
        };
        routes.adopt();
        tokio::task::spawn_local(Rc::clone(&turn).run());
        if index == 0 {
            tokio::task::spawn_local(telemetry::keep(Arc::clone(&shared)));
        }
        let hub = Hub::new(&shared, &metrics, &upstreams.lines);
        Self {
            metrics,
            hub,
            hot_keys,
            sampling: Sampling::default(),
            routes: RefCell::new(routes),
            replicated: OnceCell::new(),
            upstreams,
            scratch: RefCell::new(Scratch::new(rand::random())),
            read_buffer: RefCell::new(vec![0; READ_BYTES]),
            request_limits: Cell::new(request_limits(&topology)),
            output_limits: Rc::new(Cell::new(output_limits(&topology))),
            turn,
            clients: RefCell::default(),
            stopping: Cell::new(false),
            users_changes: Cell::new(0),
            shared,
        }
    }

    /// The chains of slots, if they are served by views by now.
    #[inline]
    pub(crate) fn replicated(&self) -> Option<&Rc<Replicated>> {
        self.replicated.get().or_else(|| self.shared.published().and_then(|_| self.start_replicated()))
    }

    /// Slots are served by views from here on. Connections that the file asks for end when all is answered.
    #[cold]
    fn start_replicated(&self) -> Option<&Rc<Replicated>> {
        let replicated = Replicated::start(&self.shared, &self.upstreams)?;
        let mut routes = self.routes.borrow_mut();
        routes.follows_file = false;
        routes.links.adopt(std::iter::empty());
        drop(routes);
        self.hub.goes_by_views(&replicated);
        Some(self.replicated.get_or_init(|| replicated))
    }

    /// What is traced here.
    #[inline]
    pub(crate) fn tracer(&self) -> &Tracer {
        &self.upstreams.tracer
    }

    /// Whether the proxy stops: clients end when what they sent is answered.
    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// How often the users have changed: a client that knows another number looks at itself anew.
    #[inline]
    pub(crate) fn users_changes(&self) -> u64 {
        self.users_changes.get()
    }

    /// A client with this id has come.
    pub(crate) fn enter(&self, id: u64, stream: Stream) -> Rc<Output> {
        let (limits, metrics) = (Rc::clone(&self.output_limits), Arc::clone(&self.metrics));
        let output = Output::new(id, stream, limits, metrics, Rc::clone(&self.turn));
        self.clients.borrow_mut().insert(id, Rc::clone(&output));
        self.metrics.clients.add(1);
        self.metrics.connections.add(1);
        output
    }

    /// The client with this id has gone.
    pub(crate) fn leave(&self, id: u64, why: Option<Closed>) {
        self.clients.borrow_mut().remove(&id);
        self.metrics.clients.sub(1);
        if matches!(why, Some(Closed::OutputFull | Closed::Stalled | Closed::Idle)) {
            self.metrics.clients_closed.add(1);
        }
    }

    /// Has each client look at itself anew whenever the users have changed: one that only listens or waits would not.
    async fn follow_users(self: Rc<Self>) {
        let mut changed = self.shared.users_changed.clone();
        while changed.changed().await.is_ok() {
            self.users_changes.set(self.users_changes.get() + 1);
            self.clients.borrow().values().for_each(|client| client.wake());
        }
    }

    /// Closes clients that take too long, and follows the topology when no client does.
    async fn look_after(self: Rc<Self>) {
        loop {
            // Also where no client sends anything: what heartbeats show to be due is done.
            let _ = self.replicated();
            let timeouts = {
                let mut routes = self.routes.borrow_mut();
                routes.refresh();
                self.request_limits.set(request_limits(&routes.adopted));
                self.output_limits.set(output_limits(&routes.adopted));
                self.bound_clients(&routes.adopted);
                routes.adopted.file().timeouts.clone()
            };
            let (idle, write) = (timeouts.client_idle.duration(), timeouts.client_write.duration());
            let shortest = if idle.is_zero() { write } else { write.min(idle) };
            let pause = (shortest / 4).clamp(LOOK_EVERY.0, LOOK_EVERY.1);
            sleep(pause).await;
            for client in self.clients.borrow().values() {
                client.look(pause, write, idle);
            }
        }
    }
}

impl DataThread {
    /// Wakes the clients whose commands were held back.
    async fn let_go(self: Rc<Self>) {
        let mut holds = self.shared.control.holds();
        while holds.changed().await.is_ok() {
            self.clients.borrow().values().for_each(|client| client.wake());
        }
    }

    /// What cluster.yaml says of how many clients there may be.
    fn bound_clients(&self, topology: &Topology) {
        let limits = &topology.file().limits;
        self.shared.admission.set_max(limits.clients);
        self.shared.admission.set_bounds(limits.clients_per_address, limits.connects_per_second);
    }
}

impl Worker for DataThread {
    fn start(self: &Rc<Self>, stop: &CancellationToken) {
        let (thread, stop) = (Rc::clone(self), stop.clone());
        tokio::task::spawn_local(async move {
            stop.cancelled().await;
            thread.stopping.set(true);
            thread.clients.borrow().values().for_each(|client| client.wake());
        });
        tokio::task::spawn_local(Rc::clone(self).look_after());
        tokio::task::spawn_local(Rc::clone(self).let_go());
        tokio::task::spawn_local(Rc::clone(self).follow_users());
    }

    async fn serve(self: Rc<Self>, arrival: Arrival, _stop: CancellationToken) {
        let mut connection = Connection::new(Rc::clone(&self), arrival);
        poll_fn(|context| connection.poll(context)).await;
        if let Some(stream) = connection.finish() {
            // In a box: no client pays for its end while it is here.
            Box::pin(linger(self, stream)).await;
        }
    }
}

fn request_limits(topology: &Topology) -> RequestLimits {
    let limits = &topology.file().limits;
    let request = limits.request.as_usize();
    RequestLimits {
        bulk_bytes_max: request.min(BULK_BYTES_MAX),
        args_max: limits.arguments,
        request_bytes_max: request,
    }
}

fn output_limits(topology: &Topology) -> OutputLimits {
    let limits = &topology.file().limits;
    let pause_bytes = limits.client_buffer.as_usize();
    let bytes_max = (OUTPUT_FACTOR * pause_bytes).max(OUTPUT_REQUESTS * limits.request.as_usize());
    // Places of replies in the output are counted in 32 bits.
    OutputLimits {
        pause_bytes,
        bytes_max: bytes_max.min(u32::MAX as usize / 2),
        in_flight_max: limits.pipeline,
    }
}

fn upstream_limits(topology: &Topology) -> UpstreamLimits {
    let (limits, timeouts) = (&topology.file().limits, &topology.file().timeouts);
    UpstreamLimits {
        connect: timeouts.connect.duration(),
        request: timeouts.request.duration(),
        pause_bytes: limits.upstream_buffer.as_usize(),
        reply_bytes_max: REPLY_BYTES_MAX,
    }
}

/// A client whose commands under way have more bytes of replies than this many `client_buffer`s is closed …
const OUTPUT_FACTOR: usize = 8;

/// … unless these are fewer than this many requests could have written.
const OUTPUT_REQUESTS: usize = 2;

/// Longest argument in bytes, whatever the limit of a request: Redis's longest value.
const BULK_BYTES_MAX: usize = 512 << 20;

/// Longest reply of a node in bytes: Redis's longest value and then some.
const REPLY_BYTES_MAX: usize = (512 << 20) + (64 << 10);
