//! The hash table of a slot, and of large sets, hashes and sorted sets.
//!
//! Buckets of eight bytes: 16 bits of hash and the address of a block. They lie in the order of hashes, `order` being
//! the upper half of a hash, whatever the capacity, and that is what makes a SCAN cursor (an `order`) mean the same
//! on every node and after every resize.
//!
//! A table of up to some 900 blocks is one run of buckets (a leaf). A larger one is a tree of such leaves by the
//! upper bits of the hash, so that growing never moves more than a leaf at once.
#![allow(unsafe_code)]

mod block;
mod leaf;
mod node;

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

use super::entry::Entry;
pub use block::{Block, CopyBlock};
use leaf::{ADDRESS_BITS, ADDRESS_MASK};
use node::{AHEAD, Node, Place, order_of};

/// The hash of a key, and what the table reads off it.
pub type Hash = u64;

/// Orders end before this.
const ORDER_END: u64 = 1 << 32;

/// Upper half of a hash: the order in which a table is scanned.
#[inline]
#[must_use]
pub fn order(hash: Hash) -> u32 {
    (hash >> 32) as u32
}

/// Blocks by hash. The caller gives hashes; the table never computes one except through the `rehash` that it is
/// given.
pub struct Table<T: Block = Entry> {
    root: Node,
    owned: PhantomData<T>,
}

impl<T: Block> Default for Table<T> {
    fn default() -> Self {
        Self { root: Node::default(), owned: PhantomData }
    }
}

// SAFETY: a table owns its blocks, and may go where they may.
unsafe impl<T: Block + Send> Send for Table<T> {}

