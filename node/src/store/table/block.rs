//! What a table can hold.
#![allow(unsafe_code)]

/// One allocation that a table owns by its address alone, told apart by a key.
///
/// # Safety
/// Addresses given by [`Block::into_raw`] are below 2^48, not 0, and stay valid until [`Block::from_raw`].
pub unsafe trait Block: Sized + 'static {
    /// A block, borrowed from its table.
    type Ref<'t>: Copy;

    /// Gives the block up as its address.
    fn into_raw(self) -> u64;

    /// # Safety
    /// `address` comes from [`Block::into_raw`] and is taken back once.
    unsafe fn from_raw(address: u64) -> Self;

    /// # Safety
    /// `address` comes from [`Block::into_raw`], and the block lives unchanged for `'t`.
    unsafe fn borrow<'t>(address: u64) -> Self::Ref<'t>;

    /// This block, to read.
    fn as_block(&self) -> Self::Ref<'_>;

    /// Whether this is the block of `key` in `database`.
    fn is(block: Self::Ref<'_>, database: u8, key: &[u8]) -> bool;

    /// The key.
    fn key<'t>(block: Self::Ref<'t>) -> &'t [u8];

    /// The database, 0 where there is only one.
    fn database(_: Self::Ref<'_>) -> u8 {
        0
    }
}

/// A block that can be copied with what it owns.
pub trait CopyBlock: Block {
    /// A copy.
    fn copy(block: Self::Ref<'_>) -> Self;
}
