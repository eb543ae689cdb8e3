//! Whole clusters by seeds: all promises hold under all faults.
//!
//! `SIMULATION_SEEDS=n` runs n fresh seeds of each mode, `SIMULATION_SEED=s` replays one of each with its trace.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ringmaster_protocol::extension::Rules;
use ringmaster_tests::simulation::settings::Mode;
use ringmaster_tests::simulation::{report, run};

/// Seeds that once failed, by chance.
const REGRESSIONS: &[u64] = &[100_367, 100_804, 103_989, 104_110, 107_140, 107_558, 200_522, 202_237];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Runs all seeds, on all processors; panics with the words for the first that failed.
fn all_hold(mode: Mode, seeds: &[u64]) {
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    let (certain, epochs, lost) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ended = run(mode, *seed, Rules::ALL, false);
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
        "{mode:?}: {} seeds, {} acknowledged calls, {} views, {} slots lost by the faults, {:?}",
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
        panic!("{} seeds failed; {}", failed.len(), report(mode, *seed, Rules::ALL, 60));
    }
}

/// Runs fresh seeds of a mode, so many unless the caller says how many; and these.
fn fresh(mode: Mode, count: u64, regressions: &[u64]) {
    if let Some(seed) = number("SIMULATION_SEED") {
        println!("{}", report(mode, seed, Rules::ALL, usize::MAX));
        assert!(run(mode, seed, Rules::ALL, false).violation.is_none());
        return;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    let first = number("SIMULATION_FIRST").unwrap_or(since.as_millis() as u64 * 1_000_000);
    let count = number("SIMULATION_SEEDS").unwrap_or(count);
    println!("{mode:?}: seeds {first} to {}", first + count);
    let seeds: Vec<u64> = regressions.iter().copied().chain(first..first + count).collect();
    all_hold(mode, &seeds);
}

#[test]
fn all_promises_hold_under_all_faults() {
    fresh(Mode::Chance, 100, REGRESSIONS);
}

#[test]
fn controllers_keep_all_promises_through_faults_and_edits_of_the_file() {
    fresh(Mode::Controller, 40, &[5040, 5247]);
}

#[test]
fn controllers_keep_all_promises_while_the_number_of_copies_is_edited() {
    fresh(Mode::Copies, 40, &[]);
}

#[test]
fn what_expires_is_there_for_its_time_and_never_again() {
    fresh(Mode::Expiry, 20, &[]);
}

#[test]
fn acknowledged_by_the_head_members_are_equal_and_nothing_is_done_twice() {
    fresh(Mode::AckHead, 20, &[]);
}

#[test]
fn read_from_any_member_shows_what_was_or_is_on_its_way() {
    fresh(Mode::ReadAny, 20, &[]);
}

#[test]
fn a_seed_is_a_run() {
    for (mode, seed) in [(Mode::Chance, 1), (Mode::Chance, 2), (Mode::Controller, 3)] {
        let (one, other) = (run(mode, seed, Rules::ALL, true), run(mode, seed, Rules::ALL, true));
        assert!(!one.trace.is_empty());
        let differs = one.trace.iter().zip(&other.trace).find(|(one, other)| one != other);
        assert_eq!(differs, None);
        assert_eq!(one.trace.len(), other.trace.len());
    }
}
