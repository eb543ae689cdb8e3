//! The envelope of `DUMP`: one object, the version that it was written for, and a checksum.
//!
//! ```text
//! object · version (2 bytes) · CRC-64 of all before it (8 bytes); both little-endian
//! ```

use super::object::{Distinct, Element, Kind, Part, Reader, version};
use super::wire::Input;
use super::{RdbError, VERSION, VERSION_READ_MAX, crc64};

/// Ends the payload whose object `out` holds from its beginning on. The version is the first that knows the object's
/// type, but not below [`VERSION`].
pub fn seal(out: &mut Vec<u8>) {
    let version = out.first().map_or(VERSION, |code| version(*code));
    out.extend_from_slice(&version.to_le_bytes());
    let sum = crc64::update(0, out);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// The object of a payload, `None` if the version is too high or the checksum wrong.
#[must_use]
pub fn open(payload: &[u8]) -> Option<&[u8]> {
    let (covered, sum) = payload.split_last_chunk::<8>()?;
    let (object, version) = covered.split_last_chunk::<2>()?;
    let known = u16::from_le_bytes(*version) <= VERSION_READ_MAX;
    (known && crc64::update(0, covered) == u64::from_le_bytes(*sum)).then_some(object)
}

/// An object that was read to its end once without an error, and whose names are distinct.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a> {
    code: u8,
    /// What follows the type.
    body: &'a [u8],
    kind: Kind,
}

impl<'a> Checked<'a> {
    /// Checks the object of a payload.
    ///
    /// # Errors
    /// [`RdbError`]: it is none, or something follows it.
    pub fn new(object: &'a [u8]) -> Result<Self, RdbError> {
        let mut input = Input::new(object);
        let code = input.byte()?;
        let checked = Self::take(code, &mut input)?;
        if input.is_empty() { Ok(checked) } else { Err(RdbError::Corrupt("bytes behind the object")) }
    }

    /// Checks the object of type `code` that the input goes on with, and goes past it.
    ///
    /// # Errors
    /// [`RdbError`]; [`RdbError::Short`] if more input may mend it. Nothing was taken then.
    pub fn take(code: u8, input: &mut Input<'a>) -> Result<Self, RdbError> {
        let mut ahead = *input;
        let mut reader = Reader::of_type(code, &mut ahead)?;
        let mut names =
            matches!(reader.kind(), Kind::Set | Kind::Hash | Kind::SortedSet).then(Distinct::default);
        while let Some(part) = reader.next(&mut ahead)? {
            if let (Some(names), Part::Element(element)) = (&mut names, part) {
                names.add(element.name());
            }
        }
        if !names.is_none_or(Distinct::holds) {
            return Err(RdbError::Corrupt("a name twice"));
        }
        let body = &input.rest()[..input.rest().len() - ahead.rest().len()];
        *input = ahead;
        Ok(Self { code, body, kind: reader.kind() })
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Appends the object as it was read, its type first: what [`seal`] makes a payload of.
    pub fn put_object(&self, out: &mut Vec<u8>) {
        out.push(self.code);
        out.extend_from_slice(self.body);
    }

    /// Hands the parts out, one after the other.
    pub fn for_each_part(&self, mut visit: impl FnMut(Part<'a>)) {
        let mut input = Input::new(self.body);
        // There is no error: the same bytes were read before.
        let Ok(mut reader) = Reader::of_type(self.code, &mut input) else { return };
        while let Ok(Some(part)) = reader.next(&mut input) {
            visit(part);
        }
    }

    /// Hands the elements out, one after the other; none of a stream.
    pub fn for_each(&self, mut visit: impl FnMut(&Element<'_>)) {
        self.for_each_part(|part| match part {
            Part::Element(element) => visit(&element),
            Part::Packed(packed) => packed.elements().for_each(|element| visit(&element)),
            Part::Stream(_) => {}
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_put_as_it_was_read() {
        let object = [0, 3, b'a', b'b', b'c'];
        let mut again = Vec::new();
        Checked::new(&object).unwrap().put_object(&mut again);
        assert_eq!(again, object);
        seal(&mut again);
        assert_eq!(open(&again), Some(&object[..]));
    }
}
