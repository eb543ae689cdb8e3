//! Members that keep logs: what is acknowledged outlives all of them.

use std::time::Duration;

use ringmaster_tests::chaos::load::Load;
use ringmaster_tests::chaos::processes::Processes;

const PROGRAM: &str = env!("CARGO_BIN_EXE_member");

/// The load runs undisturbed for so long.
const QUIET: Duration = Duration::from_millis(700);

#[test]
fn nothing_acknowledged_is_lost_when_all_members_are_killed_at_once() {
    let mut processes = Processes::builder(PROGRAM).node_words(&["fsync=always"]).start();
    processes.await_redundancy();
    let load = Load::start(&processes.proxies(), 4);
    std::thread::sleep(QUIET);
    (0..3).for_each(|node| processes.kill(node));
    (0..3).for_each(|node| processes.restart(node));
    processes.await_service();
    let outcome = load.stop();
    println!(
        "{} done, {} failed, longest gap {:?}, {:?}",
        outcome.done, outcome.failed, outcome.longest_gap, outcome.errors
    );
    assert!(outcome.done > 0);
    for proxy in processes.proxies() {
        outcome.check(proxy);
    }
}
