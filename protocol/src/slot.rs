//! Hash slots: which of the 16384 parts of the key space a key belongs to, exactly as in Redis Cluster.
//!
//! The slot is CRC16 of the key, or of its *hash tag*: what stands between the first `{` and the next `}`, if
//! that is not empty. Keys with the same tag share a slot, so that one command may take several of them.
//! Source: <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model>.
//!
//! Every command of every client passes here, so the checksum is taken eight bytes a step from eight tables
//! (4 KiB, built at compile time), and the same step looks for a `{`: most keys have none and are read once.

use std::fmt;

/// Number of hash slots; slots are `0..SLOT_COUNT`.
pub const SLOT_COUNT: usize = 16_384;

/// One of the 16384 hash slots, always in range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashSlot(u16);

impl HashSlot {
    /// The slot with this number, or `None` if it is not below [`SLOT_COUNT`].
    pub const fn new(number: u16) -> Option<Self> {
        if (number as usize) < SLOT_COUNT { Some(Self(number)) } else { None }
    }

    /// The slot of a key: CRC16 of its hash tag, or of all of it if it has none.
    #[inline]
    pub fn of(key: &[u8]) -> Self {
        let (crc, braces) = crc16_and_braces(key);
        if braces == 0 { Self::of_crc(crc) } else { Self::of_braced(key) }
    }

    /// All slots, in ascending order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        (0..SLOT_COUNT as u16).map(Self)
    }

    /// The number, in `0..SLOT_COUNT`.
    #[inline]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The number as an index of a table of [`SLOT_COUNT`] entries; the mask lets the compiler drop its bounds check.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize % SLOT_COUNT
    }

    #[inline(never)]
    fn of_braced(key: &[u8]) -> Self {
        Self::of_crc(crc16(hash_tag(key)))
    }

    #[inline]
    const fn of_crc(crc: u16) -> Self {
        Self(crc % SLOT_COUNT as u16)
    }
}

impl fmt::Display for HashSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The part of `key` that decides its slot: the text between the first `{` and the next `}`, or the whole key if
/// there is no such pair or nothing in it.
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = position(key, b'{') else { return key };
    let after = &key[open + 1..];
    match position(after, b'}') {
        None | Some(0) => key,
        Some(close) => &after[..close],
    }
}

/// CRC16/XMODEM (polynomial 0x1021, start 0, most significant bit first), the checksum of Redis Cluster.
#[inline]
pub fn crc16(bytes: &[u8]) -> u16 {
    crc16_and_braces(bytes).0
}

/// The checksum, and a number that is not zero iff there is a `{` among the bytes.
///
/// Zero bytes in front do not change a checksum that starts at 0: the odd bytes are taken first, padded in front
/// to a word, and all that follows is whole words.
#[inline]
fn crc16_and_braces(bytes: &[u8]) -> (u16, u64) {
    let (odd, words) = bytes.as_rchunks::<8>();
    let (mut swapped, mut braces) = (0, 0);
    if !odd.is_empty() {
        let word = padded(odd, bytes);
        braces = equal_bits(word, b'{');
        swapped = step(0, word);
    }
    for word in words {
        let word = u64::from_le_bytes(*word);
        braces |= equal_bits(word, b'{');
        swapped = step(swapped, word);
    }
    (swapped.swap_bytes(), braces & (ONES << 7))
}

/// The 1..=7 odd bytes in front of `bytes` as the last ones of a little-endian word, the others zero.
#[inline]
fn padded(odd: &[u8], bytes: &[u8]) -> u64 {
    let little_endian = match bytes.first_chunk::<8>() {
        Some(first) => u64::from_le_bytes(*first),
        None => short_word(odd),
    };
    little_endian << (64 - 8 * odd.len())
}

/// 1..=7 bytes as a little-endian number, read in at most two (overlapping) loads.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    if let (Some(front), Some(back)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let shift = 8 * (bytes.len() - 4);
        return u64::from(u32::from_le_bytes(*front)) | u64::from(u32::from_le_bytes(*back)) << shift;
    }
    if let (Some(front), Some(back)) = (bytes.first_chunk::<2>(), bytes.last_chunk::<2>()) {
        let shift = 8 * (bytes.len() - 2);
        return u64::from(u16::from_le_bytes(*front)) | u64::from(u16::from_le_bytes(*back)) << shift;
    }
    bytes.first().map_or(0, |&byte| u64::from(byte))
}

