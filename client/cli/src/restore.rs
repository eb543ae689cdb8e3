//! `ringmaster restore`: a backup comes into a cluster that runs, of any number of nodes.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;

use crate::access::Access;
use crate::backup::contents;
use crate::backup::manifest::Manifest;
use crate::cluster::consent;
use crate::transfer::bring::{Bring, Way};
use crate::transfer::files::{self, Files};
use crate::transfer::live::Scope;
use crate::transfer::progress::Total;
use crate::transfer::run::Source;
use crate::transfer::stop::Stop;
use crate::transfer::target::{Existing, Target};
use crate::transfer::{in_runtime, options};

/// Bring a backup back into a cluster of any size.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example: ringmaster restore /backups/monday -s proxy-1:6379

The backup is verified first. A cluster that has keys is asked about: keys of the backup replace those of the same name, all
others stay. Keys whose deadline has passed meanwhile are left out.

Exit codes: 0 all keys are there; 1 it failed; 3 done, but some keys were rejected; 130 interrupted, --resume goes on.")]
pub(crate) struct Arguments {
    /// The directory of the backup.
    directory: PathBuf,
    /// Where the keys go: a proxy, a node, or any Redis; HOST:PORT, or a URL.
    #[arg(short = 's', long, value_name = "ADDRESS", default_value = "127.0.0.1:6379")]
    server: String,
    #[command(flatten)]
    access: Access,
    /// Do not ask though the cluster has keys.
    #[arg(long)]
    replace: bool,
    /// Leave libraries of functions out.
    #[arg(long)]
    no_functions: bool,
    #[command(flatten)]
    way: Way,
}

/// Restores.
///
/// # Errors
/// The backup is not whole, the target does not take the keys, or nobody agreed.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let manifest = Manifest::whole(&arguments.directory)?;
    in_runtime(restore(arguments, &manifest))
}

async fn restore(arguments: &Arguments, manifest: &Manifest) -> anyhow::Result<ExitCode> {
    let directory = &arguments.directory;
    let target = arguments.access.target(&arguments.server, options())?;
    let target = Target::open(target, Existing::Replace).await?;
    if !arguments.way.resume && !arguments.replace && !target.is_empty().await? {
        let name = target.name();
        ensure!(
            std::io::stdin().is_terminal(),
            "{name} has keys: --replace has those of the backup take the place of those of the same name"
        );
        let warning = format!(
            "{name} has keys. Those of the backup of {} take the place of those of the same name.",
            manifest.cluster
        );
        consent::ask(&warning, "replace", false)?;
    }
    // From here on: a question is ended by Ctrl-C as anything is.
    let stop = Stop::listen()?;
    eprintln!("verifying {}: {}", directory.display(), contents(manifest));
    manifest.verify(directory, &stop)?;
    let job = format!("{} of {} to {}", directory.display(), manifest.begun_unix_millis, target.name());
    let state = arguments.way.state(job, "restore")?;
    let scope = Scope { functions: !arguments.no_functions, ..Scope::default() };
    let paths = manifest.paths(directory);
    let total = Total::Bytes(files::size(&paths));
    let source = Source::Files(Files::open(paths, scope, state.state.mark.as_ref())?);
    Bring { way: &arguments.way, name: "restore", source, total, target, state, stop }.run().await
}
