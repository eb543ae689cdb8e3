//! Whole clusters by seeds: all promises hold under all faults.
//!
//! `SIMULATION_SEEDS=n` runs n fresh seeds (200 by default), `SIMULATION_SEED=s` replays one with its trace.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ringmaster_protocol::extension::Rules;
use ringmaster_tests::simulation::{report, run};

/// Seeds that once failed.
const REGRESSIONS: &[u64] = &[];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Runs all seeds, on all processors; panics with the words for the first that failed.
fn all_hold(seeds: &[u64]) {
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    let (certain, epochs, lost) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ended = run(*seed, Rules::ALL, false);
            if ended.violation.is_some() {
                failed.lock().expect("no panic").push((*seed, ended.violation.clone().unwrap_or_default()));
            }
            certain.fetch_add(ended.certain, Ordering::Relaxed);
            epochs.fetch_add(ended.epoch as usize, Ordering::Relaxed);
            lost.fetch_add(ended.lost, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| {
            scope.spawn(work);
        });
    });
    println!(
        "{} seeds, {} acknowledged calls, {} views, {} slots lost by the faults, {:?}",
        seeds.len(),
        certain.into_inner(),
        epochs.into_inner(),
        lost.into_inner(),
        begun.elapsed()
    );
    let mut failed = failed.into_inner().expect("no panic");
    failed.sort();
    failed.iter().for_each(|(seed, violation)| println!("seed {seed}: {violation}"));
    if let Some((seed, _)) = failed.first() {
        panic!("{} seeds failed; {}", failed.len(), report(*seed, Rules::ALL, 60));
    }
}

#[test]
fn all_promises_hold_under_all_faults() {
    if let Some(seed) = number("SIMULATION_SEED") {
        println!("{}", report(seed, Rules::ALL, usize::MAX));
        assert!(run(seed, Rules::ALL, false).violation.is_none());
        return;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    let first = number("SIMULATION_FIRST").unwrap_or(since.as_millis() as u64 * 1_000_000);
    let count = number("SIMULATION_SEEDS").unwrap_or(200);
    println!("seeds {first} to {}", first + count);
    let fresh = first..first + count;
    let seeds: Vec<u64> = REGRESSIONS.iter().copied().chain(fresh).collect();
    all_hold(&seeds);
}

#[test]
fn a_seed_is_a_run() {
    for seed in 1..4 {
        let (one, other) = (run(seed, Rules::ALL, true), run(seed, Rules::ALL, true));
        assert!(!one.trace.is_empty());
        let differs = one.trace.iter().zip(&other.trace).find(|(one, other)| one != other);
        assert_eq!(differs, None);
        assert_eq!(one.trace.len(), other.trace.len());
    }
}
