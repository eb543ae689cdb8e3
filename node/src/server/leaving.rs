//! Leaving: a node that is to stop says so, and stays until the proxies have given its slots to others.
//!
//! Chains with another in-sync entry drop it; what it serves alone is copied first. Nobody waits where nothing can come of it.
//! A proxy that goes by an older view still sends it writes: were the connection closed on them, nobody could say that they
//! were not executed. So it stays until all proxies that ask know the view without it, and refuses what still comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ringmaster_protocol::view::View;

use super::shared::Shared;
use crate::cluster::askers::GONE_AFTER;
use crate::cluster::member::boot_time;

/// Time between two looks at the view.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// From what a proxy's heartbeat says of its view until all of its threads go by that, and what they sent before is answered.
const SETTLES: Duration = Duration::from_millis(100);

/// Returns when no chain names this process any more and the proxies know, after `patience`, or when `is_in_hurry`.
pub(super) fn leave(shared: &Shared, patience: Duration, is_in_hurry: &AtomicBool) {
    shared.member.leave();
    let begin = boot_time();
    // The epoch that left it out, and since when the proxies know that.
    let mut left_in = None;
    let mut known_since = None;
    while let Some(view) = shared.member.view() {
        let now = boot_time();
        let held = held(shared, &view);
        left_in = (held == 0).then(|| left_in.unwrap_or_else(|| view.epoch()));
        let is_known = left_in.is_some_and(|epoch| shared.member.all_know(now, epoch));
        known_since = is_known.then(|| known_since.unwrap_or(now));
        if known_since.is_some_and(|since| now >= since + SETTLES) {
            return;
        }
        let is_pointless = !has_others(shared, &view) || shared.member.silence(now) > GONE_AFTER;
        if is_pointless || now > begin + patience || is_in_hurry.load(Ordering::Relaxed) {
            if held > 0 {
                tracing::warn!(chains = held, "the node stops while chains still name it");
            }
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
