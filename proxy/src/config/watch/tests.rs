//! The watch against a real directory: every way in which a file is known to change.

use super::*;
use crate::cluster::Topology;
use crate::config::ReloadStatus;
use arc_swap::ArcSwap;
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// Longest that a condition may take to come true.
const DEADLINE: Duration = Duration::from_secs(20);

struct Watched {
    directory: TempDir,
    topology: Arc<ArcSwap<Topology>>,
    status: Arc<ReloadStatus>,
    watcher: Watcher,
}

impl Watched {
    /// Watches `cluster.yaml` in `directory`, with events only: it polls once an hour.
    fn by_events(directory: TempDir) -> Self {
        Self::at(directory, Pace { poll: Duration::from_secs(3600), ..Pace::default() })
    }

    fn at(directory: TempDir, pace: Pace) -> Self {
        let config = ClusterConfig::load(directory.path().join("cluster.yaml")).unwrap();
        let (topology, status) = (config.topology(), config.status());
        let watcher = Watcher::spawn_at(config, pace).unwrap();
        Self { directory, topology, status, watcher }
    }

    /// A directory with one cluster.yaml of these nodes.
    fn with(nodes: &str) -> Self {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("cluster.yaml"), text(nodes)).unwrap();
        Self::by_events(directory)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.directory.path().join(from), self.directory.path().join(to)).unwrap();
    }

    /// Puts a whole file in place at once, as editors do.
    fn replace(&self, text: &str) {
        self.write(".cluster.yaml.swp", text);
        self.rename(".cluster.yaml.swp", "cluster.yaml");
    }

    fn nodes(&self) -> String {
        let topology = self.topology.load();
        topology.nodes().iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn epoch(&self) -> u64 {
        self.topology.load().epoch().0
    }

    fn wait_for_nodes(&self, nodes: &str) {
        wait_until(nodes, || self.nodes() == nodes);
    }

    fn wait_for_failures(&self, count: u64) {
        wait_until("a failure", || self.status.reload_failures_total() >= count);
    }
}

fn text(nodes: &str) -> String {
    let lines = nodes.split(' ').map(|name| format!("  - name: {name}\n    address: {name}:6380\n"));
    format!("nodes:\n{}", lines.collect::<String>())
}

fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_true() {
        assert!(Instant::now() < deadline, "{what} did not come");
        thread::park_timeout(Duration::from_millis(2));
    }
}

#[test]
fn a_file_written_in_place_takes_effect() {
    let watched = Watched::with("a");
    watched.write("cluster.yaml", &text("a b"));
    watched.wait_for_nodes("a b");
    assert_eq!((watched.epoch(), watched.status.reloads_total()), (2, 1));
}

#[test]
fn each_of_several_renames_takes_effect() {
    let watched = Watched::with("a");
    for nodes in ["a b", "b", "b c d"] {
        watched.replace(&text(nodes));
        watched.wait_for_nodes(nodes);
    }
    assert_eq!((watched.epoch(), watched.status.reloads_total()), (4, 3));
}

#[test]
fn each_swap_of_a_config_map_takes_effect() {
    let directory = TempDir::new().unwrap();
    let version = |name: &str, nodes: &str| {
        fs::create_dir(directory.path().join(name)).unwrap();
        fs::write(directory.path().join(name).join("cluster.yaml"), text(nodes)).unwrap();
        symlink(name, directory.path().join("..data_tmp")).unwrap();
        fs::rename(directory.path().join("..data_tmp"), directory.path().join("..data")).unwrap();
    };
    version("..2026_01", "a");
    symlink("..data/cluster.yaml", directory.path().join("cluster.yaml")).unwrap();
    let path = directory.path().to_path_buf();
    let config = ClusterConfig::load(path.join("cluster.yaml")).unwrap();
    let topology = config.topology();
    let watcher =
        Watcher::spawn_at(config, Pace { poll: Duration::from_secs(3600), ..Pace::default() }).unwrap();
    for (at, count) in [(2, 2), (3, 3)] {
        let nodes = ["a", "b", "c"][..count].join(" ");
        version(&format!("..2026_0{at}"), &nodes);
        fs::remove_dir_all(path.join(format!("..2026_0{}", at - 1))).unwrap();
        wait_until(&nodes, || topology.load().nodes().len() == count);
    }
    watcher.stop();
}

#[test]
fn a_bad_file_changes_nothing_and_is_counted_once() {
    let watched = Watched::with("a b");
    watched.replace("nodes:\n  - name: a\n    adress: a:6380\n");
    watched.wait_for_failures(1);
    assert_eq!((watched.nodes().as_str(), watched.epoch()), ("a b", 1));
    let error = watched.status.last_error().unwrap();
    assert!(
        error.contains("cluster.yaml:3:5: nodes[0].adress: unknown key, did you mean `address`?"),
        "{error}"
    );
    watched.replace(&text("a c"));
    watched.wait_for_nodes("a c");
    assert_eq!((watched.epoch(), watched.status.reload_failures_total()), (2, 1));
    wait_until("no error", || watched.status.last_error().is_none());
}

#[test]
fn a_half_written_file_changes_nothing_until_it_is_whole() {
    let watched = Watched::with("a");
    let whole = text("b c");
    watched.write("cluster.yaml", &whole[..whole.len() - 10]);
    watched.wait_for_failures(1);
    assert_eq!(watched.nodes(), "a");
    watched.write("cluster.yaml", &whole);
    watched.wait_for_nodes("b c");
}

#[test]
fn a_deleted_file_changes_nothing_and_may_come_back() {
    let watched = Watched::with("a");
    watched.rename("cluster.yaml", "away");
    watched.wait_for_failures(1);
    assert!(watched.status.last_error().unwrap().contains("cannot be read"));
    watched.rename("away", "cluster.yaml");
    wait_until("no error", || watched.status.last_error().is_none());
    assert_eq!((watched.nodes().as_str(), watched.epoch()), ("a", 1));
    watched.write("cluster.yaml", &text("b"));
    watched.wait_for_nodes("b");
}

#[test]
fn a_change_without_an_event_is_found_by_polling() {
    let (directory, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let target = elsewhere.path().join("real.yaml");
    fs::write(&target, text("a")).unwrap();
    symlink(&target, directory.path().join("cluster.yaml")).unwrap();
    let watched = Watched::at(directory, Pace { poll: Duration::from_millis(20), ..Pace::default() });
    fs::write(&target, text("a b")).unwrap();
    watched.wait_for_nodes("a b");
}

#[test]
fn a_stopped_watch_looks_no_more() {
    let watched = Watched::with("a");
    watched.watcher.stop();
    fs::write(watched.directory.path().join("cluster.yaml"), text("b")).unwrap();
    assert_eq!(watched.topology.load().nodes()[0].name.as_str(), "a");
}

#[test]
fn reading_the_file_is_no_reason_to_look() {
    let access = |kind| EventKind::Access(kind);
    assert!(is_read(access(AccessKind::Open(AccessMode::Read))));
    assert!(is_read(access(AccessKind::Close(AccessMode::Read))));
    assert!(!is_read(access(AccessKind::Close(AccessMode::Write))));
    assert!(!is_read(EventKind::Any));
}

#[test]
fn what_changed_between_load_and_watch_is_seen_at_once() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("cluster.yaml");
    fs::write(&path, text("a")).unwrap();
    let config = ClusterConfig::load(&path).unwrap();
    let topology = config.topology();
    fs::write(&path, text("a b")).unwrap();
    let watcher = Watcher::spawn(config).unwrap();
    assert_eq!(topology.load().nodes().len(), 2);
    watcher.stop();
}
