//! A collector of OpenTelemetry in this process: it takes spans over gRPC or HTTP and keeps them, or does worse.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use prost::Message;
use ringmaster_runtime::traces::{Protocol, Sample, TracesConfig};
use tokio::runtime::{Builder, Runtime};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A span as it came, with who told it.
#[derive(Clone, Debug)]
pub struct Told {
    /// `service.name`.
    pub service: String,
    /// `service.instance.id`.
    pub instance: String,
    /// What was done.
    pub name: String,
    /// The trace, in hexadecimal.
    pub trace: String,
    /// The span itself and the one it is a part of, in hexadecimal; empty for none.
    pub id: String,
    /// See `id`.
    pub parent: String,
    /// In nanoseconds since the Unix epoch.
    pub times: (u64, u64),
    /// Names and values, numbers as text.
    pub attributes: Vec<(String, String)>,
    /// Whether it failed.
    pub is_error: bool,
}

impl Told {
    /// The value of an attribute; empty if there is none.
    #[must_use]
    pub fn of(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

/// What a collector does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Takes it.
    Takes,
    /// Takes it after a time.
    Slow(Duration),
    /// Accepts connections and never says anything.
    Hangs,
}

/// All spans that came.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<Told>>>);

/// A running collector; it ends when it is dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    protocol: Protocol,
    kept: Kept,
    _runtime: Option<Runtime>,
}

impl Collector {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// If it cannot start.
    #[must_use]
    pub fn start(protocol: Protocol, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let kept = Kept::default();
        let mut runtime = None;
        match (protocol, manner) {
            (_, Manner::Hangs) => hang(listener),
            (Protocol::Grpc, manner) => runtime = Some(serve_grpc(listener, &kept, manner)),
            (Protocol::Http, manner) => serve_http(listener, &kept, manner),
        }
        Self { address, protocol, kept, _runtime: runtime }
    }

    /// The settings by which a process tells it its spans, this share of the commands among them, soon.
    ///
    /// # Panics
    /// If the share is none.
    #[must_use]
    pub fn config(&self, share: f64) -> TracesConfig {
        TracesConfig {
            endpoint: Some(format!("http://{}", self.address)),
            protocol: self.protocol,
            sample: Some(Sample::of(share).expect("a share")),
            interval: ringmaster_protocol::config::Millis::new(20),
            ..TracesConfig::default()
        }
    }

    /// The spans so far.
    ///
    /// # Panics
    /// If a thread that kept one has panicked.
    #[must_use]
    pub fn spans(&self) -> Vec<Told> {
        self.kept.0.lock().expect("no thread has panicked").clone()
    }
}

impl Kept {
    fn keep(&self, request: &ExportTraceServiceRequest) {
        let mut all = self.0.lock().expect("no thread has panicked");
        for resource in &request.resource_spans {
            let about = resource.resource.as_ref().map(|about| texts(&about.attributes)).unwrap_or_default();
            let of = |name: &str| about.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
            for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                all.push(Told {
                    service: of("service.name").to_owned(),
                    instance: of("service.instance.id").to_owned(),
                    name: span.name.clone(),
                    trace: hexadecimal(&span.trace_id),
                    id: hexadecimal(&span.span_id),
                    parent: hexadecimal(&span.parent_span_id),
                    times: (span.start_time_unix_nano, span.end_time_unix_nano),
                    attributes: texts(&span.attributes),
                    is_error: span.status.as_ref().is_some_and(|status| status.code == 2),
                });
            }
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let text = |attribute: &KeyValue| {
        let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
        let value = match value {
            Some(any_value::Value::StringValue(text)) => text.clone(),
            Some(any_value::Value::IntValue(number)) => number.to_string(),
            other => format!("{other:?}"),
        };
        (attribute.key.clone(), value)
    };
    attributes.iter().map(text).collect()
}

/// Accepts and keeps connections without a word.
fn hang(listener: TcpListener) {
    thread::spawn(move || {
        let all: Vec<TcpStream> = listener.incoming().map_while(Result::ok).collect();
        drop(all);
    });
}

/// The service over gRPC.
struct Grpc {
    kept: Kept,
    manner: Manner,
}

#[tonic::async_trait]
impl TraceService for Grpc {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        if let Manner::Slow(time) = self.manner {
            tokio::time::sleep(time).await;
        }
        self.kept.keep(request.get_ref());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn serve_grpc(listener: TcpListener, kept: &Kept, manner: Manner) -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    listener.set_nonblocking(true).expect("the option can be set");
    let service = TraceServiceServer::new(Grpc { kept: kept.clone(), manner });
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let served = Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener));
        served.await.expect("it serves");
    });
    runtime
}

fn serve_http(listener: TcpListener, kept: &Kept, manner: Manner) {
    let kept = kept.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let kept = kept.clone();
            thread::spawn(move || answer_http(stream, &kept, manner));
        }
    });
}

/// Answers the requests of one connection, until it ends.
fn answer_http(mut stream: TcpStream, kept: &Kept, manner: Manner) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let head_end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            more(&mut stream, &mut bytes)?;
        };
        let head = String::from_utf8_lossy(&bytes[..head_end]).to_lowercase();
        assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").trim().parse().expect("a number");
        while bytes.len() < head_end + length {
            more(&mut stream, &mut bytes)?;
        }
        let body = &bytes[head_end..head_end + length];
        if let Manner::Slow(time) = manner {
            thread::sleep(time);
        }
        kept.keep(&ExportTraceServiceRequest::decode(body).expect("a request for spans"));
        bytes.drain(..head_end + length);
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
            )
            .ok()?;
    }
}

fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 64 << 10];
    let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
    bytes.extend_from_slice(&chunk[..read]);
    Some(())
}
