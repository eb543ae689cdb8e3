//! Ghosts: what is remembered of keys that were evicted, so that those that come back are known.
//!
//! A word holds the last five ghosts of the keys whose hashes lead to it, 12 bits each: 9 of the hash and 3 of how often
//! the key was used. About one in a hundred keys is mistaken for another. There is a word for every five keys, made
//! when the first key is evicted: 1.6 bytes a key. Two threads that write a word at once lose a ghost, nothing else.

use std::sync::atomic::{AtomicU64, Ordering};

const GHOST_BITS: u32 = 12;
const GHOSTS: usize = 5;
const HASH_BITS: u32 = 9;
const WORD_MASK: u64 = (1 << (GHOST_BITS * GHOSTS as u32)) - 1;
const USES_MAX: u8 = 7;

/// The ghosts of a store.
#[derive(Debug, Default)]
pub(super) struct Ghosts {
    words: Box<[AtomicU64]>,
}

impl Ghosts {
    /// Room for about `keys` ghosts.
    pub(super) fn new(keys: u64) -> Self {
        let words = usize::try_from(keys).unwrap_or(usize::MAX).div_ceil(GHOSTS);
        Self { words: (0..words).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Whether the room is right for `keys`, within a factor of two.
    pub(super) fn fits(&self, keys: u64) -> bool {
        let room = (self.words.len() * GHOSTS) as u64;
        room >= keys / 2 && room / 2 <= keys + GHOSTS as u64
    }

    /// Bytes of the room.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.words)
    }

    /// The word of `hash`, and what its ghost begins with: never 0, which is no ghost.
    fn place(&self, hash: u64) -> Option<(&AtomicU64, u64)> {
        let at = (((hash >> 32) * self.words.len() as u64) >> 32) as usize;
        Some((self.words.get(at)?, hash & ((1 << HASH_BITS) - 1) | 1))
    }

    /// Remembers that the key of `hash` went after `uses`.
    pub(super) fn put(&self, hash: u64, uses: u8) {
        if let Some((word, mark)) = self.place(hash) {
            let ghost = mark | u64::from(uses.min(USES_MAX)) << HASH_BITS;
            word.store((word.load(Ordering::Relaxed) << GHOST_BITS | ghost) & WORD_MASK, Ordering::Relaxed);
        }
    }

    /// Forgets the ghost of `hash`, if there is one; returns its uses.
    pub(super) fn take(&self, hash: u64) -> Option<u8> {
        let (word, mark) = self.place(hash)?;
        let bits = word.load(Ordering::Relaxed);
        let at = (0..GHOSTS as u32)
            .map(|at| at * GHOST_BITS)
            .find(|at| bits >> at & ((1 << HASH_BITS) - 1) == mark)?;
        let uses = (bits >> (at + HASH_BITS)) as u8 & USES_MAX;
        let (newer, older) = (bits & ((1 << at) - 1), bits >> (at + GHOST_BITS) << at);
        word.store(newer | older, Ordering::Relaxed);
        Some(uses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_five_of_a_word_are_remembered_with_their_uses() {
        let ghosts = Ghosts::new(5);
        (1..=6u8).for_each(|n| ghosts.put(u64::from(n) << 1, n));
        assert_eq!(ghosts.take(2), None);
        assert_eq!(ghosts.take(4 << 1), Some(4));
        assert_eq!((ghosts.take(4 << 1), ghosts.take(6 << 1), ghosts.take(2 << 1)), (None, Some(6), Some(2)));
    }

    #[test]
    fn no_room_remembers_nothing() {
        let ghosts = Ghosts::default();
        ghosts.put(3, 1);
        assert_eq!(ghosts.take(3), None);
        assert!(ghosts.fits(1) && !ghosts.fits(100));
    }
}
