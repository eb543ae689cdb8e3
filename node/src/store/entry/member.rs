//! Members of large sets and sorted sets: one allocation each, shorter than an entry.
//!
//! ```text
//! | prefix, 0 or 8 bytes | length, 1 byte | length, 4 bytes, if above 254 | member |
//! ```
//! The prefix is a sorted set's score. A member of 15 bytes takes 16, with a score 32.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use crate::store::heap::allocated;
use crate::store::table::{Block, CopyBlock};

/// Lengths from here on stand in four bytes of their own.
const LONG: usize = 255;
const SCORE_BYTES: usize = size_of::<f64>();

/// A member with a prefix of `PREFIX` bytes before it.
#[repr(transparent)]
pub struct Prefixed<const PREFIX: usize>(NonNull<u8>);

/// A member of a set.
pub type Member = Prefixed<0>;

/// A member of a sorted set, with its score.
pub type Scored = Prefixed<SCORE_BYTES>;

// SAFETY: a member owns its block, which is plain bytes.
unsafe impl<const PREFIX: usize> Send for Prefixed<PREFIX> {}

/// A member, borrowed for `'t`.
#[derive(Clone, Copy)]
pub struct PrefixedRef<'t, const PREFIX: usize> {
    block: NonNull<u8>,
    owner: PhantomData<&'t [u8]>,
}

/// Bytes before the member.
#[inline]
fn offset(prefix: usize, len: usize) -> usize {
    prefix + if len < LONG { 1 } else { 5 }
}

/// Bytes that the block of a member of `len` bytes takes.
#[inline]
fn block_bytes(prefix: usize, len: usize) -> usize {
    allocated(offset(prefix, len) + len)
}

fn layout(prefix: usize, len: usize) -> Layout {
    Layout::from_size_align(block_bytes(prefix, len), 8).expect("a member is below 4 GiB")
}

impl<const PREFIX: usize> Prefixed<PREFIX> {
    fn allocate(prefix: [u8; PREFIX], member: &[u8]) -> Self {
        let len = u32::try_from(member.len()).expect("a member is below 4 GiB");
        let layout = layout(PREFIX, member.len());
        // SAFETY: the layout is not empty (the length); each write lies within it.
        unsafe {
            let Some(block) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            block.cast::<[u8; PREFIX]>().write(prefix);
            #[expect(clippy::cast_possible_truncation, reason = "at most LONG")]
            block.add(PREFIX).write(member.len().min(LONG) as u8);
            if member.len() >= LONG {
                block.add(PREFIX + 1).cast::<u32>().write_unaligned(len);
            }
            let at = block.add(offset(PREFIX, member.len()));
            at.copy_from_nonoverlapping(NonNull::from(member).cast(), member.len());
            Self(block)
        }
    }

    /// This member, to read.
    #[inline]
    #[must_use]
    pub fn as_ref(&self) -> PrefixedRef<'_, PREFIX> {
        PrefixedRef { block: self.0, owner: PhantomData }
    }
}

impl Member {
    /// A member of a set.
    #[must_use]
    pub fn new(member: &[u8]) -> Self {
        Self::allocate([], member)
    }
}

impl Scored {
    /// A member of a sorted set.
    #[must_use]
    pub fn new(member: &[u8], score: f64) -> Self {
        Self::allocate(score.to_ne_bytes(), member)
    }

    /// Gives the member another score.
    pub fn set_score(&mut self, score: f64) {
        // SAFETY: the block begins with the score, aligned.
        unsafe { self.0.cast::<f64>().write(score) };
    }

    /// The member by its address, for a table beside its owner.
    ///
    /// # Safety
    /// The alias is out of use before the member is dropped, and is not used while the member is changed.
    pub(in crate::store) unsafe fn alias(&self) -> Alias {
        Alias(self.0)
    }
}

impl<'t, const PREFIX: usize> PrefixedRef<'t, PREFIX> {
    #[inline]
    fn len(self) -> usize {
        // SAFETY: the length stands behind the prefix; LONG is followed by four bytes of it.
        unsafe {
            match usize::from(self.block.add(PREFIX).read()) {
                LONG => self.block.add(PREFIX + 1).cast::<u32>().read_unaligned() as usize,
                short => short,
            }
        }
    }

