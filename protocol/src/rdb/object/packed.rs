//! Many elements in one block of bytes.

use super::code::Layout;
use super::{Distinct, Element, Kind};
use crate::rdb::wire::Text;
use crate::rdb::{RdbError, intset, listpack, ziplist, zipmap};
use crate::resp::number::{parse_double, parse_integer};

/// A block of elements, checked to its last byte.
#[derive(Clone, Debug)]
pub struct Packed<'a> {
    bytes: Text<'a>,
    layout: Layout,
    row: Row,
}

/// The texts of one element.
#[derive(Clone, Copy, Debug)]
enum Row {
    Item,
    Field,
    TimedField,
    Scored,
}

impl<'a> Packed<'a> {
    /// Checks a block: its form, that its texts are whole elements, and that no name comes twice where none may.
    pub(super) fn check(bytes: Text<'a>, layout: Layout, kind: Kind, timed: bool) -> Result<Self, RdbError> {
        let row = match kind {
            Kind::Hash if timed => Row::TimedField,
            Kind::Hash => Row::Field,
            Kind::SortedSet => Row::Scored,
            Kind::String | Kind::List | Kind::Set | Kind::Stream => Row::Item,
        };
        let packed = Self { bytes, layout, row };
        let (mut texts, mut names) = (packed.checked_texts()?, Distinct::default());
        while let Some(first) = texts.next() {
            let element = row.element(first, &mut texts).ok_or(RdbError::Corrupt("half an element"))?;
            if kind != Kind::List {
                names.add(element.name());
            }
        }
        if names.holds() { Ok(packed) } else { Err(RdbError::Corrupt("a name twice")) }
    }

    /// The elements, in order.
    #[must_use]
    pub fn elements(&self) -> Elements<'_> {
        Elements { texts: self.texts(), row: self.row }
    }

    fn checked_texts(&self) -> Result<Texts<'_>, RdbError> {
        let bytes = &self.bytes;
        Ok(match self.layout {
            Layout::Intset => Texts::Intset(intset::Entries::checked(bytes)?),
            Layout::Listpack => Texts::Listpack(listpack::Entries::checked(bytes)?),
            Layout::Ziplist => Texts::Ziplist(ziplist::Entries::checked(bytes)?),
            Layout::Zipmap => Texts::Zipmap(zipmap::Entries::checked(bytes)?),
        })
    }

    fn texts(&self) -> Texts<'_> {
        let bytes = &self.bytes;
        match self.layout {
            Layout::Intset => intset::Entries::new(bytes).map_or(Texts::None, Texts::Intset),
            Layout::Listpack => Texts::Listpack(listpack::Entries::new(bytes)),
            Layout::Ziplist => Texts::Ziplist(ziplist::Entries::new(bytes)),
            Layout::Zipmap => Texts::Zipmap(zipmap::Entries::new(bytes)),
        }
    }
}

/// The elements of a [`Packed`].
#[derive(Clone, Debug)]
pub struct Elements<'p> {
    texts: Texts<'p>,
    row: Row,
}

impl<'p> Iterator for Elements<'p> {
    type Item = Element<'p>;

    fn next(&mut self) -> Option<Element<'p>> {
        let first = self.texts.next()?;
        self.row.element(first, &mut self.texts)
    }
}

/// The texts of a block.
#[derive(Clone, Debug)]
enum Texts<'p> {
    None,
    Intset(intset::Entries<'p>),
    Listpack(listpack::Entries<'p>),
    Ziplist(ziplist::Entries<'p>),
    Zipmap(zipmap::Entries<'p>),
}

impl<'p> Iterator for Texts<'p> {
    type Item = Text<'p>;

    fn next(&mut self) -> Option<Text<'p>> {
        // The block was checked, so that there is no error but the end.
        match self {
            Self::None => None,
            Self::Intset(entries) => entries.next().map(Text::from),
            Self::Listpack(entries) => entries.step().ok().flatten().map(Text::from),
            Self::Ziplist(entries) => entries.step().ok().flatten().map(Text::from),
            Self::Zipmap(entries) => entries.step().ok().flatten().map(Text::Borrowed),
        }
    }
}

impl Row {
    /// The element that begins with `first`; `None` if the rest of it is missing or no number.
    fn element<'p>(self, first: Text<'p>, texts: &mut Texts<'p>) -> Option<Element<'p>> {
        Some(match self {
            Self::Item => Element::Item(first),
            Self::Field => Element::Field { name: first, value: texts.next()?, deadline: None },
            Self::TimedField => {
                let (value, deadline) = (texts.next()?, u64::try_from(parse_integer(&texts.next()?)?).ok()?);
                Element::Field { name: first, value, deadline: Some(deadline).filter(|time| *time > 0) }
            }
            Self::Scored => Element::Scored { member: first, score: score(&texts.next()?)? },
        })
    }
}

fn score(text: &Text<'_>) -> Option<f64> {
    parse_double(text)
}
