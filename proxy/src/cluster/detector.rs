//! The failure detector: which nodes answer, which are suspected, which are out.
//!
//! ```text
//!             silent for `failure`            more than half of the live proxies suspect the same process
//! answering ───────────────────────► suspected ───────────────────────────────────────────────► out
//!     ▲  └─────── an answer ◄────────────┘                                                       │
//!     └────────── answers for 2 s, doubling to 5 min for one that flaps; another boot at once ◄──┘
//! ```
//! A suspicion names a process (a node and its boot), is void 300 ms after it was posted, and counts only if the proxy
//! that has it hears a majority of the acceptors: one proxy with a bad link expels nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::view::{Boot, ClusterId, Epoch};

use super::post::Notice;

/// How long a post counts.
pub const POST_LIFE: Duration = Duration::from_millis(300);

/// First and longest time of answers after which a node that was out is in again; it doubles.
const READMIT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

/// A node that was in for this long does not flap any more.
const STEADY: Duration = Duration::from_secs(600);

/// A proxy that suspects for so long, and the others do not, is itself at fault.
const AT_FAULT: Duration = Duration::from_secs(2);

/// Most proxies whose posts are kept.
const PROXIES_MAX: usize = 1024;

/// Which nodes answer.
#[derive(Debug)]
pub struct Detector {
    timeout: Duration,
    /// Whether this proxy hears a majority of the acceptors.
    has_voice: bool,
    nodes: BTreeMap<NodeName, Watched>,
    proxies: BTreeMap<u128, (Duration, Notice)>,
    /// The views that other proxies hold, as they tell the members of those.
    holders: BTreeMap<u128, (Duration, (ClusterId, Epoch))>,
}

#[derive(Debug)]
struct Watched {
    boot: Boot,
    /// When it answered last; before its first answer, when it was first asked.
    last: Duration,
    /// Since when it has answered without a longer silence.
    since: Duration,
    suspected_since: Option<Duration>,
    /// It is out; it is in again after so long a time of answers.
    out: Option<Duration>,
    /// The next such time.
    readmit: Duration,
}

