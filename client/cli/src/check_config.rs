//! `ringmaster check-config`: all that is wrong with configuration files, before a server meets them.

use std::{
    fmt::Write as _,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use ringmaster_protocol::{
    cluster_file::ClusterFile,
    config::{ConfigErrors, FILE_BYTES_MAX, Problem},
};

/// Most characters of a line that are shown.
const SHOWN_MAX: usize = 160;

/// Check cluster.yaml, proxy.yaml and node.yaml: everything that is wrong, where, and what to write instead.
///
/// Nothing is asked of any server, and files that the file names are not read. Exits with 1 when something is wrong.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: ringmaster check-config cluster.yaml && cp cluster.yaml /etc/ringmaster/")]
pub(crate) struct Arguments {
    /// Files to check.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the files are; by their names when not given.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
}

/// The files that there are.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// cluster.yaml: the nodes, and how they are used.
    Cluster,
    /// proxy.yaml: one proxy.
    Proxy,
    /// node.yaml: one node.
    Node,
}

/// Runs `ringmaster check-config`.
///
/// # Errors
/// A file that cannot be read, or of which nobody knows what it is.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut good = true;
    for file in &arguments.files {
        let name = file.display().to_string();
        let kind = match arguments.kind {
            Some(kind) => kind,
            None => Kind::of(file).with_context(|| {
                format!("{name}: say what it is with --kind: its name has none of cluster, proxy and node")
            })?,
        };
        let text = read(file)?;
        match kind.check(&name, &text) {
            Ok(()) => println!("{name}: good"),
            Err(errors) => {
                eprint!("{}", shown(&errors, &text));
                good = false;
            }
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Kind {
    /// By the name of a file.
    fn of(file: &Path) -> Option<Kind> {
        let name = file.file_name()?.to_string_lossy().to_lowercase();
        let kinds = [("cluster", Kind::Cluster), ("proxy", Kind::Proxy), ("node", Kind::Node)];
        kinds.into_iter().find(|(word, _)| name.contains(word)).map(|(_, kind)| kind)
    }

    fn check(self, name: &str, text: &str) -> Result<(), ConfigErrors> {
        match self {
            Kind::Cluster => ClusterFile::parse(name, text).map(drop),
            Kind::Proxy => ringmaster_proxy::Config::parse(name, text).map(drop),
            Kind::Node => ringmaster_node::Config::parse(name, text).map(drop),
        }
    }
}

/// The text of a file; of one that is too large a little more than may be, which the check refuses.
fn read(file: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|open| open.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => bail!("{} is no UTF-8 text: {}", file.display(), error.utf8_error()),
    }
}

/// The problems as compilers show them: what, and where with a caret below it.
fn shown(errors: &ConfigErrors, text: &str) -> String {
    let mut shown = String::new();
    for problem in errors.problems() {
        // Text in memory takes all.
        let _ = writeln!(shown, "{}:{problem}", errors.file());
        let line = text.lines().nth(problem.line - 1).unwrap_or_default();
        if may_be_shown(problem, line) {
            let number = problem.line.to_string();
            let shift = " ".repeat(problem.column - 1);
            let _ = writeln!(shown, "  {number} | {line}\n  {} | {shift}^", " ".repeat(number.len()));
        }
    }
    let count = errors.problems().len();
    let _ = writeln!(shown, "{}: {count} {}", errors.file(), if count == 1 { "problem" } else { "problems" });
    shown
}

/// Not a line that may hold a password: what is printed ends up in logs. Nor one that no terminal has room for.
fn may_be_shown(problem: &Problem, line: &str) -> bool {
    let path = problem.path.to_string();
    let secret = path.starts_with("users") || line.contains('>') || line.to_lowercase().contains("passw");
    let is_short = line.chars().count() <= SHOWN_MAX && problem.column <= SHOWN_MAX;
    !secret && is_short && !line.trim().is_empty() && !line.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(kind: Kind, text: &str) -> String {
        kind.check("f.yaml", text).map_or_else(|errors| shown(&errors, text), |()| "good".to_owned())
    }

    #[test]
    fn each_problem_is_shown_in_its_line() {
        let text = "cluster: test\nreplicas: many\nnodes:\n  - {name: a, address: \"a:1\"}\nnodez: 1\n";
        let shown = checked(Kind::Cluster, text);
        assert!(shown.contains("f.yaml:2:11: replicas: "), "{shown}");
        assert!(shown.contains("  2 | replicas: many\n    |           ^\n"), "{shown}");
        assert!(
            shown.contains("  5 | nodez: 1\n    | ^\n") && shown.ends_with("f.yaml: 2 problems\n"),
            "{shown}"
        );
    }

    #[test]
    fn the_files_that_we_ship_are_good() {
        for name in ["cluster.yaml", "proxy.yaml", "node.yaml"] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs").join(name);
            let kind = Kind::of(&file).unwrap();
            assert_eq!(checked(kind, &read(&file).unwrap()), "good", "{name}");
        }
    }

    #[test]
    fn a_line_that_may_hold_a_password_is_not_shown() {
        for text in [
            "nodes: [{name: a, address: \"a:1\"}]\nusers:\n  - {name: me, rules: \"on >secret\", x: 1}\n",
            "nodes: [{name: a, address: \"a:1\"}]\nusers: {name: me, rules: \">secret\"\n",
        ] {
            let shown = checked(Kind::Cluster, text);
            assert!(!shown.contains("secret") && shown.contains("f.yaml:"), "{shown}");
        }
    }

    #[test]
    fn a_file_is_what_its_name_says() {
        assert_eq!(Kind::of(Path::new("/etc/ringmaster/my-Cluster.yml")), Some(Kind::Cluster));
        assert_eq!(Kind::of(Path::new("/cluster/settings.yaml")), None);
    }
}
