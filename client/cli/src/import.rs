//! `ringmaster import`: the keys of a Redis that runs, of a Redis Cluster, or of a dump.rdb come into a cluster that runs.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use ringmaster_client::{Options, Target as Address, Tls, TlsFiles};

use crate::access::Access;
use crate::transfer::bring::{Bring, Way};
use crate::transfer::files::{self, Files};
use crate::transfer::live::{Live, Scope};
use crate::transfer::progress::{Progress, Total};
use crate::transfer::run::Source;
use crate::transfer::state::StateFile;
use crate::transfer::stop::Stop;
use crate::transfer::target::{Existing, Target};
use crate::transfer::{Tally, in_runtime, options};

/// Bring the keys of a Redis, or of a dump.rdb, into a cluster that runs.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  ringmaster import --from redis://10.0.0.7:6379 -s proxy-1:6379
  ringmaster import --file dump.rdb -s proxy-1:6379 --replace --max-rate 20000

Each key is as it was when it was read; what is written to the source afterwards is not brought: stop its writers, or import
again with --replace. A Redis Cluster is read primary by primary. A file is read twice: to its end, where its checksum is,
before the first key is brought.

Exit codes: 0 all keys are there; 1 it failed; 3 done, but some keys were rejected; 130 interrupted, --resume goes on.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    origin: Origin,
    /// Where the keys go: a proxy, a node, or any Redis; HOST:PORT, or a URL.
    #[arg(short = 's', long, value_name = "ADDRESS", default_value = "127.0.0.1:6379")]
    server: String,
    #[command(flatten)]
    access: Access,
    /// User of the source.
    #[arg(long, value_name = "NAME", requires = "from", requires = "from_pass")]
    from_user: Option<String>,
    /// Password of the source. Better given in the environment.
    #[arg(long, value_name = "PASSWORD", env = "RINGMASTER_FROM_PASSWORD", hide_env_values = true)]
    from_pass: Option<String>,
    /// PEM file of the authorities that are believed of a rediss:// source.
    #[arg(long, value_name = "FILE", requires = "from")]
    from_cacert: Option<PathBuf>,
    /// Only keys that match this pattern, as for SCAN.
    #[arg(long = "match", value_name = "PATTERN")]
    pattern: Option<String>,
    /// Only this database; its keys stay in a database of that number.
    #[arg(long, value_name = "NUMBER")]
    db: Option<u32>,
    /// Leave libraries of functions out.
    #[arg(long)]
    no_functions: bool,
    /// Replace keys that are there; without this and without --skip-existing they are among the rejects.
    #[arg(long)]
    replace: bool,
    /// Leave keys that are there as they are.
    #[arg(long, conflicts_with = "replace")]
    skip_existing: bool,
    #[command(flatten)]
    way: Way,
}

/// Where the keys are.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Origin {
    /// A server that runs: redis://HOST:PORT, rediss:// for TLS.
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// A dump.rdb, of Redis 2.8 to 8.0.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Imports.
///
/// # Errors
/// The source cannot be read, the target does not take the keys, or there is another import that is not done.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = Stop::listen()?;
    in_runtime(import(arguments, stop))
}

async fn import(arguments: &Arguments, stop: Stop) -> anyhow::Result<ExitCode> {
    let scope = Scope {
        pattern: arguments.pattern.clone(),
        database: arguments.db,
        functions: !arguments.no_functions,
    };
    let target =
        Target::open(arguments.access.target(&arguments.server, options())?, arguments.existing()).await?;
    let (from, file) = match (&arguments.origin.from, &arguments.origin.file) {
        (Some(url), _) => (Some(arguments.source(url)?), None),
        (None, file) => (None, file.clone()),
    };
    let named = match (&from, &file) {
        (Some(Address { addresses, options }), _) => {
            format!("{}/{}", addresses.first().map(ToString::to_string).unwrap_or_default(), options.database)
        }
        (None, Some(file)) => file.display().to_string(),
        (None, None) => String::new(),
    };
    let job = format!("{named} to {}, {scope:?}", target.name());
    let begin = |source, total, state| Bring {
        way: &arguments.way,
        name: "import",
        source,
        total,
        target,
        state,
        stop: stop.clone(),
    };
    if let Some(file) = file {
        check(&file, &stop)?;
        let state = arguments.way.state(job, "import")?;
        let total = Total::Bytes(files::size(std::slice::from_ref(&file)));
        let source = Source::Files(Files::open(vec![file], scope, state.state.mark.as_ref())?);
        return begin(source, total, state).run().await;
    }
    let from = from.context("name a source: --from or --file")?;
    let known = arguments.way.state(job, "import")?;
    let opened = Live::open(from, scope.clone(), known.state.mark.as_ref()).await;
    let live = given_up(opened, &known, arguments.way.resume)?;
    let total = if scope.pattern.is_none() { Total::Keys(live.keys()) } else { Total::Unknown };
    begin(Source::Live(live), total, known).run().await
}

/// What was opened; if it was not, nothing was begun, so nothing has to be resumed.
fn given_up<T>(opened: anyhow::Result<T>, state: &StateFile, is_resumed: bool) -> anyhow::Result<T> {
    if opened.is_err() && !is_resumed {
        state.forget();
    }
    opened
}

fn check(file: &std::path::Path, stop: &Stop) -> anyhow::Result<()> {
    let name = file.display();
    let mut progress = Progress::begin(Total::Bytes(files::size(&[file.to_owned()])));
    eprintln!("reading {name} to its end, for its checksum");
    let tell = &mut |position| progress.tell(&Tally::default(), position);
    let contents = files::check(file, files::open(file)?, stop, tell);
    progress.end();
    let contents = contents.context("nothing was imported")?;
    eprintln!("{name} is whole: {} keys, {} libraries of functions", contents.keys, contents.libraries);
    Ok(())
}

impl Arguments {
    fn existing(&self) -> Existing {
        match () {
            () if self.replace => Existing::Replace,
            // What one before has brought is no conflict.
            () if self.skip_existing || self.way.resume => Existing::Skip,
            () => Existing::Reject,
        }
    }

    fn source(&self, url: &str) -> anyhow::Result<Address> {
        let is_tls = url.starts_with("rediss://");
        ensure!(
            is_tls || self.from_cacert.is_none(),
            "--from-cacert is of no use without a rediss:// source"
        );
        let tls = match &self.from_cacert {
            Some(_) => {
                let files = TlsFiles { ca: self.from_cacert.clone(), certificate: None };
                Some(Tls::of_files(files).context("--from-cacert")?)
            }
            None => None,
        };
        let (username, password) = (self.from_user.clone(), self.from_pass.clone());
        Address::new(url, Options { username, password, tls, ..options() }).context("--from")
    }
}
