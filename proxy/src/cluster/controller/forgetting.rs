//! When the view that is held is given up: its cluster is no more, or goes on as another.
//!
//! A view is only ever followed by a later one of its cluster. Where there will be none, what holds now is found as by a
//! proxy that starts. P1: a member that does not answer may have the data, so it takes the word of *every* member, each as
//! another data directory that holds nothing; and no other proxy may know a later view, which may have members that this
//! one does not name.

use std::time::Duration;

use ringmaster_protocol::heartbeat::NodeState;
use ringmaster_protocol::view::{ClusterId, Epoch, Member, View};

use super::{Action, Controller};
use crate::cluster::detector::POST_LIFE;
use crate::cluster::nodes::Known;
use crate::cluster::rebalancer::hold;

impl Controller {
    /// Whether nothing is left of the cluster, not even its register, for as long as another proxy may take to be heard of.
    pub(super) fn is_lost(&mut self, now: Duration, view: &View) -> bool {
        if self.is_all_blank(now, view) && !self.knows_more(now, view) {
            now >= *self.lost_since.get_or_insert(now) + POST_LIFE
        } else {
            self.lost_since = None;
            false
        }
    }

    fn is_all_blank(&self, now: Duration, view: &View) -> bool {
        let world = self.sight.world(now, view);
        // Who has accepted a first view holds nothing either; that view is taken over by who decides it.
        let is_empty = |known: &Known| {
            let has_accepted = known.cluster.is_some_and(|other| other != view.cluster());
            known.epoch == Epoch::default() && (known.state == NodeState::Blank || has_accepted)
        };
        let is_other = |member: &Member| {
            let known = world.answering(&member.name);
            known.is_some_and(|known| known.incarnation != member.incarnation && is_empty(known))
        };
        view.members().iter().all(is_other)
    }

    /// The view of another proxy that keeps this one, which holds none, from founding a cluster: of a cluster of which it does
    /// not know itself that nothing is left.
    pub(super) fn held_elsewhere(&self, now: Duration) -> Option<(ClusterId, Epoch)> {
        let is_over = |(cluster, epoch): &(ClusterId, Epoch)| {
            self.given_up.is_some_and(|(over, last)| *cluster == over && *epoch <= last)
        };
        let mut held = self.sight.detector.held(now);
        held.find(|held| !is_over(held))
    }

    /// Whether another proxy holds a later view of this cluster.
    fn knows_more(&self, now: Duration, view: &View) -> bool {
        let mut held = self.sight.detector.held(now);
        held.any(|(cluster, epoch)| cluster == view.cluster() && epoch > view.epoch())
    }

    /// Whether the members go on in another cluster, as an operator said or because nothing was left of this one: all that
    /// answer belong to that one, and nobody has confirmed the view for long.
    pub(super) fn is_left(&self, now: Duration, view: &View) -> bool {
        let world = self.sight.world(now, view);
        let known: Vec<_> =
            view.members().iter().filter_map(|member| world.answering(&member.name)).collect();
        let other = known.first().and_then(|known| known.cluster).filter(|other| *other != view.cluster());
        let is_unconfirmed = now > self.lease().1 && now > self.held_since + hold(view);
        other.is_some() && is_unconfirmed && known.iter().all(|known| known.cluster == other)
    }

    /// Forgets the view and all that was seen under it: epochs and versions of it mean nothing in another cluster.
    pub(super) fn give_up_view(&mut self, now: Duration, out: &mut Vec<Action>) {
        if let Some(attempt) = self.attempt.take() {
            self.last_ballot = self.last_ballot.max(attempt.ballot());
        }
        self.given_up = self.view.as_ref().map(|view| (view.cluster(), view.epoch()));
        (self.view, self.lease, self.lost_since, self.drawn) = (None, None, None, None);
        self.lease_before = None;
        (self.propose_at, self.undecided_since) = (None, None);
        self.pending.clear();
        self.rebalancer.begin_anew();
        self.choose_cluster(now, out);
    }
}
