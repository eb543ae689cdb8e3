//! Who serves what: epochs and versions.

/// The number of a view. Rises by one from one view to the next; 0 is no view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// The version of a slot on a node: that of the last operation applied to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Epoch of the last view that altered the slot's chain.
    pub changed: Epoch,
    /// Rises by one with each operation.
    pub n: u64,
}
