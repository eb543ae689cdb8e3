//! The hash table of a slot, and of large sets and hashes.
//!
//! Buckets of eight bytes: 16 bits of hash and the entry's address. Linear probing, any capacity, so it grows in
//! the allocator's size classes (by 14 to 25 %) and stays about four fifths full. The home of an entry is
//! `order × capacity / 2^32`, `order` being the upper half of the hash: buckets lie in the order of hashes
//! whatever the capacity, and that is what makes a SCAN cursor (an `order`) mean the same on every node and
//! after every resize.
//!
//! Up to `SMALL_MAX` buckets the 16 bits are the *upper* bits of the hash, which alone give the home: growing
//! and removing then never touch an entry. Larger tables keep other bits, for fewer false matches, and read the
//! entry to find its home.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

use super::entry::{Entry, EntryRef};

/// Largest capacity at which the tag alone gives the home.
const SMALL_MAX: usize = 4096;

/// Buckets that are tried at random before the next full one is taken.
const PICK_TRIES: usize = 64;

const ADDRESS_BITS: u32 = 48;
const ADDRESS_MASK: u64 = (1 << ADDRESS_BITS) - 1;
const EMPTY: u64 = 0;

/// The hash of a key, and what the table reads off it.
pub type Hash = u64;

/// Upper half of a hash: the order in which a table is scanned.
#[inline]
#[must_use]
pub fn order(hash: Hash) -> u32 {
    (hash >> 32) as u32
}

/// Entries by hash. The caller gives hashes; the table never computes one except through the `rehash` that it is
/// given.
#[derive(Default)]
pub struct Table {
    buckets: Box<[u64]>,
    len: u32,
}

// SAFETY: a table owns its entries, which are Send.
unsafe impl Send for Table {}

impl Table {
    /// Number of entries.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no entry.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the buckets.
    #[must_use]
    pub fn bucket_bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    /// Address of the buckets and, in the upper 16 bits, their number (at most 65,535): for prefetching.
    #[inline]
    pub(crate) fn hint(&self) -> u64 {
        let capacity = self.buckets.len().min(0xffff) as u64;
        if capacity == 0 { 0 } else { capacity << ADDRESS_BITS | self.buckets.as_ptr() as u64 & ADDRESS_MASK }
    }

    /// Where the bucket of `hash` lies by a hint: an address to prefetch, never to read.
    #[inline]
    pub(crate) fn hinted_bucket(hint: u64, hash: Hash) -> *const u8 {
        let home = Self::home_of_order(order(hash), (hint >> ADDRESS_BITS) as usize);
        std::ptr::without_provenance((hint & ADDRESS_MASK) as usize + home * 8)
    }

    /// Address of the first entry whose tag matches `hash`, to prefetch.
    #[inline]
    pub(crate) fn candidate(&self, hash: Hash) -> Option<*const u8> {
        if self.buckets.is_empty() {
            return None;
        }
        let (mut at, tag) = (self.home(hash), self.tag(hash));
        loop {
            let word = self.buckets[at];
            if word == EMPTY {
                return None;
            }
            if word >> ADDRESS_BITS == tag {
                return Some(std::ptr::without_provenance((word & ADDRESS_MASK) as usize));
            }
            at = self.after(at);
        }
    }

    #[inline]
    fn is_small(&self) -> bool {
        self.buckets.len() <= SMALL_MAX
    }

    #[inline]
    fn home_of_order(order: u32, capacity: usize) -> usize {
        // Small tables use the upper 16 bits only, as that is what they keep.
        if capacity <= SMALL_MAX {
            ((order >> 16) as usize * capacity) >> 16
        } else {
            ((u64::from(order) * capacity as u64) >> 32) as usize
        }
    }

    #[inline]
    fn home(&self, hash: Hash) -> usize {
        Self::home_of_order(order(hash), self.buckets.len())
    }

    #[inline]
    fn tag(&self, hash: Hash) -> u64 {
        if self.is_small() { hash >> 48 } else { hash & 0xffff }
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.buckets.len() { 0 } else { at + 1 }
    }

