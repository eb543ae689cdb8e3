//! `configs/cluster.schema.json`, by which editors complete and check a cluster.yaml, says what is read here.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::node::NodeFile;
use super::{ClusterFile, Discovery, FileConfig, Limits, NodeTls, Timeouts, UserLimits, UserRules};

fn schema() -> Value {
    // JSON is YAML.
    serde_yaml::from_str(include_str!("../../../configs/cluster.schema.json")).unwrap()
}

/// What stands in the schema at a path of keys.
fn at<'a>(schema: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(schema, |value, key| value.get(key).unwrap_or_else(|| panic!("no {key} in {path:?}")))
}

/// The keys that `T` is read from, as serde tells them to who gives another.
fn keys_of<T: DeserializeOwned>() -> BTreeSet<String> {
    let Err(error) = serde_yaml::from_str::<T>("no-such-key: 1") else { panic!("any key is taken") };
    error.to_string().split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

fn expect_keys<T: DeserializeOwned>(schema: &Value, path: &[&str]) {
    let object = at(schema, path);
    let told: BTreeSet<String> = at(object, &["properties"])
        .as_mapping()
        .unwrap()
        .keys()
        .map(|key| key.as_str().unwrap().into())
        .collect();
    assert_eq!(told, keys_of::<T>(), "{path:?}");
    assert_eq!(at(object, &["additionalProperties"]), &Value::Bool(false), "{path:?}");
}

#[test]
fn the_schema_has_the_keys_that_are_read() {
    let schema = schema();
    expect_keys::<FileConfig>(&schema, &[]);
    expect_keys::<NodeFile>(&schema, &["properties", "nodes", "items"]);
    expect_keys::<Discovery>(&schema, &["properties", "discovery"]);
    expect_keys::<UserRules>(&schema, &["properties", "users", "items"]);
    expect_keys::<UserLimits>(&schema, &["properties", "users", "items", "properties", "limits"]);
    expect_keys::<NodeTls>(&schema, &["properties", "tls"]);
    expect_keys::<Timeouts>(&schema, &["properties", "timeouts"]);
    expect_keys::<Limits>(&schema, &["properties", "limits"]);
}

/// `key: default` of all properties of an object that have one, each in a line behind `indent`.
fn defaults(object: &Value, indent: &str) -> String {
    let properties = at(object, &["properties"]).as_mapping().unwrap().iter();
    let with_default = properties.filter_map(|(key, property)| Some((key, property.get("default")?)));
    let line = |(key, default): (&Value, &Value)| {
        let default = serde_yaml::to_string(default).unwrap();
        format!("{indent}{}: {default}", key.as_str().unwrap())
    };
    with_default.map(line).collect()
}

#[test]
fn the_defaults_of_the_schema_are_those_of_the_file() {
    let schema = schema();
    let nodes = "nodes: [{name: a, address: 'a:1'}]\n";
    let mut text = format!("{nodes}{}", defaults(&schema, ""));
    for object in ["timeouts", "limits"] {
        text.push_str(&format!("{object}:\n{}", defaults(at(&schema, &["properties", object]), "  ")));
    }
    let told = ClusterFile::parse("told", &text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    assert_eq!(told, ClusterFile::parse("minimal", nodes).unwrap());
}
