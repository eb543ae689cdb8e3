//! The proxies that ask this node how it is: when each did last, and which view it went by.

use std::collections::BTreeMap;
use std::time::Duration;

use ringmaster_protocol::heartbeat::POSTS_MAX;
use ringmaster_protocol::view::Epoch;

/// Proxies ask ten times a second: who has not for so long is gone, or cannot reach this node.
pub const GONE_AFTER: Duration = Duration::from_secs(2);

/// Who asked, at most [`POSTS_MAX`] proxies.
#[derive(Debug, Default)]
pub struct Askers {
    by_proxy: BTreeMap<u128, (Duration, Epoch)>,
    latest: Duration,
}

impl Askers {
    /// A proxy asked that goes by the view of `epoch`; 0 where that is none of this cluster.
    pub fn heard(&mut self, now: Duration, proxy: u128, epoch: Epoch) {
        self.latest = self.latest.max(now);
        self.by_proxy.retain(|_, (at, _)| now.saturating_sub(*at) <= GONE_AFTER);
        if self.by_proxy.len() < POSTS_MAX || self.by_proxy.contains_key(&proxy) {
            self.by_proxy.insert(proxy, (now, epoch));
        }
    }

    /// How long none has asked.
    #[must_use]
    pub fn silence(&self, now: Duration) -> Duration {
        now.saturating_sub(self.latest)
    }

    /// Whether all that have asked of late go by the view of `epoch` or a later one.
    #[must_use]
    pub fn all_know(&self, now: Duration, epoch: Epoch) -> bool {
        let mut late = self.by_proxy.values().filter(|(at, _)| now.saturating_sub(*at) <= GONE_AFTER);
        late.all(|(_, known)| *known >= epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn all_know_a_view_when_the_last_that_still_asks_goes_by_it() {
        let mut askers = Askers::default();
        assert!(askers.all_know(ms(0), Epoch(9)), "nobody asks");
        askers.heard(ms(10), 1, Epoch(9));
        askers.heard(ms(20), 2, Epoch(8));
        assert!(askers.all_know(ms(30), Epoch(8)) && !askers.all_know(ms(30), Epoch(9)));
        askers.heard(ms(110), 1, Epoch(9));
        assert!(!askers.all_know(ms(120), Epoch(9)));
        askers.heard(ms(120), 2, Epoch(10));
        assert!(askers.all_know(ms(130), Epoch(9)));
        askers.heard(ms(140), 3, Epoch(0));
        assert!(!askers.all_know(ms(150), Epoch(9)));
        assert!(askers.all_know(ms(141) + GONE_AFTER, Epoch(9)), "it asks no more");
    }

    #[test]
    fn silence_counts_from_the_last_that_asked_and_their_number_is_bounded() {
        let mut askers = Askers::default();
        (0..2 * POSTS_MAX as u128).for_each(|proxy| askers.heard(ms(5), proxy, Epoch(1)));
        assert_eq!((askers.silence(ms(12)), askers.by_proxy.len()), (ms(7), POSTS_MAX));
        askers.heard(ms(6) + GONE_AFTER, 7, Epoch(1));
        assert_eq!(askers.by_proxy.len(), 1);
    }
}
