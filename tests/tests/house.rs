//! The rules of the house: who may depend on whom, and how a source file looks.
//!
//! Cargo and clippy check the rest (no function over 70 lines is clippy's `too_many_lines`). These tests read the
//! manifests and sources themselves, so that a breach is named at the place where it stands.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file, in lines.
const FILE_LINES_MAX: usize = 600;

/// The files that hold unsafe code; docs/ARCHITECTURE.md says why each of them does. One more needs a reason there.
const MAY_BE_UNSAFE: [&str; 10] = [
    "node/src/store.rs",
    "node/src/store/entry.rs",
    "node/src/store/entry/member.rs",
    "node/src/store/entry/packed.rs",
    "node/src/store/lock.rs",
    "node/src/store/table.rs",
    "node/src/store/table/block.rs",
    "node/src/store/table/node.rs",
    "node/src/store/value.rs",
    "node/src/store/value/sorted_set/ranked.rs",
];

/// Each crate's directory, its name, and the crates of this workspace that it may depend on.
const MAY_DEPEND_ON: &[(&str, &str, &[&str])] = &[
    ("protocol", "ringmaster-protocol", &[]),
    ("protocol/runtime", "ringmaster-runtime", &["ringmaster-protocol"]),
    ("node", "ringmaster-node", &["ringmaster-protocol", "ringmaster-runtime"]),
    ("proxy", "ringmaster-proxy", &["ringmaster-protocol", "ringmaster-runtime"]),
    ("client", "ringmaster-client", &["ringmaster-protocol"]),
    (
        "client/cli",
        "ringmaster",
        &[
            "ringmaster-protocol",
            "ringmaster-runtime",
            "ringmaster-client",
            "ringmaster-node",
            "ringmaster-proxy",
        ],
    ),
    (
        "tests",
        "ringmaster-tests",
        &[
            "ringmaster-protocol",
            "ringmaster-runtime",
            "ringmaster-client",
            "ringmaster-node",
            "ringmaster-proxy",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests crate lies in the workspace")
        .to_path_buf()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Names of this workspace's crates in the dependency tables (also dev and build) of a manifest.
fn workspace_dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            inside = table.trim_end_matches(']').ends_with("dependencies");
        } else if inside {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if name.starts_with("ringmaster") {
                found.push(name.to_owned());
            }
        }
    }
    found
}

/// Every source file of the workspace, build output left out.
fn sources() -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = MAY_DEPEND_ON.iter().map(|(dir, ..)| root().join(dir)).collect();
    let mut files = Vec::new();
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a readable directory") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files.dedup();
    files
}

/// Fails with all breaches at once.
fn expect_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn crates_depend_only_downwards() {
    let mut breaches = Vec::new();
    for (dir, _, allowed) in MAY_DEPEND_ON {
        for name in workspace_dependencies(&read(&root().join(dir).join("Cargo.toml"))) {
            if !allowed.contains(&name.as_str()) {
                breaches.push(format!("{dir}/Cargo.toml: {name} is not below this crate"));
            }
        }
    }
    expect_none(&breaches);
}

#[test]
fn every_member_of_the_workspace_has_its_rule() {
    let manifest = read(&root().join("Cargo.toml"));
    let line = manifest.lines().find(|line| line.starts_with("members")).expect("a line of members");
    let members: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
    let ruled: Vec<&str> = MAY_DEPEND_ON.iter().map(|(dir, ..)| *dir).collect();
    assert_eq!(members, ruled);
    for (dir, name, _) in MAY_DEPEND_ON {
        let manifest = read(&root().join(dir).join("Cargo.toml"));
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{dir} is not called {name}");
    }
}

#[test]
fn dependency_tables_of_every_kind_are_read() {
    let manifest = "[package]\nname = \"ringmaster-x\"\n[dependencies]\nringmaster-a.workspace = true\nbytes = \"1\"\n\
                    [dev-dependencies]\nringmaster-b = { path = \"b\" }\n[target.'cfg(unix)'.build-dependencies]\n\
                    ringmaster-c=\"1\"\n[features]\nringmaster-d = []\n";
    assert_eq!(workspace_dependencies(manifest), ["ringmaster-a", "ringmaster-b", "ringmaster-c"]);
}

#[test]
fn every_module_says_what_it_is() {
    let silent = |path: &PathBuf| !read(path).starts_with("//!");
    let breaches: Vec<String> = sources()
        .iter()
        .filter(|p| silent(p))
        .map(|p| format!("{}: does not begin with //!", p.display()))
        .collect();
    expect_none(&breaches);
}

#[test]
fn no_file_is_long_and_none_is_called_mod() {
    let mut breaches = Vec::new();
    for path in sources() {
        let lines = read(&path).lines().count();
        if lines > FILE_LINES_MAX {
            breaches.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", path.display()));
        }
        if path.ends_with("mod.rs") {
            breaches.push(format!("{}: name it after the module, beside its directory", path.display()));
        }
    }
    expect_none(&breaches);
}

#[test]
fn only_the_node_may_hold_unsafe_code() {
    let mut breaches = Vec::new();
    for (dir, ..) in MAY_DEPEND_ON.iter().filter(|(dir, ..)| *dir != "node") {
        for file in ["src/lib.rs", "src/main.rs"] {
            let path = root().join(dir).join(file);
            if path.exists() && !read(&path).contains("#![forbid(unsafe_code)]") {
                breaches.push(format!("{}: lacks #![forbid(unsafe_code)]", path.display()));
            }
        }
    }
    expect_none(&breaches);
}

/// Whether a line of source is code with the keyword `unsafe`; `unsafe-inline` is a word of browsers.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.split(|byte: char| !byte.is_alphanumeric() && !"_-".contains(byte)).any(|word| word == "unsafe")
}

#[test]
fn unsafe_code_lies_where_it_is_known_to_lie() {
    let mut unsafe_files: Vec<String> = sources()
        .iter()
        .filter(|path| path.components().any(|part| part.as_os_str() == "src"))
        .filter(|path| read(path).lines().any(is_unsafe))
        .map(|path| path.strip_prefix(root()).unwrap_or(path).display().to_string())
        .collect();
    unsafe_files.sort();
    assert_eq!(unsafe_files, MAY_BE_UNSAFE);
}

/// The words of a text that stand right behind `before`.
fn words_behind<'t>(text: &'t str, before: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(before).skip(1).filter_map(|rest| words(rest).next())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphabetic())
}

#[test]
fn all_that_a_node_understands_of_proxies_is_written_down() {
    let page = read(&root().join("docs/PROTOCOL.md"));
    let requests = read(&root().join("node/src/server/connection/extension.rs"));
    let wire = read(&root().join("protocol/src/extension/wire.rs"));
    let requests: Vec<&str> = words_behind(&requests, "            (b\"").collect();
    let kinds = words_behind(&wire, "            Self::").chain(words_behind(&wire, "            Outcome::"));
    let kinds: Vec<&str> = kinds.collect();
    assert!(requests.len() > 14 && kinds.len() > 30, "{requests:?} {kinds:?}");
    let missing_request = requests.iter().filter(|name| !page.contains(&format!("`RM.{name}")));
    let missing_kind = kinds.iter().filter(|name| !words(&page).any(|word| word == **name));
    let missing: Vec<String> = missing_request.chain(missing_kind).map(ToString::to_string).collect();
    expect_none(&missing);
}
