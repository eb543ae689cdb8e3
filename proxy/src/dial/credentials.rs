//! By what the nodes know that a proxy is one of their cluster.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ringmaster_protocol::cluster_file::{ClusterFile, NODES_MAX};
use ringmaster_protocol::secret::Secrets;
use ringmaster_runtime::secret::{SecretKeeper, SecretSource};

/// What all threads of a proxy show to nodes.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    secrets: SecretKeeper,
    /// Where the secret is from when cluster.yaml names no file.
    otherwise: SecretSource,
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
        Ok(Self { secrets: SecretKeeper::new(&source)?, otherwise, trusting: Mutex::default() })
    }

    /// Looks whether they are others by now.
    pub(crate) fn refresh(&self, file: &ClusterFile, directory: &Path) {
        self.secrets.refresh(source(file, directory).as_ref().unwrap_or(&self.otherwise));
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

fn source(file: &ClusterFile, directory: &Path) -> Option<SecretSource> {
    file.secret_file.as_ref().map(|path| SecretSource::File(directory.join(path)))
}
