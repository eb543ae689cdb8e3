//! Keys that are brought to a server, with a state to go on by and a file of rejects: `import` and `restore`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::pace::Rate;
use super::progress::{Progress, Total};
use super::rejects::Rejects;
use super::run::{self, Done, End, Job, Source};
use super::state::StateFile;
use super::stop::Stop;
use super::target::Target;
use super::{INTERRUPTED, SOME_REJECTED, Tally};

/// How fast, and what is noted on the way.
#[derive(clap::Args, Debug)]
pub(crate) struct Way {
    /// No more than so many keys a second, or bytes: 5000, 20mb.
    #[arg(long, value_name = "RATE")]
    pub max_rate: Option<Rate>,
    /// Pages of keys that are under way at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub parallel: u16,
    /// Go on where one before was interrupted.
    #[arg(long)]
    pub resume: bool,
    /// File that says how far it is, while it is not done [default: ringmaster-import.state, ringmaster-restore.state]
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// File for the keys that cannot be brought, with the reason [default: as the state, but .rejects]
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
}

impl Way {
    /// The state, begun or gone on with; `job` says what is done, `name` is that of the tool.
    ///
    /// # Errors
    /// As [`StateFile::open`].
    pub(crate) fn state(&self, job: String, name: &str) -> anyhow::Result<StateFile> {
        StateFile::open(&self.state_path(name), job, self.resume)
    }

    fn state_path(&self, name: &str) -> PathBuf {
        self.state.clone().unwrap_or_else(|| format!("ringmaster-{name}.state").into())
    }

    fn rejects_path(&self, name: &str) -> PathBuf {
        self.rejects.clone().unwrap_or_else(|| self.state_path(name).with_extension("rejects"))
    }
}

/// What is brought where.
pub(crate) struct Bring<'a> {
    /// How.
    pub way: &'a Way,
    /// Name of the tool.
    pub name: &'a str,
    /// From where.
    pub source: Source,
    /// How much that is.
    pub total: Total,
    /// To where.
    pub target: Target,
    /// How far it is.
    pub state: StateFile,
    /// Whether to stop.
    pub stop: Stop,
}

impl Bring<'_> {
    /// Brings the keys, and says what came of it.
    ///
    /// # Errors
    /// Source or target fail; the state says where to go on.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let Bring { way, name, source, total, target, mut state, stop } = self;
        let path = way.rejects_path(name);
        let mut rejects = Rejects::at(path.clone());
        let mut job = Job {
            source,
            target: Some(target.into()),
            parallel: way.parallel.into(),
            rate: way.max_rate,
            stop,
            progress: Progress::begin(total),
        };
        let ended = run::run(&mut job, &mut |done: Done| {
            rejects.add(&done.rejects)?;
            state.state.tally.add(done.tally);
            if !done.mark.place.is_empty() {
                state.state.mark = Some(done.mark);
            }
            state.save_now_and_then()?;
            Ok(done.tally)
        })
        .await;
        job.progress.end();
        let tally = state.state.tally;
        match ended {
            Ok(End::Whole) => {
                state.finish()?;
                println!("{name}: {} in {:.1} s", tally.text(), job.progress.elapsed().as_secs_f64());
                Ok(told(&tally, &path))
            }
            Ok(End::Stopped) => {
                state.save()?;
                eprintln!("ringmaster: interrupted after {}; --resume goes on there", tally.text());
                Ok(ExitCode::from(INTERRUPTED))
            }
            Err(error) => {
                // What went wrong first is what is told.
                let saved = state.save();
                let advice = match saved {
                    Ok(()) => "--resume goes on there".to_owned(),
                    Err(error) => format!("and where to go on could not be noted: {error:#}"),
                };
                Err(error).with_context(|| format!("stopped after {}; {advice}", tally.text()))
            }
        }
    }
}

fn told(tally: &Tally, rejects: &std::path::Path) -> ExitCode {
    if tally.rejected == 0 {
        return ExitCode::SUCCESS;
    }
    eprintln!("ringmaster: {} were rejected; {} has each with its reason", tally.rejected, rejects.display());
    ExitCode::from(SOME_REJECTED)
}
