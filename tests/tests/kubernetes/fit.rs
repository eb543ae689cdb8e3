//! What the manifests say of the programs is so: ports, paths, files, memory, and the time that stopping takes.

use ringmaster_node::Config as NodeConfig;
use ringmaster_protocol::cluster_file::ClusterFile;
use ringmaster_proxy::Config as ProxyConfig;
use ringmaster_runtime::secret::SecretSource;
use serde_yaml::Value;
use std::path::Path;

use crate::BUILDS;
use crate::manifests::{Manifests, config_of, list, mounted};

/// Seconds that are left to a process beyond what it was told to wait for others.
const SPARE_SECONDS: u64 = 10;

/// Seconds of the proxy's preStop hook.
const PRE_STOP_SECONDS: u64 = 5;

/// The settings of a build's pods.
struct Settings {
    manifests: Manifests,
    node: NodeConfig,
    proxy: ProxyConfig,
    cluster: ClusterFile,
}

impl Settings {
    fn of(build: &str) -> Option<Self> {
        let manifests = Manifests::build(build)?;
        let [node, proxy] = manifests.pods();
        let text = |pod| manifests.file(pod, config_of(pod));
        let node = NodeConfig::parse("node.yaml", text(node)).unwrap_or_else(|errors| panic!("{errors}"));
        let settings =
            ProxyConfig::parse("proxy.yaml", text(proxy)).unwrap_or_else(|errors| panic!("{errors}"));
        let path = settings.cluster.to_str().expect("a path of letters").to_owned();
        let cluster = ClusterFile::parse("cluster.yaml", manifests.file(proxy, &path))
            .unwrap_or_else(|errors| panic!("{errors}"));
        Some(Self { proxy: settings, node, cluster, manifests })
    }
}

/// The number of a container's port with a name.
fn port(pod: &Value, name: &str) -> u64 {
    let ports = list(&pod["spec"]["containers"][0]["ports"]);
    let found = ports.iter().find(|port| port["name"] == name);
    found.and_then(|port| port["containerPort"].as_u64()).unwrap_or_else(|| panic!("no port {name}"))
}

fn grace(pod: &Value) -> u64 {
    pod["spec"]["terminationGracePeriodSeconds"].as_u64().expect("seconds")
}

