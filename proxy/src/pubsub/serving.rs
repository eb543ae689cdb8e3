//! Who serves the slots, as the clients of a thread are served: which nodes are listened to, and which keys may have
//! changed unheard when somebody else serves them.
//!
//! Every copy tells of a key when it changes there. A copy that has no place any more need not: what it had not applied
//! yet when a client read it is told of by nobody. So the keys of a slot that has lost a copy are called changed.

use std::sync::Arc;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, Entry, MemberIndex, View};

use crate::cluster::Topology;
use crate::shared::Shared;
use crate::telemetry::NodeStatus;

/// Who serves the slots at one moment.
#[derive(Clone, Default)]
pub(super) enum Serving {
    /// Nobody yet.
    #[default]
    Nobody,
    /// Single copies, by the cluster.yaml.
    Nodes(Arc<Topology>),
    /// The chains of a view.
    Chains(Arc<View>),
}

impl Serving {
    /// As it is known now.
    pub(super) fn now(shared: &Shared) -> Self {
        match shared.published() {
            None => Self::Nodes(shared.topology.load_full()),
            Some(published) => published.view().map_or(Self::Nobody, Self::Chains),
        }
    }

    /// Whether nothing has come in between.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nobody, Self::Nobody) => true,
            (Self::Nodes(one), Self::Nodes(other)) => Arc::ptr_eq(one, other),
            (Self::Chains(one), Self::Chains(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// The nodes that serve slots.
    pub(super) fn nodes(&self, shared: &Shared) -> Vec<Arc<NodeStatus>> {
        match self {
            Self::Nobody => Vec::new(),
            Self::Nodes(topology) => {
                topology.nodes().iter().map(|node| shared.nodes.status_of(node)).collect()
            }
            Self::Chains(view) => members(view, shared),
        }
    }

    /// The slots of which a copy that could be read serves no more now.
    pub(super) fn lost_to(&self, now: &Self) -> Lost {
        match (self, now) {
            (Self::Nobody, _) => Lost::Slots(Vec::new()),
            (Self::Nodes(before), Self::Nodes(now)) => {
                let node = |of: &Topology, slot| of.node(of.node_of(slot)).id;
                Lost::Slots(HashSlot::all().filter(|slot| node(before, *slot) != node(now, *slot)).collect())
            }
            (Self::Chains(before), Self::Chains(now)) if before.cluster() == now.cluster() => {
                let has_lost = |slot: &HashSlot| has_lost(before.chain(*slot), now.chain(*slot));
                Lost::Slots(HashSlot::all().filter(has_lost).collect())
            }
            _ => Lost::All,
        }
    }
}

/// Slots that have lost a copy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// These, ascending.
    Slots(Vec<HashSlot>),
    /// All: it is another cluster.
    All,
}

/// Whether an in-sync entry is in-sync no more.
fn has_lost(before: &Chain, now: &Chain) -> bool {
    let in_sync = &now.entries[..now.in_sync];
    let stays = |entry: &Entry| in_sync.iter().any(|now| (now.boot, now.since) == (entry.boot, entry.since));
    before.changed != now.changed && !before.entries[..before.in_sync].iter().all(stays)
}

fn members(view: &View, shared: &Shared) -> Vec<Arc<NodeStatus>> {
    let mut serving = vec![false; view.members().len()];
    for entry in view.chains().iter().flat_map(|chain| &chain.entries) {
        serving[entry.member.index()] = true;
    }
    let places = (0..).map(MemberIndex::new);
    let members = places.zip(view.members()).filter(|(place, _)| serving[place.index()]);
    members.map(|(_, member)| shared.nodes.status_of_member(member)).collect()
}

#[cfg(test)]
mod tests {
    use ringmaster_protocol::view::{Boot, ClusterId, Epoch};

    use super::*;
    use crate::cluster::testing;

    /// All slots on `a` then `b`.
    fn before() -> View {
        testing::view(&["a", "b", "c"], 2)
    }

    /// The next view of that cluster, with another chain of the first slot.
    fn next(alter: impl FnOnce(&mut Chain)) -> Serving {
        let mut parts = before().parts();
        parts.epoch = parts.epoch.next();
        parts.chains[0].changed = parts.epoch;
        alter(&mut parts.chains[0]);
        Serving::Chains(Arc::new(View::new(parts).unwrap()))
    }

    fn lost(now: &Serving) -> Lost {
        Serving::Chains(Arc::new(before())).lost_to(now)
    }

    #[test]
    fn a_slot_that_loses_a_copy_is_named_and_one_that_gains_or_turns_is_not() {
        let (none, first) = (Lost::Slots(Vec::new()), Lost::Slots(vec![HashSlot::new(0).unwrap()]));
        assert_eq!(lost(&next(|chain| chain.entries.swap(0, 1))), none);
        let joins = |chain: &mut Chain| {
            let (member, boot, since) = (MemberIndex::new(2), Boot(3), Epoch::FIRST.next());
            chain.entries.push(Entry { member, boot, since });
        };
        assert_eq!(lost(&next(joins)), none);
        let tail_goes = |chain: &mut Chain| {
            chain.entries.pop();
            chain.in_sync = 1;
        };
        assert_eq!(lost(&next(tail_goes)), first);
        assert_eq!(lost(&next(|chain| chain.in_sync = 1)), first);
        let comes_back = |chain: &mut Chain| chain.entries[1].since = Epoch::FIRST.next();
        assert_eq!(lost(&next(comes_back)), first);
    }

    #[test]
    fn of_another_cluster_nothing_is_known() {
        let mut parts = before().parts();
        parts.cluster = ClusterId(9);
        assert_eq!(lost(&Serving::Chains(Arc::new(View::new(parts).unwrap()))), Lost::All);
        assert_eq!(Serving::Nobody.lost_to(&next(|_| {})), Lost::Slots(Vec::new()));
    }
}