    /// The member.
    #[inline]
    #[must_use]
    pub fn bytes(self) -> &'t [u8] {
        let len = self.len();
        // SAFETY: the block holds `len` bytes behind the length, initialised when it was made.
        unsafe { std::slice::from_raw_parts(self.block.as_ptr().add(offset(PREFIX, len)), len) }
    }

    /// Bytes of memory that the member takes.
    #[must_use]
    pub fn heap_bytes(self) -> usize {
        block_bytes(PREFIX, self.len())
    }
}

impl PrefixedRef<'_, SCORE_BYTES> {
    /// The score.
    #[inline]
    #[must_use]
    pub fn score(self) -> f64 {
        // SAFETY: the block begins with the score, aligned.
        unsafe { self.block.cast::<f64>().read() }
    }
}

impl<const PREFIX: usize> Drop for Prefixed<PREFIX> {
    fn drop(&mut self) {
        let layout = layout(PREFIX, self.as_ref().len());
        // SAFETY: the block was made with this layout.
        unsafe { dealloc(self.0.as_ptr(), layout) };
    }
}

/// A member that somebody else owns.
pub(in crate::store) struct Alias(NonNull<u8>);

// SAFETY: it goes where its owner goes, in one structure with it.
unsafe impl Send for Alias {}

macro_rules! block {
    ($name:ty, $prefix:expr) => {
        // SAFETY: blocks of the allocator lie below 2^48 and live until their owner drops them.
        unsafe impl Block for $name {
            type Ref<'t> = PrefixedRef<'t, { $prefix }>;

            #[inline]
            fn into_raw(self) -> u64 {
                ManuallyDrop::new(self).0.as_ptr() as u64
            }

            #[inline]
            unsafe fn from_raw(address: u64) -> Self {
                // SAFETY: never null, by the caller.
                Self(unsafe { NonNull::new_unchecked(address as *mut u8) })
            }

            #[inline]
            unsafe fn borrow<'t>(address: u64) -> Self::Ref<'t> {
                // SAFETY: never null, by the caller.
                let block = unsafe { NonNull::new_unchecked(address as *mut u8) };
                PrefixedRef { block, owner: PhantomData }
            }

            #[inline]
            fn as_block(&self) -> Self::Ref<'_> {
                PrefixedRef { block: self.0, owner: PhantomData }
            }

            #[inline]
            fn is(member: Self::Ref<'_>, _: u8, key: &[u8]) -> bool {
                super::same(member.bytes(), key)
            }

            #[inline]
            fn key<'t>(member: Self::Ref<'t>) -> &'t [u8] {
                member.bytes()
            }
        }
    };
}

block!(Member, 0);
block!(Alias, SCORE_BYTES);

impl Clone for Scored {
    fn clone(&self) -> Self {
        Self::new(self.as_ref().bytes(), self.as_ref().score())
    }
}

impl CopyBlock for Member {
    fn copy(member: Self::Ref<'_>) -> Self {
        Self::new(member.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_keeps_its_bytes_and_score() {
        for len in [0, 1, 7, 15, 254, 255, 256, 70_000] {
            let bytes = vec![b'm'; len];
            assert_eq!(Member::new(&bytes).as_ref().bytes(), bytes);
            let mut scored = Scored::new(&bytes, 1.5);
            assert_eq!((scored.as_ref().bytes(), scored.as_ref().score()), (&bytes[..], 1.5));
            scored.set_score(-2.0);
            assert_eq!((scored.as_ref().bytes(), scored.as_ref().score()), (&bytes[..], -2.0));
        }
    }

    #[test]
    fn a_member_of_15_bytes_takes_16_and_of_17_with_a_score_32() {
        assert_eq!(Member::new(&[0; 15]).as_ref().heap_bytes(), 16);
        assert_eq!(Scored::new(&[0; 17], 0.0).as_ref().heap_bytes(), 32);
    }
}
