//! One allocation for key, value and deadline.
//!
//! ```text
//! | header, 8 bytes | deadline, 8 bytes, if any | key length, 4 bytes, if above 254 | key | value |
//! header: value length 30 bits, key length 8, kind 3, packed 1, database 4, has a deadline 1, record of use 17
//! ```
//! A string's value is its bytes. A small collection's value is its elements, packed; a larger one's is the address
//! of its box: 8 bytes. A string of a 16-byte key and a 32-byte value takes 56 bytes, with a deadline 64: both one
//! size class of the allocator.
//!
//! One of the few modules with `unsafe`: a safe layout needs two allocations an entry or a wider header.
#![allow(unsafe_code)]

pub mod member;
mod packed;

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use super::eviction::Touch;
use super::heap::allocated;
use super::table::{Block, CopyBlock};
use super::value::{Collection, Kind, Value, ValueMut};

const VALUE_BITS: u32 = 30;
const KEY_SHIFT: u32 = VALUE_BITS;
const KIND_SHIFT: u32 = KEY_SHIFT + 8;
const PACKED_BIT: u64 = 1 << (KIND_SHIFT + 3);
const DATABASE_SHIFT: u32 = KIND_SHIFT + 4;
const DEADLINE_BIT: u64 = 1 << (DATABASE_SHIFT + 4);
const RECORD_SHIFT: u32 = DATABASE_SHIFT + 5;
const HEADER_BYTES: usize = 8;
const DEADLINE_BYTES: usize = 8;
/// Key lengths from here on stand in four bytes of their own.
const LONG_KEY: usize = 255;
const LONG_KEY_BYTES: usize = 4;
const POINTER_BYTES: usize = size_of::<usize>();

/// Longest value of a string in bytes: 512 MiB, Redis's `proto-max-bulk-len`.
pub const STRING_BYTES_MAX: usize = 512 << 20;

/// An owned entry. Dropping it frees the key, the value and what the value owns.
#[repr(transparent)]
pub struct Entry(NonNull<u8>);

// SAFETY: an entry owns its block and everything in it; all of that is Send.
unsafe impl Send for Entry {}

/// What the header says, unpacked.
#[derive(Clone, Copy)]
struct Shape {
    key_len: usize,
    value_len: usize,
    kind: Kind,
    /// Whether the value is a collection's elements.
    packed: bool,
    database: u8,
    deadline: bool,
    record: u32,
}

impl Shape {
    /// Of a value without a key yet.
    #[inline]
    fn new(kind: Kind, packed: bool, value_len: usize) -> Self {
        Self { key_len: 0, value_len, kind, packed, database: 0, deadline: false, record: 0 }
    }

    #[inline]
    fn key_offset(self) -> usize {
        let long = if self.key_len >= LONG_KEY { LONG_KEY_BYTES } else { 0 };
        HEADER_BYTES + if self.deadline { DEADLINE_BYTES } else { 0 } + long
    }

    #[inline]
    fn bytes(self) -> usize {
        self.key_offset() + self.key_len + self.value_len
    }

    #[inline]
    fn layout(self) -> Layout {
        layout(self.bytes())
    }

    #[inline]
    fn header(self) -> u64 {
        let deadline = if self.deadline { DEADLINE_BIT } else { 0 };
        let packed = if self.packed { PACKED_BIT } else { 0 };
        self.value_len as u64
            | (self.key_len.min(LONG_KEY) as u64) << KEY_SHIFT
            | (self.kind as u64) << KIND_SHIFT
            | u64::from(self.database) << DATABASE_SHIFT
            | deadline
            | packed
            | u64::from(self.record) << RECORD_SHIFT
    }
}

/// Blocks are 8-byte aligned, so that the low three bits of an address are free, and take whole size classes.
#[inline]
fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(allocated(bytes), 8).expect("an entry is below 2 GiB")
}

impl Entry {
    /// A string. `database` is 0..16, `value` at most [`STRING_BYTES_MAX`] bytes, `deadline` in Unix milliseconds.
    #[must_use]
    pub fn string(database: u8, key: &[u8], value: &[u8], deadline: Option<u64>) -> Self {
        let shape = Shape::new(Kind::String, false, value.len());
        Self::allocate(database, key, shape, deadline, value)
    }

    /// A collection in a box of its own.
    #[must_use]
    pub fn collection(database: u8, key: &[u8], collection: Collection, deadline: Option<u64>) -> Self {
        let shape = Shape::new(collection.kind(), false, POINTER_BYTES);
        Self::allocate(database, key, shape, deadline, &collection.into_address().to_ne_bytes())
    }