impl Detector {
    /// A detector that suspects after a silence of `timeout`.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            has_voice: false,
            nodes: BTreeMap::new(),
            proxies: BTreeMap::new(),
            holders: BTreeMap::new(),
        }
    }

    /// Suspects after a silence of `timeout` from now on.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Watches this node too; `boot` is what is known of its process, for as long as it has not answered.
    pub fn watch(&mut self, now: Duration, node: &NodeName, boot: Boot) {
        let new =
            Watched { boot, last: now, since: now, suspected_since: None, out: None, readmit: READMIT.0 };
        let watched = self.nodes.entry(node.clone()).or_insert(new);
        if watched.boot == Boot::default() {
            watched.boot = boot;
        }
    }

    /// Watches only these any more.
    pub fn keep(&mut self, is_kept: impl Fn(&NodeName) -> bool) {
        self.nodes.retain(|node, _| is_kept(node));
    }

    /// A node answered.
    pub fn heard(&mut self, now: Duration, node: &NodeName, boot: Boot) {
        self.watch(now, node, boot);
        let timeout = self.timeout;
        let Some(watched) = self.nodes.get_mut(node) else { return };
        if watched.boot != boot {
            // A restart is no failure to answer: the new process is in at once.
            (watched.boot, watched.since, watched.out) = (boot, now, None);
        } else if now.saturating_sub(watched.last) > timeout {
            watched.since = now;
        }
        watched.last = now;
        watched.suspected_since = None;
    }

    /// Another proxy posted this, `age` ago.
    pub fn posted(&mut self, now: Duration, proxy: u128, age: Duration, notice: Notice) {
        let until = (now + POST_LIFE).saturating_sub(age);
        let is_known = self.holders.contains_key(&proxy) || self.holders.len() < PROXIES_MAX;
        let told = self.holders.get(&proxy).map_or(Duration::ZERO, |(told, _)| *told);
        // Nodes hand on what they have, so an older notice may come behind a newer.
        if let Some(held) = notice.held.filter(|_| until > now.max(told) && is_known) {
            self.holders.insert(proxy, (until, held));
        }
        let is_newer = self.proxies.get(&proxy).is_none_or(|(known, _)| *known <= until);
        if until > now && is_newer && (self.proxies.len() < PROXIES_MAX || self.proxies.contains_key(&proxy))
        {
            self.proxies.insert(proxy, (until, notice));
        }
    }

    /// Takes note of what has become of the nodes; `has_voice`: whether a majority of the acceptors is heard.
    pub fn poll(&mut self, now: Duration, has_voice: bool) {
        self.has_voice = has_voice;
        self.proxies.retain(|_, (until, _)| *until > now);
        self.holders.retain(|_, (until, _)| *until > now);
        let names: Vec<NodeName> = self.nodes.keys().cloned().collect();
        for name in names {
            let boot = self.nodes[&name].boot;
            let is_expelled = self.is_expelled(now, &name, boot);
            let is_silent = self.is_silent(now, &name);
            if let Some(watched) = self.nodes.get_mut(&name) {
                watched.poll(now, is_silent, is_expelled);
            }
        }
    }

    /// Whether the node has not answered for `failure`, or is not known.
    #[must_use]
    pub fn is_silent(&self, now: Duration, node: &NodeName) -> bool {
        self.nodes.get(node).is_none_or(|watched| now.saturating_sub(watched.last) > self.timeout)
    }

    /// How long the node has not answered; `None` if it is not known.
    #[must_use]
    pub fn silence(&self, now: Duration, node: &NodeName) -> Option<Duration> {
        self.nodes.get(node).map(|watched| now.saturating_sub(watched.last))
    }

    /// The nodes that this proxy suspects, each as one process.
    #[must_use]
    pub fn suspects(&self, now: Duration) -> Vec<(NodeName, Boot)> {
        let silent = self.nodes.iter().filter(|(name, _)| self.is_silent(now, name));
        silent.map(|(name, watched)| (name.clone(), watched.boot)).take(super::post::SUSPECTS_MAX).collect()
    }

    /// Whether more than half of the live proxies suspect this process.
    #[must_use]
    pub fn is_expelled(&self, now: Duration, node: &NodeName, boot: Boot) -> bool {
        let (suspect, all) = self.votes(now, node, boot);
        self.has_voice && self.is_suspect(now, node, boot) && suspect * 2 > all
    }

    /// Whether no live proxy reaches the node, as whatever process.
    #[must_use]
    pub fn is_reached_by_nobody(&self, now: Duration, node: &NodeName) -> bool {
        let mut others = self.proxies(now).filter(|(_, notice)| notice.has_voice);
        let is_suspect = |notice: &Notice| notice.suspects.iter().any(|(name, _)| name == node);
        self.has_voice && self.is_silent(now, node) && others.all(|(_, notice)| is_suspect(notice))
    }

    /// Whether a node that answers may be given slots.
    #[must_use]
    pub fn is_admitted(&self, now: Duration, node: &NodeName) -> bool {
        self.nodes.get(node).is_some_and(|watched| watched.out.is_none()) && !self.is_silent(now, node)
    }

    /// The other live proxies.
    pub fn proxies(&self, now: Duration) -> impl Iterator<Item = (u128, &Notice)> {
        self.proxies
            .iter()
            .filter(move |(_, (until, _))| *until > now)
            .map(|(proxy, (_, notice))| (*proxy, notice))
    }

    /// The views that other live proxies hold.
    pub fn held(&self, now: Duration) -> impl Iterator<Item = (ClusterId, Epoch)> {
        self.holders.values().filter(move |(until, _)| *until > now).map(|(_, held)| *held)
    }

    /// Whether this proxy has suspected a node for long that the others reach: then it is itself at fault.
    #[must_use]
    pub fn is_at_fault(&self, now: Duration) -> bool {
        let is_alone = |(name, watched): (&NodeName, &Watched)| {
            let is_long = watched.suspected_since.is_some_and(|since| now.saturating_sub(since) > AT_FAULT);
            is_long && !self.is_expelled(now, name, watched.boot)
        };
        self.nodes.iter().any(is_alone)
    }

    /// How many of the live proxies that have a voice suspect the process, and how many there are.
    fn votes(&self, now: Duration, node: &NodeName, boot: Boot) -> (usize, usize) {
        let mut votes = (usize::from(self.is_suspect(now, node, boot)), 1);
        for (_, notice) in self.proxies(now).filter(|(_, notice)| notice.has_voice) {
            votes.0 += usize::from(notice.suspects.iter().any(|(name, of)| name == node && *of == boot));
            votes.1 += 1;
        }
        votes
    }

    fn is_suspect(&self, now: Duration, node: &NodeName, boot: Boot) -> bool {
        self.nodes.get(node).is_none_or(|watched| watched.boot != boot) || self.is_silent(now, node)
    }
}

