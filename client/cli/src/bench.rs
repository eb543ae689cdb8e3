//! `ringmaster bench`: an open-loop load generator without coordinated omission.
//!
//! In an open loop every request has an intended time of sending, fixed before the run by its rate and seed, and
//! its latency counts from that time: a server that stalls is charged for every request that should have been
//! sent meanwhile, not only for the one that it stalled. With `--rate 0` the loop is closed (the next batch is
//! sent when the last one is answered): that finds the throughput, and its latencies say little.
//!
//! ```text
//! options ─► plan ─► for each round, for each target: window ─► report
//!                     window = N threads, each: schedule + workload ─► links ─► histogram
//! ```

mod clock;
mod cpu;
mod dial;
mod duration;
mod generator;
mod link;
mod options;
mod poll;
mod prefill;
mod report;
mod schedule;
mod window;
mod workload;

use std::process::ExitCode;

use anyhow::Context as _;

pub(crate) use options::Arguments;
use options::Plan;
use report::Round;

/// Runs `ringmaster bench`. Exits with 1 when a server answered with errors or requests were left unanswered.
///
/// # Errors
/// Options that contradict each other, or a connection that fails.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let plan = Plan::new(arguments)?;
    if plan.prefill {
        for target in &plan.targets {
            prefill::run(&target.dial, &plan.workload)
                .with_context(|| format!("cannot fill {}", target.name))?;
        }
    }
    let mut rounds = Vec::with_capacity(plan.rounds * plan.targets.len());
    for round in 0..plan.rounds {
        for (index, target) in plan.targets.iter().enumerate() {
            let window = window::run(target, &plan, round)
                .with_context(|| format!("the run against {} failed", target.name))?;
            let round = Round { round, target: index, window };
            if !plan.json {
                report::print_round(&plan, &round);
            }
            rounds.push(round);
        }
    }
    report::print(&plan, &rounds)?;
    let clean =
        rounds.iter().all(|round| round.window.tally.errors == 0 && round.window.tally.unanswered == 0);
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
