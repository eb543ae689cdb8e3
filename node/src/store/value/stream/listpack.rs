//! Elements one after the other in one allocation, in the bytes of Redis's listpack.
//!
//! ```text
//! | all bytes, 4 | elements, 2 (65535: unknown) | element … | 0xff |
//! element: | encoding and value | length of that, 1 to 5 bytes, readable backwards |
//! ```
//! The format is Redis's because sizes decide where its streams begin a new block, which clients can see, and
//! because a block can then be dumped as it is. Canonical integers are kept as integers.

use ringmaster_protocol::resp::number::parse_integer;

/// Bytes before the first element.
pub(super) const HEADER_BYTES: usize = 6;

/// Closes a list.
const END: u8 = 0xff;

/// An element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// A canonical integer.
    Integer(i64),
    /// Any other bytes.
    Text(&'a [u8]),
}

impl Element<'_> {
    /// Whether the element is `text`.
    #[must_use]
    pub fn is(self, text: &[u8]) -> bool {
        match self {
            Self::Integer(value) => parse_integer(text) == Some(value),
            Self::Text(bytes) => bytes == text,
        }
    }

    /// The element's bytes.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        match self {
            Self::Integer(value) => value.to_string().into_bytes(),
            Self::Text(bytes) => bytes.to_vec(),
        }
    }
}

/// Appends elements to a list that is open meanwhile.
pub(super) struct Appender<'l> {
    list: &'l mut Vec<u8>,
    added: usize,
}

impl<'l> Appender<'l> {
    /// Opens `list`: an empty vector becomes an empty list.
    pub(super) fn open(list: &'l mut Vec<u8>) -> Self {
        if list.is_empty() {
            list.resize(HEADER_BYTES, 0);
        } else {
            list.pop();
        }
        Self { list, added: 0 }
    }

    /// Appends a byte string.
    pub(super) fn text(&mut self, text: &[u8]) {
        if let Some(value) = parse_integer(text) {
            return self.integer(value);
        }
        let start = self.list.len();
        let len = text.len();
        match len {
            0..64 => self.list.push(0x80 | len as u8),
            64..4096 => self.list.extend([0xe0 | (len >> 8) as u8, len as u8]),
            _ => {
                self.list.push(0xf0);
                self.list.extend_from_slice(&(len as u32).to_le_bytes());
            }
        }
        self.list.extend_from_slice(text);
        self.back(start);
    }

    /// Appends an integer.
    pub(super) fn integer(&mut self, value: i64) {
        let start = self.list.len();
        put_integer(self.list, value);
        self.back(start);
    }

    /// Appends the length of the element that begins at `start`.
    fn back(&mut self, start: usize) {
        put_back_length(self.list, self.list.len() - start);
        self.added += 1;
    }

    /// Closes the list and brings its header up to date.
    pub(super) fn close(self) {
        self.list.push(END);
        let elements = usize::from(u16::from_le_bytes([self.list[4], self.list[5]])) + self.added;
        let elements = u16::try_from(elements).unwrap_or(u16::MAX);
        self.list[4..6].copy_from_slice(&elements.to_le_bytes());
        write_length(self.list);
    }
}

fn write_length(list: &mut [u8]) {
    let bytes = u32::try_from(list.len()).unwrap_or(u32::MAX);
    list[..4].copy_from_slice(&bytes.to_le_bytes());
}

fn put_integer(out: &mut Vec<u8>, value: i64) {
    let bytes = value.to_le_bytes();
    match value {
        0..=127 => out.push(bytes[0]),
        -4096..=4095 => out.extend([0xc0 | bytes[1] & 0x1f, bytes[0]]),
        -0x8000..=0x7fff => out.extend([0xf1, bytes[0], bytes[1]]),
        -0x80_0000..=0x7f_ffff => out.extend([0xf2, bytes[0], bytes[1], bytes[2]]),
        -0x8000_0000..=0x7fff_ffff => {
            out.push(0xf3);
            out.extend_from_slice(&bytes[..4]);
        }
        _ => {
            out.push(0xf4);
            out.extend_from_slice(&bytes);
        }
    }
}

/// Bytes of the backward length of an element of `len` bytes. (Redis's bounds, one short of the powers of two.)
fn back_length_bytes(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// Seven bits a byte, the highest first; all bytes but the first have the top bit, so that they read backwards.
fn put_back_length(out: &mut Vec<u8>, len: usize) {
    let bytes = back_length_bytes(len);
    for index in (0..bytes).rev() {
        let more = if index + 1 < bytes { 0x80 } else { 0 };
        out.push((len >> (7 * index) & 0x7f) as u8 | more);
    }
}

/// The element at `at` and where the next begins; `None` at the end, and where there is no element.
#[inline]
pub(super) fn read(list: &[u8], at: usize) -> Option<(Element<'_>, usize)> {
    let (element, len) = decode(list.get(at..)?)?;
    Some((element, at + len + back_length_bytes(len)))
}

/// The integer at `at` and where the next element begins; `None` if there is none.
#[inline]
pub(super) fn read_integer(list: &[u8], at: usize) -> Option<(i64, usize)> {
    match read(list, at)? {
        (Element::Integer(value), next) => Some((value, next)),
        (Element::Text(_), _) => None,
    }
}

/// The element at the start of `bytes` and its length without the backward one.
#[inline]
fn decode(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let first = *bytes.first()?;
    let text = |header: usize, len: usize| {
        let text = bytes.get(header..header.checked_add(len)?)?;
        Some((Element::Text(text), header + len))
    };
    match first {
        0..=0x7f => Some((Element::Integer(i64::from(first)), 1)),
        0x80..=0xbf => text(1, usize::from(first & 0x3f)),
        0xc0..=0xdf => {
            let value = i64::from(first & 0x1f) << 8 | i64::from(*bytes.get(1)?);
            Some((Element::Integer(value << 51 >> 51), 2))
        }
        0xe0..=0xef => text(2, usize::from(first & 0x0f) << 8 | usize::from(*bytes.get(1)?)),
        0xf0 => text(5, u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?) as usize),
        0xf1 => integer(bytes, 2),
        0xf2 => integer(bytes, 3),
        0xf3 => integer(bytes, 4),
        0xf4 => integer(bytes, 8),
        _ => None,
    }
}

