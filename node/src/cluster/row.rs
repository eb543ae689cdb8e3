//! What a committed view says of one node and one slot: all that a node reads of a view.

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Epoch, MemberIndex, View};

/// A node's place in the chain of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// No entry.
    #[default]
    Outside,
    /// Executes writes.
    Head,
    /// In-sync, behind the head.
    Behind,
    /// Gets the writes and serves nothing.
    Joining,
}

/// One row of a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Epoch that last altered the chain.
    pub changed: Epoch,
    /// Epoch in which the slot last started empty.
    pub born: Epoch,
    /// Epoch in which this node was appended; 0 outside.
    pub since: Epoch,
    /// The place.
    pub role: Role,
    /// Whether it serves the reads.
    pub is_tail: bool,
    /// Whether others are entries too.
    pub is_shared: bool,
    /// Whether an entry is joining.
    pub has_joiner: bool,
    /// Whether nobody but this node, whatever its process, has been in-sync since the first view: what it held before is
    /// the slot's content.
    pub is_founder: bool,
}

impl Row {
    /// The row of `slot` for the member at `own` under `boot`; for who is no member, that of an outsider.
    #[must_use]
    pub fn of(view: &View, slot: HashSlot, own: Option<MemberIndex>, boot: Boot) -> Self {
        let chain = view.chain(slot);
        let is_own =
            |entry: &ringmaster_protocol::view::Entry| Some(entry.member) == own && entry.boot == boot;
        let is_first = chain.born == Epoch::FIRST && chain.head().since == Epoch::FIRST;
        let is_founder = is_first && chain.in_sync == 1 && Some(chain.head().member) == own;
        let outside = Self { changed: chain.changed, born: chain.born, is_founder, ..Self::default() };
        let Some(place) = chain.entries.iter().position(is_own) else { return outside };
        let role = match place {
            0 => Role::Head,
            place if place < chain.in_sync => Role::Behind,
            _ => Role::Joining,
        };
        Self {
            since: chain.entries[place].since,
            role,
            is_tail: place + 1 == chain.in_sync,
            is_shared: chain.entries.len() > 1,
            has_joiner: chain.joining().is_some(),
            ..outside
        }
    }

    /// Whether the node is an in-sync entry.
    #[must_use]
    pub fn is_in_sync(&self) -> bool {
        matches!(self.role, Role::Head | Role::Behind)
    }

    /// Whether it is the head of a chain of several.
    #[must_use]
    pub fn is_head_of_several(&self) -> bool {
        self.role == Role::Head && self.is_shared
    }

    /// Whether the view itself says that the node's content is the slot's: a chain that began with it.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        self.is_in_sync() && self.since == self.changed
    }
}
