//! The simulation bites: where a rule of the protocol is left out, its checker finds a violation or a stall.
//!
//! Each test states within how many seeds, counted from 1, and which seed it was when the test was written.
//! `SIMULATION_BITES=n` tries n seeds of each.

use ringmaster_protocol::extension::{Rule, Rules};
use ringmaster_tests::simulation::first_failure;
use ringmaster_tests::simulation::settings::Mode;

fn bites(rule: Rule, within: u64, was: u64) {
    bites_in(Mode::Chance, rule, within, was);
}

fn bites_in(mode: Mode, rule: Rule, within: u64, was: u64) {
    let asked = std::env::var("SIMULATION_BITES").ok().and_then(|text| text.parse().ok());
    let found = first_failure(mode, 1..=asked.unwrap_or(within), Rules::without(rule));
    let (seed, ended) = found.unwrap_or_else(|| panic!("without {rule:?} nothing was found"));
    println!("without {rule:?}: seed {seed}, it was {was}: {}", ended.violation.unwrap_or_default());
}

#[test]
fn operations_are_checked_under_the_lock() {
    bites(Rule::CheckedUnderTheLock, 100, 43);
}

#[test]
fn writes_go_down_in_the_order_of_the_chain() {
    bites(Rule::ChainOrder, 10, 2);
}

#[test]
fn gaps_are_told() {
    bites(Rule::GapsAreTold, 10, 1);
}

#[test]
fn commands_that_changed_nothing_are_confirmed() {
    bites(Rule::NoOpsAreConfirmed, 10, 2);
}

#[test]
fn commands_are_executed_once() {
    bites(Rule::ExecutedOnce, 10, 1);
}

#[test]
fn imports_only_add() {
    bites(Rule::ImportsOnlyAdd, 400, 154);
}

#[test]
fn entries_are_proven_before_they_are_in_sync() {
    bites(Rule::ProvenBeforeInSync, 20, 2);
}

#[test]
fn another_boot_is_another_entry() {
    bites(Rule::BootsAreEntries, 10, 1);
}

#[test]
fn a_lost_chain_waits_for_its_reports() {
    bites(Rule::ReportsBeforeReseating, 60, 15);
}

/// The rules that controllers need within a few seeds too.
#[test]
fn controllers_need_the_rules() {
    let rules = [
        (Rule::CheckedUnderTheLock, 2),
        (Rule::ChainOrder, 1),
        (Rule::GapsAreTold, 1),
        (Rule::NoOpsAreConfirmed, 22),
        (Rule::ExecutedOnce, 1),
        (Rule::ProvenBeforeInSync, 2),
        (Rule::BootsAreEntries, 2),
        (Rule::ReportsBeforeReseating, 15),
    ];
    rules.into_iter().for_each(|(rule, was)| bites_in(Mode::Controller, rule, 60, was));
}
