//! The handle that callers hold.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    command::Command,
    dedicated::Pool,
    effect::Effect,
    endpoint::Endpoint,
    error::Error,
    limit::Limit,
    options::Options,
    pipeline::Pipeline,
    request::Outcome,
    retry::{Budget, jittered, may_repeat, went_well},
    target::Target,
    value::{FromValue, Value},
};

/// A server or several that are as good as each other, with one connection to each, shared by any number of tasks:
/// cloning the handle is cheap, the commands of all clones are pipelined. Commands of one task that waits for each
/// reply are applied in its order; between tasks there is no order.
///
/// **Several servers** (proxies of a cluster) are used in turn. One whose connection is lost gets no commands until
/// it is connected again, which is tried in the background; while none is connected, commands ask for a connection
/// and fail if there is none to be had.
///
/// **A lost connection**: what was sent and not answered is [`Error::MaybeApplied`]; what was not sent is tried
/// again as [`Retry`](crate::Retry) says. The connections close when the last clone is gone and the replies that
/// are owed have come.
///
/// **Backpressure**: when as much waits as [`Options::queue_max`] and [`Options::queue_max_bytes`] allow, callers
/// wait for their turn, within their deadline.
///
/// What is state of a connection would be shared as well: `SELECT`, `AUTH`, `HELLO 3`, `WATCH`, and `MULTI` or `EXEC` by
/// themselves are refused; there are [`Options`], [`Client::transaction`] and [`Client::watch`] for that, and
/// [`Client::dedicated`] for the rest. Nor send `BLPOP` here, which would hold up everybody: there is
/// [`Client::blpop`]. Without [`Options::reconnect`] nothing of this is refused: then the connection's state is its
/// owner's business.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    limit: Limit,
    idempotent: bool,
}

/// What all clones have in common.
struct Shared {
    /// At least one.
    endpoints: Vec<Endpoint>,
    turn: AtomicUsize,
    options: Arc<Options>,
    budget: Budget,
    pool: Pool,
}

/// Commands that are sent in one piece.
pub(crate) struct Batch {
    /// Encoded.
    pub(crate) bytes: Bytes,
    /// How many they are: 1.. .
    pub(crate) count: usize,
    /// Whether all may be applied twice.
    pub(crate) idempotent: bool,
}

impl Client {
    /// Connects to `address`, with the default [`Options`]: `host:port`, several of them with commas between, or a
    /// URL; all forms are listed at [`Target::new`].
    ///
    /// # Errors
    /// As [`Client::open`], or `address` cannot be read.
    ///
    /// Cancel safe: dropping the future closes what was opened.
    pub async fn connect(address: impl AsRef<str>) -> Result<Client, Error> {
        Client::connect_with(address, Options::default()).await
    }

    /// As [`Client::connect`], with options; what a URL says goes before them.
    ///
    /// # Errors
    /// As [`Client::connect`].
    ///
    /// Cancel safe: dropping the future closes what was opened.
    pub async fn connect_with(address: impl AsRef<str>, options: Options) -> Result<Client, Error> {
        Client::open(Target::new(address.as_ref(), options)?).await
    }

