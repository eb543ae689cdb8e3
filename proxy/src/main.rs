//! `ringmaster-proxy`: one proxy process.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use ringmaster_proxy::{Config, Proxy};
use ringmaster_runtime::tls::ListenerTls;
use ringmaster_runtime::traces::TracesConfig;
use ringmaster_runtime::{logging, signal};

/// The stateless front of a Ringmaster cluster: point any Redis client at it.
#[derive(Debug, Parser)]
#[command(name = "ringmaster-proxy", version)]
struct Flags {
    /// The file that names the nodes; it is watched, an edit takes effect at once [default: cluster.yaml]
    #[arg(long, env = "RINGMASTER_CLUSTER")]
    cluster: Option<PathBuf>,
    /// A proxy.yaml; the flags override it
    #[arg(long, env = "RINGMASTER_CONFIG")]
    config: Option<PathBuf>,
    /// Where clients connect [default: 127.0.0.1:6379]
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
    /// Where /healthz, /readyz and /metrics are served [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "IP:PORT")]
    admin: Option<SocketAddr>,
    /// The token of the admin port, one line of at least 16 characters [default: none]
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// Let everybody who reaches the admin port look at it
    #[arg(long)]
    admin_open: bool,
    /// Listen beyond this machine though everybody may do everything
    #[arg(long)]
    insecure: bool,
    /// The certificate for TLS, in PEM; clients must speak it then [default: none, in the clear]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Who may sign the certificates of clients, which they must show then
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_ca: Option<PathBuf>,
    /// Where traces of commands go, in place of what the proxy.yaml says [default: nowhere]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "http://HOST:PORT")]
    tracing_endpoint: Option<String>,
    /// Let who may change something over the admin port have profiles taken: /debug/pprof/profile and /debug/pprof/flamegraph
    #[arg(long)]
    profiling: bool,
    /// Data threads [default: one for each processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
}

impl Flags {
    fn config(self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            None => Config::default(),
            Some(file) => {
                let name = file.display().to_string();
                let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
                Config::parse(&name, &text)?
            }
        };
        config.cluster = self.cluster.unwrap_or(config.cluster);
        config.listen = self.listen.unwrap_or(config.listen);
        config.admin = self.admin.unwrap_or(config.admin);
        config.insecure |= self.insecure;
        config.profiling |= self.profiling;
        config.admin_access.open |= self.admin_open;
        config.admin_access.token_file = self.admin_token_file.or(config.admin_access.token_file);
        if let Some((certificate, key)) = self.tls_certificate.zip(self.tls_key) {
            config.tls = Some(ListenerTls::of_flags(certificate, key, self.tls_ca));
        }
        config.tracing = TracesConfig::with_endpoint(config.tracing, self.tracing_endpoint);
        config.threads = self.threads.map_or(config.threads, usize::from);
        Ok(config)
    }
}

fn main() -> anyhow::Result<()> {
    let config = Flags::parse().config()?;
    logging::start(&config.log);
    let proxy = Proxy::start(config)?;
    tracing::info!(address = %proxy.address(), admin = %proxy.admin_address(), "proxy is ready");
    signal::wait_for_stop()?;
    tracing::info!("proxy stops");
    proxy.stop();
    Ok(())
}