fn integer(bytes: &[u8], len: usize) -> Option<(Element<'_>, usize)> {
    let mut value = [0; 8];
    value[..len].copy_from_slice(bytes.get(1..=len)?);
    let unused = 64 - 8 * len;
    Some((Element::Integer(i64::from_le_bytes(value) << unused >> unused), len + 1))
}

/// Where the element that ends before `at` begins; `None` at the first element, and in a damaged list.
pub(super) fn before(list: &[u8], at: usize) -> Option<usize> {
    let (mut len, mut read) = (0usize, 0);
    loop {
        let byte = *list.get(at.checked_sub(read + 1)?)?;
        len |= usize::from(byte & 0x7f) << (7 * read);
        read += 1;
        if byte & 0x80 == 0 {
            break;
        }
        if read == 5 {
            return None;
        }
    }
    at.checked_sub(len + read).filter(|start| *start >= HEADER_BYTES)
}

/// Puts an integer in place of the element at `at`.
pub(super) fn replace_integer(list: &mut Vec<u8>, at: usize, value: i64) {
    if let (Some(byte @ 0..=0x7f), Ok(small @ 0..=0x7f)) = (list.get_mut(at), u8::try_from(value)) {
        *byte = small;
        return;
    }
    let Some((_, end)) = read(list, at) else { return };
    let mut element = Vec::new();
    put_integer(&mut element, value);
    let len = element.len();
    put_back_length(&mut element, len);
    if element.len() == end - at {
        list[at..end].copy_from_slice(&element);
    } else {
        list.splice(at..end, element);
        write_length(list);
    }
}

/// Whether `list` is a list, every element readable forwards and backwards.
pub(super) fn is_sound(list: &[u8]) -> bool {
    let Some(header) = list.first_chunk::<HEADER_BYTES>() else { return false };
    let [length @ .., low, high] = *header;
    let (mut at, mut elements) = (HEADER_BYTES, 0);
    while let Some((_, next)) = read(list, at) {
        if next >= list.len() || before(list, next) != Some(at) {
            return false;
        }
        (at, elements) = (next, elements + 1);
    }
    let said = u16::from_le_bytes([low, high]);
    let counted = said == u16::MAX || usize::from(said) == elements;
    u32::from_le_bytes(length) as usize == list.len() && counted && list[at..] == [END]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list_of(texts: &[Vec<u8>]) -> Vec<u8> {
        let mut list = Vec::new();
        for chunk in texts.chunks(3) {
            let mut appender = Appender::open(&mut list);
            chunk.iter().for_each(|text| appender.text(text));
            appender.close();
        }
        list
    }

    fn texts() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let text = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            any::<i64>().prop_map(|value| value.to_string().into_bytes()),
            (-40_000_000i64..40_000_000).prop_map(|value| value.to_string().into_bytes()),
            (0usize..20_000).prop_map(|len| vec![b'x'; len]),
        ];
        proptest::collection::vec(text, 1..20)
    }

    proptest! {
        #[test]
        fn elements_are_read_back_in_both_directions(texts in texts(), value in any::<i64>()) {
            let mut list = list_of(&texts);
            prop_assert!(is_sound(&list));
            let (mut at, mut places) = (HEADER_BYTES, Vec::new());
            while let Some((element, next)) = read(&list, at) {
                prop_assert_eq!(element.to_vec(), texts[places.len()].clone());
                places.push(at);
                prop_assert_eq!(before(&list, next), Some(at));
                at = next;
            }
            prop_assert_eq!(places.len(), texts.len());
            let place = places[places.len() / 2];
            replace_integer(&mut list, place, value);
            prop_assert!(is_sound(&list));
            prop_assert_eq!(read(&list, place).map(|(element, _)| element), Some(Element::Integer(value)));
        }

        #[test]
        fn damage_is_seen_or_harmless(texts in texts(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut list = list_of(&texts);
            let at = at.index(list.len());
            list[at] = byte;
            if is_sound(&list) {
                let mut at = HEADER_BYTES;
                while let Some((_, next)) = read(&list, at) {
                    at = next;
                }
                prop_assert_eq!(at + 1, list.len());
            }
            prop_assert!(!is_sound(&list[..list.len() - 1]));
        }
    }
}
