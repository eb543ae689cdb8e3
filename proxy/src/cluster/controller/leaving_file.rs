//! From slots that the cluster.yaml alone places to views: all proxies at once, though they see the edit at different times.
//!
//! ```text
//! who founds   all is there ─► tells "soon" for a while ─► tells "now" ─► proposes the first view ─► views
//! the others   ask now and then ──────► ask all the time ─► hold back what is for nodes ───────────► views
//! ```
//! From the first view on nodes refuse what comes by the file, so what is held back for these moments does not fail. It is
//! let go in any case after a while, also where who founds has ended.

use std::time::Duration;

use super::{BEAT_EVERY, Controller};
use crate::cluster::detector::POST_LIFE;
use crate::cluster::post::Founds;

/// Longest time between two heartbeats to a node that has answered, where no view is wanted: somebody else may found a
/// cluster. Half of what makes a node suspected, if that is less.
const SELDOM: Duration = Duration::from_millis(250);

/// The same when somebody is about to.
const OFTEN: Duration = Duration::from_millis(20);

/// From the first word to the last before it, to the proposal, and to another beginning if there is no view by then.
const ANNOUNCED: [Duration; 3] =
    [Duration::from_millis(600), Duration::from_millis(750), Duration::from_millis(1800)];

impl Controller {
    /// Whether nothing is to be sent to nodes by the file, because a first view is being decided.
    #[must_use]
    pub fn is_to_hold(&self, now: Duration) -> bool {
        self.view.is_none() && self.sight.alone.is_some() && self.founding(now) == Founds::Now
    }

    /// How far any proxy is with a first view.
    fn founding(&self, now: Duration) -> Founds {
        let others = self.sight.detector.proxies(now).map(|(_, notice)| notice.founds);
        others.chain([self.sight.founds]).max_by_key(|founds| *founds as u8).unwrap_or_default()
    }

    /// Time between two heartbeats to a node that has answered.
    pub(super) fn pace(&self, now: Duration) -> Duration {
        if self.view.is_some() || self.sight.alone.is_none() {
            return BEAT_EVERY;
        }
        match (self.founding(now), self.is_by_file() && self.candidates.is_empty()) {
            (Founds::Not, true) => SELDOM.min(self.sight.file.timeouts.failure.duration() / 2),
            (Founds::Not, false) => BEAT_EVERY,
            (Founds::Soon | Founds::Now, _) => OFTEN,
        }
    }

    /// Something is missing for the first view.
    pub(super) fn founds_not(&mut self) {
        (self.founds_since, self.sight.founds) = (None, Founds::Not);
    }

    /// Others are told to hold back until they have had the time to hear of the view, too.
    pub(super) fn note_end_of_founding(&mut self, now: Duration) {
        if self.view.is_some() && now >= self.held_since + POST_LIFE {
            self.founds_not();
        }
    }

    /// All is there for the first view: whether the other proxies know that, where they use the nodes without one.
    pub(super) fn has_announced(&mut self, now: Duration) -> bool {
        if self.sight.alone.is_none() {
            return true;
        }
        let [warned, proposed, over] = ANNOUNCED.map(|after| *self.founds_since.get_or_insert(now) + after);
        if now >= over {
            self.founds_not();
            return false;
        }
        self.sight.founds = if now < warned { Founds::Soon } else { Founds::Now };
        let next = if now < warned { warned } else { proposed };
        self.survey_at = self.survey_at.min(next.max(now));
        now >= proposed
    }
}
