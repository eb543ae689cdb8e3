//! Real faults on real processes. `CHAOS_ROUNDS` is how often each is tried (default 2).

use std::time::Duration;

use ringmaster_tests::chaos::load::Load;
use ringmaster_tests::chaos::processes::Processes;

const PROGRAM: &str = env!("CARGO_BIN_EXE_member");

fn rounds() -> usize {
    std::env::var("CHAOS_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// The load runs undisturbed for so long, before and after.
const QUIET: Duration = Duration::from_millis(500);

#[test]
fn a_node_that_is_killed_costs_no_acknowledged_write() {
    let mut processes = Processes::start(PROGRAM, (3, 2), 2);
    for round in 0..rounds() {
        let node = round % 3;
        let load = Load::start(&processes.proxies(), 4);
        std::thread::sleep(QUIET);
        processes.kill(node);
        std::thread::sleep(Duration::from_secs(3));
        let outcome = load.stop();
        println!(
            "round {round}: {} done, {} failed, longest gap {:?}, {:?}",
            outcome.done, outcome.failed, outcome.longest_gap, outcome.errors
        );
        for proxy in processes.proxies() {
            outcome.check(proxy);
        }
        assert!(outcome.longest_gap < Duration::from_secs(4), "{outcome:?}");
        processes.restart(node);
        processes.await_redundancy();
        flush(&processes);
    }
}

#[test]
fn a_node_that_stands_still_for_a_while_is_no_member_when_it_goes_on() {
    let processes = Processes::start(PROGRAM, (3, 2), 2);
    for round in 0..rounds() {
        let load = Load::start(&processes.proxies(), 4);
        std::thread::sleep(QUIET);
        processes.pause(round % 3, true);
        std::thread::sleep(Duration::from_secs(2));
        processes.pause(round % 3, false);
        std::thread::sleep(Duration::from_secs(1));
        let outcome = load.stop();
        println!(
            "round {round}: {} done, {} failed, longest gap {:?}, {:?}",
            outcome.done, outcome.failed, outcome.longest_gap, outcome.errors
        );
        for proxy in processes.proxies() {
            outcome.check(proxy);
        }
        processes.await_redundancy();
        flush(&processes);
    }
}

#[test]
fn a_node_that_is_added_under_load_fails_no_request() {
    let mut processes = Processes::start(PROGRAM, (3, 2), 2);
    let load = Load::start(&processes.proxies(), 4);
    std::thread::sleep(QUIET);
    processes.add_node();
    processes.write_file();
    processes.await_redundancy();
    std::thread::sleep(QUIET);
    let outcome = load.stop();
    println!(
        "{} done, {} failed, longest gap {:?}, {:?}",
        outcome.done, outcome.failed, outcome.longest_gap, outcome.errors
    );
    assert_eq!(outcome.failed, 0, "{:?}", outcome.errors);
    outcome.check(processes.proxies()[0]);
}

fn flush(processes: &Processes) {
    let mut wire = ringmaster_tests::wire::Wire::connect(processes.proxies()[0]);
    assert_eq!(wire.ask("FLUSHALL"), "+OK\\r\\n");
}
