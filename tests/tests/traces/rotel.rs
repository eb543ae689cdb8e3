//! Spans as rotel, a collector of others, reads them: over gRPC and over HTTP.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use ringmaster_runtime::traces::{Protocol, Sample, TracesConfig};
use ringmaster_tests::peer::free_port;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::Wire;
use tempfile::TempDir;

use super::{Cluster, Millis, TRACE, traceparent};

/// The program; `scripts/test.sh` installs it and says where it is.
const ROTEL: &str = "RINGMASTER_TEST_ROTEL";

/// A running rotel; killed when dropped.
struct Rotel {
    child: Child,
    grpc: u16,
    http: u16,
    directory: TempDir,
}

impl Rotel {
    fn start() -> Option<Self> {
        let Ok(program) = std::env::var(ROTEL) else {
            eprintln!("SKIPPED: {ROTEL} names no collector; scripts/test.sh installs it");
            return None;
        };
        let (grpc, http) = (free_port(), free_port());
        let directory = TempDir::new().expect("a temporary directory can be made");
        let log = std::fs::File::create(directory.path().join("log")).expect("a file can be made");
        let child = Command::new(program)
            .args(["start", "--exporter", "blackhole", "--debug-log", "traces"])
            .args(["--debug-log-verbosity", "detailed", "--log-format", "text"])
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("the collector starts");
        let rotel = Self { child, grpc, http, directory };
        eventually("the collector listens", || {
            [grpc, http].into_iter().all(|port| TcpStream::connect(("127.0.0.1", port)).is_ok())
        });
        Some(rotel)
    }

    /// What it has printed.
    fn log(&self) -> String {
        let bytes = std::fs::read(self.directory.path().join("log")).expect("the log can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_collector_of_others_reads_the_spans_of_proxies_and_nodes() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let Some(rotel) = Rotel::start() else { return };
        let port = if protocol == Protocol::Grpc { rotel.grpc } else { rotel.http };
        let tracing = TracesConfig {
            endpoint: Some(format!("http://127.0.0.1:{port}")),
            protocol,
            sample: Some(Sample::NONE),
            interval: Millis::new(20),
            ..TracesConfig::default()
        };
        let cluster = Cluster::builder().yaml("replicas: 2").tracing(tracing).start();
        let mut client = Wire::connect(cluster.address());
        eventually("the first view", || client.ask("SET begun 1") == r"+OK\r\n");
        assert_eq!(client.ask(&format!("CLIENT TRACE {}", traceparent("01"))), r"+OK\r\n");
        assert_eq!(client.ask("SET k v"), r"+OK\r\n");
        let words = ["ringmaster-proxy", "ringmaster-node", "command", "route", "hop", "execute", TRACE];
        eventually("all spans", || {
            let log = rotel.log();
            words.iter().all(|word| log.contains(word))
        });
    }
}
