//! The numbers that name views, operations, members and their lives.

use std::fmt;

/// Number of a view. Views of a cluster rise by one from [`Epoch::FIRST`]; 0 is before any view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The first view of a cluster.
    pub const FIRST: Epoch = Epoch(1);

    /// The epoch after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Version of a slot on a node: the `n`-th operation since its chain was last changed. Two versions that are equal mean
/// equal histories; which of two unequal ones is in the other's history is not told by their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Version {
    /// Epoch of the view that last altered the slot's chain.
    pub changed: Epoch,
    /// Operations applied, rising by one and never set back.
    pub n: u64,
}

/// Place of a member in the list of one view. It means nothing in another view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberIndex(u16);

impl MemberIndex {
    /// The member at this place.
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// The place.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// 128 random bits drawn with the first view of a cluster. The default, 0, is a cluster whose views are not decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClusterId(pub u128);

/// Drawn when a node's data directory is made. The default, 0, is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u128);

/// Drawn when a node's process starts. The default, 0, is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Boot(pub u128);

/// Digest of the topology that a cluster.yaml asks for, in canonical form: its `version` in 8 bytes, little-endian, then 24
/// bytes of a hash. The default is that of no file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConfigDigest(pub [u8; 32]);

impl ConfigDigest {
    /// The `version` of the cluster.yaml, 0 where it gives none.
    #[must_use]
    pub fn version(self) -> u64 {
        self.0.first_chunk().map_or(0, |version| u64::from_le_bytes(*version))
    }
}
