//! TLS between proxies and nodes.
//!
//! ```yaml
//! tls: {ca: nodes.pem, certificate: proxy.pem, key: proxy.key}
//! ```

use std::path::PathBuf;

use serde::Deserialize;

/// With what proxies speak TLS to nodes. Files are PEM, their names relative to cluster.yaml.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "TLS to the nodes: {ca, certificate, key}")]
pub struct NodeTls {
    /// Certificates of those who may sign that of a node.
    pub ca: PathBuf,
    /// The certificate that proxies show to nodes.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The name that stands in the certificate of every node. Default: the host of the node's address.
    #[serde(default)]
    pub name: Option<String>,
}
