//! One cluster.yaml: its first load, and what happens when it has changed.

use super::ReloadStatus;
use super::discovery::{FIRST_ANSWER, Finder, Wake};
use super::edited::edited;
use super::read;
use crate::cluster::{Topology, TopologyError};
use crate::dial::{Credentials, Renewal};
use crate::quota::{Quotas, quotas_of};
use arc_swap::ArcSwap;
use ringmaster_protocol::acl::{Accounts, User};
use ringmaster_protocol::cluster_file::{ClusterFile, Discovery, Node};
use ringmaster_protocol::config::ConfigErrors;
use ringmaster_runtime::audit;
use ringmaster_runtime::exposure::{self, Exposed};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::sync::watch;

/// What a proxy needs to be listened on by others than its machine.
const REMEDY: &str =
    "give users in cluster.yaml, `default` among them with a password, with limited rules or with `off`";

/// Why nodes and the first copies do not come in one edit.
const FIRST_COPIES: &str = "`replicas` cannot rise above 1 together with a change of `nodes`: save `replicas` alone, and the \
                            nodes when `ringmaster cluster status` shows a view";

/// Longest that a running proxy waits for the nodes of a name that is new in the file.
const FOUND_LATER: Duration = Duration::from_secs(5);

/// A cluster.yaml in effect, and the topology that all threads read.
#[derive(Debug)]
pub struct ClusterConfig {
    path: PathBuf,
    /// What the last look found; the same again is nothing new.
    seen: Result<String, ConfigErrors>,
    /// What it said was refused for a file that it names, which may come: that is looked for at each look.
    awaits_files: bool,
    /// Finds the nodes, where the file has `discovery`.
    finder: Option<Finder>,
    /// The nodes that the last look found there.
    found: Option<Arc<Vec<Node>>>,
    /// Who is told of other nodes.
    wake: Wake,
    topology: Arc<ArcSwap<Topology>>,
    status: Arc<ReloadStatus>,
    accounts: Arc<Accounts>,
    quotas: Arc<ArcSwap<Quotas>>,
    credentials: Arc<Credentials>,
    /// Whether slots are served by views, and no longer by the file alone.
    by_views: Arc<AtomicBool>,
    /// Tells that the users have changed.
    users_changed: watch::Sender<()>,
    /// Where clients come in only as users.
    guarded: Option<SocketAddr>,
}

