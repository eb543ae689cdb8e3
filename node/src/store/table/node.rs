//! The tree of leaves: a leaf that would grow too large becomes a branch with a leaf for each value of the next four
//! bits of the hash. So no step of growing moves more than a leaf.
#![allow(unsafe_code)]

use super::block::Block;
use super::leaf::{self, Leaf};
use super::{Hash, order};

/// Bits of the hash that choose a child.
pub(super) const BITS: u32 = 4;
const CHILDREN: usize = 1 << BITS;

/// Buckets of the largest leaf. To split it takes some 30 µs.
const LEAF_MAX: usize = 1024;

/// A branch with fewer blocks becomes a leaf again.
const MERGED_MAX: usize = LEAF_MAX / 4;

/// Levels of branches: their bits are the upper three quarters of what a cursor tells. Leaves below grow without
/// bound; only a hash that does not spread gets there.
const LEVELS_MAX: u32 = 6;

/// How many blocks ahead the next one is asked for when all of a leaf are looked at.
pub(super) const AHEAD: usize = 8;

pub(super) enum Node {
    Leaf(Leaf),
    Branch(Box<Branch>),
}

pub(super) struct Branch {
    children: [Node; CHILDREN],
    len: usize,
    /// Bytes of the buckets and branches from here on.
    bytes: usize,
}

impl Default for Node {
    fn default() -> Self {
        Self::Leaf(Leaf::default())
    }
}

/// A leaf and what hashes lie in it.
pub(super) struct Place<'t> {
    pub(super) leaf: &'t Leaf,
    /// Bits of the hash that lead to it.
    pub(super) bits: u32,
    /// The lowest order in it.
    pub(super) start: u64,
    /// The order behind it.
    pub(super) end: u64,
}

#[inline]
fn child_of(hash: Hash) -> usize {
    (hash >> (64 - BITS)) as usize
}

