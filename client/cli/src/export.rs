//! `ringmaster export`: the keys of a cluster that runs, or of any Redis, as a dump.rdb.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::access::Access;
use crate::transfer::live::{Live, Scope};
use crate::transfer::pace::Rate;
use crate::transfer::progress::{Progress, Total, size};
use crate::transfer::rejects::{Reject, Rejects};
use crate::transfer::run::{self, Done, End, Job, Source};
use crate::transfer::stop::Stop;
use crate::transfer::writer::{Added, Fields, Writer};
use crate::transfer::{INTERRUPTED, SOME_REJECTED, Tally, in_runtime, options};

/// Write the keys of a cluster, or of any Redis, as a dump.rdb.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example: ringmaster export dump.rdb -s proxy-1:6379

Each key is as it was when it was read; keys that are written meanwhile are in the file as they were before or after. The file
has its name when it is whole; about 32 bytes of memory a key are used to write none twice. Redis 7.0 and later load it.

Exit codes: 0 the file is there; 1 it failed; 3 the file is there, without keys that were rejected; 130 interrupted. In the
other cases a file that was there before is as it was.")]
pub(crate) struct Arguments {
    /// The dump.rdb; one that is there is replaced.
    file: PathBuf,
    /// Whose keys: a proxy, a node, or any Redis; HOST:PORT, or a URL.
    #[arg(short = 's', long, value_name = "ADDRESS", default_value = "127.0.0.1:6379")]
    server: String,
    #[command(flatten)]
    access: Access,
    /// Only keys that match this pattern, as for SCAN.
    #[arg(long = "match", value_name = "PATTERN")]
    pattern: Option<String>,
    /// Only this database.
    #[arg(long, value_name = "NUMBER")]
    db: Option<u32>,
    /// Leave libraries of functions out.
    #[arg(long)]
    no_functions: bool,
    /// Write the deadlines of single fields of hashes, too: for Redis 7.4 and later only.
    #[arg(long)]
    fields: bool,
    /// No more than so many keys a second, or bytes: 5000, 20mb.
    #[arg(long, value_name = "RATE")]
    max_rate: Option<Rate>,
    /// Pages of keys that are under way at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,
    /// File for the keys that cannot be written, with the reason [default: as FILE, but .rejects]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

/// Exports.
///
/// # Errors
/// The source cannot be read, or the file cannot be written.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = Stop::listen()?;
    in_runtime(export(arguments, stop))
}

async fn export(arguments: &Arguments, stop: Stop) -> anyhow::Result<ExitCode> {
    let scope = Scope {
        pattern: arguments.pattern.clone(),
        database: arguments.db,
        functions: !arguments.no_functions,
    };
    let target = arguments.access.target(&arguments.server, options())?;
    let live = Live::open(target, scope, None).await?;
    let total = if arguments.pattern.is_none() { Total::Keys(live.keys()) } else { Total::Unknown };
    let path = &arguments.file;
    let cannot = || format!("cannot write {}", path.display());
    let fields = if arguments.fields { Fields::Kept } else { Fields::Dropped };
    let mut writer = Writer::begin(path, fields).with_context(cannot)?;
    let rejects_path = arguments.rejects.clone().unwrap_or_else(|| path.with_extension("rejects"));
    let (mut rejects, mut all) = (Rejects::at(rejects_path.clone()), Tally::default());
    let mut job = Job {
        source: Source::Live(live),
        target: None,
        parallel: arguments.parallel.into(),
        rate: arguments.max_rate,
        stop,
        progress: Progress::begin(total),
    };
    let ended = run::run(&mut job, &mut |done| {
        let tally = write(&mut writer, done, &mut rejects).with_context(cannot)?;
        all.add(tally);
        Ok(tally)
    })
    .await;
    job.progress.end();
    if ended.context("nothing was exported")? == End::Stopped {
        eprintln!("ringmaster: interrupted: nothing was exported");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let dropped = writer.dropped;
    let written = writer.finish().with_context(cannot).context("nothing was exported")?;
    let seconds = job.progress.elapsed().as_secs_f64();
    println!("export: {}; {} of {} in {seconds:.1} s", all.text(), path.display(), size(written.bytes));
    if dropped > 0 {
        println!(
            "{dropped} deadlines of fields of hashes were left out; --fields keeps them, for Redis 7.4 and later"
        );
    }
    if all.rejected == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "ringmaster: {} were rejected; {} has each with its reason",
        all.rejected,
        rejects_path.display()
    );
    Ok(ExitCode::from(SOME_REJECTED))
}

/// Writes a page, and says what became of its keys.
///
/// # Errors
/// The file or that of the rejects cannot be written.
pub(crate) fn write(writer: &mut Writer, mut done: Done, rejects: &mut Rejects) -> anyhow::Result<Tally> {
    let mut tally = done.tally;
    for text in &done.libraries {
        writer.library(text)?;
        tally.libraries += 1;
    }
    for item in &done.items {
        match writer.add(done.database, item)? {
            Added::Yes => {
                tally.keys += 1;
                tally.bytes += item.len();
            }
            Added::Before => {}
            Added::No(reason) => {
                tally.rejected += 1;
                let (database, key) = (done.database, item.key.to_vec());
                done.rejects.push(Reject { database, key, reason: reason.to_owned() });
            }
        }
    }
    rejects.add(&done.rejects)?;
    Ok(tally)
}
