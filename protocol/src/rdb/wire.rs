//! What objects are made of: lengths, texts, numbers.
//!
//! A length takes 1, 2, 5 or 9 bytes. A text is its length and its bytes, or in the place of the length one of
//! four special forms: an integer of 1, 2 or 4 bytes, or compressed bytes.

mod input;
mod output;
mod text;

pub use input::Input;
pub use output::Output;
pub use text::{Digits, Text};

/// The length of the next 6 bits.
const LENGTH_6: u8 = 0;
/// The length of the next 14 bits.
const LENGTH_14: u8 = 1;
/// A form of text that is no length; see the `TEXT_` forms.
const SPECIAL: u8 = 3;
/// The length of the next 4 bytes, the highest first.
const LENGTH_32: u8 = 0x80;
/// The length of the next 8 bytes, the highest first.
const LENGTH_64: u8 = 0x81;

/// An integer of one byte.
const TEXT_INTEGER_8: u8 = SPECIAL << 6;
/// An integer of two bytes, the lowest first.
const TEXT_INTEGER_16: u8 = SPECIAL << 6 | 1;
/// An integer of four bytes, the lowest first.
const TEXT_INTEGER_32: u8 = SPECIAL << 6 | 2;
/// The compressed length, the length and the compressed bytes.
const TEXT_COMPRESSED: u8 = SPECIAL << 6 | 3;

#[cfg(test)]
mod tests {
    use super::super::RdbError;
    use super::*;
    use proptest::prelude::*;

    fn written(text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        Output::new(&mut bytes).text(text);
        bytes
    }

    #[test]
    fn lengths_are_as_short_as_they_can_be() {
        for (length, bytes) in [
            (0, &b"\x00"[..]),
            (63, b"\x3f"),
            (64, b"\x40\x40"),
            (16383, b"\x7f\xff"),
            (16384, b"\x80\x00\x00\x40\x00"),
            (u64::from(u32::MAX), b"\x80\xff\xff\xff\xff"),
            (1 << 32, b"\x81\x00\x00\x00\x01\x00\x00\x00\x00"),
        ] {
            let mut out = Vec::new();
            Output::new(&mut out).length(length);
            assert_eq!(out, bytes);
            assert_eq!(Input::new(bytes).length(), Ok(length));
        }
    }

    #[test]
    fn texts_take_the_forms_that_redis_gives_them() {
        for (text, bytes) in [
            (&b"12"[..], &b"\xc0\x0c"[..]),
            (b"-129", b"\xc1\x7f\xff"),
            (b"65536", b"\xc2\x00\x00\x01\x00"),
            (b"2147483648", b"\x0a2147483648"),
            (b"012", b"\x03012"),
            (b"", b"\x00"),
            (&[b'a'; 20], &[&[20], &[b'a'; 20][..]].concat()),
            (&[b'a'; 40], b"\xc3\x09\x28\x01aa\xe0\x1b\x00\x01aa"),
        ] {
            assert_eq!(written(text).escape_ascii().to_string(), bytes.escape_ascii().to_string());
            assert_eq!(Input::new(bytes).text().as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_length_that_is_announced_reserves_nothing() {
        let long = [&[LENGTH_64][..], &u64::MAX.to_be_bytes(), b"abc"].concat();
        assert!(matches!(Input::new(&long).text(), Err(RdbError::Corrupt(_))));
        let compressed = [&[TEXT_COMPRESSED, 3, LENGTH_32], &[0xff; 4][..], b"abc"].concat();
        assert!(matches!(Input::new(&compressed).text(), Err(RdbError::Corrupt(_))));
    }

    proptest! {
        #[test]
        fn texts_come_back(text in prop::collection::vec(prop_oneof![Just(b'x'), any::<u8>()], 0..200)) {
            let bytes = written(&text);
            let mut input = Input::new(&bytes);
            prop_assert_eq!(input.text().map(|text| text.to_vec()), Ok(text));
            prop_assert!(input.is_empty());
            for cut in 0..bytes.len() {
                let mut input = Input::new(&bytes[..cut]);
                prop_assert!(matches!(input.text(), Err(RdbError::Short)));
                prop_assert_eq!(input.rest().len(), cut);
            }
        }

        #[test]
        fn integers_come_back(value: i64, shift in 0u32..64) {
            let text = (value >> shift).to_string();
            let bytes = written(text.as_bytes());
            prop_assert_eq!(Input::new(&bytes).text().map(|text| text.to_vec()), Ok(text.into_bytes()));
        }
    }
}
