//! What `kubectl kustomize` makes of a directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize as _;
use serde_yaml::{Deserializer, Value};

/// The objects of a build.
pub(crate) struct Manifests {
    /// As `kubectl apply` would get them.
    pub(crate) text: String,
    objects: Vec<Value>,
}

impl Manifests {
    /// Builds a directory below `k8s`; `None`, said loudly, without kubectl.
    pub(crate) fn build(directory: &str) -> Option<Self> {
        let kubectl = std::env::var("RINGMASTER_TEST_KUBECTL").unwrap_or_else(|_| "kubectl".to_owned());
        let path = top().join("k8s").join(directory);
        let output = match Command::new(&kubectl).arg("kustomize").arg(&path).output() {
            Ok(output) => output,
            Err(error) => {
                eprintln!("SKIPPED: {kubectl}: {error}; scripts/test.sh installs it");
                return None;
            }
        };
        assert!(output.status.success(), "{directory}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("YAML is UTF-8");
        let objects = Deserializer::from_str(&text)
            .map(|document| Value::deserialize(document).expect("kubectl writes YAML"))
            .collect();
        Some(Self { text, objects })
    }

    /// The objects of a kind.
    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let kind = kind.to_owned();
        self.objects.iter().filter(move |object| object["kind"] == kind.as_str())
    }

    /// The object of this kind and name.
    pub(crate) fn named(&self, kind: &str, name: &str) -> &Value {
        let mut found = self.of_kind(kind).filter(|object| object["metadata"]["name"] == name);
        found.next().unwrap_or_else(|| panic!("there is no {kind} {name}"))
    }

    /// The pods of nodes (a StatefulSet) and of proxies (a Deployment): their templates.
    pub(crate) fn pods(&self) -> [&Value; 2] {
        let node = self.named("StatefulSet", "ringmaster-node");
        let proxy = self.named("Deployment", "ringmaster-proxy");
        [&node["spec"]["template"], &proxy["spec"]["template"]]
    }

    /// The text of the ConfigMap's file that a pod sees at `path`.
    pub(crate) fn file(&self, pod: &Value, path: &str) -> &str {
        let (directory, file) = path.rsplit_once('/').expect("an absolute path");
        let volume = mounted(pod, directory).unwrap_or_else(|| panic!("nothing is mounted at {directory}"));
        let map = volume["configMap"]["name"].as_str().expect("a ConfigMap is mounted there");
        self.named("ConfigMap", map)["data"][file].as_str().unwrap_or_else(|| panic!("{map} has no {file}"))
    }
}

/// The volume that a pod's container mounts at `directory`.
pub(crate) fn mounted<'p>(pod: &'p Value, directory: &str) -> Option<&'p Value> {
    let mounts = list(&pod["spec"]["containers"][0]["volumeMounts"]);
    let name = &mounts.iter().find(|mount| mount["mountPath"] == directory)?["name"];
    list(&pod["spec"]["volumes"]).iter().find(|volume| volume["name"] == *name)
}

/// The file of settings that a pod's program is started with, which is all that it is told.
pub(crate) fn config_of(pod: &Value) -> &str {
    let args = list(&pod["spec"]["containers"][0]["args"]);
    assert_eq!((args.len(), args[0].as_str()), (2, Some("--config")), "{args:?}");
    args[1].as_str().expect("a path")
}

/// The items of a list; none where there is no list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}

/// The top of the workspace.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
