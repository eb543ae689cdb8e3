//! Leaving: a node that is to stop says so, and stays until the proxies have given its slots to others.
//!
//! Chains with another in-sync entry drop it; what it serves alone is copied first. Nobody waits where nothing can come of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ringmaster_protocol::view::View;

use super::shared::Shared;
use crate::cluster::member::boot_time;

/// Time between two looks at the view.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Proxies ask ten times a second: after so long without one none looks after this node.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// Returns when no chain names this process any more, after `patience`, or when `is_in_hurry`.
pub(super) fn leave(shared: &Shared, patience: Duration, is_in_hurry: &AtomicBool) {
    shared.member.leave();
    let begin = boot_time();
    while let Some(view) = shared.member.view() {
        let now = boot_time();
        let held = held(shared, &view);
        if held == 0 {
            return;
        }
        let is_pointless = !has_others(shared, &view) || shared.member.silence(now) > SILENCE_MAX;
        if is_pointless || now > begin + patience || is_in_hurry.load(Ordering::Relaxed) {
            tracing::warn!(chains = held, "the node stops while chains still name it");
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// How many different chains name this process.
fn held(shared: &Shared, view: &View) -> usize {
    let boot = shared.member.boot();
    view.chains().iter().filter(|chain| chain.entries.iter().any(|entry| entry.boot == boot)).count()
}

/// Whether another member may hold slots.
fn has_others(shared: &Shared, view: &View) -> bool {
    let own = shared.member.incarnation();
    view.members().iter().any(|member| member.incarnation != own && member.weight > 0)
}
