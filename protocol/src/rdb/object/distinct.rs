//! Whether names are distinct, at 16 bytes a name however long they are.

use xxhash_rust::xxh3::xxh3_128;

/// Names that were seen, as hashes so wide that two of different names are not equal in practice.
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    hashes: Vec<u128>,
}

impl Distinct {
    /// Notes a name.
    pub fn add(&mut self, name: &[u8]) {
        self.hashes.push(xxh3_128(name));
    }

    /// Whether no name came twice.
    #[must_use]
    pub fn holds(mut self) -> bool {
        self.hashes.sort_unstable();
        self.hashes.is_sorted_by(|one, other| one < other)
    }
}