impl ClusterConfig {
    /// Loads the file that the proxy starts with.
    ///
    /// # Errors
    /// All that is wrong with it; a proxy does not start without a good one.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, ConfigErrors> {
        let path = path.into();
        let text = read::text(&path)?;
        let file = ClusterFile::parse(&name_of(&path), &text)?;
        let accounts = Arc::<Accounts>::default();
        let quotas = Arc::<ArcSwap<Quotas>>::default();
        adopt_users(&file, &accounts, &quotas);
        let credentials = Credentials::load(&file, directory_of(&path))
            .map_err(|why| ConfigErrors::whole_file(&name_of(&path), why))?;
        let by_views = Arc::new(AtomicBool::new(file.replicas > 1));
        let wake = Wake::default();
        let finder = file.discovery.as_ref().map(|discovery| find(discovery, &wake)).transpose();
        let finder = finder.map_err(|why| ConfigErrors::whole_file(&name_of(&path), why))?;
        let (found, file) = placed(file, finder.as_ref(), FIRST_ANSWER)
            .map_err(|why| ConfigErrors::whole_file(&name_of(&path), why))?;
        let topology = Topology::first(file).map_err(|error| unplaceable(&path, &error))?;
        Ok(Self {
            accounts,
            quotas,
            credentials: Arc::new(credentials),
            by_views,
            users_changed: watch::Sender::new(()),
            guarded: None,
            path,
            seen: Ok(text),
            awaits_files: false,
            finder,
            found,
            wake,
            topology: Arc::new(ArcSwap::from_pointee(topology)),
            status: Arc::default(),
        })
    }

    /// Where it is signalled that other nodes were found.
    pub(super) fn wakes(&self, watch: SyncSender<()>) {
        // There is one watch.
        let _ = self.wake.set(watch);
    }

    /// The topology in effect, replaced whole when the file changes. Load it once a batch.
    pub fn topology(&self) -> Arc<ArcSwap<Topology>> {
        Arc::clone(&self.topology)
    }

    /// The users, changed live when the file changes.
    pub fn accounts(&self) -> Arc<Accounts> {
        Arc::clone(&self.accounts)
    }

    /// Hears of each change of the users, when it has taken effect.
    pub(crate) fn users_changed(&self) -> watch::Receiver<()> {
        self.users_changed.subscribe()
    }

    /// How much of the proxy users may have, changed live when the file changes.
    pub(crate) fn quotas(&self) -> Arc<ArcSwap<Quotas>> {
        Arc::clone(&self.quotas)
    }

    /// By what nodes know the proxy, changed live.
    pub(crate) fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.credentials)
    }

    /// Whether slots are served by views: from the start where they have copies. Set by who holds the first view.
    pub(crate) fn by_views(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.by_views)
    }

    /// Clients come in at `address`: where that is not this machine alone, the file must have users, now and after each
    /// change.
    ///
    /// # Errors
    /// It has none.
    pub(crate) fn guard(&mut self, address: SocketAddr) -> Result<(), Exposed> {
        self.guarded = Some(address);
        self.check_guard(self.topology.load().file())
    }

    fn check_guard(&self, file: &ClusterFile) -> Result<(), Exposed> {
        let accounts = Accounts::default();
        accounts.replace(users_of(file));
        exposure::check(self.guarded, accounts.is_open(), REMEDY)
    }

    /// What has come of the changes so far.
    pub fn status(&self) -> Arc<ReloadStatus> {
        Arc::clone(&self.status)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at the file. If it has changed for the good, its topology takes effect; if for the bad, nothing changes
    /// and the fault is told, once.
    pub(super) fn refresh(&mut self) {
        let text = read::text(&self.path);
        if text != self.seen || self.awaits_files || self.has_found_others() {
            self.follow(text);
        }
        self.credentials.refresh(self.topology.load().file(), directory_of(&self.path));
    }

    /// Whether the nodes that are found by a name are others than at the last look.
    fn has_found_others(&self) -> bool {
        let found = self.finder.as_ref().and_then(Finder::nodes);
        found.is_some_and(|found| self.found.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &found)))
    }

    /// The file with its nodes, where they are found by a name.
    fn with_nodes(&mut self, file: ClusterFile) -> Result<ClusterFile, String> {
        let asked = self.finder.as_ref().map(Finder::discovery);
        if asked != file.discovery.as_ref() {
            self.finder = file.discovery.as_ref().map(|discovery| find(discovery, &self.wake)).transpose()?;
        }
        let (found, file) = placed(file, self.finder.as_ref(), FOUND_LATER)?;
        self.found = found;
        Ok(file)
    }

    fn follow(&mut self, text: Result<String, ConfigErrors>) {
        // Also where the file is bad: a fault is told once.
        self.found = self.finder.as_ref().and_then(Finder::nodes);
        let is_new = text != self.seen;
        let next = text.clone().and_then(|text| self.successor(&text));
        (self.seen, self.awaits_files) = (text, false);
        let next = match next {
            Ok(Some(next)) => next,
            Ok(None) => return self.status.clear_error(),
            Err(errors) => return self.refuse(&errors),
        };
        match self.renewal(next.file()) {
            Ok(renewal) => self.publish(next, renewal),
            Err(errors) => {
                self.awaits_files = true;
                let is_told = self.status.last_error().is_some_and(|told| *told == errors.to_string());
                if is_new || !is_told {
                    self.refuse(&errors);
                }
            }
        }
    }

    /// By what nodes will know the proxy when `next` is in effect. A file that it names and that cannot be used is a fault of
    /// the whole, or the proxy would speak to nodes in the clear that it is told to speak to over TLS.
    fn renewal(&self, next: &ClusterFile) -> Result<Renewal, ConfigErrors> {
        let current = self.topology.load();
        let renewal = self.credentials.renewal(current.file(), next, directory_of(&self.path));
        renewal.map_err(|why| ConfigErrors::whole_file(&name_of(&self.path), why))
    }

    /// The topology of a changed text; `None` if only its comments or spelling changed.
    fn successor(&mut self, text: &str) -> Result<Option<Topology>, ConfigErrors> {
        let file = ClusterFile::parse(&name_of(&self.path), text)?;
        let file =
            self.with_nodes(file).map_err(|why| ConfigErrors::whole_file(&name_of(&self.path), why))?;
        let current = self.topology.load();
        if file == *current.file() {
            return Ok(None);
        }
        self.check_first_copies(&file, current.file())
            .map_err(|why| ConfigErrors::whole_file(&name_of(&self.path), why.to_owned()))?;
        self.check_guard(&file)
            .map_err(|exposed| ConfigErrors::whole_file(&name_of(&self.path), exposed.to_string()))?;
        current.next(file).map(Some).map_err(|error| unplaceable(&self.path, &error))
    }

    /// Slots that the file alone has placed so far go into views where they are: that takes the nodes that they are on.
    fn check_first_copies(&self, file: &ClusterFile, current: &ClusterFile) -> Result<(), &'static str> {
        let is_first = file.replicas > 1 && !self.by_views.load(Ordering::Acquire);
        if is_first && file.nodes != current.nodes { Err(FIRST_COPIES) } else { Ok(()) }
    }

    fn publish(&self, next: Topology, renewal: Renewal) {
        let before = self.topology.load_full();
        tracing::info!(
            file = %self.path.display(),
            epoch = next.epoch().0,
            nodes = next.nodes().len(),
            slots_moved = next.slots_moved_since(&before),
            "cluster file applied"
        );
        self.audit(&edited(before.file(), next.file()), audit::Outcome::Done);
        if next.file().users != before.file().users {
            adopt_users(next.file(), &self.accounts, &self.quotas);
            self.users_changed.send_replace(());
        }
        // First: no node that is new is spoken to as the old ones were.
        self.credentials.adopt(renewal);
        self.topology.store(Arc::new(next));
        self.status.count_reload();
    }

    fn refuse(&self, errors: &ConfigErrors) {
        for problem in errors.problems() {
            tracing::error!(file = errors.file(), %problem, "cluster file refused, nothing changed");
        }
        self.audit(&format!("{} faults", errors.problems().len()), audit::Outcome::Refused);
        self.status.count_failure(errors.to_string());
    }

    /// Whose edit it was, the file does not say.
    fn audit(&self, about: &str, outcome: audit::Outcome) {
        audit::tell("proxy", (b"", &name_of(&self.path)), ("cluster.yaml", about), outcome);
    }
}

