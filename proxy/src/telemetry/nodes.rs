//! What the threads know about the nodes: whether each of them reaches each node.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ringmaster_protocol::view::{Boot, Member};
use ringmaster_runtime::metrics::durations::Durations;

use super::Counter;
use crate::cluster::{NodeId, NodeInfo};

/// Which node is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Identity {
    /// One of the cluster.yaml.
    OfFile(NodeId),
    /// A process that a view names, and where it listens.
    OfView(Boot, String),
}

/// What one thread counts of a node.
#[derive(Debug, Default)]
pub(crate) struct NodeFigures {
    /// Commands sent to it.
    pub(crate) commands: Counter,
    /// From the writing of commands until the last of them was answered.
    pub(crate) round_trips: Durations,
}

/// One node at one address, as all threads see it.
#[derive(Debug)]
pub(crate) struct NodeStatus {
    identity: Identity,
    name: String,
    address: String,
    /// By data thread: `None` reached, or why not. A thread that is not in it has not tried yet.
    threads: Mutex<BTreeMap<usize, Option<String>>>,
    /// By data thread.
    figures: Mutex<BTreeMap<usize, Arc<NodeFigures>>>,
}

impl NodeStatus {
    /// A node that nobody looks for.
    #[cfg(test)]
    pub(crate) fn for_test() -> Arc<Self> {
        Self::for_test_at("")
    }

    /// The same at an address.
    #[cfg(test)]
    pub(crate) fn for_test_at(address: &str) -> Arc<Self> {
        let (name, address) = (String::new(), address.to_owned());
        let identity = Identity::OfFile(NodeId::for_test());
        Arc::new(Self { identity, name, address, threads: Mutex::default(), figures: Mutex::default() })
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The name in cluster.yaml.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// `thread` is connected.
    pub(crate) fn set_up(&self, thread: usize) {
        lock(&self.threads).insert(thread, None);
    }

    /// `thread` is not connected, because of `reason`.
    pub(crate) fn set_down(&self, thread: usize, reason: String) {
        lock(&self.threads).insert(thread, Some(reason));
    }

    /// Where `thread` counts what it sends there. For its connections, once each.
    pub(crate) fn figures_of(&self, thread: usize) -> Arc<NodeFigures> {
        Arc::clone(lock(&self.figures).entry(thread).or_default())
    }

    /// What all threads have counted.
    pub(crate) fn figures(&self) -> Vec<Arc<NodeFigures>> {
        lock(&self.figures).values().cloned().collect()
    }

    /// Whether a thread reaches the node.
    ///
    /// # Errors
    /// Why none does.
    pub(crate) fn reached(&self) -> Result<(), String> {
        let threads = lock(&self.threads);
        if threads.values().any(Option::is_none) {
            return Ok(());
        }
        Err(threads.values().flatten().next().cloned().unwrap_or_else(|| "not connected yet".to_owned()))
    }
}

impl fmt::Display for NodeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node '{}' at {}", self.name, self.address)
    }
}

/// The nodes that some thread uses.
#[derive(Debug, Default)]
pub(crate) struct Nodes(Mutex<Vec<Weak<NodeStatus>>>);

impl Nodes {
    /// The nodes in use, by name.
    pub(crate) fn all(&self) -> Vec<Arc<NodeStatus>> {
        let mut nodes: Vec<_> = lock(&self.0).iter().filter_map(Weak::upgrade).collect();
        nodes.sort_by(|one, other| one.name.cmp(&other.name));
        nodes
    }

    /// The status of a node, one and the same for all threads while some thread uses it.
    pub(crate) fn status_of(&self, node: &NodeInfo) -> Arc<NodeStatus> {
        self.status(Identity::OfFile(node.id), node.name.as_str(), node.address.to_string())
    }

    /// The same for a member of a view.
    pub(crate) fn status_of_member(&self, member: &Member) -> Arc<NodeStatus> {
        let address = member.address.to_string();
        self.status(Identity::OfView(member.boot, address.clone()), member.name.as_str(), address)
    }

    fn status(&self, identity: Identity, name: &str, address: String) -> Arc<NodeStatus> {
        let mut nodes = lock(&self.0);
        nodes.retain(|known| known.strong_count() > 0);
        let is_same = |known: &Arc<NodeStatus>| known.identity == identity && known.name == name;
        let known = nodes.iter().filter_map(Weak::upgrade).find(is_same);
        known.unwrap_or_else(|| {
            let name = name.to_owned();
            let (threads, figures) = (Mutex::default(), Mutex::default());
            let status = Arc::new(NodeStatus { identity, name, address, threads, figures });
            nodes.push(Arc::downgrade(&status));
            status
        })
    }
}

/// A panic elsewhere leaves these maps whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