impl<T: Block> Table<T> {
    /// Number of blocks.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.root.len()
    }

    /// Whether there is no block.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the buckets. O(1).
    #[must_use]
    pub fn bucket_bytes(&self) -> usize {
        self.root.bytes()
    }

    /// Address of the buckets and, in the upper 16 bits, their number (at most 65,535): for prefetching. 0 if they
    /// are none or not in one place.
    #[inline]
    pub(crate) fn hint(&self) -> u64 {
        let Node::Leaf(leaf) = &self.root else { return 0 };
        let capacity = leaf.buckets().len().min(0xffff) as u64;
        if capacity == 0 {
            0
        } else {
            capacity << ADDRESS_BITS | leaf.buckets().as_ptr() as u64 & ADDRESS_MASK
        }
    }

    /// Where the bucket of `hash` lies by a hint: an address to prefetch, never to read.
    #[inline]
    pub(crate) fn hinted_bucket(hint: u64, hash: Hash) -> *const u8 {
        let home = leaf::home(leaf::tag(hash), (hint >> ADDRESS_BITS) as usize);
        std::ptr::without_provenance((hint & ADDRESS_MASK) as usize + home * 8)
    }

    /// Address of the bucket where a search for `hash` begins, to prefetch.
    #[inline]
    pub(crate) fn bucket(&self, hash: Hash) -> *const u8 {
        let (leaf, hash) = self.root.leaf(hash);
        let home = leaf::home(leaf::tag(hash), leaf.buckets().len());
        leaf.buckets().as_ptr().wrapping_add(home).cast()
    }

    /// Address of the first block whose tag matches `hash`, to prefetch.
    #[inline]
    pub(crate) fn candidate(&self, hash: Hash) -> Option<*const u8> {
        let (leaf, hash) = self.root.leaf(hash);
        let at = leaf.position(hash, |_| true)?;
        Some(std::ptr::without_provenance(leaf::address(leaf.word(at)) as usize))
    }

    #[inline]
    fn block(&self, word: u64) -> T::Ref<'_> {
        // SAFETY: a word of a leaf holds the address of a block that this table owns; `&self` keeps it.
        unsafe { T::borrow(leaf::address(word)) }
    }

    /// The block of `key` in `database`.
    #[inline]
    #[must_use]
    pub fn find(&self, hash: Hash, database: u8, key: &[u8]) -> Option<T::Ref<'_>> {
        let (leaf, hash) = self.root.leaf(hash);
        let at = leaf.position(hash, |address| T::is(self.block(address), database, key))?;
        Some(self.block(leaf.word(at)))
    }

    /// A block whose hash has this upper half and that is `wanted`.
    pub(crate) fn of_order(
        &self,
        order: u32,
        rehash: impl Fn(&[u8]) -> Hash,
        wanted: impl Fn(T::Ref<'_>) -> bool,
    ) -> Option<T::Ref<'_>> {
        let (leaf, hash) = self.root.leaf(u64::from(order) << 32);
        let is = |address| order_of::<T>(address, &rehash) == order && wanted(self.block(address));
        let at = leaf.position(hash, is)?;
        Some(self.block(leaf.word(at)))
    }

    /// Visits all blocks of the leaf in which order `from` lies. Returns the lowest order of the next leaf, `None` at the
    /// end. Who goes on from there until the end has visited all blocks that were in the table from the first call to the
    /// last.
    pub(crate) fn visit_leaf<'t>(&'t self, from: u32, mut visit: impl FnMut(T::Ref<'t>)) -> Option<u32> {
        let place = self.root.place(from);
        for (at, word) in place.leaf.buckets().iter().enumerate() {
            if let Some(ahead) = place.leaf.buckets().get(at + AHEAD) {
                super::prefetch(std::ptr::without_provenance(leaf::address(*ahead) as usize));
            }
            if *word != 0 {
                visit(self.block(*word));
            }
        }
        u32::try_from(place.end).ok()
    }

    /// The block of `key` in `database`, to change.
    #[inline]
    #[must_use]
    pub fn find_mut(&mut self, hash: Hash, database: u8, key: &[u8]) -> Option<BlockMut<'_, T>> {
        let (leaf, hash) = self.root.leaf_mut(hash);
        let at = leaf.position(hash, |address| is::<T>(address, database, key))?;
        Some(BlockMut::new(leaf.word_mut(at)))
    }

    /// Puts `block` in; returns the one that had its key and database. `hash` is its key's, `rehash` computes
    /// the hash of any block of this table (needed to split a leaf).
    #[inline]
    pub fn insert(&mut self, hash: Hash, block: T, rehash: impl Fn(&[u8]) -> Hash) -> Option<T> {
        let (database, key) = (T::database(block.as_block()), T::key(block.as_block()));
        if let Some(place) = self.find_mut(hash, database, key) {
            return Some(place.replace(block));
        }
        self.insert_new(hash, block, rehash);
        None
    }

    /// As [`Table::insert`], of a block whose key is not there.
    #[inline]
    pub fn insert_new(&mut self, hash: Hash, block: T, rehash: impl Fn(&[u8]) -> Hash) {
        self.root.insert::<T>(hash, block.into_raw(), 0, &rehash);
    }

    /// Takes the block of `key` in `database` out.
    #[inline]
    pub fn remove(
        &mut self,
        hash: Hash,
        database: u8,
        key: &[u8],
        rehash: impl Fn(&[u8]) -> Hash,
    ) -> Option<T> {
        let address = self.root.remove::<T>(hash, 0, &|address| is::<T>(address, database, key), &rehash)?;
        // SAFETY: the address has left its bucket, so its block is taken back once.
        Some(unsafe { T::from_raw(address) })
    }

    /// The leaves from the one of order `from` on.
    fn places(&self, from: u32) -> impl Iterator<Item = Place<'_>> {
        let mut next = u64::from(from);
        std::iter::from_fn(move || {
            let order = u32::try_from(next).ok()?;
            let place = self.root.place(order);
            next = place.end;
            Some(place)
        })
    }

    fn words(&self) -> impl Iterator<Item = u64> {
        self.places(0).flat_map(|place| place.leaf.words())
    }

    /// All blocks, in no order that a caller may rely on.
    pub fn iter(&self) -> impl Iterator<Item = T::Ref<'_>> {
        self.words().map(|word| self.block(word))
    }

    /// Blocks from position `from` on, each with its position. 0 is the first one.
    pub(crate) fn iter_from(&self, from: u64) -> impl Iterator<Item = (u64, T::Ref<'_>)> {
        // A position is the lowest order of a leaf and a bucket in it.
        let places = self.places(order(from));
        places.flat_map(move |place| {
            let start = place.start << 32;
            let skipped = if start == from >> 32 << 32 { from & (ORDER_END - 1) } else { 0 };
            let buckets =
                place.leaf.buckets().iter().zip(start..).skip(usize::try_from(skipped).unwrap_or(0));
            buckets.filter(|(word, _)| **word != 0).map(|(word, at)| (at, self.block(*word)))
        })
    }

    /// A block chosen by `random`, each about as likely as any other.
    #[must_use]
    pub fn pick(&self, random: u64) -> Option<T::Ref<'_>> {
        if self.is_empty() {
            return None;
        }
        let leaf = self.root.pick(random);
        Some(self.block(leaf.pick(random.wrapping_mul(0xD134_2543_DE82_EF95))))
    }

    /// Visits blocks from `order` `from` on until at least `count` were seen, all of an order or none. Returns
    /// the order to go on from, `None` at the end. A block that is in the table from the first call to the last
    /// is visited at least once, whatever is put in or taken out, and however the table is resized, in between.
    pub fn scan<'t>(
        &'t self,
        from: u32,
        count: usize,
        rehash: impl Fn(&[u8]) -> Hash,
        mut visit: impl FnMut(T::Ref<'t>),
    ) -> Option<u32> {
        let found = std::cell::RefCell::new(Vec::<(u32, u64)>::new());
        let mut next = None;
        for place in self.places(from) {
            let first = from.max(u32::try_from(place.start).unwrap_or(u32::MAX));
            let collect = |word| {
                let order = order_of::<T>(leaf::address(word), &rehash);
                if order >= first {
                    found.borrow_mut().push((order, word));
                }
            };
            // A cluster holds every block whose home lies in it, so only whole clusters are cut off.
            let whole = place.leaf.walk(place.local(first), collect, || found.borrow().len() >= count);
            let last = found.borrow().iter().map(|(order, _)| *order).max();
            next = if whole { Some(place.end) } else { last.map(|last| u64::from(last) + 1) };
            if !whole || found.borrow().len() >= count {
                break;
            }
        }
        let mut found = found.into_inner();
        found.sort_unstable();
        found.into_iter().for_each(|(_, word)| visit(self.block(word)));
        next.and_then(|next| u32::try_from(next).ok())
    }
}

