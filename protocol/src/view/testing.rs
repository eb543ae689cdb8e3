//! A small view, for tests.

use super::*;

pub(super) fn member(name: &str) -> Member {
    Member {
        name: name.parse().unwrap(),
        address: format!("{name}:6380").parse().unwrap(),
        zone: String::new(),
        weight: 1,
        incarnation: Incarnation::default(),
        boot: Boot::default(),
        is_durable: false,
        word: Word::None,
    }
}

pub(super) fn entry(member: u16) -> Entry {
    Entry { member: MemberIndex::new(member), boot: Boot::default(), since: Epoch::FIRST }
}

pub(super) fn chain(members: &[u16]) -> Chain {
    Chain {
        changed: Epoch::FIRST,
        born: Epoch::FIRST,
        unsealed: None,
        entries: members.iter().copied().map(entry).collect(),
        in_sync: members.len(),
    }
}

/// Three members; even slots are on a then b, odd ones on c.
pub(super) fn parts() -> ViewParts {
    let chains = (0..SLOT_COUNT).map(|slot| if slot % 2 == 0 { chain(&[0, 1]) } else { chain(&[2]) });
    ViewParts {
        cluster: ClusterId::default(),
        epoch: Epoch::FIRST,
        members: ["a", "b", "c"].map(member).to_vec(),
        acceptors: vec![0, 1, 2].into_iter().map(MemberIndex::new).collect(),
        lease: Millis::new(500),
        longest_lease: Millis::new(500),
        hash_seed: 7,
        config: ConfigDigest([1; 32]),
        superseded: vec![ConfigDigest([2; 32])],
        chains: chains.collect(),
    }
}

/// The view of [`parts`].
pub(crate) fn view() -> View {
    View::new(parts()).expect("the parts are right")
}