#[test]
fn the_ports_of_pods_and_services_are_those_on_which_the_programs_listen() {
    for build in BUILDS {
        let Some(Settings { manifests, node, proxy, cluster }) = Settings::of(build) else { return };
        let [node_pod, proxy_pod] = manifests.pods();
        for (pod, listen, admin) in
            [(node_pod, node.listen, node.admin), (proxy_pod, proxy.listen, proxy.admin)]
        {
            assert_eq!(port(pod, "redis"), u64::from(listen.port()));
            assert_eq!(port(pod, "admin"), u64::from(admin.port()));
            assert!(listen.ip().is_unspecified() && admin.ip().is_unspecified());
            let container = &pod["spec"]["containers"][0];
            for (probe, path) in
                [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
            {
                let get = &container[probe]["httpGet"];
                assert_eq!((&get["port"], &get["path"]), (&"admin".into(), &path.into()), "{probe}");
            }
        }
        for service in manifests.of_kind("Service") {
            let name = service["spec"]["selector"]["app.kubernetes.io/name"].as_str().expect("a label");
            let pod = if name == "ringmaster-node" { node_pod } else { proxy_pod };
            assert_eq!(pod["metadata"]["labels"]["app.kubernetes.io/name"], name);
            for entry in list(&service["spec"]["ports"]) {
                let target = entry["targetPort"].as_str().expect("a port by name");
                assert_eq!(entry["port"].as_u64(), Some(port(pod, target)));
            }
        }
        let found = cluster.discovery.expect("nodes are found by their service");
        assert_eq!(found.port, Some(node.listen.port()));
    }
}

#[test]
fn nodes_are_found_by_the_service_of_the_stateful_set() {
    for build in BUILDS {
        let Some(Settings { manifests, cluster, .. }) = Settings::of(build) else { return };
        let found = cluster.discovery.expect("nodes are found by their service");
        let set = &manifests.named("StatefulSet", "ringmaster-node")["spec"];
        assert_eq!(set["serviceName"], found.dns.as_str());
        let service = &manifests.named("Service", &found.dns)["spec"];
        assert_eq!(
            (&service["clusterIP"], &service["publishNotReadyAddresses"]),
            (&"None".into(), &true.into())
        );
        // The name server has a record `_redis._tcp.SERVICE` for the port of that name.
        assert_eq!(found.record_name(), format!("_redis._tcp.{}", found.dns));
        let ports = list(&service["ports"]);
        let port = ports.iter().find(|port| port["name"] == "redis").expect("a port of that name");
        assert_eq!(port["port"].as_u64(), found.port.map(u64::from));
        let pods = set["replicas"].as_u64().expect("a number");
        assert!(found.at_least as u64 * 2 > pods, "two proxies could found two clusters of {pods} nodes");
        assert!(cluster.replicas >= 2, "a pod that is moved takes nothing with it");
    }
}

#[test]
fn every_file_that_the_programs_are_told_of_is_mounted() {
    for build in BUILDS {
        let Some(Settings { manifests, node, proxy, cluster }) = Settings::of(build) else { return };
        let [node_pod, proxy_pod] = manifests.pods();
        let is_mounted = |pod: &Value, file: &Path| {
            let directory = file.parent().and_then(Path::to_str).expect("a directory");
            assert!(mounted(pod, directory).is_some(), "{build}: nothing is mounted for {}", file.display());
        };
        let SecretSource::File(secret) = &node.secret else { panic!("the nodes have no secret") };
        is_mounted(node_pod, secret);
        assert_eq!(cluster.secret_file.as_ref(), Some(secret));
        is_mounted(proxy_pod, secret);
        for (pod, tls) in [(node_pod, &node.tls), (proxy_pod, &proxy.tls)] {
            let files = tls.iter().flat_map(|tls| [Some(&tls.certificate), Some(&tls.key), tls.ca.as_ref()]);
            files.flatten().for_each(|file| is_mounted(pod, file));
        }
        let files = cluster.tls.iter().flat_map(|tls| [&tls.ca, &tls.certificate, &tls.key]);
        files.for_each(|file| is_mounted(proxy_pod, file));
        assert_eq!(node.tls.is_some(), cluster.tls.is_some());
        let claims = list(&manifests.named("StatefulSet", "ringmaster-node")["spec"]["volumeClaimTemplates"]);
        let mounts = list(&node_pod["spec"]["containers"][0]["volumeMounts"]);
        let data = mounts.iter().find(|mount| mount["name"] == claims[0]["metadata"]["name"]);
        assert_eq!(data.and_then(|mount| mount["mountPath"].as_str()), node.data_dir.to_str());
        assert!(mounts.iter().all(|mount| mount.get("subPath").is_none()));
    }
}

#[test]
fn a_profile_has_a_place_for_its_samples_though_the_root_is_read_only() {
    for build in BUILDS {
        let Some(manifests) = Manifests::build(build) else { return };
        for pod in manifests.pods() {
            let container = &pod["spec"]["containers"][0];
            let variable = list(&container["env"]).iter().find(|variable| variable["name"] == "TMPDIR");
            let place = variable.and_then(|variable| variable["value"].as_str()).expect("a place");
            let volume =
                mounted(pod, place).unwrap_or_else(|| panic!("{build}: nothing is mounted at {place}"));
            assert!(volume["emptyDir"]["sizeLimit"].is_string(), "{build}: {place} has no bound");
            let mounts = list(&container["volumeMounts"]);
            let mount = mounts.iter().find(|mount| mount["mountPath"] == place).expect("it is mounted");
            assert!(mount.get("readOnly").is_none(), "{build}: {place} is read-only");
        }
    }
}

#[test]
fn who_reaches_a_production_proxy_must_log_in_over_tls() {
    let Some(Settings { node, proxy, cluster, .. }) = Settings::of("overlays/production") else { return };
    assert!(!proxy.insecure && !node.insecure);
    assert!(proxy.tls.is_some() && node.tls.is_some());
    assert!(cluster.users.iter().any(|user| user.name == "default" && user.rules == "off"));
    assert!(cluster.users.iter().all(|user| !user.rules.split(' ').any(|rule| rule == "on")));
    assert!(cluster.version > 0);
}

#[test]
fn a_pod_has_as_long_to_stop_as_its_program_takes() {
    for build in BUILDS {
        let Some(Settings { manifests, node, cluster, .. }) = Settings::of(build) else { return };
        let [node_pod, proxy_pod] = manifests.pods();
        let seconds = (node.leave + node.drain).as_secs();
        assert!(grace(node_pod) >= seconds + SPARE_SECONDS, "{build}: {seconds} s");
        let hook = &proxy_pod["spec"]["containers"][0]["lifecycle"]["preStop"]["exec"]["command"];
        assert_eq!(list(hook)[1], PRE_STOP_SECONDS.to_string().as_str());
        let seconds = PRE_STOP_SECONDS + cluster.timeouts.drain.duration().as_secs();
        assert!(grace(proxy_pod) >= seconds + SPARE_SECONDS, "{build}: {seconds} s");
    }
}

#[test]
fn a_node_has_a_quarter_of_its_memory_for_other_than_keys() {
    for build in BUILDS {
        let Some(Settings { manifests, node, .. }) = Settings::of(build) else { return };
        let limit = manifests.pods()[0]["spec"]["containers"][0]["resources"]["limits"]["memory"].as_str();
        let limit = bytes(limit.expect("a limit"));
        assert!(node.maxmemory <= limit / 4 * 3, "{build}: {} of {limit}", node.maxmemory);
        let set = &manifests.named("StatefulSet", "ringmaster-node")["spec"]["volumeClaimTemplates"][0];
        let disk = bytes(set["spec"]["resources"]["requests"]["storage"].as_str().expect("a size"));
        assert!(disk >= 3 * node.maxmemory, "{build}: log and snapshots need more than {disk}");
    }
}

/// A quantity of Kubernetes in bytes.
fn bytes(quantity: &str) -> u64 {
    let (number, factor) = [("Gi", 1 << 30), ("Mi", 1 << 20)]
        .iter()
        .find_map(|(unit, factor)| Some((quantity.strip_suffix(unit)?, *factor)))
        .unwrap_or_else(|| panic!("{quantity} has no unit"));
    number.parse::<u64>().expect("a number") * factor
}

#[test]
fn policies_and_budgets_select_the_pods_that_they_are_for() {
    for build in BUILDS {
        let Some(manifests) = Manifests::build(build) else { return };
        let known = ["ringmaster-node", "ringmaster-proxy"];
        for (kind, path) in [("NetworkPolicy", "podSelector"), ("PodDisruptionBudget", "selector")] {
            let selected: Vec<&str> = manifests
                .of_kind(kind)
                .filter_map(|object| object["spec"][path]["matchLabels"]["app.kubernetes.io/name"].as_str())
                .collect();
            assert_eq!(selected, known, "{build}: {kind}");
        }
        let scaled = &manifests.of_kind("HorizontalPodAutoscaler").next().expect("one")["spec"];
        assert_eq!(scaled["scaleTargetRef"]["name"], "ringmaster-proxy");
        let deployment = manifests.named("Deployment", "ringmaster-proxy");
        assert!(deployment["spec"].get("replicas").is_none(), "an apply would undo what was scaled");
        for pod in manifests.pods() {
            let (pod, container) = (&pod["spec"], &pod["spec"]["containers"][0]["securityContext"]);
            assert_eq!((&pod["securityContext"]["runAsNonRoot"]), &Value::Bool(true));
            assert_eq!(container["readOnlyRootFilesystem"], true);
            assert_eq!(container["allowPrivilegeEscalation"], false);
            assert_eq!(container["capabilities"]["drop"][0], "ALL");
        }
    }
}
