//! The thread that talks to the collector.
//!
//! It has a runtime of its own: the clients of OTLP spawn tasks, and one that is asked for its last spans from within the
//! runtime on which they run would wait for itself.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{Figures, Kind, LAST, Protocol, Service, Span, TracesConfig, Value};

/// What the thread has.
pub(super) struct Exporter {
    runtime: Runtime,
    batches: Batches,
}

impl Exporter {
    /// Makes ready what the thread needs; the collector need not be there.
    pub(super) fn new(
        config: &TracesConfig,
        service: &Service,
        (figures, stop): (&Arc<Figures>, &CancellationToken),
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut collector = {
            let _within = runtime.enter();
            client(config)?
        };
        collector.set_resource(&resource(config, service));
        let scope = InstrumentationScope::builder("ringmaster").with_version(service.version).build();
        let (interval, timeout) = (config.interval.duration(), config.timeout.duration());
        let batches = Batches {
            collector,
            scope,
            endpoint: config.endpoint().to_owned(),
            batch_max: config.batch,
            interval,
            timeout,
            figures: Arc::clone(figures),
            stop: stop.clone(),
            is_away: false,
        };
        Ok(Self { runtime, batches })
    }

    /// Runs until it is stopped.
    pub(super) fn run(self, spans: Receiver<Span>) {
        let Self { runtime, mut batches } = self;
        runtime.block_on(batches.work(spans));
        drop(batches);
        // A name server that does not answer is not waited for.
        runtime.shutdown_background();
    }
}

/// A client of the collector; nothing is sent yet.
fn client(config: &TracesConfig) -> io::Result<SpanExporter> {
    let (timeout, endpoint) = (config.timeout.duration(), config.endpoint().trim_end_matches('/'));
    let built = match config.protocol {
        Protocol::Grpc => {
            SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(timeout).build()
        }
        Protocol::Http => {
            let path = format!("{endpoint}/v1/traces");
            SpanExporter::builder().with_http().with_endpoint(path).with_timeout(timeout).build()
        }
    };
    built.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, format!("tracing: {error}")))
}

fn resource(config: &TracesConfig, service: &Service) -> Resource {
    let instance = config.instance.clone().unwrap_or_else(|| service.instance.clone());
    Resource::builder()
        .with_service_name(service.name)
        .with_attributes([
            KeyValue::new("service.instance.id", instance),
            KeyValue::new("service.version", service.version),
            KeyValue::new("service.namespace", "ringmaster"),
        ])
        .build()
}

/// The loop over batches of spans.
struct Batches {
    collector: SpanExporter,
    scope: InstrumentationScope,
    endpoint: String,
    batch_max: usize,
    interval: Duration,
    timeout: Duration,
    figures: Arc<Figures>,
    stop: CancellationToken,
    /// The collector did not take the last batch, and that was logged.
    is_away: bool,
}

impl Batches {
    async fn work(&mut self, mut spans: Receiver<Span>) {
        while !self.stop.is_cancelled() {
            let batch = self.gather(&mut spans).await;
            if !batch.is_empty() {
                self.send(batch).await;
            }
        }
        spans.close();
        let last = async {
            loop {
                let mut batch = Vec::new();
                if spans.recv_many(&mut batch, self.batch_max).await == 0 {
                    return;
                }
                self.send(batch).await;
            }
        };
        // What is left after that is lost with the process.
        let _ = timeout(LAST, last).await;
    }

    /// The next batch: full, or as old as it may be. Empty when the process stops.
    async fn gather(&self, spans: &mut Receiver<Span>) -> Vec<Span> {
        let mut batch = Vec::new();
        tokio::select! {
            () = self.stop.cancelled() => return batch,
            _ = spans.recv_many(&mut batch, self.batch_max) => {}
        }
        let until = Instant::now() + self.interval;
        while batch.len() < self.batch_max {
            let room = self.batch_max - batch.len();
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = sleep_until(until) => break,
                count = spans.recv_many(&mut batch, room) => if count == 0 { break },
            }
        }
        batch
    }

    /// Sends a batch, within bounds of time.
    async fn send(&mut self, batch: Vec<Span>) {
        let count = batch.len() as u64;
        let batch = batch.into_iter().map(|span| self.data(span)).collect();
        let stop = self.stop.clone();
        let outcome = tokio::select! {
            outcome = timeout(self.timeout, self.collector.export(batch)) => match outcome {
                Ok(exported) => exported.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer within {} ms", self.timeout.as_millis())),
            },
            () = async { stop.cancelled().await; sleep(LAST).await } => Err("the process stops".to_owned()),
        };
        self.note(outcome, count);
    }

    /// Counts what became of a batch; that the collector went away or came back is logged once.
    fn note(&mut self, outcome: Result<(), String>, count: u64) {
        let endpoint = &self.endpoint;
        match outcome {
            Ok(()) => {
                self.figures.exported.fetch_add(count, Ordering::Relaxed);
                if std::mem::take(&mut self.is_away) {
                    tracing::info!(endpoint, "the collector takes spans again");
                }
            }
            Err(error) => {
                self.figures.failed.fetch_add(count, Ordering::Relaxed);
                if !std::mem::replace(&mut self.is_away, true) {
                    tracing::warn!(
                        endpoint,
                        error,
                        "the collector takes no spans; they are dropped until it does"
                    );
                }
            }
        }
    }

    /// A span as the clients of OTLP want it.
    fn data(&self, span: Span) -> SpanData {
        let Span { name, kind, context, parent, is_parent_remote, times, attributes, error } = span;
        let (trace_id, span_id) = (TraceId::from(context.trace_id), SpanId::from(context.span_id));
        SpanData {
            span_context: SpanContext::new(
                trace_id,
                span_id,
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: parent.map_or(SpanId::INVALID, SpanId::from),
            parent_span_is_remote: is_parent_remote,
            span_kind: match kind {
                Kind::Server => SpanKind::Server,
                Kind::Client => SpanKind::Client,
                Kind::Internal => SpanKind::Internal,
            },
            name: Cow::Borrowed(name),
            start_time: times.0,
            end_time: times.1,
            attributes: attributes.into_iter().map(|(key, value)| attribute(key, value)).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: error.map_or(Status::Unset, Status::error),
            instrumentation_scope: self.scope.clone(),
        }
    }
}

fn attribute(key: &'static str, value: Value) -> KeyValue {
    match value {
        Value::Number(number) => KeyValue::new(key, number),
        Value::Word(word) => KeyValue::new(key, word),
        Value::Text(text) => KeyValue::new(key, text),
    }
}
