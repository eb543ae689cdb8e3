//! docker/observability, the alerts for the Prometheus Operator, and what docs/OPERATIONS.md says of each alert.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ringmaster_runtime::metrics::{Description, Kind};
use serde_yaml::Value;

use crate::promtool;

/// Where the anchors of the alerts are.
const RUNBOOK: &str = "https://github.com/ringmaster-cache/ringmaster/blob/main/docs/OPERATIONS.md#";

/// What Prometheus itself adds to a name.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_yaml::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All names of families, with what Prometheus makes of histograms.
fn known() -> BTreeSet<String> {
    let families = ringmaster_node::metric_families().into_iter().chain(ringmaster_proxy::metric_families());
    let names = |Description { name, kind, .. }: Description| {
        let of_histogram = SUFFIXES.map(|suffix| format!("{name}{suffix}"));
        match kind {
            Kind::Histogram => of_histogram.to_vec(),
            Kind::Counter | Kind::Gauge => vec![name.to_owned()],
        }
    };
    families.flat_map(names).collect()
}

/// The names of our metrics in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter(|word| ["ringmaster_", "process_"].iter().any(|prefix| word.starts_with(prefix))).collect()
}

fn alerts() -> Vec<Value> {
    let rules = yaml("docker/observability/alerts.yml");
    let groups = rules["groups"].as_sequence().expect("groups").iter();
    groups.flat_map(|group| group["rules"].as_sequence().expect("rules").clone()).collect()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is missing: {value:?}"))
}

#[test]
fn rules_dashboard_and_pages_of_docs_name_metrics_that_there_are() {
    let known = known();
    let files = ["docker/observability/alerts.yml", "docker/observability/dashboard.json"];
    let mut unknown = BTreeSet::new();
    for file in files {
        let read = read(file);
        let names = named(&read);
        assert!(names.len() > 10, "{file} names {names:?}");
        unknown.extend(
            names.iter().filter(|name| !known.contains(**name)).map(|name| format!("{file}: {name}")),
        );
    }
    // Docs also tell what INFO says, in the same manner: what looks like a family of a tier must be one.
    for file in ["OPERATIONS", "SECURITY", "CONFIGURATION", "REPLICATION", "PERSISTENCE"] {
        let file = format!("docs/{file}.md");
        let read = read(&file);
        let is_family = |name: &&&str| {
            ["ringmaster_node_", "ringmaster_proxy_", "process_"].iter().any(|tier| name.starts_with(tier))
        };
        let names = named(&read);
        let wrong = names.iter().filter(is_family).filter(|name| {
            !known.contains(**name)
                && !SUFFIXES.iter().any(|suffix| known.contains(&format!("{name}{suffix}")))
        });
        unknown.extend(wrong.map(|name| format!("{file}: {name}")));
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_alert_says_what_to_do_and_has_its_paragraph() {
    let page = read("docs/OPERATIONS.md");
    let headings: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = text(&alert, "alert");
        assert!(names.insert(name.to_owned()), "{name} stands there twice");
        assert!(headings.contains(name), "{name} has no paragraph");
        let notes = &alert["annotations"];
        assert_eq!(text(notes, "runbook_url"), format!("{RUNBOOK}{}", name.to_lowercase()));
        assert!(text(notes, "summary").ends_with('.') && text(notes, "description").ends_with('.'), "{name}");
        assert!(["critical", "warning"].contains(&text(&alert["labels"], "severity")), "{name}");
    }
    let of_alerts: BTreeSet<String> =
        headings.into_iter().filter(|name| name.starts_with("Ringmaster")).map(str::to_owned).collect();
    assert_eq!(of_alerts, names, "a paragraph without its alert");
}

#[test]
fn the_operator_gets_the_same_rules() {
    let ours = yaml("docker/observability/alerts.yml");
    let operators = yaml("k8s/components/prometheus-rules/prometheus-rule.yaml");
    assert_eq!(operators["spec"]["groups"], ours["groups"]);
}

#[test]
fn promtool_accepts_rules_and_configuration_and_the_alerts_fire_when_they_should() {
    if !promtool::is_there() {
        return;
    }
    let files = root().join("docker/observability");
    promtool::accepts(&files, &["check", "rules", "alerts.yml"], "");
    promtool::accepts(&files, &["check", "config", "prometheus.yml"], "");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metrics");
    promtool::accepts(&own, &["test", "rules", "alerts_test.yml"], "");
}

#[test]
fn the_dashboard_is_provisioned_and_has_its_rows_and_variables() {
    let dashboard: Value = serde_yaml::from_str(&read("docker/observability/dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_sequence().expect("panels");
    let rows = panels.iter().filter(|panel| panel["type"] == "row").map(|row| text(row, "title"));
    let rows: Vec<&str> = rows.collect();
    let wanted = [
        "Now",
        "Traffic",
        "Latency",
        "Hit ratio",
        "Memory and eviction",
        "Nodes and chains",
        "Rebalancing",
        "Log",
    ];
    assert_eq!(rows, wanted);
    let variables = dashboard["templating"]["list"].as_sequence().expect("variables");
    let names: Vec<&str> = variables.iter().map(|variable| text(variable, "name")).collect();
    assert_eq!(names, ["datasource", "proxy", "node"]);
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64()), "two panels have one id");
        let has_queries = panel["targets"].as_sequence().is_some_and(|targets| !targets.is_empty());
        assert!(panel["type"] == "row" || has_queries && !text(panel, "description").is_empty(), "{panel:?}");
    }
    let compose = read("docker/docker-compose.yml");
    for file in [
        "alerts.yml",
        "dashboard.json",
        "grafana-dashboards.yml",
        "grafana-datasources.yml",
        "prometheus.yml",
    ] {
        assert!(root().join("docker/observability").join(file).exists(), "{file}");
        assert!(compose.contains(&format!("./observability/{file}:")), "{file} is not mounted");
    }
}

#[test]
fn the_queries_of_the_dashboard_are_good() {
    if !promtool::is_there() {
        return;
    }
    let dashboard: Value = serde_yaml::from_str(&read("docker/observability/dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_sequence().expect("panels");
    let queries = panels.iter().filter_map(|panel| panel["targets"].as_sequence()).flatten();
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (place, query) in queries.enumerate() {
        let query = text(query, "expr").replace("$__rate_interval", "1m");
        rules.push_str(&format!("  - record: query_{place}\n    expr: {}\n", quoted(&query)));
    }
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("rules.yml"), rules).expect("the rules can be written");
    promtool::accepts(directory.path(), &["check", "rules", "rules.yml"], "");
}

/// A string of YAML.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
