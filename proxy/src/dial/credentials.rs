//! By what the nodes know that a proxy is one of their cluster.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use ringmaster_protocol::cluster_file::{ClusterFile, NODES_MAX, NodeTls};
use ringmaster_protocol::secret::Secrets;
use ringmaster_runtime::secret::{SecretKeeper, SecretSource};
use ringmaster_runtime::stream::{Socket, Stream};
use ringmaster_runtime::tls::{TlsClient, TlsFiles};
use tokio::net::TcpStream;

/// What all threads of a proxy show to nodes.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    secrets: SecretKeeper,
    /// Where the secret is from when cluster.yaml names no file.
    otherwise: SecretSource,
    tls: ArcSwapOption<NodeSide>,
    /// Nodes without a secret that were told of.
    trusting: Mutex<BTreeSet<String>>,
}

impl Credentials {
    /// Those that a cluster.yaml in `directory` names, or what the environment gives.
    ///
    /// # Errors
    /// The secret cannot be read, or is none; nothing of it is told.
    pub(crate) fn load(file: &ClusterFile, directory: &Path) -> Result<Self, String> {
        let otherwise = SecretSource::of_environment()?;
        let source = source(file, directory).unwrap_or_else(|| otherwise.clone());
        let tls = file.tls.as_ref().map(|tls| NodeSide::open(tls, directory)).transpose()?;
        Ok(Self {
            secrets: SecretKeeper::new(&source)?,
            otherwise,
            tls: ArcSwapOption::from_pointee(tls),
            trusting: Mutex::default(),
        })
    }

    /// Reads what `next`, which is to follow on `file`, names otherwise; nothing changes yet.
    ///
    /// # Errors
    /// A file cannot be used: what is wrong with it, and nothing of its content.
    pub(crate) fn renewal(
        &self,
        file: &ClusterFile,
        next: &ClusterFile,
        directory: &Path,
    ) -> Result<Renewal, String> {
        let source = source(next, directory).unwrap_or_else(|| self.otherwise.clone());
        let is_other = next.secret_file != file.secret_file;
        let secrets = is_other.then(|| source.read()).transpose()?;
        let tls = match (&next.tls, self.tls.load_full()) {
            (Some(wanted), Some(side)) if *wanted == side.settings => Some(side),
            (Some(wanted), _) => Some(Arc::new(NodeSide::open(wanted, directory)?)),
            (None, _) => None,
        };
        Ok(Renewal { secrets, tls })
    }

    /// Takes over what was read.
    pub(crate) fn adopt(&self, renewal: Renewal) {
        if let Some(secrets) = renewal.secrets {
            self.secrets.adopt(secrets);
        }
        self.tls.store(renewal.tls);
    }

    /// Looks whether they are others by now.
    pub(crate) fn refresh(&self, file: &ClusterFile, directory: &Path) {
        self.secrets.refresh(source(file, directory).as_ref().unwrap_or(&self.otherwise));
        match (&file.tls, self.tls.load_full()) {
            (Some(wanted), Some(side)) if *wanted == side.settings => side.client.refresh(),
            (Some(wanted), _) => match NodeSide::open(wanted, directory) {
                Ok(side) => self.tls.store(Some(Arc::new(side))),
                // Never in the clear because of a file that cannot be read.
                Err(fault) => tracing::error!(fault, "TLS to the nodes stays as it was"),
            },
            (None, Some(_)) => self.tls.store(None),
            (None, None) => {}
        }
    }

    /// With what nodes are spoken to over TLS, if they are.
    pub(crate) fn tls(&self) -> Option<Arc<NodeSide>> {
        self.tls.load_full()
    }

    /// The secrets now.
    pub(crate) fn secrets(&self) -> Arc<Secrets> {
        self.secrets.current()
    }

    /// A node serves everybody, though proxies have a secret. Logged once.
    pub(crate) fn tell_of_trusting_node(&self, address: &str) {
        let mut trusting = self.trusting.lock().unwrap_or_else(PoisonError::into_inner);
        if trusting.len() < NODES_MAX && trusting.insert(address.to_owned()) {
            tracing::warn!(address, "a node asks for no secret: start it with --secret-file");
        }
    }
}

/// What a changed cluster.yaml names, read and found in order.
#[derive(Debug)]
pub(crate) struct Renewal {
    /// `None` if they are where they were.
    secrets: Option<Secrets>,
    tls: Option<Arc<NodeSide>>,
}

/// TLS to the nodes.
pub(crate) struct NodeSide {
    settings: NodeTls,
    client: TlsClient,
}

impl NodeSide {
    fn open(settings: &NodeTls, directory: &Path) -> Result<Self, String> {
        let at = |path: &Path| directory.join(path);
        let (certificate, key) = (at(&settings.certificate), at(&settings.key));
        let files = TlsFiles { certificate, key, ca: Some(at(&settings.ca)) };
        let client = TlsClient::new(files).map_err(|error| format!("tls: {error}"))?;
        Ok(Self { settings: settings.clone(), client })
    }

    /// When the proxy's certificate ends, since the Unix epoch.
    pub(crate) fn expires_at(&self) -> Duration {
        self.client.expires_at()
    }

    /// Shakes hands with the node at `address`, host and port.
    pub(crate) async fn connect(&self, socket: TcpStream, address: &str) -> io::Result<Stream> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = self.settings.name.as_deref().unwrap_or(host);
        self.client.connect(Socket::Tcp(socket), name).await.map(|stream| Stream::Tls(Box::new(stream)))
    }
}

impl std::fmt::Debug for NodeSide {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("NodeSide").field(&self.settings).finish()
    }
}

fn source(file: &ClusterFile, directory: &Path) -> Option<SecretSource> {
    file.secret_file.as_ref().map(|path| SecretSource::File(directory.join(path)))
}
