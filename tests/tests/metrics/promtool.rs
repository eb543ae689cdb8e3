//! Prometheus's own tool, which checks pages, rules and configurations.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether it is there; says so if it is not.
pub(crate) fn is_there() -> bool {
    let is_there = Command::new("promtool").arg("--version").output().is_ok();
    if !is_there {
        eprintln!(
            "SKIPPED: promtool is not installed; scripts/test.sh installs it (Debian package prometheus)"
        );
    }
    is_there
}

/// Has it check something in `directory`.
pub(crate) fn accepts(directory: &Path, words: &[&str], input: &str) {
    let mut tool = Command::new("promtool")
        .args(words)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    // It may say what is wrong before it has read all: then that is what counts.
    drop(tool.stdin.take().expect("an input").write_all(input.as_bytes()));
    let output = tool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(output.status.success(), "promtool {}: {}{}", words.join(" "), said[0], said[1]);
}