/// Where `wanted` first stands, looking at eight bytes at a time.
#[inline]
fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = equal_bits(u64::from_le_bytes(*word), wanted) & (ONES << 7);
        if found != 0 {
            return Some(8 * at + found.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|&byte| byte == wanted).map(|at| 8 * words.len() + at)
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// Has a top bit of a byte set iff some byte equals `wanted`, the lowest of them in the first such byte (the zero-byte
/// test of Mycroft on the difference). The bits that are not top bits mean nothing.
#[inline]
const fn equal_bits(word: u64, wanted: u8) -> u64 {
    let difference = word ^ (ONES * wanted as u64);
    difference.wrapping_sub(ONES) & !difference
}

/// The checksum after the eight bytes of a little-endian word. Its bytes are swapped, before and after: so the
/// word is used as it lies in memory.
#[inline]
const fn step(swapped: u16, word: u64) -> u16 {
    let [b0, b1, b2, b3, b4, b5, b6, b7] = (word ^ swapped as u64).to_le_bytes();
    // The bytes that hold the old checksum come last: the other six need not wait for it.
    let free = TABLES[5][b2 as usize]
        ^ TABLES[4][b3 as usize]
        ^ TABLES[3][b4 as usize]
        ^ TABLES[2][b5 as usize]
        ^ TABLES[1][b6 as usize]
        ^ TABLES[0][b7 as usize];
    free ^ TABLES[7][b0 as usize] ^ TABLES[6][b1 as usize]
}

/// `TABLES[zeros][byte]`: the checksum of `byte` followed by that many zero bytes, its bytes swapped.
static TABLES: [[u16; 256]; 8] = build_tables();

const fn build_tables() -> [[u16; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut zeros = 0;
        while zeros < 8 {
            crc = shift_byte(crc);
            tables[zeros][byte] = crc.swap_bytes();
            zeros += 1;
        }
        byte += 1;
    }
    tables
}

/// The checksum after one zero byte, bit by bit.
const fn shift_byte(mut crc: u16) -> u16 {
    let mut bit = 0;
    while bit < 8 {
        crc = (crc << 1) ^ (if crc & 0x8000 == 0 { 0 } else { 0x1021 });
        bit += 1;
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn crc16_bit_by_bit(bytes: &[u8]) -> u16 {
        bytes.iter().fold(0, |crc, &byte| shift_byte(crc ^ u16::from(byte) << 8))
    }

    fn slot(key: &str) -> u16 {
        HashSlot::of(key.as_bytes()).number()
    }

    #[test]
    fn checksum_equals_the_published_vectors() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
        assert_eq!(crc16(b"A"), 0x58e5);
    }

    #[test]
    fn slots_equal_those_of_redis_cluster() {
        // Answers of `CLUSTER KEYSLOT` of Redis 7.0.
        let known = [("", 0), ("foo", 12182), ("bar", 5061), ("hello", 866), ("somekey", 11058)];
        for (key, number) in known {
            assert_eq!(slot(key), number, "{key:?}");
        }
        assert_eq!(slot("foo{hash_tag}"), 2515);
        assert_eq!(slot("bar{hash_tag}"), 2515);
    }

    #[test]
    fn only_a_full_tag_decides_the_slot() {
        assert_eq!(hash_tag(b"{user1000}.following"), b"user1000");
        assert_eq!(hash_tag(b"foo{}{bar}"), b"foo{}{bar}");
        assert_eq!(hash_tag(b"foo{{bar}}zap"), b"{bar");
        assert_eq!(hash_tag(b"foo{bar}{zap}"), b"bar");
        assert_eq!(hash_tag(b"foo{bar"), b"foo{bar");
        assert_eq!(hash_tag(b"}foo{"), b"}foo{");
        assert_eq!(hash_tag(b"a}{b}"), b"b");
    }

    #[test]
    fn numbers_out_of_range_are_no_slots() {
        assert_eq!(HashSlot::new(16_384), None);
        assert_eq!(HashSlot::new(16_383).map(HashSlot::index), Some(16_383));
        assert_eq!(HashSlot::all().len(), SLOT_COUNT);
    }

    proptest! {
        #[test]
        fn checksum_by_words_equals_checksum_by_bits(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(crc16(&bytes), crc16_bit_by_bit(&bytes));
        }

        #[test]
        fn slot_is_the_checksum_of_the_tag(key in "[ab{}]{0,24}") {
            let expected = crc16_bit_by_bit(hash_tag(key.as_bytes())) % 16_384;
            prop_assert_eq!(slot(&key), expected);
        }
    }
}
