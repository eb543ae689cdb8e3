//! proxy.yaml: the settings of one proxy process. What concerns the cluster is in cluster.yaml.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::available_parallelism;

use ringmaster_protocol::config::{self, ConfigErrors, Findings};
use ringmaster_runtime::admin::AdminAccess;
use ringmaster_runtime::door::ListenerConfig;
use ringmaster_runtime::tls::ListenerTls;
use ringmaster_runtime::traces::TracesConfig;
use serde::Deserialize;

/// Most data threads.
const THREADS_MAX: usize = 256;

/// The settings of one proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where clients connect; port 0 takes a free one. Default 127.0.0.1:6379.
    pub listen: SocketAddr,
    /// Where the admin port listens; port 0, the default on 127.0.0.1, takes a free one.
    pub admin: SocketAddr,
    /// Who may look at the admin port. Default: this machine.
    pub admin_access: AdminAccess,
    /// Data threads, 1..=256. Default: one for each processor.
    pub threads: usize,
    /// The file that names the nodes. Default `cluster.yaml`. Watched: an edit takes effect at once.
    pub cluster: PathBuf,
    /// Listens beyond this machine though everybody may do everything. Default `false`.
    pub insecure: bool,
    /// How clients speak TLS, which they then must. Default: in the clear.
    pub tls: Option<ListenerTls>,
    /// More addresses to listen on. Default: none.
    pub listeners: Vec<ListenerConfig>,
    /// Where traces of commands go. Default `None`: nowhere.
    pub tracing: Option<TracesConfig>,
    /// Whether profiles may be taken over the admin port. Default `false`.
    pub profiling: bool,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter as `ringmaster_proxy=debug`.
    /// Default `info`.
    pub log: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 6379)),
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin_access: AdminAccess::default(),
            threads: processors(),
            cluster: PathBuf::from("cluster.yaml"),
            insecure: false,
            tls: None,
            listeners: Vec::new(),
            tracing: None,
            profiling: false,
            log: "info".to_owned(),
        }
    }
}

impl Config {
    /// Reads and checks the text of a proxy.yaml; `file` is its name in the messages.
    ///
    /// # Errors
    /// All that is wrong with it, each with line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        config::load::<FileConfig, Self>(file, text)
    }
}

fn processors() -> usize {
    available_parallelism().map_or(1, usize::from).min(THREADS_MAX)
}

/// proxy.yaml as it is written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "the keys of proxy.yaml")]
struct FileConfig {
    listen: String,
    admin: String,
    admin_access: AdminAccess,
    threads: usize,
    cluster: PathBuf,
    insecure: bool,
    tls: Option<ListenerTls>,
    listeners: Vec<ListenerConfig>,
    tracing: Option<TracesConfig>,
    profiling: bool,
    log: String,
}

impl Default for FileConfig {
    fn default() -> Self {
        let Config {
            listen,
            admin,
            admin_access,
            cluster,
            insecure,
            tls,
            listeners,
            tracing,
            profiling,
            log,
            ..
        } = Config::default();
        Self {
            listen: listen.to_string(),
            admin: admin.to_string(),
            admin_access,
            threads: 0,
            cluster,
            insecure,
            tls,
            listeners,
            tracing,
            profiling,
            log,
        }
    }
}

impl TryFrom<FileConfig> for Config {
    type Error = Findings;

    fn try_from(file: FileConfig) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        let listen = address("listen", &file.listen, &mut findings);
        let admin = address("admin", &file.admin, &mut findings);
        findings.range("threads", file.threads, 0..=THREADS_MAX);
        if let Some(tls) = &file.tls {
            tls.check("tls", &mut findings);
        }
        file.admin_access.check("admin_access", &mut findings);
        ListenerConfig::check_all(&file.listeners, &mut findings);
        if let Some(tracing) = &file.tracing {
            tracing.check("tracing", &mut findings);
        }
        let threads = if file.threads == 0 { processors() } else { file.threads };
        let fallback = Self::default();
        findings.or(Self {
            listen: listen.unwrap_or(fallback.listen),
            admin: admin.unwrap_or(fallback.admin),
            admin_access: file.admin_access,
            threads,
            cluster: file.cluster,
            insecure: file.insecure,
            tls: file.tls,
            listeners: file.listeners,
            tracing: file.tracing,
            profiling: file.profiling,
            log: file.log,
        })
    }
}

fn address(key: &str, text: &str, findings: &mut Findings) -> Option<SocketAddr> {
    let parsed = text.parse().ok();
    if parsed.is_none() {
        findings.add(key, format!("`{text}` is no address: give IP:port, as in `0.0.0.0:6379`"));
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_has_every_key_at_its_default() {
        let text = include_str!("../../configs/proxy.yaml");
        assert_eq!(Config::parse("proxy.yaml", text).unwrap(), Config::default());
        for key in [
            "listen",
            "admin",
            "admin_access",
            "threads",
            "cluster",
            "insecure",
            "listeners",
            "profiling",
            "log",
        ] {
            assert!(text.contains(&format!("\n{key}: ")), "{key}");
        }
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse("proxy.yaml", "").unwrap(), Config::default());
    }

    #[test]
    fn all_faults_come_at_once() {
        let errors = Config::parse("proxy.yaml", "listen: here\nthreads: 1000\nport: 1\n").unwrap_err();
        let places: Vec<String> = errors.problems().iter().map(ToString::to_string).collect();
        assert_eq!(places.len(), 3, "{places:?}");
    }
}
