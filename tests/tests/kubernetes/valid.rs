//! Every manifest is one that the newest three versions of Kubernetes take, and says nothing that they do not know.

use std::process::Command;

use crate::BUILDS;
use crate::manifests::{Manifests, list};

/// The newest three that kubernetes-validate knows.
const VERSIONS: [&str; 3] = ["1.37", "1.36", "1.35"];

/// Kinds of others' making, which kubernetes-validate has no schema of.
const FOREIGN: [&str; 2] = ["ServiceMonitor", "PrometheusRule"];

#[test]
fn every_manifest_is_strictly_valid_for_the_newest_three_versions() {
    let Ok(program) = std::env::var("RINGMASTER_TEST_KUBERNETES_VALIDATE") else {
        return eprintln!("SKIPPED: kubernetes-validate is not installed; scripts/test.sh installs it");
    };
    let directory = tempfile::tempdir().unwrap();
    for build in BUILDS {
        let Some(manifests) = Manifests::build(build) else { return };
        let file = directory.path().join("all.yaml");
        std::fs::write(&file, &manifests.text).unwrap();
        for version in VERSIONS {
            let output =
                Command::new(&program).args(["-k", version, "--strict"]).arg(&file).output().unwrap();
            let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            let said = said.concat();
            let unknown = said.lines().filter(|line| line.contains("Couldn't find schema"));
            let is_ours = |line: &&str| !FOREIGN.iter().any(|kind| line.contains(kind));
            assert_eq!(unknown.filter(is_ours).collect::<Vec<_>>(), Vec::<&str>::new());
            assert!(output.status.success(), "{build} for {version}: {said}");
        }
    }
}

#[test]
fn the_service_monitor_finds_a_port_of_nodes_and_of_proxies() {
    let Some(manifests) = Manifests::build("overlays/production") else { return };
    let monitor = &manifests.named("ServiceMonitor", "ringmaster")["spec"];
    let wanted = monitor["selector"]["matchLabels"].as_mapping().expect("labels");
    let endpoint = &monitor["endpoints"][0];
    assert_eq!(endpoint["path"], "/metrics");
    let services: Vec<&str> = manifests
        .of_kind("Service")
        .filter(|service| {
            wanted.iter().all(|(key, value)| service["metadata"]["labels"].get(key) == Some(value))
        })
        .inspect(|service| {
            let ports = list(&service["spec"]["ports"]);
            assert!(ports.iter().any(|port| port["name"] == endpoint["port"]), "{service:?}");
        })
        .filter_map(|service| service["metadata"]["name"].as_str())
        .collect();
    assert_eq!(services, ["ringmaster-node", "ringmaster-proxy-admin"]);
}
