//! `ringmaster backup`: a whole cluster, while it runs, into a directory of files of Redis's form, and a manifest that has
//! their checksums.
//!
//! A part is a stretch of the scan. It is durable before the manifest names it, and the manifest says where to go on behind
//! it: so a backup that was interrupted anywhere goes on with the part that was being written.

pub(crate) mod manifest;
mod parts;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use ringmaster_protocol::cluster_file::ClusterFile;
use ringmaster_protocol::config::ByteSize;
use sha2::{Digest as _, Sha256};

use crate::access::Access;
use crate::transfer::live::{Live, Scope};
use crate::transfer::pace::Rate;
use crate::transfer::progress::{Progress, Total};
use crate::transfer::run::{self, End, Job, Source};
use crate::transfer::stop::Stop;
use crate::transfer::writer::hex;
use crate::transfer::{INTERRUPTED, SOME_REJECTED, in_runtime, now_millis, options, saved};
use manifest::{Copied, Manifest};
use parts::Parts;

/// Name of the copy of the cluster.yaml.
const CLUSTER_FILE: &str = "cluster.yaml";

/// Back a whole cluster up into a directory, while it runs.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  ringmaster backup /backups/monday -s proxy-1:6379 --cluster cluster.yaml
  ringmaster backup verify /backups/monday

Each key is as it was when it was read; the backup as a whole is of no single moment. Deadlines are times of day, those of
fields of hashes, too. Users and settings are not in it but for the cluster.yaml that --cluster names.

Exit codes: 0 it is whole; 1 it failed; 3 it is whole, without keys that were rejected; 130 interrupted. In the other cases
--resume goes on with it.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    tool: Option<Tool>,
    /// The directory; it is made if it is not there, and is empty else.
    #[arg(required = true)]
    directory: Option<PathBuf>,
    /// A proxy of the cluster, or any Redis; HOST:PORT, or a URL.
    #[arg(short = 's', long, value_name = "ADDRESS", default_value = "127.0.0.1:6379")]
    server: String,
    #[command(flatten)]
    access: Access,
    /// The cluster.yaml, of which a copy goes into the backup.
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
    /// Go on with one that was interrupted.
    #[arg(long)]
    resume: bool,
    /// Bytes of values in one part, 1mb or more.
    #[arg(long, value_name = "SIZE", default_value = "256mb")]
    part_size: ByteSize,
    /// No more than so many keys a second, or bytes: 5000, 20mb.
    #[arg(long, value_name = "RATE")]
    max_rate: Option<Rate>,
    /// Pages of keys that are under way at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,
}

#[derive(clap::Subcommand, Debug)]
enum Tool {
    /// Read a whole backup and compare it with its manifest; the exit code is 1 if anything is wrong.
    Verify {
        /// The directory.
        directory: PathBuf,
    },
}

/// Backs up, or verifies.
///
/// # Errors
/// The cluster cannot be read, the directory cannot be written, or the backup is not whole.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = Stop::listen()?;
    let directory = match (&arguments.tool, &arguments.directory) {
        (Some(Tool::Verify { directory }), _) => return verify(directory, &stop),
        (None, Some(directory)) => directory,
        (None, None) => bail!("name a directory"),
    };
    in_runtime(backup(arguments, directory, stop))
}

fn verify(directory: &Path, stop: &Stop) -> anyhow::Result<ExitCode> {
    let manifest = Manifest::whole(directory)?;
    manifest.verify(directory, stop)?;
    println!("{} is whole: {}, {}", directory.display(), manifest.cluster, contents(&manifest));
    Ok(ExitCode::SUCCESS)
}

/// `7 keys, 1.2 MB in 2 parts`
pub(crate) fn contents(manifest: &Manifest) -> String {
    let count = manifest.parts.len();
    format!("{} in {count} {}", manifest.tally.text(), if count == 1 { "part" } else { "parts" })
}

