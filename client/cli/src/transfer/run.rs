//! The way: pages are asked for one after the other, several are under way at once, and they are told done in their order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use ringmaster_client::Client;
use tokio::task::JoinHandle;

use super::files::Files;
use super::live::{self, Clock, Live};
use super::pace::Rate;
use super::progress::Progress;
use super::rejects::Reject;
use super::stop::Stop;
use super::target::Target;
use super::{Item, Load, Mark, Page, Tally};

/// Longest wait for pages that are under way, after Ctrl-C.
const STOPS_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks at whether we are to stop.
const LOOKS_EVERY: Duration = Duration::from_millis(50);
/// Parts of a second for which keys are asked at once where there is a rate.
const PACE_PARTS: u64 = 20;
/// Names whose values are asked for at once, at the beginning of a page.
const CHUNK_FIRST: usize = 8;
/// The most of them.
const CHUNK_MAX: usize = 256;
/// Bytes of values below which more are asked for at once, and above which fewer are.
const CHUNK_BYTES: std::ops::Range<u64> = 1 << 20..8 << 20;

/// Where keys come from.
pub(crate) enum Source {
    /// Servers.
    Live(Live),
    /// Files.
    Files(Files),
}

/// What is to be done, and how.
pub(crate) struct Job {
    /// From where.
    pub source: Source,
    /// To which server; without one values are told to `take`.
    pub target: Option<Arc<Target>>,
    /// Pages under way at once, at least one.
    pub parallel: usize,
    /// No faster than this.
    pub rate: Option<Rate>,
    /// Whether to stop.
    pub stop: Stop,
    /// Shows how far it is.
    pub progress: Progress,
}

/// A page that is done.
#[derive(Default)]
pub(crate) struct Done {
    /// Its database.
    pub database: u64,
    /// Its keys, where there is no server that took them.
    pub items: Vec<Item>,
    /// Its libraries, likewise.
    pub libraries: Vec<Vec<u8>>,
    /// What became of the keys; those in `items` are not counted yet.
    pub tally: Tally,
    /// Those that could not be brought.
    pub rejects: Vec<Reject>,
    /// Where to go on.
    pub mark: Mark,
    position: u64,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All is done.
    Whole,
    /// It was told to stop.
    Stopped,
}

/// Does the job. `take` hears of each page, in order, and says what became of the keys of the page.
///
/// # Errors
/// Source or target fail, or `take` does. What was told to `take` before is done.
pub(crate) async fn run(
    job: &mut Job,
    take: &mut dyn FnMut(Done) -> anyhow::Result<Tally>,
) -> anyhow::Result<End> {
    let mut under_way = VecDeque::new();
    let (mut ended, mut failed, mut tally) = (false, None, Tally::default());
    loop {
        while !ended && !job.stop.is_told() && under_way.len() < job.parallel.max(1) {
            match job.source.next().await {
                Ok(Some(page)) => under_way.push_back(tokio::spawn(work(page, job.target.clone()))),
                Ok(None) => ended = true,
                Err(error) => (ended, failed) = (true, Some(error)),
            }
        }
        let Some(front) = under_way.pop_front() else { break };
        let Some(done) = finished(front, &job.stop).await? else { return Ok(End::Stopped) };
        let position = done.position;
        tally.add(take(done)?);
        job.progress.tell(&tally, position);
        job.source.heed(&tally, job.rate);
        while job.rate.is_some_and(|rate| job.progress.elapsed() < rate.time(&tally)) && !job.stop.is_told() {
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }
    match failed {
        Some(error) => Err(error),
        None if ended => Ok(End::Whole),
        None => Ok(End::Stopped),
    }
}

impl Source {
    async fn next(&mut self) -> anyhow::Result<Option<Page>> {
        match self {
            Source::Live(live) => live.next().await,
            Source::Files(files) => files.next().await,
        }
    }

    fn heed(&mut self, tally: &Tally, rate: Option<Rate>) {
        let keys_max = match rate {
            Some(Rate::Keys(keys)) => keys / PACE_PARTS,
            _ => u64::MAX,
        };
        if let Source::Live(live) = self {
            live.heed(tally, keys_max);
        }
    }
}

/// Waits for a page; `None` if it takes too long after we were told to stop.
async fn finished(mut page: JoinHandle<anyhow::Result<Done>>, stop: &Stop) -> anyhow::Result<Option<Done>> {
    let mut told: Option<Instant> = None;
    loop {
        tokio::select! {
            done = &mut page => return done.context("a task failed")?.map(Some),
            () = tokio::time::sleep(LOOKS_EVERY) => {}
        }
        if stop.is_told() && told.get_or_insert_with(Instant::now).elapsed() > STOPS_WITHIN {
            return Ok(None);
        }
    }
}

async fn work(page: Page, target: Option<Arc<Target>>) -> anyhow::Result<Done> {
    let Page { database, load, mark, position } = page;
    let mut done = Done { database, mark, position, ..Done::default() };
    match (load, target) {
        (Load::Libraries(libraries), None) => done.libraries = libraries,
        (Load::Libraries(libraries), Some(target)) => {
            done.tally = target.libraries(libraries, &mut done.rejects).await?;
        }
        (Load::Items(items), None) => done.items = items,
        (Load::Items(items), Some(target)) => {
            done.tally = target.put(database, items, &mut done.rejects).await?;
        }
        (Load::Names(client, clock, names), target) => {
            read(&client, clock, &names, target.as_deref(), &mut done).await?;
        }
    }
    Ok(done)
}

/// Reads the values of these names in chunks that follow their size, and brings them to the target.
async fn read(
    client: &Client,
    clock: Clock,
    names: &[Bytes],
    target: Option<&Target>,
    done: &mut Done,
) -> anyhow::Result<()> {
    let (mut left, mut chunk) = (names, CHUNK_FIRST);
    while !left.is_empty() {
        let (now, later) = left.split_at(chunk.min(left.len()));
        left = later;
        let fetched = live::fetch(client, (done.database, clock), now).await?;
        let bytes: u64 = fetched.items.iter().map(Item::len).sum();
        done.tally.gone += fetched.gone;
        done.tally.rejected += fetched.rejects.len() as u64;
        done.rejects.extend(fetched.rejects);
        match target {
            Some(target) => {
                let tally = target.put(done.database, fetched.items, &mut done.rejects).await?;
                done.tally.add(tally);
            }
            None => done.items.extend(fetched.items),
        }
        if bytes > CHUNK_BYTES.end {
            chunk = (chunk / 4).max(1);
        } else if bytes < CHUNK_BYTES.start {
            chunk = (chunk * 2).min(CHUNK_MAX);
        }
    }
    Ok(())
}
