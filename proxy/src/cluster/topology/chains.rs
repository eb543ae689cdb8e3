//! The chains of a topology: one member each, and what stays where it is stays as it is.

use super::MemberIndex;
use ringmaster_protocol::cluster_file::{Node, NodeName};
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_protocol::view::{Boot, Chain, Entry, Epoch, SlotChains, View};

/// By slot, the chain of the node that holds it. A slot that changes its node starts empty there: nothing copies it yet.
pub(super) fn of(
    node_of: &[u16; SLOT_COUNT],
    nodes: &[Node],
    epoch: Epoch,
    before: Option<&View>,
) -> SlotChains {
    let chain_of = |(slot, &at): (HashSlot, &u16)| {
        let kept = before.and_then(|view| kept(view, slot, &nodes[usize::from(at)].name));
        let mut chain = kept.unwrap_or_else(|| born(epoch));
        chain.entries[0].member = MemberIndex::new(at);
        chain
    };
    HashSlot::all().zip(node_of).map(chain_of).collect()
}

/// The chain that the slot has in `view`, if `name` is its head there.
fn kept(view: &View, slot: HashSlot, name: &NodeName) -> Option<Chain> {
    let is_head = view.member(view.head(slot)).name == *name;
    is_head.then(|| view.chain(slot).clone())
}

fn born(epoch: Epoch) -> Chain {
    let entry = Entry { member: MemberIndex::new(0), boot: Boot::default(), since: epoch };
    Chain { changed: epoch, born: epoch, unsealed: None, entries: vec![entry], in_sync: 1 }
}
