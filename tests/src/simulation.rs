//! Whole clusters in one thread: real cores of proxies and nodes on a simulated network, clock and disk.
//!
//! ```text
//! clients ──► proxy: Chains, Proposer ══ ordered connections: late, lost, cut ══► node: Acceptor, Replica ──► disk
//!    │                                                                                         a restart may forget
//!    └──► history ──► checker: linearizable, nothing lost, nothing twice, in order, members equal, all served
//! ```
//! A run is its seed: the same seed is the same run, event by event.

pub mod checker;
pub mod clock;
pub mod command;
pub mod content;
pub mod control;
pub mod governor;
pub mod history;
pub mod message;
pub mod mind;
pub mod network;
pub mod node;
pub mod proxy;
pub mod random;
pub mod settings;
pub mod world;

use ringmaster_protocol::extension::Rules;

use random::Random;
use settings::{Mode, Settings};
use world::{Ended, World};

/// Runs a seed in this mode under these rules; with a trace, if it is asked for.
#[must_use]
pub fn run(mode: Mode, seed: u64, rules: Rules, is_traced: bool) -> Ended {
    let mut random = Random::new(seed);
    let settings = Settings { is_traced, ..Settings::of_mode(mode, &mut random, rules) };
    World::new(settings, random).run()
}

/// The first of these seeds that fails, and how.
#[must_use]
pub fn first_failure(mode: Mode, seeds: impl IntoIterator<Item = u64>, rules: Rules) -> Option<(u64, Ended)> {
    let mut ended = seeds.into_iter().map(|seed| (seed, run(mode, seed, rules, false)));
    ended.find(|(_, ended)| ended.violation.is_some())
}

/// The words for a seed that failed: what is wrong, and the last of what happened. A seed is the same run when it is
/// traced.
#[must_use]
pub fn report(mode: Mode, seed: u64, rules: Rules, lines: usize) -> String {
    let Ended { violation, trace, .. } = run(mode, seed, rules, true);
    let last = trace[trace.len().saturating_sub(lines)..].join("\n");
    let violation = violation.unwrap_or_else(|| "nothing is wrong".to_owned());
    format!("{last}\nseed {seed}: {violation}\nreplay it with SIMULATION_SEED={seed}, mode {mode:?}")
}