    #[inline]
    fn entry(&self, word: u64) -> EntryRef<'_> {
        // SAFETY: a word that is not EMPTY holds the address of an entry that this table owns; `&self` keeps it.
        unsafe { EntryRef::from_raw(word & ADDRESS_MASK) }
    }

    /// Index of the bucket of the entry of `key` in `database`.
    #[inline]
    fn position(&self, hash: Hash, database: u8, key: &[u8]) -> Option<usize> {
        if self.buckets.is_empty() {
            return None;
        }
        let (mut at, tag) = (self.home(hash), self.tag(hash));
        loop {
            let word = self.buckets[at];
            if word == EMPTY {
                return None;
            }
            if word >> ADDRESS_BITS == tag && self.entry(word).is(database, key) {
                return Some(at);
            }
            at = self.after(at);
        }
    }

    /// The entry of `key` in `database`.
    #[inline]
    #[must_use]
    pub fn find(&self, hash: Hash, database: u8, key: &[u8]) -> Option<EntryRef<'_>> {
        self.position(hash, database, key).map(|at| self.entry(self.buckets[at]))
    }

    /// The entry of `key` in `database`, to change.
    #[inline]
    #[must_use]
    pub fn find_mut(&mut self, hash: Hash, database: u8, key: &[u8]) -> Option<EntryMut<'_>> {
        let at = self.position(hash, database, key)?;
        Some(EntryMut::new(&mut self.buckets[at]))
    }

    /// Puts `entry` in; returns the one that had its key and database. `hash` is its key's, `rehash` computes
    /// the hash of any entry of this table (needed to grow a large one).
    #[inline]
    pub fn insert(&mut self, hash: Hash, entry: Entry, rehash: impl Fn(&[u8]) -> Hash) -> Option<Entry> {
        if let Some(at) = self.position(hash, entry.as_ref().database(), entry.as_ref().key()) {
            let word = self.tag(hash) << ADDRESS_BITS | entry.into_raw();
            let old = std::mem::replace(&mut self.buckets[at], word);
            // SAFETY: the word has left its bucket, so its entry is taken back once.
            return Some(unsafe { Entry::from_raw(old & ADDRESS_MASK) });
        }
        if (self.len() + 1) * 10 > self.buckets.len() * 9 {
            self.resize(capacity_after(self.buckets.len()), rehash);
        }
        self.len += 1;
        let word = self.tag(hash) << ADDRESS_BITS | entry.into_raw();
        self.put(self.home(hash), word);
        None
    }

    /// Puts a word into the first empty bucket from `at` on; there is one.
    #[inline]
    fn put(&mut self, mut at: usize, word: u64) {
        while self.buckets[at] != EMPTY {
            at = self.after(at);
        }
        self.buckets[at] = word;
    }

    /// Takes the entry of `key` in `database` out.
    #[inline]
    pub fn remove(
        &mut self,
        hash: Hash,
        database: u8,
        key: &[u8],
        rehash: impl Fn(&[u8]) -> Hash,
    ) -> Option<Entry> {
        let at = self.position(hash, database, key)?;
        // SAFETY: the word leaves its bucket in `close_gap`, so its entry is taken back once.
        let entry = unsafe { Entry::from_raw(self.buckets[at] & ADDRESS_MASK) };
        self.close_gap(at, &rehash);
        self.len -= 1;
        if self.len() * 3 < self.buckets.len() {
            self.resize(capacity_for(self.len()), rehash);
        }
        Some(entry)
    }

    /// Moves later entries of the cluster back over the bucket at `gap`, so that no probe stops too early.
    fn close_gap(&mut self, mut gap: usize, rehash: &impl Fn(&[u8]) -> Hash) {
        let mut at = self.after(gap);
        while self.buckets[at] != EMPTY {
            let home = self.home_of_word(self.buckets[at], rehash);
            // The entry may move to the gap unless its home lies behind the gap, cyclically.
            let behind = if gap <= at { gap < home && home <= at } else { gap < home || home <= at };
            if !behind {
                self.buckets[gap] = self.buckets[at];
                gap = at;
            }
            at = self.after(at);
        }
        self.buckets[gap] = EMPTY;
    }

    #[inline]
    fn home_of_word(&self, word: u64, rehash: &impl Fn(&[u8]) -> Hash) -> usize {
        if self.is_small() {
            Self::home_of_order(((word >> ADDRESS_BITS) as u32) << 16, self.buckets.len())
        } else {
            self.home(rehash(self.entry(word).key()))
        }
    }

    #[cold]
    fn resize(&mut self, capacity: usize, rehash: impl Fn(&[u8]) -> Hash) {
        let old = std::mem::replace(&mut self.buckets, vec![EMPTY; capacity].into_boxed_slice());
        let tags_stay = old.len() <= SMALL_MAX && self.is_small();
        for &word in old.iter().filter(|word| **word != EMPTY) {
            if tags_stay {
                self.put(Self::home_of_order(((word >> ADDRESS_BITS) as u32) << 16, capacity), word);
            } else {
                let hash = rehash(self.entry(word).key());
                self.put(self.home(hash), self.tag(hash) << ADDRESS_BITS | word & ADDRESS_MASK);
            }
        }
    }

    /// All entries, in no order that a caller may rely on.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.buckets.iter().filter(|word| **word != EMPTY).map(|word| self.entry(*word))
    }

    /// Entries from bucket `from` on, each with its bucket.
    pub(crate) fn iter_from(&self, from: usize) -> impl Iterator<Item = (usize, EntryRef<'_>)> {
        let buckets = self.buckets.iter().enumerate().skip(from);
        buckets.filter(|(_, word)| **word != EMPTY).map(|(at, word)| (at, self.entry(*word)))
    }

    /// An entry chosen by `random`, each as likely as any other.
    #[must_use]
    pub fn pick(&self, mut random: u64) -> Option<EntryRef<'_>> {
        if self.is_empty() {
            return None;
        }
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
        Some(self.entry(self.buckets[at]))
    }

    /// Visits entries from `order` `from` on until at least `count` were seen, all of an order or none. Returns
    /// the order to go on from, `None` at the end. An entry that is in the table from the first call to the last
    /// is visited at least once, whatever is put in or taken out, and however the table is resized, in between.
    pub fn scan<'t>(
        &'t self,
        from: u32,
        count: usize,
        rehash: impl Fn(&[u8]) -> Hash,
        mut visit: impl FnMut(EntryRef<'t>),
    ) -> Option<u32> {
        let mut found: Vec<(u32, EntryRef<'t>)> = Vec::new();
        let capacity = self.buckets.len();
        let mut at = if capacity == 0 { 0 } else { Self::home_of_order(from, capacity) };
        let mut wrapped = capacity == 0;
        // A cluster holds every entry whose home lies in it, so only whole clusters are cut off.
        while !wrapped && (found.len() < count || self.buckets[at] != EMPTY) {
            self.collect(at, from, &mut found, &rehash);
            at += 1;
            if at == capacity {
                wrapped = true;
                self.collect_wrapped(from, &mut found, &rehash);
            }
        }
        found.sort_unstable_by_key(|(order, _)| *order);
        let next = if wrapped { None } else { found.last().and_then(|(order, _)| order.checked_add(1)) };
        found.into_iter().for_each(|(_, entry)| visit(entry));
        next
    }

    fn collect<'t>(
        &'t self,
        at: usize,
        from: u32,
        found: &mut Vec<(u32, EntryRef<'t>)>,
        rehash: &impl Fn(&[u8]) -> Hash,
    ) {
        let word = self.buckets[at];
        if word != EMPTY {
            let entry = self.entry(word);
            let order = order(rehash(entry.key()));
            // An entry before its home has wrapped around; it is collected at the end.
            if order >= from && Self::home_of_order(order, self.buckets.len()) <= at {
                found.push((order, entry));
            }
        }
    }

    /// Entries that found no place before the end of the buckets and stand at their beginning.
    fn collect_wrapped<'t>(
        &'t self,
        from: u32,
        found: &mut Vec<(u32, EntryRef<'t>)>,
        rehash: &impl Fn(&[u8]) -> Hash,
    ) {
        for (at, word) in self.buckets.iter().enumerate().take_while(|(_, word)| **word != EMPTY) {
            let entry = self.entry(*word);
            let order = order(rehash(entry.key()));
            if order >= from && Self::home_of_order(order, self.buckets.len()) > at {
                found.push((order, entry));
            }
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        for word in self.buckets.iter().filter(|word| **word != EMPTY) {
            // SAFETY: the table owns the entry and is never looked at again.
            drop(unsafe { Entry::from_raw(word & ADDRESS_MASK) });
        }
    }
}

impl Clone for Table {
    fn clone(&self) -> Self {
        let copy = |word: &u64| match *word {
            EMPTY => EMPTY,
            word => {
                let entry = self.entry(word);
                entry.copied(entry.database(), entry.key()).into_raw() | word & !ADDRESS_MASK
            }
        };
        Self { buckets: self.buckets.iter().map(copy).collect(), len: self.len }
    }
}

/// An entry that may be changed; its bucket is brought up to date when this is dropped.
pub struct EntryMut<'t> {
    word: &'t mut u64,
    entry: ManuallyDrop<Entry>,
}

