//! `ringmaster cluster`: what the nodes of a cluster.yaml say of themselves, and what an edit of it would move.
//!
//! It asks the nodes, not a proxy: what it shows is there when no proxy is.

mod asking;
mod plan;
mod status;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use ringmaster_protocol::cluster_file::ClusterFile;

use asking::Answers;

/// Look at a cluster with copies (`replicas: 2` or more), and at what an edit of its cluster.yaml would move.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The cluster.yaml that names the nodes.
    #[arg(long, value_name = "FILE", default_value = "cluster.yaml", global = true)]
    file: PathBuf,
    #[command(subcommand)]
    question: Question,
}

#[derive(clap::Subcommand, Debug)]
enum Question {
    /// The view that holds, how many slots have all their copies, and each node.
    Status,
    /// Each node: where it is, how it is, what it holds.
    Nodes,
    /// What would move, from where to where, if the proxies followed the file as it is now. Changes nothing.
    Plan,
}

/// Answers the question.
///
/// # Errors
/// The file is wrong, or no node answers.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let file = read(&arguments.file)?;
    let answers = Answers::of(&file);
    let text = match arguments.question {
        Question::Status => status::whole(&file, &answers),
        Question::Nodes => status::nodes(&answers),
        Question::Plan => plan::text(&file, &answers)?,
    };
    print!("{text}");
    Ok(if answers.nobody() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(path: &Path) -> anyhow::Result<ClusterFile> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {name}; name it with --file"))?;
    Ok(ClusterFile::parse(&name, &text)?)
}
