//! Scripts of other languages under `tests/clients`: what applications do with unmodified clients.
//!
//! `scripts/test.sh` installs what they need and says where by the variables named here. What is missing is skipped,
//! loudly.

use std::path::Path;
use std::process::{Command, Output};

/// A Python that has redis-py.
pub(super) const PYTHON: &str = "RINGMASTER_TEST_PYTHON";

/// A Python that has the frameworks whose jobs run through a proxy.
pub(super) const JOBS_PYTHON: &str = "RINGMASTER_TEST_JOBS_PYTHON";

/// A directory of node modules.
pub(super) const NODE_PATH: &str = "RINGMASTER_TEST_NODE_PATH";

/// Runs a command to its end; `None`, said loudly, if it is not installed.
pub(super) fn run(command: &mut Command) -> Option<Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("SKIPPED: {command:?}: {error}; scripts/test.sh installs it");
            None
        }
    }
}

/// What a command that succeeded printed.
///
/// # Panics
/// If it failed; with all that it printed.
#[track_caller]
#[must_use]
pub(super) fn succeeded(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}

/// Runs the script `name` by the Python that the variable `python` names, against the server at `port`.
///
/// # Panics
/// If it does not say at its end that what it tries works.
#[track_caller]
pub(super) fn python(python: &str, name: &str, port: u16) {
    let Ok(interpreter) = std::env::var(python) else { return is_missing(python, name) };
    works(Command::new(interpreter).arg(path(name)), port);
}

/// Runs the script `name` by Node.js, against the server at `port`; `module` is the one that it cannot do without.
///
/// # Panics
/// If it does not say at its end that what it tries works.
#[track_caller]
pub(super) fn node(name: &str, module: &str, port: u16) {
    let modules = std::env::var(NODE_PATH).ok().filter(|modules| Path::new(modules).join(module).is_dir());
    let Some(modules) = modules else { return is_missing(NODE_PATH, name) };
    works(Command::new("node").env("NODE_PATH", modules).arg(path(name)), port);
}

#[track_caller]
fn works(command: &mut Command, port: u16) {
    if let Some(output) = run(command.arg(port.to_string())) {
        assert!(succeeded(&output).contains("works"), "{output:?}");
    }
}

fn path(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name).display().to_string()
}

fn is_missing(variable: &str, name: &str) {
    eprintln!(
        "SKIPPED: {name}: {variable} has not what it needs; scripts/test.sh installs it where a registry is reached"
    );
}