    /// A block for `key` and the bytes of a value, which are as long as `shape` says.
    #[inline]
    fn allocate(database: u8, key: &[u8], shape: Shape, deadline: Option<u64>, value: &[u8]) -> Self {
        // A longer one would spill over the header's other fields; this is beside the cost of the allocation.
        assert!(value.len() <= STRING_BYTES_MAX);
        debug_assert!(database < 16 && shape.value_len == value.len());
        let shape = Shape { key_len: key.len(), database, deadline: deadline.is_some(), ..shape };
        let layout = shape.layout();
        // SAFETY: the layout is not empty (the header); each write is within the block by `Shape`.
        unsafe {
            let Some(block) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            block.cast::<u64>().write(shape.header());
            if let Some(deadline) = deadline {
                block.add(HEADER_BYTES).cast::<u64>().write(deadline);
            }
            let key_at = block.add(shape.key_offset());
            if key.len() >= LONG_KEY {
                let len = u32::try_from(key.len()).expect("a key is below 4 GiB");
                key_at.sub(LONG_KEY_BYTES).cast::<u32>().write_unaligned(len);
            }
            key_at.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            key_at.add(key.len()).copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
            Self(block)
        }
    }

    /// This entry, to read.
    #[inline]
    #[must_use]
    pub fn as_ref(&self) -> EntryRef<'_> {
        EntryRef { block: self.0, owner: PhantomData }
    }

    /// The value, to change a collection in place.
    #[must_use]
    pub fn value_mut(&mut self) -> ValueMut<'_> {
        match (self.as_ref().kind(), self.as_ref().address()) {
            (Kind::String, _) => ValueMut::String,
            (_, None) => ValueMut::Packed,
            // SAFETY: the address was made by `Collection::into_address` of this kind and is owned by this entry;
            // `&mut self` makes the borrow the only one.
            (kind, Some(address)) => unsafe { Collection::borrow_mut(kind, address) },
        }
    }

    #[inline]
    fn value_ptr(&self) -> *mut u8 {
        self.as_ref().value_ptr()
    }

    #[inline]
    fn shape(&self) -> Shape {
        self.as_ref().shape()
    }

    /// Overwrites the string in place. Returns false, changing nothing, if it is not a string of that length
    /// or has a deadline where none is wanted (or the other way round).
    #[inline]
    pub fn overwrite(&mut self, value: &[u8], deadline: Option<u64>) -> bool {
        let shape = self.shape();
        if shape.kind != Kind::String
            || shape.value_len != value.len()
            || shape.deadline != deadline.is_some()
        {
            return false;
        }
        // SAFETY: the value has exactly `value.len()` bytes in this block; the deadline's place exists if wanted.
        unsafe {
            self.value_ptr().copy_from_nonoverlapping(value.as_ptr(), value.len());
            if let Some(deadline) = deadline {
                self.0.add(HEADER_BYTES).cast::<u64>().write(deadline);
            }
        }
        true
    }

    /// Makes the string `len` bytes long, new bytes zero, and lets `write` change it. `len` is at most
    /// [`STRING_BYTES_MAX`]. Does nothing to a collection.
    pub fn edit_string(&mut self, len: usize, write: impl FnOnce(&mut [u8])) {
        let old = self.shape();
        if old.kind != Kind::String || len > STRING_BYTES_MAX {
            return;
        }
        // SAFETY: `resize` leaves a block with `len` bytes of value, of which the old ones are initialised; the new
        // ones are before they are lent.
        unsafe {
            self.resize(old, len);
            let value = self.value_ptr();
            value.add(old.value_len.min(len)).write_bytes(0, len.saturating_sub(old.value_len));
            write(std::slice::from_raw_parts_mut(value, len));
        }
    }

    /// Gives the block room for a value of `len` bytes, which the header then says it has.
    ///
    /// # Safety
    /// `old` is the shape of this entry, and bytes of the value that are new are initialised before they are read.
    unsafe fn resize(&mut self, old: Shape, len: usize) {
        let new = Shape { value_len: len, ..old };
        // SAFETY: the block was made with `old.layout()`; the new layout has the same alignment.
        unsafe {
            if new.layout() != old.layout() {
                let resized = realloc(self.0.as_ptr(), old.layout(), new.layout().size());
                let Some(block) = NonNull::new(resized) else { handle_alloc_error(new.layout()) };
                self.0 = block;
            }
            self.0.cast::<u64>().write(new.header());
        }
    }

    /// The same value under another key, database and deadline. A large collection is moved, not copied.
    #[must_use]
    pub fn moved(mut self, database: u8, key: &[u8], deadline: Option<u64>) -> Self {
        let moved = Self::allocate(database, key, self.shape(), deadline, self.as_ref().value_bytes());
        self.disown();
        moved
    }

    /// Gives the entry another deadline; in place where the block has room for it already.
    pub fn set_deadline(&mut self, deadline: Option<u64>) {
        if let (true, Some(deadline)) = (self.shape().deadline, deadline) {
            // SAFETY: the block has the deadline's place.
            unsafe { self.0.add(HEADER_BYTES).cast::<u64>().write(deadline) };
            return;
        }
        let old = self.as_ref();
        let new = Self::allocate(old.database(), old.key(), old.shape(), deadline, old.value_bytes());
        self.disown();
        *self = new;
    }

    /// Turns a collection into a string of the same bytes: if they are an address, another entry owns it now.
    fn disown(&mut self) {
        let disowned = Shape { kind: Kind::String, packed: false, ..self.shape() };
        // SAFETY: only the kind changes, and all bytes of a value are initialised.
        unsafe { self.0.cast::<u64>().write(disowned.header()) };
    }

    /// Takes a collection out of its box and leaves a string; `None`, and no change, if it has none.
    fn take_collection(&mut self) -> Option<Collection> {
        let (kind, address) = (self.as_ref().kind(), self.as_ref().address()?);
        self.disown();
        // SAFETY: the address was owned by this entry, which has just forgotten it.
        Some(unsafe { Collection::from_address(kind, address) })
    }
}

