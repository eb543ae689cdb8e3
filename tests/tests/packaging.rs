//! What the packages ship (images, the compose file, Debian's) are settings that the programs take, and true of them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ringmaster_node::Config as NodeConfig;
use ringmaster_protocol::cluster_file::ClusterFile;
use ringmaster_proxy::Config as ProxyConfig;
use serde_yaml::Value;

/// What a process may take to stop beyond what it waits for others.
const SPARE: Duration = Duration::from_secs(5);

/// The text of a shipped file, given relative to the top of the workspace.
fn text(path: &str) -> String {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn cluster(path: &str) -> ClusterFile {
    ClusterFile::parse(path, &text(path)).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The compose file; its `<<` are merged.
fn compose() -> Value {
    let mut file: Value = serde_yaml::from_str(&text("docker/docker-compose.yml")).expect("it is YAML");
    // Twice: what is merged merges others.
    file.apply_merge().expect("its anchors are there");
    file.apply_merge().expect("its anchors are there");
    file
}

fn seconds(value: &Value) -> Duration {
    let text = value.as_str().expect("a time");
    Duration::from_secs(text.strip_suffix('s').and_then(|number| number.parse().ok()).expect("seconds"))
}

#[test]
fn the_compose_file_has_the_nodes_of_its_cluster_file_and_two_proxies() {
    let (file, compose) = (cluster("docker/cluster/cluster.yaml"), compose());
    let services = compose["services"].as_mapping().expect("services");
    assert_eq!((file.nodes.len(), file.replicas), (3, 2));
    for node in &file.nodes {
        assert!(services.contains_key(node.name.as_str()), "there is no service {}", node.name);
        assert_eq!(node.address.to_string(), format!("{}:6380", node.name));
    }
    for proxy in ["proxy-a", "proxy-b"] {
        let waits_for = compose["services"][proxy]["depends_on"].as_mapping().expect("nodes");
        assert_eq!(waits_for.len(), file.nodes.len());
    }
}

#[test]
fn a_container_has_as_long_to_stop_as_its_program_takes() {
    let (file, compose) = (cluster("docker/cluster/cluster.yaml"), compose());
    let node = NodeConfig::default();
    let of = |name: &str| seconds(&compose["services"][name]["stop_grace_period"]);
    assert!(of("node-a") >= node.leave + node.drain + SPARE);
    assert!(of("proxy-a") >= file.timeouts.drain.duration() + SPARE);
}

#[test]
fn containers_may_write_only_where_their_programs_do() {
    let compose = compose();
    for name in ["node-a", "node-b", "node-c", "proxy-a", "proxy-b"] {
        let service = &compose["services"][name];
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"][0], "ALL", "{name}");
        let volume = service["volumes"][0].as_str().expect("a volume");
        assert!(volume.ends_with(":/data") || volume.ends_with(":ro"), "{name}: {volume}");
        // Every container has this directory in memory, writable; there a profile puts its samples.
        assert_eq!(service["environment"]["TMPDIR"], "/dev/shm", "{name}");
    }
}

#[test]
fn prometheus_looks_at_every_member_of_the_compose_file() {
    let file: Value = serde_yaml::from_str(&text("docker/observability/prometheus.yml")).expect("YAML");
    let jobs = file["scrape_configs"].as_sequence().expect("jobs");
    let targets = jobs.iter().flat_map(|job| {
        job["static_configs"][0]["targets"].as_sequence().expect("targets").iter().filter_map(Value::as_str)
    });
    let wanted = ["node-a:9380", "node-b:9380", "node-c:9380", "proxy-a:9379", "proxy-b:9379"];
    assert_eq!(targets.collect::<Vec<_>>(), wanted);
}

#[test]
fn compose_takes_the_file_with_all_profiles() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker");
    let has_plugin = Command::new("docker").args(["compose", "version"]).output();
    let words: &[&str] = if has_plugin.is_ok_and(|output| output.status.success()) {
        &["docker", "compose"]
    } else {
        &["docker-compose"]
    };
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(["--profile", "observability", "config", "--quiet"]);
    let Ok(output) = command.current_dir(&directory).env("RINGMASTER_SECRET", "0123456789abcdef").output()
    else {
        return eprintln!("SKIPPED: neither `docker compose` nor docker-compose is installed");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_debian_packages_ship_good_settings_that_listen_on_this_machine_only() {
    let node =
        NodeConfig::parse("node.yaml", &text("node/debian/node.yaml")).unwrap_or_else(|e| panic!("{e}"));
    let proxy =
        ProxyConfig::parse("proxy.yaml", &text("proxy/debian/proxy.yaml")).unwrap_or_else(|e| panic!("{e}"));
    let file = cluster("proxy/debian/cluster.yaml");
    assert!([node.listen, node.admin, proxy.listen, proxy.admin].iter().all(|at| at.ip().is_loopback()));
    assert_eq!(file.nodes[0].address.to_string(), node.listen.to_string());
    let is_asset = |manifest: &str, path: &Path| {
        let path = path.to_str().and_then(|path| path.strip_prefix('/')).expect("an absolute path");
        assert!(text(manifest).contains(&format!("\"{path}\"")), "{manifest} does not ship {path}");
    };
    is_asset("proxy/Cargo.toml", &proxy.cluster);
    let (unit, state) = (text("node/debian/ringmaster-node.service"), "StateDirectory=ringmaster-node\n");
    assert!(unit.contains(state) && node.data_dir == Path::new("/var/lib/ringmaster-node"));
    for (unit, kind, wait) in [
        (unit, "node", node.leave + node.drain),
        (text("proxy/debian/ringmaster-proxy.service"), "proxy", file.timeouts.drain.duration()),
    ] {
        let config = format!("/etc/ringmaster/{kind}.yaml");
        assert!(unit.contains(&format!("ExecStart=/usr/bin/ringmaster-{kind} --config {config}\n")));
        is_asset(&format!("{kind}/Cargo.toml"), Path::new(&config));
        let stop = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).expect("a time");
        assert!(Duration::from_secs(stop.parse().expect("seconds")) >= wait + SPARE, "{kind}");
    }
}
