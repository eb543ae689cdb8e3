//! Maps by numbers that this process draws itself, one by one.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by such a number.
pub(crate) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<ByNumber>>;

/// Spreads consecutive numbers. Nobody else chooses them, so nothing stronger is needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ByNumber(u64);

/// 2^64 divided by the golden ratio: consecutive multiples of it lie far apart.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for ByNumber {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(SPREAD);
    }

    #[inline]
    fn finish(&self) -> u64 {
        // The map takes its place from the lowest bits, which a product leaves as they were.
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_found_again() {
        let map: NumberMap<u64, u64> = (0..10_000).map(|number| (number, number + 1)).collect();
        assert!((0..10_000).all(|number| map.get(&number) == Some(&(number + 1))));
    }
}