// SAFETY: blocks of the allocator lie below 2^48 and live until the entry is dropped.
unsafe impl Block for Entry {
    type Ref<'t> = EntryRef<'t>;

    #[inline]
    fn into_raw(self) -> u64 {
        let address = self.0.as_ptr() as u64;
        debug_assert!(address < 1 << 48);
        std::mem::forget(self);
        address
    }

    #[inline]
    unsafe fn from_raw(address: u64) -> Self {
        // SAFETY: never null, by the caller.
        Self(unsafe { NonNull::new_unchecked(address as *mut u8) })
    }

    #[inline]
    unsafe fn borrow<'t>(address: u64) -> EntryRef<'t> {
        // SAFETY: never null, by the caller.
        EntryRef { block: unsafe { NonNull::new_unchecked(address as *mut u8) }, owner: PhantomData }
    }

    #[inline]
    fn as_block(&self) -> EntryRef<'_> {
        self.as_ref()
    }

    #[inline]
    fn is(entry: EntryRef<'_>, database: u8, key: &[u8]) -> bool {
        entry.is(database, key)
    }

    #[inline]
    fn key<'t>(entry: Self::Ref<'t>) -> &'t [u8] {
        entry.key()
    }

    #[inline]
    fn database(entry: EntryRef<'_>) -> u8 {
        entry.database()
    }
}

impl CopyBlock for Entry {
    fn copy(entry: EntryRef<'_>) -> Self {
        entry.copied(entry.database(), entry.key())
    }
}

/// Whether two keys are equal, eight bytes at a time: a call of `memcmp` costs more than a key of common length.
#[inline]
fn same(ours: &[u8], theirs: &[u8]) -> bool {
    if ours.len() != theirs.len() {
        return false;
    }
    let (our_words, our_rest) = ours.as_chunks::<8>();
    let (their_words, their_rest) = theirs.as_chunks::<8>();
    let words = our_words.iter().zip(their_words).all(|(our, their)| our == their);
    words && our_rest.iter().zip(their_rest).all(|(our, their)| our == their)
}

/// An entry, borrowed from its table for `'t`.
#[derive(Clone, Copy)]
pub struct EntryRef<'t> {
    block: NonNull<u8>,
    owner: PhantomData<&'t Entry>,
}

impl<'t> EntryRef<'t> {
    #[inline]
    fn header(self) -> u64 {
        self.word().load(Ordering::Relaxed)
    }

