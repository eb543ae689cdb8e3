//! The first view of a run that does not begin with blank nodes.

use std::sync::Arc;

use ringmaster_protocol::config::Millis;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{
    Boot, Chain, ClusterId, ConfigDigest, Entry, Epoch, Incarnation, Member, MemberIndex, SlotChains, View,
    ViewParts, Word,
};

use crate::simulation::settings::Settings;

/// All nodes are members, the first of them entries of the chains.
pub(super) fn first_view(settings: &Settings, slots: &[HashSlot]) -> Arc<View> {
    let member = |at: usize| Member {
        name: format!("n{at}").parse().expect("a name"),
        address: format!("n{at}:1").parse().expect("an address"),
        zone: String::new(),
        weight: 1,
        incarnation: Incarnation(at as u128 + 1),
        boot: Boot(at as u128 + 1),
        is_durable: false,
        word: Word::None,
    };
    let chain = |first: usize| {
        let entry = |at: usize| {
            let at = (first + at) % settings.nodes;
            Entry { member: MemberIndex::new(at as u16), boot: Boot(at as u128 + 1), since: Epoch::FIRST }
        };
        let entries: Vec<Entry> = (0..settings.replicas).map(entry).collect();
        let (changed, born, in_sync) = (Epoch::FIRST, Epoch::FIRST, entries.len());
        Chain { changed, born, unsealed: None, entries, in_sync }
    };
    let mut chains = SlotChains::all(chain(0));
    slots.iter().enumerate().for_each(|(at, slot)| chains[slot.index()] = chain(at));
    let acceptors = if settings.nodes >= 5 { 5 } else { 3 };
    let lease = Millis::new(settings.lease.as_millis() as u64);
    let parts = ViewParts {
        cluster: ClusterId(1),
        epoch: Epoch::FIRST,
        members: (0..settings.nodes).map(member).collect(),
        acceptors: (0..acceptors).map(MemberIndex::new).collect(),
        lease,
        longest_lease: lease,
        hash_seed: 1,
        config: ConfigDigest::default(),
        superseded: Vec::new(),
        chains,
    };
    Arc::new(View::new(parts).expect("a first view"))
}
