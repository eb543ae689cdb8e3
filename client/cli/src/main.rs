//! `ringmaster`: a local cluster in one process, a prompt, a look at a cluster, and a load generator.

#![forbid(unsafe_code)]

mod access;
mod backup;
mod bench;
mod check_config;
mod cluster;
mod completions;
mod explain;
mod export;
mod import;
mod prompt;
mod restore;
mod transfer;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};

/// The nodes of `up` allocate many small entries; measured, jemalloc wastes the least on them.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A distributed cache that speaks Redis's protocol.
#[derive(Parser, Debug)]
#[command(name = "ringmaster", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(clap::Subcommand, Debug)]
enum Tool {
    /// Start a whole cluster on this machine, in this process.
    Up(up::Arguments),
    /// Talk to a server: one command, or a prompt when none is given.
    Cli(prompt::Arguments),
    /// Ask a proxy where a key is, who serves it, and what bounds its commands.
    Explain(explain::Arguments),
    /// Look at a cluster, and at what an edit of its cluster.yaml would move.
    Cluster(cluster::Arguments),
    /// Bring the keys of a Redis, or of a dump.rdb, into a cluster that runs.
    Import(import::Arguments),
    /// Write the keys of a cluster, or of any Redis, as a dump.rdb.
    Export(export::Arguments),
    /// Back a whole cluster up into a directory, while it runs.
    Backup(backup::Arguments),
    /// Bring a backup back into a cluster of any size.
    Restore(restore::Arguments),
    /// Check configuration files: everything that is wrong, where, and what to write instead.
    CheckConfig(check_config::Arguments),
    /// Print a script by which a shell completes the words of this tool.
    Completions(completions::Arguments),
    /// Load servers and measure their latency without coordinated omission.
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let ran = match Arguments::parse().tool {
        Tool::Up(arguments) => up::run(&arguments),
        Tool::Cli(arguments) => prompt::run(&arguments),
        Tool::Explain(arguments) => explain::run(&arguments),
        Tool::Cluster(arguments) => cluster::run(&arguments),
        Tool::Import(arguments) => import::run(&arguments),
        Tool::Export(arguments) => export::run(&arguments),
        Tool::Backup(arguments) => backup::run(&arguments),
        Tool::Restore(arguments) => restore::run(&arguments),
        Tool::CheckConfig(arguments) => check_config::run(&arguments),
        Tool::Completions(arguments) => completions::run(&arguments, Arguments::command()),
        Tool::Bench(arguments) => bench::run(&arguments),
    };
    ran.unwrap_or_else(|error| {
        eprintln!("ringmaster: {error:#}");
        ExitCode::FAILURE
    })
}
