//! One run of buckets: an open-addressed table of words, each 16 bits of hash and an address of 48 bits.
//!
//! Linear probing, any capacity, so it grows in the allocator's size classes (by 14 to 25 %) and stays about four
//! fifths full. The 16 bits are the upper bits of the hash, which alone give the home (`bits × capacity / 2^16`):
//! buckets lie in the order of hashes whatever the capacity, and growing and removing never touch a block.

use super::Hash;

pub(super) const ADDRESS_BITS: u32 = 48;
pub(super) const ADDRESS_MASK: u64 = (1 << ADDRESS_BITS) - 1;
const EMPTY: u64 = 0;

/// Buckets that are tried at random before the next full one is taken.
const PICK_TRIES: usize = 64;

#[derive(Default)]
pub(super) struct Leaf {
    buckets: Box<[u64]>,
    len: u32,
}

/// The address in a word.
#[inline]
pub(super) fn address(word: u64) -> u64 {
    word & ADDRESS_MASK
}

/// The bucket where a search for `tag` begins.
#[inline]
pub(super) fn home(tag: u64, capacity: usize) -> usize {
    (tag as usize * capacity) >> 16
}

#[inline]
pub(super) fn tag(hash: Hash) -> u64 {
    hash >> ADDRESS_BITS
}

impl Leaf {
    /// A leaf with room for `len` words and a few more.
    pub(super) fn with_room(len: usize) -> Self {
        Self { buckets: vec![EMPTY; capacity_for(len)].into_boxed_slice(), len: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(super) fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    pub(super) fn words(&self) -> impl Iterator<Item = u64> {
        self.buckets.iter().copied().filter(|word| *word != EMPTY)
    }

    /// Whether one more word takes a larger capacity.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        (self.len() + 1) * 10 > self.buckets.len() * 9
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.buckets.len() { 0 } else { at + 1 }
    }

    /// The bucket whose word has the tag of `hash` and an address that `is` the one.
    #[inline]
    pub(super) fn position(&self, hash: Hash, is: impl Fn(u64) -> bool) -> Option<usize> {
        if self.buckets.is_empty() {
            return None;
        }
        let (tag, mut at) = (tag(hash), home(tag(hash), self.buckets.len()));
        loop {
            let word = self.buckets[at];
            if word == EMPTY {
                return None;
            }
            if word >> ADDRESS_BITS == tag && is(address(word)) {
                return Some(at);
            }
            at = self.after(at);
        }
    }

    #[inline]
    pub(super) fn word(&self, at: usize) -> u64 {
        self.buckets[at]
    }

    #[inline]
    pub(super) fn word_mut(&mut self, at: usize) -> &mut u64 {
        &mut self.buckets[at]
    }

    /// Puts an address in, which is not there yet.
    #[inline]
    pub(super) fn insert(&mut self, hash: Hash, address: u64) {
        if self.is_full() {
            self.resize(capacity_after(self.buckets.len()));
        }
        self.len += 1;
        self.put(tag(hash) << ADDRESS_BITS | address);
    }

    /// Puts a word into the first empty bucket from its home on; there is one.
    #[inline]
    fn put(&mut self, word: u64) {
        let mut at = home(word >> ADDRESS_BITS, self.buckets.len());
        while self.buckets[at] != EMPTY {
            at = self.after(at);
        }
        self.buckets[at] = word;
    }

    /// Takes the word at `at` out; returns its address.
    pub(super) fn remove(&mut self, at: usize) -> u64 {
        let word = self.buckets[at];
        self.close_gap(at);
        self.len -= 1;
        if self.len() * 3 < self.buckets.len() {
            self.resize(capacity_for(self.len()));
        }
        address(word)
    }

    /// Moves later words of the cluster back over the bucket at `gap`, so that no probe stops too early.
    fn close_gap(&mut self, mut gap: usize) {
        let mut at = self.after(gap);
        while self.buckets[at] != EMPTY {
            let home = home(self.buckets[at] >> ADDRESS_BITS, self.buckets.len());
            // The word may move to the gap unless its home lies behind the gap, cyclically.
            let behind = if gap <= at { gap < home && home <= at } else { gap < home || home <= at };
            if !behind {
                self.buckets[gap] = self.buckets[at];
                gap = at;
            }
            at = self.after(at);
        }
        self.buckets[gap] = EMPTY;
    }

    #[cold]
    fn resize(&mut self, capacity: usize) {
        let old = std::mem::replace(&mut self.buckets, vec![EMPTY; capacity].into_boxed_slice());
        old.iter().filter(|word| **word != EMPTY).for_each(|word| self.put(*word));
    }

    /// A word chosen by `random`; there is one.
    pub(super) fn pick(&self, mut random: u64) -> u64 {
        // Buckets are tried until one is full. At least a third are, so the tries all but never run out.
        let mut at = 0;
        for _ in 0..PICK_TRIES {
            at = ((u128::from(random) * self.buckets.len() as u128) >> 64) as usize;
            if self.buckets[at] != EMPTY {
                break;
            }
            random = random.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(0x9E37_79B9_7F4A_7C15);
        }
        while self.buckets[at] == EMPTY {
            at = self.after(at);
        }
        self.buckets[at]
    }

    /// Visits words whose home is that of `from` or later until `enough` says so between two clusters, or to the
    /// end. Returns whether that was reached. Some words of lower hashes may be visited too.
    pub(super) fn walk(&self, from: Hash, mut visit: impl FnMut(u64), enough: impl Fn() -> bool) -> bool {
        let capacity = self.buckets.len();
        let mut at = home(tag(from), capacity);
        while at < capacity && (!enough() || self.buckets[at] != EMPTY) {
            let word = self.buckets[at];
            // A word before its home has wrapped around; it is visited at the end.
            if word != EMPTY && home(word >> ADDRESS_BITS, capacity) <= at {
                visit(word);
            }
            at += 1;
        }
        if at < capacity {
            return false;
        }
        for (at, &word) in self.buckets.iter().enumerate().take_while(|(_, word)| **word != EMPTY) {
            if home(word >> ADDRESS_BITS, capacity) > at {
                visit(word);
            }
        }
        true
    }
}

/// The next capacity above `capacity`: the allocator's size classes, four to a doubling.
fn capacity_after(capacity: usize) -> usize {
    if capacity < 16 {
        return capacity + 4;
    }
    capacity + (1 << (capacity.ilog2() - 2))
}

/// The smallest capacity that holds `len` words and a few more.
fn capacity_for(len: usize) -> usize {
    if len == 0 {
        return 0;
    }
    let mut capacity = 4;
    while (len + 1) * 10 > capacity * 9 {
        capacity = capacity_after(capacity);
    }
    capacity
}
