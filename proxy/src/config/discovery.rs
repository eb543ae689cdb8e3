//! Nodes that are found by the domain name system: a thread asks for the SRV records again and again.
//!
//! ```text
//! name server ──► SRV records ──► nodes_of: the nodes, or what is wrong ──► Found ──► the file's nodes
//!     │ silent, or says nonsense: the last good answer stays, it is told once
//! ```
//! An answer adds nodes at once. Whether one that is no longer in it goes is not decided here: a pod that restarts is
//! missing for a moment, too. A proxy keeps every member of the view that was not drained (`control::kept`).

mod ask;
mod names;

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use ringmaster_protocol::cluster_file::{ClusterFile, Discovery, Node};

use ask::Asker;
use names::nodes_of;

/// Time between two questions.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Time after a question that was not answered well.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Longest that a proxy which starts, or has a new name to ask for, waits for the first good answer.
pub(super) const FIRST_ANSWER: Duration = Duration::from_secs(60);

/// Who is to look again when other nodes were found.
pub(super) type Wake = Arc<OnceLock<SyncSender<()>>>;

/// What has come of the questions.
#[derive(Debug, Default)]
struct Found {
    /// The last good answer.
    nodes: Option<Arc<Vec<Node>>>,
    /// What is wrong with what came after it.
    trouble: Option<String>,
}

/// What the thread and its owner share.
#[derive(Debug, Default)]
struct Shared {
    found: Mutex<Found>,
    is_answered: Condvar,
}

/// Asks for the nodes until it is dropped.
#[derive(Debug)]
pub(super) struct Finder {
    discovery: Discovery,
    shared: Arc<Shared>,
    /// Dropped, it ends the thread.
    _alive: SyncSender<()>,
}

impl Finder {
    /// Begins to ask.
    ///
    /// # Errors
    /// No thread can be made, or the machine names no name server.
    pub(super) fn start(discovery: &Discovery, wake: Wake) -> io::Result<Self> {
        let (alive, ended) = sync_channel(0);
        let shared = Arc::<Shared>::default();
        let asker = Asker::new(discovery)?;
        let work = Loop { asker, discovery: discovery.clone(), shared: Arc::clone(&shared), wake, ended };
        thread::Builder::new().name("cluster-discovery".to_owned()).spawn(move || work.run())?;
        Ok(Self { discovery: discovery.clone(), shared, _alive: alive })
    }

    /// What it asks for.
    pub(super) fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// The nodes of the last good answer; another `Arc` when they are others.
    pub(super) fn nodes(&self) -> Option<Arc<Vec<Node>>> {
        self.shared.found().nodes.clone()
    }

    /// Waits for the first good answer.
    ///
    /// # Errors
    /// There was none within `patience`; what came instead.
    pub(super) fn first(&self, patience: Duration) -> Result<Arc<Vec<Node>>, String> {
        let found = self.shared.found.lock().unwrap_or_else(PoisonError::into_inner);
        let waited =
            self.shared.is_answered.wait_timeout_while(found, patience, |found| found.nodes.is_none());
        let (found, _) = waited.unwrap_or_else(PoisonError::into_inner);
        found.nodes.clone().ok_or_else(|| {
            let why = found.trouble.as_deref().unwrap_or("no answer yet");
            format!("no nodes were found by `{}`: {why}", self.discovery.record_name())
        })
    }
}

/// The file with the nodes that are found by its `discovery`; as it is without one.
///
/// # Errors
/// None were found within `patience`.
pub fn with_found_nodes(file: ClusterFile, patience: Duration) -> Result<ClusterFile, String> {
    let Some(discovery) = &file.discovery else { return Ok(file) };
    let finder = Finder::start(discovery, Wake::default()).map_err(|error| error.to_string())?;
    let nodes = finder.first(patience)?;
    Ok(ClusterFile { nodes: nodes.to_vec(), ..file })
}

impl Shared {
    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what came; whether the nodes are others than before.
    fn take(&self, answer: Result<Vec<Node>, String>, name: &str) -> bool {
        let mut found = self.found();
        match answer {
            Ok(nodes) => {
                if found.trouble.take().is_some() {
                    tracing::info!(name, "nodes are found again");
                }
                let is_new = found.nodes.as_deref() != Some(&nodes);
                if is_new {
                    tracing::info!(name, nodes = nodes.len(), "nodes found");
                    found.nodes = Some(Arc::new(nodes));
                    self.is_answered.notify_all();
                }
                is_new
            }
            Err(why) => {
                if found.trouble.as_ref() != Some(&why) {
                    tracing::warn!(name, why, "nodes are not found, the last ones stay");
                    found.trouble = Some(why);
                }
                false
            }
        }
    }
}

/// What runs on the thread.
struct Loop {
    asker: Asker,
    discovery: Discovery,
    shared: Arc<Shared>,
    wake: Wake,
    ended: Receiver<()>,
}

impl Loop {
    fn run(mut self) {
        let name = self.discovery.record_name();
        loop {
            let answer = self.asker.ask(&name).and_then(|records| nodes_of(&records, &self.discovery));
            let pause = if answer.is_ok() { ASK_EVERY } else { ASK_AGAIN };
            if self.shared.take(answer, &name)
                && let Some(wake) = self.wake.get()
            {
                // A signal that is waiting already is enough.
                let _ = wake.try_send(());
            }
            if self.ended.recv_timeout(pause) == Err(std::sync::mpsc::RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn discovery() -> Discovery {
        Discovery { dns: "nodes".to_owned(), port: None, at_least: 1, server: None }
    }

    fn nodes(names: &[&str]) -> Vec<Node> {
        let records: Vec<_> = names.iter().map(|name| names::Record::new(&format!("{name}.x."), 1)).collect();
        nodes_of(&records, &discovery()).unwrap()
    }

    #[test]
    fn a_bad_answer_leaves_the_last_good_one() {
        let shared = Shared::default();
        assert!(!shared.take(Err("silent".to_owned()), "n"));
        assert!(shared.take(Ok(nodes(&["a", "b"])), "n"));
        assert!(!shared.take(Err("silent".to_owned()), "n"));
        assert_eq!(shared.found().nodes.as_deref(), Some(&nodes(&["a", "b"])));
        assert!(!shared.take(Ok(nodes(&["b", "a"])), "n"), "their order is none");
        assert!(shared.found().trouble.is_none());
        assert!(shared.take(Ok(nodes(&["a", "b", "c"])), "n"));
    }

    #[test]
    fn a_name_server_that_is_away_is_waited_for_and_then_told() {
        let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let wanted = Discovery { server: nobody.local_addr().ok(), ..discovery() };
        let finder = Finder::start(&wanted, Wake::default()).unwrap();
        let why = finder.first(Duration::from_millis(50)).unwrap_err();
        assert!(why.contains("_redis._tcp.nodes"), "{why}");
    }
}
