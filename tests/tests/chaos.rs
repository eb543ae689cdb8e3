//! Real faults on real processes. `CHAOS_ROUNDS` is how often the shorter ones are tried (default 2).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Entry;
use ringmaster_tests::chaos::gate::Cut;
use ringmaster_tests::chaos::load::{Load, Outcome};
use ringmaster_tests::chaos::processes::Processes;
use ringmaster_tests::chaos::readers::Readers;
use ringmaster_tests::wire::Wire;

const PROGRAM: &str = env!("CARGO_BIN_EXE_member");

fn rounds() -> usize {
    std::env::var("CHAOS_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// The load runs undisturbed for so long, before and after.
const QUIET: Duration = Duration::from_millis(500);

/// A lost node costs its slots two seconds. On a machine that others use too it may be twice that in most rounds, and more
/// now and then; a slot that is not served again at all is seen by the wait for service.
const OUTAGE_MAX: Duration = Duration::from_secs(4);

/// Nodes without a log that all lost everything: a proxy sees that in less than a second, and one whose view is not that of
/// most within a lease of it.
const EMPTY_OUTAGE_MAX: Duration = Duration::from_secs(10);

/// What nobody is to notice is tried without suspicions: a machine that others use too stands still now and then.
const PATIENT: &str = "timeouts: {failure: 20s, lease: 10s, request: 20s, drain: 20s, replace_after: 1h}";

fn start() -> Processes {
    Processes::builder(PROGRAM).start()
}

fn start_patient() -> Processes {
    Processes::builder(PROGRAM).yaml(PATIENT).start()
}

fn tell(round: usize, outcome: &Outcome) {
    let Outcome { done, failed, longest_gap, errors, .. } = outcome;
    println!("round {round}: {done} done, {failed} failed, longest gap {longest_gap:?}, {errors:?}");
}

/// What was acknowledged is there, by the word of every proxy.
fn check(processes: &Processes, outcome: &Outcome) {
    processes.proxies().into_iter().for_each(|proxy| outcome.check(proxy));
}

fn flush(processes: &Processes) {
    let mut wire = Wire::connect(processes.proxies()[0]);
    assert_eq!(wire.ask("FLUSHALL"), "+OK\\r\\n");
}

/// By slot, the epoch that last changed its chain.
fn changed(processes: &Processes) -> Vec<u64> {
    let view = processes.view().expect("there is a view");
    HashSlot::all().map(|slot| view.chain(slot).changed.0).collect()
}

#[test]
fn a_node_that_is_killed_costs_no_acknowledged_write() {
    let mut processes = start();
    let mut outages = Vec::new();
    for round in 0..rounds() {
        let node = round % 3;
        let load = Load::start(&processes.proxies(), 4);
        std::thread::sleep(QUIET);
        processes.kill(node);
        let begin = Instant::now();
        processes.await_service();
        outages.push(begin.elapsed());
        std::thread::sleep(QUIET);
        let outcome = load.stop();
        tell(round, &outcome);
        check(&processes, &outcome);
        processes.restart(node);
        let begin = Instant::now();
        processes.await_redundancy();
        println!("all copies were there again after {:?}", begin.elapsed());
        flush(&processes);
    }
    outages.sort_unstable();
    println!("all slots were served again after {outages:?}");
    let short = outages.iter().filter(|outage| **outage < OUTAGE_MAX).count();
    assert!(short * 2 >= outages.len(), "{outages:?}");
}

#[test]
fn a_node_that_stands_still_for_a_while_is_no_member_when_it_goes_on() {
    let processes = start();
    for round in 0..rounds() {
        let load = Load::start(&processes.proxies(), 4);
        std::thread::sleep(QUIET);
        processes.pause(round % 3, true);
        std::thread::sleep(Duration::from_secs(2));
        processes.pause(round % 3, false);
        processes.await_service();
        let outcome = load.stop();
        tell(round, &outcome);
        check(&processes, &outcome);
        processes.await_redundancy();
        flush(&processes);
    }
}

/// Writes the file with so many copies, and waits until they are there.
fn change_copies(processes: &mut Processes, copies: usize) {
    processes.set_copies(copies);
    processes.write_file();
    let begin = Instant::now();
    processes.await_redundancy();
    println!("all slots had {copies} copies after {:?}", begin.elapsed());
}

#[test]
fn the_number_of_copies_is_edited_under_load_and_fails_no_request() {
    let mut processes = start_patient();
    let load = Load::start(&processes.proxies(), 4);
    std::thread::sleep(QUIET);
    for copies in [3, 2, 1, 2] {
        change_copies(&mut processes, copies);
    }
    std::thread::sleep(QUIET);
    let outcome = load.stop();
    tell(0, &outcome);
    assert_eq!(outcome.failed, 0, "{:?}", outcome.errors);
    check(&processes, &outcome);
}

/// A command that a proxy sends by the file alone, while its node has the first view already, is refused and was not done.
#[test]
fn slots_of_one_copy_get_more_under_load_and_keep_what_they_hold() {
    let mut processes = Processes::builder(PROGRAM).copies(1).yaml(PATIENT).start();
    let load = Load::start(&processes.proxies(), 4);
    std::thread::sleep(QUIET);
    assert!(processes.view().is_none(), "one copy needs no view");
    change_copies(&mut processes, 2);
    std::thread::sleep(QUIET);
    let outcome = load.stop();
    tell(0, &outcome);
    assert!(
        outcome.errors.keys().all(|word| word == "-CLUSTERED" || word == "-TRYAGAIN"),
        "{:?}",
        outcome.errors
    );
    check(&processes, &outcome);
}

/// By slot, the names of the nodes that hold it.
fn holders(processes: &Processes) -> Vec<BTreeSet<String>> {
    let view = processes.view().expect("there is a view");
    let name = |entry: &Entry| view.member(entry.member).name.to_string();
    HashSlot::all().map(|slot| view.chain(slot).entries.iter().map(name).collect()).collect()
}

/// What readers saw in this time.
fn seen(what: &str, readers: Readers) {
    let seen = readers.stop();
    let [half, most, nearly_all] = [500, 990, 999].map(|per_mille| seen.quantile(per_mille));
    println!("{what}: {} reads, p50 {half:?}, p99 {most:?}, p99.9 {nearly_all:?}", seen.took.len());
    assert_eq!(seen.wrong, [] as [String; 0], "{what}");
}

#[test]
fn a_node_that_is_added_under_load_fails_no_request_and_misses_no_key() {
    let mut processes = start_patient();
    let load = Load::start(&processes.proxies(), 4);
    let readers = Readers::start(&processes.proxies());
    std::thread::sleep(QUIET);
    seen("before", readers);
    let (before, readers, begin) =
        (holders(&processes), Readers::start(&processes.proxies()), Instant::now());
    processes.add_node();
    processes.write_file();
    processes.await_redundancy();
    println!("all slots were where they belong after {:?}", begin.elapsed());
    seen("while slots move", readers);
    let outcome = load.stop();
    tell(0, &outcome);
    assert_eq!(outcome.failed, 0, "{:?}", outcome.errors);
    check(&processes, &outcome);
    let after = holders(&processes);
    let moved: usize =
        before.iter().zip(&after).map(|(before, after)| after.difference(before).count()).sum();
    let all: usize = after.iter().map(BTreeSet::len).sum();
    println!("{moved} of {all} copies of slots are on another node");
    assert!(moved * 4 * 10 <= all * 11, "more than 1.1 of the new node's share");
}

#[test]
fn a_node_that_is_told_to_stop_fails_no_request() {
    let mut processes = start_patient();
    for round in 0..rounds() {
        let load = Load::start(&processes.proxies(), 4);
        std::thread::sleep(QUIET);
        let begin = Instant::now();
        processes.terminate(round % 3);
        println!("it left within {:?}", begin.elapsed());
        std::thread::sleep(QUIET);
        processes.restart(round % 3);
        processes.await_redundancy();
        let outcome = load.stop();
        tell(round, &outcome);
        assert_eq!(outcome.failed, 0, "{:?}\n{}", outcome.errors, processes.logs());
        check(&processes, &outcome);
        flush(&processes);
    }
}

/// It sends by the view that it knows until it has heard of another.
#[test]
fn a_node_that_is_told_to_stop_waits_for_a_proxy_that_is_behind() {
    let mut processes = start_patient();
    for round in 0..rounds() {
        let load = Load::start(&processes.proxies(), 4);
        std::thread::sleep(QUIET);
        let pause = processes.pause_proxy_for(1, Duration::from_secs(1));
        let begin = Instant::now();
        processes.terminate(round % 3);
        let took = begin.elapsed();
        println!("it left within {took:?}");
        assert!(took > Duration::from_millis(900), "the proxy was still behind");
        pause.join().expect("the proxy goes on");
        std::thread::sleep(QUIET);
        processes.restart(round % 3);
        processes.await_redundancy();
        let outcome = load.stop();
        tell(round, &outcome);
        assert_eq!(outcome.failed, 0, "{:?}\n{}", outcome.errors, processes.logs());
        check(&processes, &outcome);
        flush(&processes);
    }
}

#[test]
fn what_a_node_that_is_told_to_stop_holds_alone_is_copied_first() {
    // Of five acceptors a majority is left when two have gone.
    let mut processes = Processes::builder(PROGRAM).members(5, 2).yaml(PATIENT).start();
    processes.terminate(0);
    let load = Load::start(&processes.proxies(), 4);
    std::thread::sleep(QUIET);
    processes.terminate(1);
    std::thread::sleep(QUIET);
    let outcome = load.stop();
    tell(0, &outcome);
    assert_eq!(outcome.failed, 0, "{:?}\n{}", outcome.errors, processes.logs());
    check(&processes, &outcome);
}

#[test]
fn a_proxy_that_is_cut_off_from_a_node_loses_nothing_and_does_not_expel_it() {
    let processes = Processes::builder(PROGRAM).gates().start();
    let mut unharmed = 0;
    for (round, cut) in [Cut::Both, Cut::ToNode, Cut::FromNode].into_iter().enumerate() {
        let before = changed(&processes);
        let load = Load::start(&processes.proxies(), 4);
        std::thread::sleep(QUIET);
        processes.cut(0, round, Some(cut));
        std::thread::sleep(Duration::from_millis(2500));
        processes.cut(0, round, None);
        processes.await_redundancy();
        processes.await_service();
        let outcome = load.stop();
        tell(round, &outcome);
        assert!(outcome.done > 0);
        check(&processes, &outcome);
        unharmed += usize::from(changed(&processes) == before);
        flush(&processes);
    }
    // Where the machine stands still the other proxy is not heard of, and one alone is most of those that are.
    assert!(unharmed > 0, "the other proxy reaches it: {}", processes.logs());
}

#[test]
fn a_proxy_that_is_cut_off_from_all_nodes_answers_nothing_old() {
    let processes = Processes::builder(PROGRAM).gates().start();
    let [mut cut_off, mut other] = [0, 1].map(|at| Wire::connect(processes.proxies()[at]));
    for cut in [Cut::Both, Cut::ToNode, Cut::FromNode] {
        assert_eq!(other.ask("SET shown old"), r"+OK\r\n");
        assert_eq!(cut_off.ask("GET shown"), r"$3\r\nold\r\n");
        (0..3).for_each(|node| processes.cut(0, node, Some(cut)));
        // What reaches the nodes before the cut is seen may still be done.
        while !other.ask("SET shown new").starts_with('+') {}
        let told = cut_off.ask("GET shown");
        assert!(told.starts_with('-') || told.contains("new"), "{told}");
        (0..3).for_each(|node| processes.cut(0, node, None));
        processes.await_service();
        assert_eq!(cut_off.ask("GET shown"), r"$3\r\nnew\r\n");
    }
}

#[test]
fn nodes_that_die_one_after_the_other_cost_nothing_when_each_is_replaced() {
    let mut processes =
        Processes::builder(PROGRAM).members(5, 2).yaml("timeouts: {replace_after: 500ms}").start();
    let load = Load::start(&processes.proxies(), 4);
    // Two of five: a majority of the acceptors stays, whether the first was replaced among them already or not.
    for node in 0..2 {
        std::thread::sleep(QUIET);
        processes.kill(node);
        processes.await_redundancy();
    }
    processes.await_service();
    let outcome = load.stop();
    tell(0, &outcome);
    check(&processes, &outcome);
}

#[test]
fn a_node_at_another_address_is_the_same_node_and_nothing_is_copied() {
    let mut processes = Processes::builder(PROGRAM).yaml(PATIENT).gates().start();
    let before = changed(&processes);
    let load = Load::start(&processes.proxies(), 4);
    std::thread::sleep(QUIET);
    let _gates = processes.pass_by_gates();
    processes.write_file();
    processes.await_addresses();
    std::thread::sleep(QUIET);
    let outcome = load.stop();
    tell(0, &outcome);
    assert_eq!(outcome.failed, 0, "{:?}\n{}", outcome.errors, processes.logs());
    assert_eq!(changed(&processes), before);
    check(&processes, &outcome);
}

#[test]
fn a_move_that_is_edited_back_fails_no_request() {
    let mut processes = start_patient();
    let load = Load::start(&processes.proxies(), 4);
    std::thread::sleep(QUIET);
    processes.add_node();
    processes.write_file();
    processes.await_entry(3);
    processes.leave_out(3, true);
    processes.write_file();
    processes.await_redundancy();
    let outcome = load.stop();
    tell(0, &outcome);
    assert_eq!(outcome.failed, 0, "{:?}\n{}", outcome.errors, processes.logs());
    check(&processes, &outcome);
}

#[test]
fn nodes_that_all_come_back_empty_serve_again_under_both_proxies() {
    let mut processes = start();
    // So that the epoch is not the first.
    processes.kill(0);
    processes.await_service();
    processes.restart(0);
    processes.await_redundancy();
    for round in 0..rounds() {
        let load = Load::start(&processes.proxies(), 4);
        std::thread::sleep(QUIET);
        (0..3).for_each(|node| processes.kill(node));
        (0..3).for_each(|node| processes.restart((node + round) % 3));
        let begin = Instant::now();
        processes.await_service();
        let outage = begin.elapsed();
        processes.await_redundancy();
        println!("all slots were served again after {outage:?}");
        assert!(outage < EMPTY_OUTAGE_MAX, "{outage:?}\n{}", processes.logs());
        // What they held is gone with them; what is written from now on is there.
        tell(round, &load.stop());
        flush(&processes);
        let load = Load::start(&processes.proxies(), 4);
        std::thread::sleep(QUIET);
        let outcome = load.stop();
        assert_eq!(outcome.failed, 0, "{:?}\n{}", outcome.errors, processes.logs());
        check(&processes, &outcome);
    }
}
