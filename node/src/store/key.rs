//! A key with what is computed from it once: its slot and its hash.

use std::sync::OnceLock;

use ringmaster_protocol::slot::HashSlot;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::table::Hash;

/// The seed of all hashes of this process: tables of all nodes of a process share it, as all nodes of a
/// cluster will (a SCAN cursor names hash bits and must mean the same on each).
static SEED: OnceLock<u64> = OnceLock::new();

/// Sets the seed of [`hash_of`]. Returns false if it is already set to another one; before the first hash it
/// never is.
pub fn seed_hashes(seed: u64) -> bool {
    *SEED.get_or_init(|| seed) == seed
}

/// The hash (XXH3, 64 bits) of a key, a member or a field.
#[inline]
#[must_use]
pub fn hash_of(bytes: &[u8]) -> Hash {
    xxh3_64_with_seed(bytes, *SEED.get_or_init(|| 0))
}

/// A key of one database, borrowed from the command that names it.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The key's bytes.
    pub bytes: &'a [u8],
    /// [`hash_of`] the bytes.
    pub hash: Hash,
    /// The slot, from the bytes alone.
    pub slot: HashSlot,
    /// The database, 0..16.
    pub database: u8,
}

impl<'a> Key<'a> {
    /// Computes slot and hash of `bytes`.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8], database: u8) -> Self {
        Self { bytes, hash: hash_of(bytes), slot: HashSlot::of(bytes), database }
    }

    /// The same key in another database: the same slot and hash.
    #[must_use]
    pub fn in_database(self, database: u8) -> Self {
        Self { database, ..self }
    }
}
