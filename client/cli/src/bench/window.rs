//! One measurement of one target: connects, runs the threads, adds up what they counted.

use std::{io, time::Duration};

use anyhow::Context as _;

use super::{
    clock::{Clock, Nanos, nanos},
    cpu,
    generator::{Generator, Loop, Tally},
    link::Link,
    options::{Plan, Target},
    schedule::Schedule,
    workload::Workload,
};

/// Time for the threads to start before the clock does.
const HEAD_START: Duration = Duration::from_millis(5);

/// What was measured.
pub(super) struct Window {
    /// Sums over all threads.
    pub(super) tally: Tally,
    /// CPU time of the server's process in the measured time.
    pub(super) server_cpu: Option<Nanos>,
}

/// Runs one round against `target`.
///
/// # Errors
/// A connection fails, or the server's process is not there.
pub(super) fn run(target: &Target, plan: &Plan, round: usize) -> anyhow::Result<Window> {
    let links = (0..plan.threads).map(|thread| connect(target, plan, thread));
    let links = links.collect::<io::Result<Vec<_>>>().context("cannot connect")?;
    let clock = Clock::starting_in(HEAD_START);
    let (warm, end) = (nanos(plan.warmup), nanos(plan.warmup + plan.duration));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..)
            .zip(links)
            .map(|(thread, links)| {
                // The same load for every target, another one in every round and thread.
                let seed = plan.seed.wrapping_add(((round * plan.threads + thread) as u64) << 1);
                let generator = Generator {
                    clock,
                    links,
                    loops: loops(plan, thread, seed),
                    pipeline: plan.pipeline,
                    workload: Workload::new(&plan.workload, seed + 1),
                    warm,
                    end,
                };
                scope.spawn(move || generator.run())
            })
            .collect();
        let server_cpu = server_cpu(target, clock, warm, end)?;
        let mut tally = Tally::new(warm, end);
        for thread in threads {
            tally.add(thread.join().expect("a generator does not panic").context("the connection was lost")?);
        }
        Ok(Window { tally, server_cpu })
    })
}

/// A thread's share of the connections.
fn connect(target: &Target, plan: &Plan, thread: usize) -> io::Result<Vec<Link>> {
    let share = plan.connections / plan.threads + usize::from(thread < plan.connections % plan.threads);
    (0..share).map(|_| Link::connect(&target.dial)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a few threads")]
fn loops(plan: &Plan, thread: usize, seed: u64) -> Loop {
    let threads = plan.threads as f64;
    match plan.rate {
        None => Loop::Closed,
        Some(rate) => Loop::Open(Schedule::new(rate / threads, plan.arrivals, thread as f64 / threads, seed)),
    }
}

/// What the server's process uses between the end of the warm-up and the end.
fn server_cpu(target: &Target, clock: Clock, warm: Nanos, end: Nanos) -> anyhow::Result<Option<Nanos>> {
    let Some(pid) = target.server_pid else { return Ok(None) };
    let read = || cpu::of_process(pid).with_context(|| format!("cannot read the CPU time of process {pid}"));
    clock.sleep_until(warm);
    let before = read()?;
    clock.sleep_until(end);
    Ok(Some(read()?.saturating_sub(before)))
}