/// Begins to look for nodes.
fn find(discovery: &Discovery, wake: &Wake) -> Result<Finder, String> {
    Finder::start(discovery, Arc::clone(wake))
        .map_err(|error| format!("nodes cannot be looked for by `{}`: {error}", discovery.record_name()))
}

/// Nodes that were found for a file that names none, if it is such a one.
type Found = Option<Arc<Vec<Node>>>;

/// The file with the nodes that are found for it, and these; it waits for the first ones at most for `patience`.
fn placed(
    file: ClusterFile,
    finder: Option<&Finder>,
    patience: Duration,
) -> Result<(Found, ClusterFile), String> {
    let Some(finder) = finder else { return Ok((None, file)) };
    let nodes = finder.first(patience)?;
    let file = ClusterFile { nodes: nodes.to_vec(), ..file };
    Ok((Some(nodes), file))
}

/// Takes over the users of a file, and how much they may have.
fn adopt_users(file: &ClusterFile, accounts: &Accounts, quotas: &ArcSwap<Quotas>) {
    accounts.replace(users_of(file));
    let limited = quotas_of(file);
    if !limited.is_empty() {
        accounts.restrict();
    }
    quotas.store(Arc::new(limited));
}

/// The users of a checked file.
fn users_of(file: &ClusterFile) -> Vec<User> {
    file.users.iter().filter_map(|user| user.user().ok()).collect()
}

/// Where the files lie that it names.
fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn name_of(path: &Path) -> String {
    path.display().to_string()
}

