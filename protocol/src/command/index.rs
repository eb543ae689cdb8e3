//! Finds a command by name: an open-addressing table over the case-folded name, computed at compile time.
//!
//! A name is read as two words of eight bytes, its first and its last ones, with the bit of the letter case set in
//! every byte. For a name of at most 16 letters the two words and the length say everything, so a look-up is one
//! multiplication, one probe in nearly all cases, and three comparisons.

use super::table::{COMMANDS, TABLE};

static INDEX: [Entry; LEN] = index();

/// Power of two; a third full at most.
const LEN: usize = 1024;
const LEN_BITS: u32 = LEN.trailing_zeros();
/// Lengths that a name can have, in bytes.
const NAME_MIN: usize = 2;
const NAME_MAX: usize = 24;

/// One place of the index.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Entry {
    words: Words,
    /// Place of the command in the table.
    id: u16,
    /// Whether the words do not say everything: the name has more than letters, of which the letter case is one
    /// bit, or is longer than the words.
    compare: bool,
}

const FREE: Entry = Entry { words: Words { head: 0, tail: 0, len: 0 }, id: 0, compare: false };

/// A name in any letter case.
#[derive(Clone, Copy)]
struct Words {
    head: u64,
    /// 0 for a name of less than eight bytes.
    tail: u64,
    len: u8,
}

/// The table's place of the command called `name`.
#[inline]
pub(super) fn find(name: &[u8]) -> Option<usize> {
    if name.len() < NAME_MIN || name.len() > NAME_MAX {
        return None;
    }
    let words = Words::of(name);
    let mut place = words.hash();
    loop {
        let entry = &INDEX[place % LEN];
        if entry.words.len == 0 {
            return None;
        }
        if entry.words.equal(words) {
            let id = usize::from(entry.id);
            let same = !entry.compare || TABLE[id].name.as_bytes().eq_ignore_ascii_case(name);
            return same.then_some(id);
        }
        place += 1;
    }
}

impl Words {
    /// Of a name of [`NAME_MIN`] to [`NAME_MAX`] bytes.
    #[inline]
    const fn of(name: &[u8]) -> Self {
        let len = name.len();
        let (head, tail) = if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            (u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << 32, 0)
        } else {
            (name[0] as u64 | (name[len / 2] as u64) << 8 | (name[len - 1] as u64) << 16, 0)
        };
        const LETTER_CASE: u64 = 0x2020_2020_2020_2020;
        Self { head: head | LETTER_CASE, tail: tail | LETTER_CASE, len: len as u8 }
    }

    #[inline]
    const fn hash(self) -> usize {
        let mixed = self.head ^ self.tail.rotate_left(23) ^ self.len as u64;
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - LEN_BITS)) as usize
    }

    #[inline]
    const fn equal(self, other: Self) -> bool {
        self.head == other.head && self.tail == other.tail && self.len == other.len
    }
}

const fn index() -> [Entry; LEN] {
    const { assert!(COMMANDS * 3 < LEN, "enlarge the index") };
    let mut index = [FREE; LEN];
    let mut id = 0;
    while id < COMMANDS {
        let name = TABLE[id].name.as_bytes();
        assert!(name.len() >= NAME_MIN && name.len() <= NAME_MAX, "a name is not as long as the index takes");
        let words = Words::of(name);
        let mut place = words.hash();
        while index[place % LEN].words.len != 0 {
            assert!(!index[place % LEN].words.equal(words), "two commands look the same to the index");
            place += 1;
        }
        index[place % LEN] = Entry { words, id: id as u16, compare: !only_letters(name) || name.len() > 16 };
        id += 1;
    }
    index
}

const fn only_letters(name: &[u8]) -> bool {
    let mut place = 0;
    while place < name.len() && name[place].is_ascii_lowercase() {
        place += 1;
    }
    place == name.len()
}
