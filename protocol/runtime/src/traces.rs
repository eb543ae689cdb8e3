//! Traces: what became of single commands, told to a collector of OpenTelemetry.
//!
//! ```text
//! data thread: Sampler ──1 of 1000──► Span, Span …  ──try_send──► queue ──batch──► thread `traces` ──OTLP──► collector
//!                 └─the others: a countdown, and nothing else        └─full: dropped and counted
//! ```
//! Who is to be traced is decided before anything is made ([`Sampler`]): spans that are made and then thrown away cost
//! hundreds of nanoseconds each, a countdown less than one. A data thread never waits for a collector: it puts finished
//! spans into a bounded queue, and one thread of its own talks to the collector, with a bound for everything.

mod config;
mod exporter;
mod sampler;
mod span;

pub use config::{LiveSample, Protocol, Sample, TracesConfig};
pub use sampler::Sampler;
pub use span::{Began, Kind, Span, Value, error_word, span_id, trace_id};

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{Sender, channel};
use tokio_util::sync::CancellationToken;

use exporter::Exporter;

/// Time in which a process that stops tells its last spans.
const LAST: Duration = Duration::from_secs(2);

/// Time beyond that in which the thread ends.
const END: Duration = Duration::from_millis(500);

/// Who tells spans, as the collector is told.
#[derive(Clone, Debug)]
pub struct Service {
    /// `service.name`.
    pub name: &'static str,
    /// `service.version`.
    pub version: &'static str,
    /// `service.instance.id`: host and port, unless the settings name it.
    pub instance: String,
}

impl Service {
    /// The service of this process, whose clients connect at `listen`.
    #[must_use]
    pub fn here(name: &'static str, version: &'static str, listen: SocketAddr) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = if host.trim().is_empty() { listen.ip().to_string() } else { host.trim().to_owned() };
        // A port that the system picks is not known yet.
        let number = if listen.port() == 0 { std::process::id() } else { u32::from(listen.port()) };
        Self { name, version, instance: format!("{host}:{number}") }
    }
}

/// What became of spans; counters that only rise.
#[derive(Debug, Default)]
pub struct Figures {
    exported: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Figures {
    /// Spans that the collector took.
    #[must_use]
    pub fn exported(&self) -> u64 {
        self.exported.load(Ordering::Relaxed)
    }

    /// Spans for which the queue had no room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Spans that the collector did not take.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// The way of spans to the collector.
#[derive(Debug)]
pub struct Traces {
    spans: Sender<Span>,
    sample: Arc<LiveSample>,
    figures: Arc<Figures>,
    stop: CancellationToken,
    ended: Mutex<Receiver<()>>,
}

impl Traces {
    /// Starts the thread that talks to the collector, which need not be there.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made, or the endpoint is no address.
    pub fn start(config: &TracesConfig, service: &Service, fallback: Sample) -> io::Result<Arc<Self>> {
        // One that the environment names was not checked with the settings.
        config.check_endpoint().map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let (spans, receiver) = channel(config.queue);
        let (figures, stop) = (Arc::new(Figures::default()), CancellationToken::new());
        let (end, ended) = sync_channel(1);
        let exporter = Exporter::new(config, service, (&figures, &stop))?;
        let body = move || {
            exporter.run(receiver);
            // Nobody may wait for it.
            let _ = end.send(());
        };
        thread::Builder::new().name("traces".to_owned()).spawn(body)?;
        let sample = Arc::new(LiveSample::new(config.sample.unwrap_or(fallback)));
        Ok(Arc::new(Self { spans, sample, figures, stop, ended: Mutex::new(ended) }))
    }

    /// How many commands are traced without being asked for.
    #[must_use]
    pub fn sample(&self) -> Sample {
        self.sample.load()
    }

    /// So many are from now on: each thread goes by it after at most [`Sampler::LOOK_EVERY`] commands.
    pub fn set_sample(&self, sample: Sample) {
        self.sample.store(sample);
    }

    /// What samplers go by.
    #[must_use]
    pub fn live_sample(&self) -> &Arc<LiveSample> {
        &self.sample
    }

    /// Tells a span. Never waits: without room it is dropped and counted.
    pub fn record(&self, span: Span) {
        if self.spans.try_send(span).is_err() {
            self.figures.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of spans.
    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Tells what is in the queue, for at most some seconds, and ends the thread. Blocks.
    pub fn stop(&self) {
        self.stop.cancel();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // A collector that hangs is left to the end of the process.
        let _ = ended.recv_timeout(LAST + END);
    }
}