impl<'t> EntryMut<'t> {
    #[inline]
    fn new(word: &'t mut u64) -> Self {
        // SAFETY: the word holds an entry; `ManuallyDrop` and the exclusive borrow of the bucket keep it single.
        let entry = ManuallyDrop::new(unsafe { Entry::from_raw(*word & ADDRESS_MASK) });
        Self { word, entry }
    }
}

impl Deref for EntryMut<'_> {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry
    }
}

impl DerefMut for EntryMut<'_> {
    fn deref_mut(&mut self) -> &mut Entry {
        &mut self.entry
    }
}

impl Drop for EntryMut<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the entry goes back into the bucket that it was borrowed from.
        let address = unsafe { ManuallyDrop::take(&mut self.entry) }.into_raw();
        *self.word = *self.word & !ADDRESS_MASK | address;
    }
}

/// The next capacity above `capacity`: the allocator's size classes, four to a doubling.
fn capacity_after(capacity: usize) -> usize {
    if capacity < 16 {
        return capacity + 4;
    }
    capacity + (1 << (capacity.ilog2() - 2))
}

/// The smallest capacity that holds `len` entries and a few more.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// A weak hash, so that clusters and equal tags happen.
    fn weak(key: &[u8]) -> Hash {
        key.iter().fold(7u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15))
            & 0xfff0_fff0_0000_00ff
    }

    fn put(table: &mut Table, key: &[u8], value: &[u8]) {
        drop(table.insert(weak(key), Entry::string(0, key, value, None), weak));
    }

    proptest! {
        #[test]
        fn a_table_behaves_as_a_map(steps in proptest::collection::vec((0u8..3, 0u16..300, any::<u8>()), 1..2000)) {
            let (mut table, mut model) = (Table::default(), BTreeMap::new());
            for (step, key, value) in steps {
                let key = key.to_string().into_bytes();
                match step {
                    0 => { put(&mut table, &key, &[value]); model.insert(key, value); }
                    1 => {
                        let removed = table.remove(weak(&key), 0, &key, weak);
                        prop_assert_eq!(removed.and_then(|e| e.as_ref().as_string().map(|v| v[0])), model.remove(&key));
                    }
                    _ => {
                        let found = table.find(weak(&key), 0, &key).and_then(|e| e.as_string().map(|v| v[0]));
                        prop_assert_eq!(found, model.get(&key).copied());
                    }
                }
                prop_assert_eq!(table.len(), model.len());
            }
            let keys: BTreeSet<Vec<u8>> = table.iter().map(|e| e.key().to_vec()).collect();
            prop_assert_eq!(keys, model.into_keys().collect::<BTreeSet<_>>());
        }

        #[test]
        fn a_scan_meets_every_entry_that_stays(fixed in 1u32..300, noise in proptest::collection::vec((any::<bool>(), 0u32..500), 0..600), count in 1usize..20) {
            let mut table = Table::default();
            (0..fixed).for_each(|n| put(&mut table, format!("f{n}").as_bytes(), b""));
            let (mut seen, mut cursor, mut noise) = (BTreeSet::new(), Some(0), noise.into_iter());
            while let Some(from) = cursor {
                cursor = table.scan(from, count, weak, |entry| { seen.insert(entry.key().to_vec()); });
                for (add, n) in noise.by_ref().take(40) {
                    let key = format!("n{n}");
                    if add { put(&mut table, key.as_bytes(), b"") } else { drop(table.remove(weak(key.as_bytes()), 0, key.as_bytes(), weak)) }
                }
            }
            let all_seen = (0..fixed).all(|n| seen.contains(format!("f{n}").as_bytes()));
            prop_assert!(all_seen);
        }
    }

    #[test]
    fn a_large_table_finds_and_removes_all() {
        let strong =
            |key: &[u8]| u64::from_le_bytes(key.try_into().unwrap()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut table = Table::default();
        for n in 0..20_000u64 {
            drop(table.insert(
                strong(&n.to_le_bytes()),
                Entry::string(0, &n.to_le_bytes(), b"", None),
                strong,
            ));
        }
        assert!(table.buckets.len() > SMALL_MAX);
        for n in 0..20_000u64 {
            assert!(table.remove(strong(&n.to_le_bytes()), 0, &n.to_le_bytes(), strong).is_some(), "{n}");
        }
        assert!(table.is_empty() && table.bucket_bytes() == 0);
    }
}