/// Whether the block at `address`, which is in a table that nobody else changes, is that of `key` in `database`.
#[inline]
fn is<T: Block>(address: u64, database: u8, key: &[u8]) -> bool {
    // SAFETY: an address in a table is that of a block that the table owns.
    T::is(unsafe { T::borrow(address) }, database, key)
}

impl<T: Block> Drop for Table<T> {
    fn drop(&mut self) {
        for word in self.words() {
            // SAFETY: the table owns the block and is never looked at again.
            drop(unsafe { T::from_raw(leaf::address(word)) });
        }
    }
}

impl<T: CopyBlock> Table<T> {
    /// A copy with copies of the blocks.
    #[must_use]
    pub fn copied(&self, rehash: impl Fn(&[u8]) -> Hash) -> Self {
        let mut copy = Self::default();
        for block in self.iter() {
            copy.root.insert::<T>(rehash(T::key(block)), T::copy(block).into_raw(), 0, &rehash);
        }
        copy
    }
}

/// A block that may be changed; its bucket is brought up to date when this is dropped.
pub struct BlockMut<'t, T: Block> {
    word: &'t mut u64,
    block: ManuallyDrop<T>,
}

/// An entry that may be changed.
pub type EntryMut<'t> = BlockMut<'t, Entry>;

impl<'t, T: Block> BlockMut<'t, T> {
    #[inline]
    fn new(word: &'t mut u64) -> Self {
        // SAFETY: the word holds a block; `ManuallyDrop` and the exclusive borrow of the bucket keep it single.
        let block = ManuallyDrop::new(unsafe { T::from_raw(leaf::address(*word)) });
        Self { word, block }
    }

    /// Puts another block of the same key in its place.
    fn replace(mut self, block: T) -> T {
        std::mem::replace(&mut *self.block, block)
    }
}

impl<T: Block> Deref for BlockMut<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.block
    }
}

impl<T: Block> DerefMut for BlockMut<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.block
    }
}

impl<T: Block> Drop for BlockMut<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the block goes back into the bucket that it was borrowed from.
        let address = unsafe { ManuallyDrop::take(&mut self.block) }.into_raw();
        *self.word = *self.word & !ADDRESS_MASK | address;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::entry::EntryRef;
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
        assert!(matches!(table.root, Node::Branch(_)));
        assert!((8 * 20_000..16 * 20_000).contains(&table.bucket_bytes()), "{}", table.bucket_bytes());
        let mut walked: Vec<u64> = table.iter_from(0).map(|(at, _)| at).collect();
        assert!(walked.len() == 20_000 && walked.is_sorted());
        walked.drain(..10_000);
        assert!(table.iter_from(walked[0]).map(|(at, _)| at).eq(walked.iter().copied()));
        let picked: BTreeSet<u64> = (0..2000).map(|n| strong(&(n as u64).to_le_bytes())).collect();
        let picked = picked.into_iter().filter_map(|random| table.pick(random));
        assert!(picked.map(EntryRef::key).collect::<BTreeSet<_>>().len() > 1500);
        for n in 0..20_000u64 {
            assert!(table.remove(strong(&n.to_le_bytes()), 0, &n.to_le_bytes(), strong).is_some(), "{n}");
        }
        assert!(table.is_empty() && table.bucket_bytes() == 0);
    }

    #[test]
    fn a_scan_of_a_table_that_grows_and_shrinks_by_thousands_meets_what_stays() {
        let strong = |key: &[u8]| crate::store::key::hash_of(key);
        let put = |table: &mut Table, key: String| {
            drop(table.insert(strong(key.as_bytes()), Entry::string(0, key.as_bytes(), b"", None), strong));
        };
        let mut table = Table::default();
        (0..800).for_each(|n| put(&mut table, format!("stays{n}")));
        let (mut seen, mut cursor, mut round) = (BTreeSet::new(), Some(0), 0);
        while let Some(from) = cursor {
            cursor = table.scan(from, 10, strong, |entry| {
                seen.insert(entry.key().to_vec());
            });
            // The table is one leaf, then a branch of branches, then one leaf again.
            let changes = round * 1000..(round + 1) * 1000;
            for n in changes {
                let key = format!("goes{}", n % 20_000);
                if n < 20_000 {
                    put(&mut table, key);
                } else {
                    drop(table.remove(strong(key.as_bytes()), 0, key.as_bytes(), strong));
                }
            }
            round += 1;
        }
        assert!((0..800).all(|n| seen.contains(format!("stays{n}").as_bytes())));
        assert!(round > 60, "{round} rounds");
        assert_eq!(table.len(), 800);
    }
}
