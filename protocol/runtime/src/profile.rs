//! Where the processor's time goes: call stacks of all threads of the process, sampled for some seconds.
//!
//! ```text
//! kernel: SIGPROF after each 1/hz s of processor time ──► handler: stack of the interrupted thread ──► table of counts
//! thread `profile`: begins, waits, ends ──► looks names up ──► flamegraph or protobuf
//! ```
//! The handler (of the crate `pprof`) finds the stack by the unwind tables that a build has anyway: no register is given up for
//! frame pointers. It neither allocates nor takes a lock that others hold, so it may interrupt anything, but for the first
//! time of a process, when it reads those tables: that is brought about at the start, on a thread that does nothing else
//! ([`prepare_if`]). System calls that it interrupts go on (`SA_RESTART`), or are tried again by who made them. While no
//! profile is taken there is neither timer nor signal.

mod flamegraph;
mod message;
mod stacks;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use pprof::ProfilerGuardBuilder;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;

use stacks::Stack;

/// Whether one is taken: there is one timer and one handler in a process.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// What became of [`prepare`]; empty before.
static PREPARED: OnceLock<Result<(), String>> = OnceLock::new();

/// Samples in a second of processor time at first.
const FIRST_HERTZ: i32 = 999;

/// Work until the first sample: the kernel's clock ticks each 10 ms at least.
const FIRST_WORK: Duration = Duration::from_millis(40);

/// Longest time for that; a busy machine may not let the thread run.
const FIRST_WITHIN: Duration = Duration::from_secs(2);

/// How a profile is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `profile.proto` of pprof, in gzip.
    Protobuf,
    /// A picture, SVG.
    Flamegraph,
}

/// Which profile is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// For how long.
    pub(crate) seconds: u32,
    /// Samples in a second of processor time.
    pub(crate) hertz: u32,
}

/// Why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ProfileError {
    /// Another one is taken.
    Busy,
    /// It cannot be taken; the text says why.
    Failed(String),
}

/// A profile that was taken.
#[derive(Debug)]
struct Taken {
    wanted: Wanted,
    began: SystemTime,
    lasted: Duration,
    stacks: Vec<Stack>,
}

/// Held while a profile is taken.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        if IS_TAKEN.swap(true, Ordering::AcqRel) { None } else { Some(Self) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        IS_TAKEN.store(false, Ordering::Release);
    }
}

/// Makes profiles possible where they are wanted: brings the first sample about, on the calling thread, which computes until it
/// has come. To be called at the start of a process, before threads that work: the handler allocates this once, and whom it
/// interrupts must not do so at that moment. Later calls do nothing. Without a sample it warns, and no profile is taken.
pub fn prepare_if(wanted: bool) {
    if let Some(Err(why)) = wanted.then(prepare) {
        tracing::warn!(why, "no profiles can be taken");
    }
}

fn prepare() -> Result<(), String> {
    PREPARED.get_or_init(first_sample).clone()
}

fn first_sample() -> Result<(), String> {
    let place = Place::take().ok_or("a profile is being taken")?;
    let guard =
        ProfilerGuardBuilder::default().frequency(FIRST_HERTZ).build().map_err(|error| why(&error))?;
    let (began, worked) = (Instant::now(), own_time());
    // Neither allocates nor locks.
    while own_time().saturating_sub(worked) < FIRST_WORK && began.elapsed() < FIRST_WITHIN {
        std::hint::spin_loop();
    }
    let report = guard.report().build_unresolved().map_err(|error| why(&error))?;
    drop((guard, place));
    if report.data.is_empty() { Err("no sample came".to_owned()) } else { Ok(()) }
}

/// The processor time of the calling thread.
fn own_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn why(error: &pprof::Error) -> String {
    format!("{error}; samples need a writable directory for temporary files (TMPDIR)")
}

/// Takes a profile, on a thread of its own. Who drops the future ends it.
///
/// # Errors
/// [`ProfileError`].
pub(crate) async fn take(wanted: Wanted, form: Form) -> Result<Vec<u8>, ProfileError> {
    let prepared = PREPARED.get().cloned().unwrap_or_else(|| Err("nothing is prepared for it".to_owned()));
    prepared.map_err(ProfileError::Failed)?;
    let place = Place::take().ok_or(ProfileError::Busy)?;
    let (waits, left) = channel();
    let (tell, told) = oneshot::channel();
    let body = move || {
        let profile = sample(wanted, &left).and_then(|taken| told_as(form, taken.as_ref()));
        drop(place);
        // Nobody, if who asked for it left.
        let _ = tell.send(profile);
    };
    let failed = |error: std::io::Error| ProfileError::Failed(format!("no thread can be made: {error}"));
    thread::Builder::new().name("profile".to_owned()).spawn(body).map_err(failed)?;
    let profile = told.await;
    drop(waits);
    profile.unwrap_or_else(|_| Err(ProfileError::Failed("the thread that took it ended".to_owned())))
}

/// Samples until the time is over; `None` if who waits `left` before.
fn sample(wanted: Wanted, left: &Receiver<()>) -> Result<Option<Taken>, ProfileError> {
    let failed = |error: pprof::Error| ProfileError::Failed(why(&error));
    let hertz = i32::try_from(wanted.hertz).unwrap_or(i32::MAX);
    let began = SystemTime::now();
    let since = Instant::now();
    let guard = ProfilerGuardBuilder::default().frequency(hertz).build().map_err(failed)?;
    let waited = left.recv_timeout(Duration::from_secs(u64::from(wanted.seconds)));
    if waited == Err(RecvTimeoutError::Disconnected) {
        return Ok(None);
    }
    let lasted = since.elapsed();
    let report = guard.report().build_unresolved().map_err(failed)?;
    // Names are looked up without further samples.
    drop(guard);
    Ok(Some(Taken { wanted, began, lasted, stacks: stacks::of(report) }))
}

fn told_as(form: Form, taken: Option<&Taken>) -> Result<Vec<u8>, ProfileError> {
    let Some(taken) = taken else { return Ok(Vec::new()) };
    match form {
        Form::Flamegraph => Ok(flamegraph::draw(taken).into_bytes()),
        Form::Protobuf => message::encode(taken).map_err(|error| ProfileError::Failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_ends_it_and_the_next_may_begin() {
        prepare().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let long = take(Wanted { seconds: 60, hertz: 99 }, Form::Protobuf);
            let ended = tokio::time::timeout(Duration::from_millis(50), long).await;
            assert!(ended.is_err(), "it was to last a minute");
            let began = Instant::now();
            let wanted = Wanted { seconds: 1, hertz: 99 };
            let next = loop {
                match take(wanted, Form::Flamegraph).await {
                    Err(ProfileError::Busy) => tokio::task::yield_now().await,
                    other => break other.unwrap(),
                }
                assert!(began.elapsed() < Duration::from_secs(30), "the first one goes on");
            };
            assert!(next.starts_with(b"<?xml"), "{}", String::from_utf8_lossy(&next));
            let both = tokio::join!(take(wanted, Form::Protobuf), take(wanted, Form::Protobuf));
            assert!(both.0.is_ok());
            assert_eq!(both.1, Err(ProfileError::Busy));
        });
    }
}
