//! The next view: the one that is held, and what is to be different.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, Entry, Epoch, MemberIndex, View, ViewParts};

use super::membership::Membership;

/// What becomes of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The entries at these places leave; `mark`: a tail that may still be read is among them.
    Lose {
        /// Places in the chain, ascending.
        places: Vec<usize>,
        /// Whether the chain is marked as unsealed.
        mark: bool,
    },
    /// This node joins at the end.
    Append(NodeName),
    /// The joining entry becomes in-sync.
    Promote,
    /// The slot goes on with one node: with what that has, or with nothing.
    Reseat {
        /// The node.
        node: NodeName,
        /// Whether the slot starts empty.
        is_empty: bool,
    },
    /// The mark of a removed tail is over.
    Unmark,
}

/// The next view; the text says why there is none. Slots that are not looked after share the fate of `slots[0]`.
pub fn successor(
    view: &View,
    slots: &[HashSlot],
    changes: &BTreeMap<HashSlot, Change>,
    membership: Membership,
) -> Result<Arc<View>, String> {
    let mut parts = view.parts();
    parts.epoch = view.epoch().next();
    let before = std::mem::replace(&mut parts.members, membership.members);
    let places = parts.members.iter().enumerate().map(|(at, member)| (member.name.clone(), at));
    let place_of: BTreeMap<NodeName, usize> = places.collect();
    let place = |name: &NodeName| place_of.get(name).map(|at| MemberIndex::new(*at as u16));
    let moved: Vec<Option<MemberIndex>> = before.iter().map(|member| place(&member.name)).collect();
    let looked_after: BTreeSet<HashSlot> = slots.iter().copied().collect();
    let mut chains = std::mem::take(&mut parts.chains);
    chains.alter_all(|chain| {
        chain.entries.iter_mut().try_for_each(|entry| {
            let moved =
                moved[entry.member.index()].ok_or("a member of a chain would be no member any more")?;
            entry.member = moved;
            Ok::<_, &str>(())
        })
    })?;
    for slot in HashSlot::all() {
        let of = if looked_after.contains(&slot) { Some(&slot) } else { slots.first() };
        if let Some(change) = of.and_then(|of| changes.get(of)) {
            apply(&mut chains[slot.index()], change, &parts, place)?;
        }
    }
    parts.chains = chains;
    parts.acceptors = membership.acceptors.iter().filter_map(place).collect();
    (parts.lease, parts.longest_lease) = (membership.lease, membership.longest_lease);
    (parts.config, parts.superseded) = (membership.config, membership.superseded);
    let next = View::new(parts).map_err(|error| error.to_string())?;
    view.check_successor(&next).map_err(|fault| fault.to_string())?;
    Ok(Arc::new(next))
}

fn apply(
    chain: &mut Chain,
    change: &Change,
    parts: &ViewParts,
    place: impl Fn(&NodeName) -> Option<MemberIndex>,
) -> Result<(), String> {
    let epoch = parts.epoch;
    let entry = |node: &NodeName| {
        let member = place(node).ok_or_else(|| format!("{node} is no member"))?;
        Ok::<_, String>(Entry { member, boot: parts.members[member.index()].boot, since: epoch })
    };
    match change {
        Change::Unmark => chain.unsealed = None,
        Change::Promote => {
            chain.in_sync = chain.entries.len();
            chain.changed = epoch;
        }
        Change::Append(node) => {
            chain.entries.push(entry(node)?);
            chain.changed = epoch;
        }
        Change::Lose { places, mark } => lose(chain, places, *mark, epoch),
        Change::Reseat { node, is_empty } => {
            chain.entries = vec![entry(node)?];
            (chain.in_sync, chain.changed, chain.unsealed) = (1, epoch, Some(epoch));
            if *is_empty {
                chain.born = epoch;
            }
        }
    }
    Ok(())
}

fn lose(chain: &mut Chain, places: &[usize], mark: bool, epoch: Epoch) {
    let in_sync = places.iter().filter(|place| **place < chain.in_sync).count();
    let mut at = 0..;
    chain.entries.retain(|_| at.next().is_some_and(|at| !places.contains(&at)));
    chain.in_sync -= in_sync;
    chain.changed = epoch;
    if mark {
        chain.unsealed = Some(epoch);
    }
}