impl Watched {
    fn poll(&mut self, now: Duration, is_silent: bool, is_expelled: bool) {
        if is_silent {
            self.suspected_since.get_or_insert(now);
        }
        if is_expelled && self.out.is_none() {
            let was_steady = self.last.saturating_sub(self.since) > STEADY;
            let wait = if was_steady { READMIT.0 } else { self.readmit };
            (self.out, self.readmit) = (Some(wait), (wait * 2).min(READMIT.1));
        }
        let has_answered = now.saturating_sub(self.since);
        if !is_silent && self.out.is_some_and(|wait| has_answered >= wait) {
            self.out = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ms, name};
    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(500);

    fn detector() -> Detector {
        let mut detector = Detector::new(TIMEOUT);
        detector.heard(ms(0), &name("a"), Boot(1));
        detector.poll(ms(0), true);
        detector
    }

    fn notice(suspects: &[(&str, u128)]) -> Notice {
        let suspects = suspects.iter().map(|(of, boot)| (name(of), Boot(*boot))).collect();
        Notice { has_voice: true, suspects, ..Notice::default() }
    }

    fn is_out(detector: &Detector, now: u64) -> bool {
        detector.is_expelled(ms(now), &name("a"), Boot(1))
    }

    #[test]
    fn a_silent_node_is_suspected_and_alone_that_is_enough() {
        let detector = detector();
        assert!(!detector.is_silent(ms(500), &name("a")));
        assert!(detector.suspects(ms(500)).is_empty() && !is_out(&detector, 500));
        assert_eq!(detector.suspects(ms(501)), [(name("a"), Boot(1))]);
        assert!(is_out(&detector, 501));
    }

    #[test]
    fn one_proxy_with_a_bad_link_expels_nobody() {
        let mut detector = detector();
        detector.posted(ms(600), 7, ms(0), notice(&[]));
        assert!(!is_out(&detector, 600), "one of two");
        detector.posted(ms(600), 8, ms(0), notice(&[("a", 1)]));
        assert!(is_out(&detector, 600), "two of three");
        assert!(!detector.is_reached_by_nobody(ms(600), &name("a")));
        detector.posted(ms(610), 7, ms(0), notice(&[("a", 9)]));
        assert!(detector.is_reached_by_nobody(ms(610), &name("a")), "as whatever process");
        detector.posted(ms(610), 8, ms(0), notice(&[]));
        assert!(!is_out(&detector, 610), "a suspicion names one process");
    }

    #[test]
    fn a_node_that_never_answered_is_suspected_as_the_process_that_the_view_names() {
        let mut detector = Detector::new(TIMEOUT);
        detector.watch(ms(0), &name("a"), Boot::default());
        detector.watch(ms(100), &name("a"), Boot(1));
        assert_eq!(detector.suspects(ms(501)), [(name("a"), Boot(1))]);
    }

    #[test]
    fn a_post_is_void_after_its_time_and_an_older_one_replaces_none() {
        let mut detector = detector();
        detector.posted(ms(600), 7, ms(100), notice(&[]));
        detector.posted(ms(600), 7, ms(200), notice(&[("a", 1)]));
        assert!(!is_out(&detector, 799));
        assert!(is_out(&detector, 800), "the other proxy is not live any more");
    }

    #[test]
    fn a_view_is_held_until_it_was_not_told_for_long_also_where_others_are_told_nothing_of_it() {
        let mut detector = detector();
        let held = Some((ClusterId(3), Epoch(9)));
        detector.posted(ms(600), 7, ms(0), Notice { held, ..notice(&[]) });
        detector.posted(ms(700), 7, ms(0), notice(&[]));
        assert_eq!(detector.held(ms(800)).collect::<Vec<_>>(), [(ClusterId(3), Epoch(9))]);
        assert_eq!(detector.held(ms(900)).count(), 0);
        detector.posted(ms(1000), 7, ms(0), Notice { held, ..notice(&[]) });
        detector.posted(ms(1010), 7, ms(290), Notice { held, ..notice(&[]) });
        assert_eq!(detector.held(ms(1290)).count(), 1, "an older one that comes later takes nothing back");
    }

    #[test]
    fn who_hears_no_majority_of_acceptors_has_no_voice() {
        let mut detector = detector();
        detector.poll(ms(600), false);
        assert!(!is_out(&detector, 600), "not oneself");
        detector.poll(ms(600), true);
        detector.posted(ms(600), 7, ms(0), Notice { has_voice: false, ..notice(&[]) });
        assert!(is_out(&detector, 600), "nor another");
    }

    #[test]
    fn another_boot_is_in_at_once_and_the_same_after_a_while_that_doubles() {
        let mut detector = detector();
        let answer_from = |detector: &mut Detector, from: u64, to: u64, boot| {
            for now in (from..=to).step_by(100) {
                detector.heard(ms(now), &name("a"), Boot(boot));
                detector.poll(ms(now), true);
            }
            detector.is_admitted(ms(to), &name("a"))
        };
        detector.poll(ms(600), true);
        assert!(!answer_from(&mut detector, 1000, 2900, 1));
        assert!(answer_from(&mut detector, 3000, 3000, 1), "two seconds of answers");
        detector.poll(ms(3600), true);
        assert!(!answer_from(&mut detector, 4000, 7900, 1));
        assert!(answer_from(&mut detector, 8000, 8000, 1), "four seconds");
        detector.poll(ms(8600), true);
        assert!(answer_from(&mut detector, 9000, 9000, 2), "a restart is no flapping");
    }

    #[test]
    fn who_suspects_alone_for_long_is_at_fault() {
        let mut detector = detector();
        for now in (600..=2700).step_by(100) {
            detector.posted(ms(now), 7, ms(0), notice(&[]));
            detector.poll(ms(now), true);
            assert_eq!(detector.is_at_fault(ms(now)), now > 2600);
        }
    }
}