    /// Connects to all servers of `target`; there is a client as soon as one of them is connected. Needs a tokio
    /// runtime; the tasks of the connections live on it.
    ///
    /// # Errors
    /// When none can be connected: [`Error::Server`] if one refused the handshake (`WRONGPASS`, `NOAUTH` …), else
    /// [`Error::NotSent`].
    ///
    /// Cancel safe: dropping the future closes what was opened.
    pub async fn open(target: Target) -> Result<Client, Error> {
        let Target { addresses, options } = target;
        let options = Arc::new(options.within_range());
        let (report, mut reports) = mpsc::channel(addresses.len().max(1));
        let (mut drivers, mut endpoints) = (JoinSet::new(), Vec::with_capacity(addresses.len()));
        let eager = addresses.len() > 1;
        for address in addresses {
            let (endpoint, driver) = Endpoint::new(address, Arc::clone(&options), eager);
            drivers.spawn(driver.run(report.clone()));
            endpoints.push(endpoint);
        }
        drop(report);
        let mut failed = Error::refused("no address");
        while let Some(connected) = reports.recv().await {
            match connected {
                Ok(()) => {
                    drivers.detach_all();
                    return Ok(Client::new(endpoints, options));
                }
                Err(error) if matches!(failed, Error::Server(_)) => drop(error),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn new(endpoints: Vec<Endpoint>, options: Arc<Options>) -> Client {
        let limit = Limit::of_each(options.request_timeout);
        let (budget, pool) = (Budget::new(options.retry.budget), Pool::new(options.dedicated_max));
        let shared = Shared { endpoints, turn: AtomicUsize::new(0), options, budget, pool };
        Client { shared: Arc::new(shared), limit, idempotent: false }
    }

    /// A handle on the same connections whose commands take at most `timeout` each, all attempts included, in place
    /// of [`Options::request_timeout`].
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Client {
        Client { limit: self.limit.each(timeout), ..self.clone() }
    }

    /// A handle on the same connections whose commands all end by `deadline`: the rest of the time that a caller
    /// of ours has. After it, commands are [`Error::NotSent`] at once.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Client {
        Client { limit: self.limit.until(deadline), ..self.clone() }
    }

    /// A handle on the same connections whose commands may all be applied twice: see [`Command::idempotent`].
    #[must_use]
    pub fn idempotent(&self) -> Client {
        Client { idempotent: true, ..self.clone() }
    }

    /// Sends a command, name first, and waits for its reply.
    ///
    /// # Errors
    /// Any [`Error`]; its variant says whether the command may be sent again. `SUBSCRIBE`, `MONITOR` and the
    /// like are refused as [`Error::NotSent`]: they take over a connection. So is what would change the shared
    /// connection: see [`Client`].
    ///
    /// Cancel safety: dropping the future while the command waits in the queue takes it out, unsent. Once it is
    /// sent it is or will be applied, and its reply is read and dropped; the connection stays usable. It is not
    /// sent again after that.
    pub async fn command<W: AsRef<[u8]>>(&self, words: &[W]) -> Result<Value, Error> {
        self.execute(&Command::from_words(words)).await
    }

    /// As [`Client::command`], for a [`Command`] built piece by piece.
    ///
    /// # Errors
    /// As [`Client::command`].
    ///
    /// Cancel safety: as [`Client::command`].
    pub async fn execute(&self, command: &Command) -> Result<Value, Error> {
        self.may_send(command.effect())?;
        let mut bytes = BytesMut::new();
        command.encode(&mut bytes)?;
        let batch = Batch { bytes: bytes.freeze(), count: 1, idempotent: command.is_idempotent() };
        self.submit(batch).await.pop().unwrap_or_else(|| Err(Error::Protocol("no reply".into())))
    }

    /// Sends `command` and converts the reply: the escape for what has no typed method.
    ///
    /// ```no_run
    /// # async fn example(client: ringmaster_client::Client) -> Result<(), ringmaster_client::Error> {
    /// use ringmaster_client::cmd;
    /// let encoding: String = client.query(cmd("OBJECT").arg("ENCODING").arg("key")).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Client::command`]; [`Error::Protocol`] when the reply is of another type, and then the command was
    /// applied.
    ///
    /// Cancel safety: as [`Client::command`].
    pub async fn query<T: FromValue>(&self, command: Command) -> Result<T, Error> {
        self.execute(&command).await.and_then(T::from_value)
    }

    /// A pipeline: commands that are written in one piece and answered together.
    pub fn pipeline(&self) -> Pipeline<'_> {
        Pipeline::new(self)
    }

    /// Whether a command with this effect may be sent by itself over the shared connection. Without leave to reconnect
    /// its state is the caller's business.
    pub(crate) fn may_send(&self, effect: Effect) -> Result<(), Error> {
        if self.shared.options.reconnect { effect.may_be_shared() } else { Ok(()) }
    }

    /// Sends a batch, again and again as the policy says, and waits for its replies: exactly as many outcomes.
    pub(crate) async fn submit(&self, batch: Batch) -> Vec<Outcome> {
        if self.limit.is_over() {
            let late = || io::Error::new(io::ErrorKind::TimedOut, "the deadline has passed");
            return (0..batch.count).map(|_| Err(Error::NotSent(late()))).collect();
        }
        let policy = &self.shared.options.retry;
        let deadline = self.limit.deadline();
        let idempotent = batch.idempotent || self.idempotent;
        for attempt in 1.. {
            let ends = policy.attempt_timeout.map_or(deadline, |time| deadline.min(Instant::now() + time));
            let outcomes = self.next().submit(batch.bytes.clone(), batch.count, ends).await;
            if !may_repeat(&outcomes, idempotent) {
                if went_well(&outcomes) {
                    self.earn();
                }
                return outcomes;
            }
            if !self.waits_for_next(attempt, deadline).await {
                return outcomes;
            }
        }
        Vec::new()
    }

    /// Waits until the attempt that follows `attempts` ones; false when there is to be none.
    pub(crate) async fn waits_for_next(&self, attempts: u32, deadline: Instant) -> bool {
        let policy = &self.shared.options.retry;
        let wait = jittered(policy.wait_before(attempts));
        let goes_on =
            attempts < policy.attempts_max && Instant::now() + wait < deadline && self.shared.budget.spend();
        if goes_on {
            tracing::debug!(attempts, wait_seconds = wait.as_secs_f64(), "is tried again");
            sleep(wait).await;
        }
        goes_on
    }

    /// Something went well, which earns a part of a retry.
    pub(crate) fn earn(&self) {
        self.shared.budget.earn();
    }

    /// Whether all of its commands may be applied twice.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// The server whose turn it is, of those that are connected.
    pub(crate) fn next(&self) -> &Endpoint {
        let endpoints = &self.shared.endpoints;
        if let [only] = &endpoints[..] {
            return only;
        }
        let turn = self.shared.turn.fetch_add(1, Ordering::Relaxed);
        let connected = endpoints.iter().filter(|endpoint| endpoint.is_connected()).count();
        let nth = |count: usize| turn.checked_rem(count);
        // One may be lost between the two looks; then anyone will do.
        let chosen =
            nth(connected).and_then(|n| endpoints.iter().filter(|endpoint| endpoint.is_connected()).nth(n));
        chosen.unwrap_or(&endpoints[turn % endpoints.len()])
    }

    /// The connections besides the shared ones.
    pub(crate) fn pool(&self) -> &Pool {
        &self.shared.pool
    }

    /// How it was connected.
    pub(crate) fn options(&self) -> &Arc<Options> {
        &self.shared.options
    }

    /// How long commands may take.
    pub(crate) fn limit(&self) -> Limit {
        self.limit
    }
}
