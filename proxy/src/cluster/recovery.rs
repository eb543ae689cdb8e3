//! The view with which a cluster goes on that has lost the majority of its acceptors for ever.
//!
//! It is of a new cluster, so that nothing which the lost ones may have decided is mixed in, and its epoch is far above theirs,
//! so that no version is given twice. Each slot goes on with one node that is left: of those that served it, the one with the
//! longest history; where none did, it starts empty.

use std::collections::BTreeMap;

use ringmaster_protocol::cluster_file::ClusterFile;
use ringmaster_protocol::extension::Report;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, ClusterId, Entry, Epoch, Member, MemberIndex, View, ViewParts, Word};

use super::membership::acceptors;

/// So far above the last epoch that is known the new one lies.
const LEAP: u64 = 1 << 20;

/// A node that is left, as it is now.
#[derive(Clone, Debug)]
pub struct Survivor {
    /// As a member, with its process of now.
    pub member: Member,
    /// What it has, by slot.
    pub reports: BTreeMap<HashSlot, Report>,
}

/// The view with which `survivors` go on as `cluster`; `old` is the newest that is known of the lost one.
///
/// # Errors
/// There is no survivor that may hold slots, or they make no view.
pub fn recovered(
    old: &View,
    file: &ClusterFile,
    survivors: &[Survivor],
    cluster: ClusterId,
) -> Result<View, String> {
    let epoch = Epoch(old.epoch().0 + LEAP);
    let members: Vec<Member> =
        survivors.iter().map(|survivor| Member { word: Word::None, ..survivor.member.clone() }).collect();
    let holders: Vec<usize> = (0..members.len()).filter(|at| members[*at].weight > 0).collect();
    if holders.is_empty() {
        return Err("no node that is left may hold slots".to_owned());
    }
    let chain = |slot: HashSlot| {
        let heir = heir(old, survivors, slot);
        let at = heir.unwrap_or_else(|| holders[slot.index() % holders.len()]);
        let born = if heir.is_some() { old.chain(slot).born } else { epoch };
        let entry = Entry { member: MemberIndex::new(at as u16), boot: members[at].boot, since: epoch };
        Chain { changed: epoch, born, unsealed: Some(epoch), entries: vec![entry], in_sync: 1 }
    };
    let mut parts = ViewParts {
        cluster,
        epoch,
        chains: HashSlot::all().map(chain).collect(),
        acceptors: acceptors(&members),
        lease: file.timeouts.lease,
        longest_lease: old.longest_lease().max(file.timeouts.lease),
        ..old.parts()
    };
    parts.members = members;
    View::new(parts).map_err(|error| error.to_string())
}

/// Who has the longest history of those that served the slot; of equal ones the first in the chain.
fn heir(old: &View, survivors: &[Survivor], slot: HashSlot) -> Option<usize> {
    let chain = old.chain(slot);
    let mut best: Option<(u64, usize)> = None;
    for (place, entry) in chain.entries.iter().enumerate() {
        let name = &old.member(entry.member).name;
        let Some(at) = survivors.iter().position(|survivor| survivor.member.name == *name) else { continue };
        let report = survivors[at].reports.get(&slot).filter(|report| report.born == chain.born);
        let Some(report) = report.filter(|report| place < chain.in_sync || report.proven >= entry.since)
        else {
            continue;
        };
        let length = report.history.version().n;
        if best.is_none_or(|(longest, _)| length > longest) {
            best = Some((length, at));
        }
    }
    best.map(|(_, at)| at)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{file, view};
    use super::*;
    use ringmaster_protocol::extension::History;
    use ringmaster_protocol::view::Version;

    const SLOT: HashSlot = HashSlot::new(0).unwrap();

    fn survivor(old: &View, at: usize, operations: u64) -> Survivor {
        let version = Version { changed: Epoch::FIRST, n: operations };
        let history = History::of_parts(version, Vec::new(), false).unwrap();
        let report = Report { slot: SLOT, born: Epoch::FIRST, history, proven: Epoch(0) };
        Survivor { member: old.members()[at].clone(), reports: BTreeMap::from([(SLOT, report)]) }
    }

    #[test]
    fn a_slot_goes_on_with_the_longest_history_that_is_left_in_a_cluster_of_its_own() {
        let old = view(&["a", "b", "c"], 3);
        let left = [survivor(&old, 1, 4), survivor(&old, 2, 9)];
        let file = file(&["a", "b", "c"], 2);
        let new = recovered(&old, &file, &left, ClusterId(5)).unwrap();
        let chain = new.chain(SLOT);
        assert_eq!(new.member(chain.head().member).name.as_str(), "c");
        assert_eq!((chain.born, chain.unsealed, chain.in_sync), (Epoch::FIRST, Some(new.epoch()), 1));
        assert_eq!((new.cluster(), new.members().len(), new.acceptors().len()), (ClusterId(5), 2, 1));
        assert!(new.epoch() > Epoch(1 << 20));
    }

    #[test]
    fn a_slot_that_no_node_is_left_of_starts_empty() {
        let old = view(&["a", "b", "c"], 1);
        let file = file(&["a", "b", "c"], 1);
        let new = recovered(&old, &file, &[survivor(&old, 2, 9)], ClusterId(5)).unwrap();
        let chain = new.chain(SLOT);
        assert_eq!((new.member(chain.head().member).name.as_str(), chain.born), ("c", new.epoch()));
        assert!(recovered(&old, &file, &[], ClusterId(5)).is_err());
    }
}