async fn backup(arguments: &Arguments, directory: &Path, stop: Stop) -> anyhow::Result<ExitCode> {
    let target = arguments.access.target(&arguments.server, options())?;
    let server = target.addresses.first().map(ToString::to_string).unwrap_or_default();
    let found = found(directory, &server, arguments.resume)?;
    let mark = found.as_ref().and_then(|manifest| manifest.mark.clone());
    let scope = Scope { functions: true, ..Scope::default() };
    let live = Live::open(target, scope, mark.as_ref()).await?;
    let manifest = match found {
        Some(manifest) => manifest,
        None => begin(arguments, directory, server, &live.version)?,
    };
    let mut parts = Parts::of(directory, manifest, arguments.part_size.bytes().max(1 << 20));
    let mut job = Job {
        progress: Progress::begin(Total::Keys(live.keys())),
        source: Source::Live(live),
        target: None,
        parallel: arguments.parallel.into(),
        rate: arguments.max_rate,
        stop,
    };
    let ended = run::run(&mut job, &mut |done| parts.take(done)).await;
    job.progress.end();
    // What has come so far is kept, whatever ended it. Where it cannot be, the manifest is as it was.
    let ended = match ended {
        Ok(End::Whole) => parts.finish().map(|()| End::Whole),
        Ok(End::Stopped) => parts.settle().map(|()| End::Stopped),
        Err(error) => Err(parts.settle().err().unwrap_or(error)),
    };
    let name = directory.display();
    let manifest = &parts.manifest;
    let kept = || format!("{} kept; `ringmaster backup {name} --resume` goes on", contents(manifest));
    if ended.with_context(|| format!("not finished, {}", kept()))? == End::Stopped {
        eprintln!("ringmaster: interrupted, {}", kept());
        return Ok(ExitCode::from(INTERRUPTED));
    }
    println!("backup: {} in {:.1} s", contents(manifest), job.progress.elapsed().as_secs_f64());
    if manifest.tally.rejected == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "ringmaster: {} keys were rejected; {name}/rejects.jsonl has each with its reason",
        manifest.tally.rejected
    );
    Ok(ExitCode::from(SOME_REJECTED))
}

/// The backup that is in the directory, if it is to be gone on with.
fn found(directory: &Path, server: &str, resume: bool) -> anyhow::Result<Option<Manifest>> {
    let name = directory.display();
    let manifest = Manifest::find(directory)?;
    let Some(manifest) = manifest else {
        ensure!(!resume, "there is nothing to resume in {name}");
        let is_empty = match fs::read_dir(directory) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
        };
        ensure!(is_empty, "{name} is not empty: name another directory");
        return Ok(None);
    };
    ensure!(manifest.ended_unix_millis.is_none(), "{name} has a whole backup: name another directory");
    ensure!(
        resume,
        "{name} has a backup that was not finished: go on with it by --resume, or name another directory"
    );
    ensure!(
        manifest.server == server,
        "{name} was begun at {}: go on there, a cursor is of no use elsewhere",
        manifest.server
    );
    Ok(Some(manifest))
}

/// Makes the directory and what is in it from the first.
fn begin(arguments: &Arguments, directory: &Path, server: String, version: &str) -> anyhow::Result<Manifest> {
    let mut manifest = Manifest::begin(server, version.to_owned(), now_millis());
    let copy = match &arguments.cluster {
        None => None,
        Some(path) => {
            let name = path.display().to_string();
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
            manifest.cluster = ClusterFile::parse(&name, &text)?.cluster;
            Some(text)
        }
    };
    let cannot = || format!("cannot write into {}", directory.display());
    fs::create_dir_all(directory).with_context(cannot)?;
    if let Some(text) = copy {
        saved::replace(&directory.join(CLUSTER_FILE), text.as_bytes()).with_context(cannot)?;
        let sha256 = hex(&Sha256::digest(text.as_bytes()));
        manifest.cluster_file = Some(Copied { file: CLUSTER_FILE.to_owned(), sha256 });
    }
    manifest.save(directory)?;
    Ok(manifest)
}
