//! An element as bytes, whether it is kept as bytes or as a number.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// Digits of the longest number, with a sign.
const DIGITS_MAX: usize = 20;

/// The bytes of an element: borrowed from the store, or the digits of a number.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(Form<'a>);

#[derive(Clone, Copy, Debug)]
enum Form<'a> {
    Bytes(&'a [u8]),
    Digits(u8, [u8; DIGITS_MAX]),
}

impl<'a> Text<'a> {
    /// Borrowed bytes.
    #[inline]
    #[must_use]
    pub fn bytes(bytes: &'a [u8]) -> Self {
        Self(Form::Bytes(bytes))
    }

    /// The digits of `number`.
    #[must_use]
    pub fn number(number: i64) -> Self {
        let (mut buffer, mut digits) = (itoa::Buffer::new(), [0; DIGITS_MAX]);
        let text = buffer.format(number).as_bytes();
        digits[..text.len()].copy_from_slice(text);
        #[expect(clippy::cast_possible_truncation, reason = "at most DIGITS_MAX")]
        Self(Form::Digits(text.len() as u8, digits))
    }
}

impl Deref for Text<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::Bytes(bytes) => bytes,
            Form::Digits(len, digits) => &digits[..usize::from(*len)],
        }
    }
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Text<'_> {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_equals_the_bytes_of_its_digits() {
        for number in [0, -1, 42, i64::MAX, i64::MIN] {
            let digits = number.to_string();
            assert_eq!(Text::number(number), Text::bytes(digits.as_bytes()));
            assert_eq!(&*Text::number(number), digits.as_bytes());
        }
        assert!(Text::bytes(b"10") < Text::number(9));
    }
}
