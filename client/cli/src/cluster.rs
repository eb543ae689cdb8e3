//! `ringmaster cluster`: what the nodes of a cluster.yaml say of themselves, what an edit of it would move, and the words of
//! an operator.
//!
//! It asks the nodes, not a proxy: what it shows is there when no proxy is. What it changes it has decided by the nodes'
//! registers, as a proxy would, so all proxies go by it.

mod apply;
mod asking;
pub(crate) mod consent;
mod deciding;
mod link;
mod plan;
mod rescue;
mod status;
mod watch;
mod word;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::secret::Secrets;
use ringmaster_runtime::secret::SecretSource;
use ringmaster_runtime::tls::{TlsClient, TlsFiles};

use asking::Answers;
use word::Drain;

/// Longest that the nodes of a file are looked for, where that finds them by a name.
const FOUND_WITHIN: Duration = Duration::from_secs(10);

/// Look at a cluster with copies (`replicas: 2` or more), and at what an edit of its cluster.yaml would move.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The cluster.yaml that names the nodes.
    #[arg(long, value_name = "FILE", default_value = "cluster.yaml", global = true)]
    file: PathBuf,
    /// Do not ask before what cannot be taken back.
    #[arg(long, global = true)]
    yes: bool,
    #[command(subcommand)]
    question: Question,
}

#[derive(clap::Subcommand, Debug)]
enum Question {
    /// The view that holds, how many slots have all their copies, what is moved and how fast, and each node.
    Status,
    /// The same as `status`, kept up to date until Ctrl-C, with a bar for what is moved.
    Watch(watch::Options),
    /// Each node: where it is, how it is, what it holds.
    Nodes,
    /// What would move, from where to where, if the proxies followed the file as it is now. Changes nothing.
    Plan,
    /// Have this cluster.yaml followed: also one that was replaced by another, or that removes more than a third of the nodes.
    Apply {
        /// The cluster.yaml; the proxies move toward it as soon as they have it.
        path: PathBuf,
    },
    /// Move all slots away from a node. It stays a member until it is taken out of the cluster.yaml.
    Drain {
        /// The node's name.
        node: NodeName,
        /// Give it its share again.
        #[arg(long)]
        undo: bool,
        /// Do not wait until it holds nothing.
        #[arg(long)]
        no_wait: bool,
    },
    /// Wait no longer for what a lost node held (`when_last_replica_lost: never`).
    GiveUp {
        /// The node's name.
        node: NodeName,
    },
    /// Found the cluster though some nodes of the file do not exist.
    Bootstrap {
        /// The nodes that exist, with commas between.
        #[arg(long, value_name = "NODES", value_delimiter = ',', required = true)]
        only: Vec<NodeName>,
    },
    /// Go on without nodes that are lost for ever, though a majority of the acceptors is among them.
    Recover {
        /// The lost nodes, with commas between.
        #[arg(long, value_name = "NODES", value_delimiter = ',', required = true)]
        i_have_lost: Vec<NodeName>,
    },
}

/// Answers the question.
///
/// # Errors
/// The file is wrong, no node answers, or what is wanted cannot be done.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let is_sure = arguments.yes;
    let path = if let Question::Apply { path } = &arguments.question { path } else { &arguments.file };
    let file = read(path)?;
    match &arguments.question {
        Question::Status => show(&file, |answers| Ok(status::whole(&file, answers))),
        Question::Watch(options) => watch::run(path, file, options),
        Question::Nodes => show(&file, |answers| Ok(status::nodes(answers))),
        Question::Plan => show(&file, |answers| plan::text(&file, answers)),
        Question::Apply { .. } => {
            ensure!(
                file.discovery.is_none(),
                "the nodes of this file are found by `discovery`, which adds them by itself: there is nothing to apply; \
                 `ringmaster cluster drain NODE` takes one away"
            );
            done(apply::run(&file, is_sure))
        }
        Question::Drain { node, undo, no_wait } => {
            done(word::drain(&file, node, &Drain { undo: *undo, waits: !no_wait, is_sure }))
        }
        Question::GiveUp { node } => done(word::give_up(&file, node, is_sure)),
        Question::Bootstrap { only } => done(rescue::bootstrap(&file, only, is_sure)),
        Question::Recover { i_have_lost } => done(rescue::recover(&file, i_have_lost, is_sure)),
    }
}

fn show(file: &ClusterFile, text: impl Fn(&Answers) -> anyhow::Result<String>) -> anyhow::Result<ExitCode> {
    let answers = Answers::of(file);
    print!("{}", text(&answers)?);
    Ok(if answers.nobody() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn done(result: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    result.map(|()| ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<ClusterFile> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {name}; name it with --file"))?;
    let file = ClusterFile::parse(&name, &text)?;
    let file = ringmaster_proxy::config::with_found_nodes(file, FOUND_WITHIN).map_err(anyhow::Error::msg)?;
    link::know(secrets(&file, path)?);
    if let Some(tls) = &file.tls {
        let at = |name: &Path| path.parent().unwrap_or(Path::new("")).join(name);
        let (certificate, key) = (at(&tls.certificate), at(&tls.key));
        let client = TlsClient::new(TlsFiles { certificate, key, ca: Some(at(&tls.ca)) })?;
        link::encrypt(client, tls.name.clone());
    }
    Ok(file)
}

/// The secrets by which nodes know the cluster's proxies, and this process.
fn secrets(file: &ClusterFile, path: &Path) -> anyhow::Result<Secrets> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let source = match &file.secret_file {
        Some(name) => SecretSource::File(directory.join(name)),
        None => SecretSource::of_environment().map_err(anyhow::Error::msg)?,
    };
    source.read().map_err(anyhow::Error::msg)
}
