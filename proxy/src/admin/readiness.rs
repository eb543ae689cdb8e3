//! Whether the proxy can serve: what `/readyz` looks at.

use ringmaster_runtime::admin::{Outcome, Readiness};

use crate::clock;
use crate::cluster::controller::Status;
use crate::shared::Shared;

/// Looks at everything. A proxy that still serves some slots is better than none: it is ready while at least one node is reached.
pub(super) fn of(shared: &Shared) -> Readiness {
    let mut checks = Readiness::default();
    check_nodes(shared, &mut checks);
    check_file(shared, &mut checks);
    let status = shared.control.status();
    if shared.published().is_some() {
        check_view(shared, &status, &mut checks);
    }
    for problem in &status.problems {
        let node = problem.node.as_ref().map(|node| format!("node '{node}' ")).unwrap_or_default();
        checks.add("cluster", Outcome::Warn, format!("{node}{}", problem.text));
    }
    checks
}

fn check_nodes(shared: &Shared, checks: &mut Readiness) {
    let nodes = shared.nodes.all();
    let reached = nodes.iter().filter(|node| node.reached().is_ok()).count();
    let outcome = if reached > 0 { Outcome::Ok } else { Outcome::Fail };
    checks.add("nodes", outcome, format!("{reached} of {} are reached", nodes.len()));
    for node in nodes {
        match node.reached() {
            Ok(()) => checks.add(node.to_string(), Outcome::Ok, "reached"),
            Err(reason) => checks.add(node.to_string(), Outcome::Warn, format!("not reached: {reason}")),
        }
    }
}

fn check_file(shared: &Shared, checks: &mut Readiness) {
    match shared.reloads.last_error() {
        None => checks.add("config", Outcome::Ok, "cluster.yaml is in effect"),
        Some(error) => {
            let why = format!("cluster.yaml has faults, the one before stays in effect: {error}");
            checks.add("config", Outcome::Warn, why);
        }
    }
}

/// Without a view and a lease nothing is answered.
fn check_view(shared: &Shared, status: &Status, checks: &mut Readiness) {
    match shared.control.view() {
        Some(view) => checks.add("view", Outcome::Ok, format!("epoch {}", view.epoch())),
        None => checks.add("view", Outcome::Fail, "none is decided or known yet"),
    }
    let lease = shared.control.lease();
    let left = lease.until.saturating_sub(clock::now());
    if left.is_zero() {
        checks.add("lease", Outcome::Fail, format!("view {} is not confirmed", lease.epoch));
    } else {
        checks.add(
            "lease",
            Outcome::Ok,
            format!("view {} is confirmed for {} ms yet", lease.epoch, left.as_millis()),
        );
    }
    if status.is_at_fault {
        let why = "this proxy does not reach a node that the other proxies reach";
        checks.add("network", Outcome::Fail, why);
    }
}
