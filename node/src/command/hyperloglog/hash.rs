//! Which register an element raises, and to what.

/// Low bits of an element's hash that name its register.
pub(super) const INDEX_BITS: u32 = 14;

/// The other bits of the hash, whose trailing zeros are counted.
pub(super) const COUNTED_BITS: u32 = u64::BITS - INDEX_BITS;

/// Redis's seed.
const SEED: u64 = 0xadc8_3b19;

/// The register of `element`, and one more than the zeros that its hash has there: 1..=51.
pub(super) fn pattern(element: &[u8]) -> (usize, u8) {
    let hash = murmur(element);
    let index = (hash & ((1 << INDEX_BITS) - 1)) as usize;
    let counted = hash >> INDEX_BITS | 1 << COUNTED_BITS;
    (index, counted.trailing_zeros() as u8 + 1)
}

/// MurmurHash64A by Austin Appleby, as on a little-endian machine.
fn murmur(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mut mixed = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        mixed = (mixed ^ mixed >> SHIFT).wrapping_mul(FACTOR);
        hash = (hash ^ mixed).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(FACTOR);
    hash ^ hash >> SHIFT
}
