//! Holds: after a view that removed a tail, its slots are answered only when nobody can read that tail any more.

use std::collections::HashMap;
use std::time::Duration;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, Epoch, View};

/// When each hold ends.
#[derive(Debug, Default)]
pub(super) struct Holds {
    until: HashMap<Epoch, Duration>,
}

impl Holds {
    /// R13: counts from when a view with the mark was first held, for as long as a lease of a proxy that does not know
    /// the view can last by the slowest clock.
    pub(super) fn learn(&mut self, view: &View, now: Duration, clock_drift: f64) {
        let lease = view.longest_lease().duration();
        let longest = lease.mul_f64((1.0 + clock_drift) / (1.0 - clock_drift));
        let mut marked: Vec<Epoch> = HashSlot::all().filter_map(|slot| view.chain(slot).unsealed).collect();
        marked.sort_unstable();
        marked.dedup();
        self.until.retain(|epoch, _| marked.binary_search(epoch).is_ok());
        for epoch in marked {
            self.until.entry(epoch).or_insert(now + longest);
        }
    }

    /// When the hold of a chain ends, if it has one.
    pub(super) fn until(&self, chain: &Chain) -> Option<Duration> {
        chain.unsealed.and_then(|epoch| self.until.get(&epoch).copied())
    }

    /// Whether nothing holds the chain's answers back.
    pub(super) fn is_over(&self, chain: &Chain, now: Duration) -> bool {
        self.until(chain).is_none_or(|until| until <= now)
    }
}
