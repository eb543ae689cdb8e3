//! What a run found, for people and as JSON.

mod figures;

use std::io::Write as _;

use serde::Serialize;

use super::{options::Plan, window::Window};
use figures::{Difference, Figures, median_difference, median_figures};

/// Above this share of its time on a CPU, a generating thread may itself be what is measured.
const BUSY_MAX: f64 = 0.8;

/// Above this the generator was late itself, in microseconds.
const LATENESS_P99_MAX: f64 = 200.0;

/// One measurement.
pub(super) struct Round {
    /// From 0.
    pub(super) round: usize,
    /// Which of the plan's targets.
    pub(super) target: usize,
    /// What was measured.
    pub(super) window: Window,
}

#[derive(Serialize)]
struct Report<'a> {
    version: &'static str,
    options: &'a Plan,
    targets: Vec<TargetReport<'a>>,
    /// Of each further target to the first.
    differences: Vec<DifferenceReport<'a>>,
}

#[derive(Serialize)]
struct TargetReport<'a> {
    address: &'a str,
    /// Of each figure the median over the rounds.
    median: Figures,
    rounds: Vec<Figures>,
    first_error: Option<&'a str>,
}

#[derive(Serialize)]
struct DifferenceReport<'a> {
    address: &'a str,
    minus: &'a str,
    /// Medians of the differences within the rounds.
    #[serde(flatten)]
    difference: Difference,
}

/// Prints one round as a line of text.
pub(super) fn print_round(plan: &Plan, round: &Round) {
    let name = &plan.targets[round.target].name;
    let figures = Figures::of(plan, &round.window);
    line(&format!("{:>3} {} {name}: {figures}", round.round + 1, letter(round.target)));
}

/// Prints the whole run: medians and differences, or JSON.
///
/// # Errors
/// The figures cannot be written as JSON.
pub(super) fn print(plan: &Plan, rounds: &[Round]) -> anyhow::Result<()> {
    let report = Report::new(plan, rounds);
    if plan.json {
        line(&serde_json::to_string_pretty(&report)?);
    } else {
        report.print_text();
    }
    report.warn();
    Ok(())
}

impl<'a> Report<'a> {
    fn new(plan: &'a Plan, rounds: &'a [Round]) -> Report<'a> {
        let targets: Vec<TargetReport<'a>> =
            (0..plan.targets.len()).map(|target| TargetReport::new(plan, rounds, target)).collect();
        let (first, rest) = targets.split_first().expect("a plan has a target");
        let difference = |other: &TargetReport<'a>| DifferenceReport {
            address: other.address,
            minus: first.address,
            difference: median_difference(&other.rounds, &first.rounds),
        };
        let differences = rest.iter().map(difference).collect();
        Report { version: env!("CARGO_PKG_VERSION"), options: plan, targets, differences }
    }

    fn print_text(&self) {
        line("median of the rounds:");
        for (index, target) in self.targets.iter().enumerate() {
            line(&format!("    {} {}: {}", letter(index), target.address, target.median));
        }
        for (index, report) in self.differences.iter().enumerate() {
            line(&format!("    {} - A, median of the differences: {}", letter(index + 1), report.difference));
        }
    }

    /// What makes the figures doubtful, on standard error.
    fn warn(&self) {
        for target in &self.targets {
            let (address, median) = (target.address, &target.median);
            if let Some(error) = target.first_error {
                eprintln!("warning: {address} answered with errors, the first: {error}");
            }
            let unanswered: u64 = target.rounds.iter().map(|round| round.unanswered).sum();
            if unanswered > 0 {
                eprintln!(
                    "warning: {address} left {unanswered} requests unanswered; they count as they waited"
                );
            }
            if median.generator_busy > BUSY_MAX {
                eprintln!(
                    "warning: the generator was busy {:.0} %: use more --threads",
                    median.generator_busy * 100.0
                );
            }
            if median.lateness_p99_us > LATENESS_P99_MAX {
                eprintln!("warning: the generator itself was late: p99 {:.0} us", median.lateness_p99_us);
            }
        }
    }
}

impl<'a> TargetReport<'a> {
    fn new(plan: &'a Plan, rounds: &'a [Round], target: usize) -> TargetReport<'a> {
        let windows: Vec<&Window> =
            rounds.iter().filter(|round| round.target == target).map(|round| &round.window).collect();
        let rounds: Vec<Figures> = windows.iter().map(|window| Figures::of(plan, window)).collect();
        TargetReport {
            address: &plan.targets[target].name,
            median: median_figures(&rounds),
            rounds,
            first_error: windows.iter().find_map(|window| window.tally.first_error.as_deref()),
        }
    }
}

/// A, B, C …
fn letter(target: usize) -> char {
    char::from(b'A' + u8::try_from(target).unwrap_or(25).min(25))
}

/// Writes a line; that nobody reads it any more is no error.
fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