    /// The header, which [`EntryRef::set_record`] changes while others may look.
    #[inline]
    fn word(self) -> &'t AtomicU64 {
        // SAFETY: every block starts with its header, aligned, and lives for `'t`.
        unsafe { AtomicU64::from_ptr(self.block.as_ptr().cast()) }
    }

    /// Asks for the header, to be read soon.
    #[inline]
    pub(super) fn prefetch(self) {
        super::prefetch(self.block.as_ptr());
    }

    /// What is known of the entry's use, 17 bits; 0 is nothing. See `store::eviction`.
    #[inline]
    #[must_use]
    pub fn record(self) -> u32 {
        (self.header() >> RECORD_SHIFT) as u32
    }

    /// Notes a use.
    #[inline]
    pub fn touch(self, touch: Touch) {
        if let Some(record) = touch.used(self.record()) {
            self.set_record(record);
        }
    }

    /// Notes what is known of the entry's use, 17 bits. That is no part of its value: readers may do it.
    #[inline]
    pub fn set_record(self, record: u32) {
        debug_assert!(record < 1 << 17);
        let rest = self.header() & ((1 << RECORD_SHIFT) - 1);
        self.word().store(rest | u64::from(record) << RECORD_SHIFT, Ordering::Relaxed);
    }

    #[inline]
    fn shape(self) -> Shape {
        let header = self.header();
        let short = (header >> KEY_SHIFT & 0xff) as usize;
        let deadline = header & DEADLINE_BIT != 0;
        let key_len = if short < LONG_KEY { short } else { self.long_key_len(deadline) };
        Shape {
            key_len,
            value_len: (header & ((1 << VALUE_BITS) - 1)) as usize,
            kind: Kind::from_bits((header >> KIND_SHIFT & 7) as u8),
            packed: header & PACKED_BIT != 0,
            database: (header >> DATABASE_SHIFT & 0xf) as u8,
            deadline,
            record: (header >> RECORD_SHIFT) as u32,
        }
    }

    #[cold]
    fn long_key_len(self, deadline: bool) -> usize {
        let at = HEADER_BYTES + if deadline { DEADLINE_BYTES } else { 0 };
        // SAFETY: a header with the length LONG_KEY is followed by these four bytes.
        unsafe { self.block.add(at).cast::<u32>().read_unaligned() as usize }
    }

    #[inline]
    fn value_ptr(self) -> *mut u8 {
        let shape = self.shape();
        // SAFETY: within the block by `Shape`.
        unsafe { self.block.as_ptr().add(shape.key_offset() + shape.key_len) }
    }

    /// The bytes of the value, whatever they mean.
    #[inline]
    fn value_bytes(self) -> &'t [u8] {
        let shape = self.shape();
        // SAFETY: the value is `value_len` initialised bytes after the key.
        unsafe {
            let at = self.block.as_ptr().add(shape.key_offset() + shape.key_len);
            std::slice::from_raw_parts(at, shape.value_len)
        }
    }

    /// The address of a collection's box, if it has one.
    fn address(self) -> Option<usize> {
        let shape = self.shape();
        let boxed = shape.kind != Kind::String && !shape.packed;
        boxed.then(|| usize::from_ne_bytes(self.value_bytes().try_into().expect("an address")))
    }

    /// The key.
    #[inline]
    #[must_use]
    pub fn key(self) -> &'t [u8] {
        let shape = self.shape();
        // SAFETY: the block holds `key_len` bytes at `key_offset`, initialised when it was made.
        unsafe { std::slice::from_raw_parts(self.block.as_ptr().add(shape.key_offset()), shape.key_len) }
    }

    /// The database, 0..16.
    #[inline]
    #[must_use]
    pub fn database(self) -> u8 {
        (self.header() >> DATABASE_SHIFT & 0xf) as u8
    }

    /// What the value is.
    #[inline]
    #[must_use]
    pub fn kind(self) -> Kind {
        Kind::from_bits((self.header() >> KIND_SHIFT & 7) as u8)
    }

    /// When the key expires, in Unix milliseconds; `None` is never.
    #[inline]
    #[must_use]
    pub fn deadline(self) -> Option<u64> {
        // SAFETY: a header with the bit is followed by the deadline, aligned.
        (self.header() & DEADLINE_BIT != 0)
            .then(|| unsafe { self.block.add(HEADER_BYTES).cast::<u64>().read() })
    }

    /// Whether the key is expired when its slot's time is `time`.
    #[inline]
    #[must_use]
    pub fn is_expired(self, time: u64) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= time)
    }

    /// Whether this is the entry of `key` in `database`.
    #[inline]
    #[must_use]
    pub fn is(self, database: u8, key: &[u8]) -> bool {
        same(self.key(), key) && self.database() == database
    }

    /// Bytes of the block itself, without what a collection owns beside it.
    #[must_use]
    pub fn block_bytes(self) -> usize {
        self.shape().bytes()
    }

    /// Bytes of memory that the entry takes: its block and what a collection owns beside it. O(1).
    #[must_use]
    pub fn heap_bytes(self) -> usize {
        let block = allocated(self.block_bytes());
        if self.address().is_some() { block + self.value().heap_bytes() } else { block }
    }

    /// The string's bytes, `None` for a collection.
    #[inline]
    #[must_use]
    pub fn as_string(self) -> Option<&'t [u8]> {
        (self.kind() == Kind::String).then(|| self.value_bytes())
    }

    /// The elements of a collection that is packed in the block.
    #[inline]
    #[must_use]
    pub(super) fn packed(self) -> Option<&'t [u8]> {
        (self.header() & PACKED_BIT != 0).then(|| self.value_bytes())
    }

    /// The value.
    #[must_use]
    pub fn value(self) -> Value<'t> {
        let bytes = self.value_bytes();
        match self.kind() {
            Kind::String => Value::String(bytes),
            kind if self.packed().is_some() => Value::of_packed(kind, bytes),
            kind => {
                let address = usize::from_ne_bytes(bytes.try_into().expect("an address"));
                // SAFETY: it was made by `Collection::into_address` of this kind and is owned by the entry.
                unsafe { Collection::borrow(kind, address) }
            }
        }
    }

    /// A copy of the value and its deadline under another key.
    #[must_use]
    pub fn copied(self, database: u8, key: &[u8]) -> Entry {
        match self.address() {
            None => Entry::allocate(database, key, self.shape(), self.deadline(), self.value_bytes()),
            Some(_) => Entry::collection(database, key, self.value().to_collection(), self.deadline()),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        drop(self.take_collection());
        // SAFETY: the block was made with this layout.
        unsafe { dealloc(self.0.as_ptr(), self.shape().layout()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_keeps_key_value_database_and_deadline() {
        for (key_len, deadline) in [(0, None), (16, Some(5)), (254, None), (255, Some(7)), (70_000, None)] {
            let key = vec![b'k'; key_len];
            let mut entry = Entry::string(15, &key, b"value", deadline);
            assert!(entry.as_ref().is(15, &key) && !entry.as_ref().is(0, &key));
            assert_eq!(
                (entry.as_ref().as_string(), entry.as_ref().deadline()),
                (Some(&b"value"[..]), deadline)
            );
            let other = if deadline.is_some() { None } else { Some(9) };
            entry.set_deadline(other);
            assert_eq!(
                (entry.as_ref().key(), entry.as_ref().as_string(), entry.as_ref().deadline()),
                (&key[..], Some(&b"value"[..]), other)
            );
        }
    }

    #[test]
    fn the_record_of_use_stays_with_the_entry() {
        let mut entry = Entry::string(3, b"key", b"value", None);
        entry.as_ref().set_record(0x1_abcd);
        entry.edit_string(900, |_| ());
        entry.set_deadline(Some(7));
        let entry = entry.moved(3, b"other", None);
        let read = entry.as_ref();
        assert_eq!((read.record(), read.database(), read.key()), (0x1_abcd, 3, &b"other"[..]));
        read.set_record(1);
        assert_eq!((read.record(), read.as_string().map(<[u8]>::len)), (1, Some(900)));
    }

    #[test]
    fn a_string_of_16_and_32_bytes_takes_56_with_a_deadline_64() {
        assert_eq!(Entry::string(0, &[0; 16], &[0; 32], None).as_ref().block_bytes(), 56);
        assert_eq!(Entry::string(0, &[0; 16], &[0; 32], Some(1)).as_ref().block_bytes(), 64);
    }

    #[test]
    fn editing_grows_with_zeros_and_shrinks() {
        let mut entry = Entry::string(0, b"k", b"abc", Some(1));
        entry.edit_string(6, |value| value[5] = b'z');
        assert_eq!(entry.as_ref().as_string(), Some(&b"abc\0\0z"[..]));
        entry.edit_string(2, |_| ());
        assert_eq!(
            (entry.as_ref().as_string(), entry.as_ref().key(), entry.as_ref().deadline()),
            (Some(&b"ab"[..]), &b"k"[..], Some(1))
        );
    }

    #[test]
    fn overwriting_needs_the_same_length_and_place_for_the_deadline() {
        let mut entry = Entry::string(0, b"k", b"abc", None);
        assert!(!entry.overwrite(b"abcd", None) && !entry.overwrite(b"xyz", Some(1)));
        assert!(entry.overwrite(b"xyz", None));
        assert_eq!(entry.as_ref().as_string(), Some(&b"xyz"[..]));
    }
}