fn unplaceable(path: &Path, error: &TopologyError) -> ConfigErrors {
    ConfigErrors::whole_file(&name_of(path), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const TEXT: &str = "nodes: [{name: a, address: 'a:1'}]\n";

    #[test]
    fn a_proxy_does_not_start_without_a_good_file() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("cluster.yaml");
        let error = |text: &[u8]| {
            fs::write(&path, text).unwrap();
            ClusterConfig::load(&path).unwrap_err().to_string()
        };
        assert!(error(b"nodes: []\n").contains("cluster.yaml:1:8: nodes: "));
        assert!(error(b"\xff\n").contains("is no UTF-8 text"));
        fs::remove_file(&path).unwrap();
        assert!(ClusterConfig::load(&path).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn other_comments_are_no_change() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("cluster.yaml");
        fs::write(&path, TEXT).unwrap();
        let mut config = ClusterConfig::load(&path).unwrap();
        fs::write(&path, format!("# a comment\n{TEXT}")).unwrap();
        config.refresh();
        assert_eq!((config.topology().load().epoch().0, config.status().reloads_total()), (1, 0));
        fs::write(&path, TEXT.replace("a:1", "a:2")).unwrap();
        config.refresh();
        assert_eq!((config.topology().load().epoch().0, config.status().reloads_total()), (2, 1));
    }

    #[test]
    fn the_first_copies_come_without_another_node_in_the_same_edit() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("cluster.yaml");
        let text = |copies, last| {
            format!(
                "replicas: {copies}\nnodes: [{{name: a, address: 'a:1'}}, {{name: {last}, address: 'b:1'}}]\n"
            )
        };
        fs::write(&path, text(1, "b")).unwrap();
        let mut config = ClusterConfig::load(&path).unwrap();
        let mut edit = |copies, last| {
            fs::write(&path, text(copies, last)).unwrap();
            config.refresh();
            (config.topology().load().file().replicas, config.status().last_error())
        };
        let (copies, error) = edit(2, "c");
        assert!(copies == 1 && error.unwrap().contains("save `replicas` alone"));
        assert_eq!(edit(2, "b"), (2, None));
    }

    #[test]
    fn a_file_that_names_another_that_cannot_be_used_is_refused_until_it_can() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("cluster.yaml");
        fs::write(&path, TEXT).unwrap();
        let mut config = ClusterConfig::load(&path).unwrap();
        let tls = "tls: {ca: ca.pem, certificate: own.crt, key: own.key}\n";
        for (more, named) in [(tls, "tls: "), ("secret_file: secret\n", "secret")] {
            fs::write(&path, format!("{more}{}", TEXT.replace("a:1", "a:2"))).unwrap();
            let failures = config.status().reload_failures_total();
            config.refresh();
            config.refresh();
            assert_eq!(config.status().reload_failures_total(), failures + 1, "it is told once");
            assert!(config.status().last_error().unwrap().contains(named));
            assert_eq!(config.topology().load().epoch().0, 1, "nodes that need it are not spoken to without");
            assert!(config.credentials().tls().is_none() && config.credentials().secrets().is_empty());
        }
        fs::write(directory.path().join("secret"), "0123456789abcdef").unwrap();
        config.refresh();
        assert_eq!((config.topology().load().epoch().0, config.status().last_error()), (2, None));
        assert!(!config.credentials().secrets().is_empty());
        fs::remove_file(directory.path().join("secret")).unwrap();
        fs::write(&path, format!("secret_file: secret\n{TEXT}")).unwrap();
        config.refresh();
        assert_eq!(config.topology().load().epoch().0, 3, "what it has already need not be read for that");
    }

    #[test]
    fn a_fault_that_stays_is_counted_once() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("cluster.yaml");
        fs::write(&path, TEXT).unwrap();
        let mut config = ClusterConfig::load(&path).unwrap();
        fs::remove_file(&path).unwrap();
        config.refresh();
        config.refresh();
        assert_eq!(config.status().reload_failures_total(), 1);
        fs::write(&path, "nodes: 3\n").unwrap();
        config.refresh();
        config.refresh();
        assert_eq!(config.status().reload_failures_total(), 2);
    }
}