impl Node {
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.len(),
            Self::Branch(branch) => branch.len,
        }
    }

    /// Bytes of the buckets and branches.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Leaf(leaf) => size_of_val(leaf.buckets()),
            Self::Branch(branch) => branch.bytes,
        }
    }

    /// The leaf of `hash`, and the bits of the hash that count in it.
    #[inline]
    pub(super) fn leaf(&self, mut hash: Hash) -> (&Leaf, Hash) {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(leaf) => return (leaf, hash),
                Self::Branch(branch) => node = &branch.children[child_of(hash)],
            }
            hash <<= BITS;
        }
    }

    /// As [`Node::leaf`], to change words but not their number.
    #[inline]
    pub(super) fn leaf_mut(&mut self, mut hash: Hash) -> (&mut Leaf, Hash) {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(leaf) => return (leaf, hash),
                Self::Branch(branch) => node = &mut branch.children[child_of(hash)],
            }
            hash <<= BITS;
        }
    }

    /// The leaf in which `order` lies.
    pub(super) fn place(&self, order: u32) -> Place<'_> {
        let (mut node, mut bits, mut hash) = (self, 0, u64::from(order) << 32);
        while let Self::Branch(branch) = node {
            node = &branch.children[child_of(hash)];
            hash <<= BITS;
            bits += BITS;
        }
        let Self::Leaf(leaf) = node else { unreachable!("no branch") };
        let width = 1u64 << (32 - bits);
        let start = u64::from(order) / width * width;
        Place { leaf, bits, start, end: start + width }
    }

    /// A leaf chosen by `random` with the odds of its size; it is not empty unless the tree is.
    pub(super) fn pick(&self, random: u64) -> &Leaf {
        let mut node = self;
        let mut rank = ((u128::from(random) * self.len() as u128) >> 64) as usize;
        while let Self::Branch(branch) = node {
            let holds = |child: &&Node| {
                let here = rank < child.len();
                rank -= if here { 0 } else { child.len() };
                here
            };
            node = branch.children.iter().find(holds).expect("a branch holds what it counts");
        }
        let Self::Leaf(leaf) = node else { unreachable!("no branch") };
        leaf
    }

    /// Puts an address of a `T` in, which is not there yet. `level` counts the branches above.
    pub(super) fn insert<T: Block>(
        &mut self,
        hash: Hash,
        address: u64,
        level: u32,
        rehash: &impl Fn(&[u8]) -> Hash,
    ) {
        if let Self::Leaf(leaf) = self
            && leaf.is_full()
            && leaf.buckets().len() >= LEAF_MAX
            && level < LEVELS_MAX
        {
            *self = split::<T>(leaf, level, rehash);
        }
        match self {
            Self::Leaf(leaf) => leaf.insert(hash, address),
            Self::Branch(branch) => {
                let child = &mut branch.children[child_of(hash)];
                let before = child.bytes();
                child.insert::<T>(hash << BITS, address, level + 1, rehash);
                branch.bytes = branch.bytes + child.bytes() - before;
                branch.len += 1;
            }
        }
    }

    /// Takes the address out that has the tag of `hash` and `is` the one.
    pub(super) fn remove<T: Block>(
        &mut self,
        hash: Hash,
        level: u32,
        is: &impl Fn(u64) -> bool,
        rehash: &impl Fn(&[u8]) -> Hash,
    ) -> Option<u64> {
        match self {
            Self::Leaf(leaf) => leaf.position(hash, is).map(|at| leaf.remove(at)),
            Self::Branch(branch) => {
                let child = &mut branch.children[child_of(hash)];
                let before = child.bytes();
                let removed = child.remove::<T>(hash << BITS, level + 1, is, rehash)?;
                branch.bytes = branch.bytes + child.bytes() - before;
                branch.len -= 1;
                if branch.len < MERGED_MAX {
                    *self = self.merged::<T>(level, rehash);
                }
                Some(removed)
            }
        }
    }

    /// One leaf of all below.
    fn merged<T: Block>(&self, level: u32, rehash: &impl Fn(&[u8]) -> Hash) -> Self {
        let mut merged = Leaf::with_room(self.len());
        self.visit(&mut |word| {
            let address = leaf::address(word);
            merged.insert(local_hash::<T>(address, level, rehash), address);
        });
        Self::Leaf(merged)
    }

    fn visit(&self, visit: &mut impl FnMut(u64)) {
        match self {
            Self::Leaf(leaf) => leaf.words().for_each(visit),
            Self::Branch(branch) => branch.children.iter().for_each(|child| child.visit(visit)),
        }
    }
}

/// The bits of a block's hash that count below `level` branches.
fn local_hash<T: Block>(address: u64, level: u32, rehash: &impl Fn(&[u8]) -> Hash) -> Hash {
    // SAFETY: the address is in a table, which owns its block.
    rehash(T::key(unsafe { T::borrow(address) })) << (level * BITS)
}

/// A branch with the blocks of a leaf.
#[cold]
fn split<T: Block>(leaf: &Leaf, level: u32, rehash: &impl Fn(&[u8]) -> Hash) -> Node {
    let mut children: [Leaf; CHILDREN] = std::array::from_fn(|_| Leaf::with_room(leaf.len() / CHILDREN));
    let words: Vec<u64> = leaf.words().collect();
    for (at, word) in words.iter().enumerate() {
        if let Some(ahead) = words.get(at + AHEAD) {
            crate::store::prefetch(std::ptr::without_provenance(leaf::address(*ahead) as usize));
        }
        let address = leaf::address(*word);
        let hash = local_hash::<T>(address, level, rehash);
        children[child_of(hash)].insert(hash << BITS, address);
    }
    let children = children.map(Node::Leaf);
    let bytes = size_of::<Branch>() + children.iter().map(Node::bytes).sum::<usize>();
    Node::Branch(Box::new(Branch { children, len: words.len(), bytes }))
}

impl Place<'_> {
    /// The part of an order that counts in this leaf, as the upper half of a hash.
    pub(super) fn local(&self, order: u32) -> Hash {
        u64::from(order) << 32 << self.bits
    }
}

/// The order of the block at `address`.
pub(super) fn order_of<T: Block>(address: u64, rehash: &impl Fn(&[u8]) -> Hash) -> u32 {
    order(local_hash::<T>(address, 0, rehash))
}
