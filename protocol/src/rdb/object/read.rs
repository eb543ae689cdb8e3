//! Reading a value part by part.

use super::code::{self, Form, Layout, Row};
use super::{Element, Kind, Packed};
use crate::rdb::RdbError;
use crate::rdb::stream::{StreamPart, StreamReader};
use crate::rdb::wire::Input;

/// A node of a list that is one item.
const NODE_PLAIN: u64 = 1;
/// A node of a list that is a listpack.
const NODE_PACKED: u64 = 2;

/// Latest time at which a field may expire, as in Redis.
const DEADLINE_MAX: u64 = (1 << 48) - 1;

/// A part of a value. Elements and blocks of elements may follow each other in any order.
#[derive(Clone, Debug)]
pub enum Part<'a> {
    /// One element.
    Element(Element<'a>),
    /// Many elements, perhaps none.
    Packed(Packed<'a>),
    /// A part of a stream.
    Stream(StreamPart<'a>),
}

/// Where a value's reader is. It keeps no input: each step is given what there is.
#[derive(Clone, Debug)]
pub struct Reader {
    kind: Kind,
    form: Form,
    /// Parts to come.
    left: u64,
    /// Whether a part with an element was read: no collection is empty.
    filled: bool,
    stream: Option<StreamReader>,
}

impl Reader {
    /// Reads the type and the size.
    ///
    /// # Errors
    /// [`RdbError::Unknown`] for types that are not supported; all errors of [`Input`]. Nothing was read then.
    pub fn begin(input: &mut Input<'_>) -> Result<Self, RdbError> {
        let mut ahead = *input;
        let reader = Self::of_type(ahead.byte()?, &mut ahead)?;
        *input = ahead;
        Ok(reader)
    }

    /// Reads the size of a value whose type stood elsewhere.
    ///
    /// # Errors
    /// As [`Reader::begin`].
    pub fn of_type(code: u8, input: &mut Input<'_>) -> Result<Self, RdbError> {
        let mut ahead = *input;
        let (kind, mut form) = code::of(code)?;
        let left = match &mut form {
            Form::Text | Form::Block { .. } => 1,
            Form::Table(row) => {
                if let Row::TimedFrom(Some(first)) = row {
                    *first = u64::from_le_bytes(ahead.array()?);
                }
                ahead.length()?
            }
            Form::Blocks { .. } => ahead.length()?,
            Form::Stream(_) => 0,
        };
        let stream = match form {
            Form::Stream(release) => Some(StreamReader::begin(&mut ahead, release)?),
            _ => None,
        };
        *input = ahead;
        Ok(Self { kind, form, left, filled: false, stream })
    }

    /// What is being read.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The next part, `None` behind the last.
    ///
    /// # Errors
    /// [`RdbError::Short`]: what was taken until then is done with, the step may be tried again with what is left
    /// and more. Any other is final. That no name comes twice is not seen here but within a block: see [`super::Distinct`].
    pub fn next<'a>(&mut self, input: &mut Input<'a>) -> Result<Option<Part<'a>>, RdbError> {
        if let Some(stream) = &mut self.stream {
            return Ok(stream.next(input)?.map(Part::Stream));
        }
        if self.left == 0 {
            return if self.filled { Ok(None) } else { Err(RdbError::Corrupt("an empty collection")) };
        }
        let mut ahead = *input;
        let part = self.part(&mut ahead)?;
        self.filled = self.filled
            || match &part {
                Part::Packed(packed) => packed.elements().next().is_some(),
                Part::Element(_) | Part::Stream(_) => true,
            };
        self.left -= 1;
        *input = ahead;
        Ok(Some(part))
    }

    fn part<'a>(&self, input: &mut Input<'a>) -> Result<Part<'a>, RdbError> {
        match self.form {
            Form::Text => Ok(Part::Element(Element::Item(input.text()?))),
            Form::Table(row) => row.element(input).map(Part::Element),
            Form::Blocks { layout, kinds } => self.block(input, layout, kinds),
            Form::Block { layout, timed, skips } => {
                if skips {
                    input.bytes(8)?;
                }
                Packed::check(input.text()?, layout, self.kind, timed).map(Part::Packed)
            }
            Form::Stream(_) => Err(RdbError::Corrupt("no stream")),
        }
    }

    /// A node of a list.
    fn block<'a>(&self, input: &mut Input<'a>, layout: Layout, kinds: bool) -> Result<Part<'a>, RdbError> {
        let node = if kinds { input.length()? } else { NODE_PACKED };
        let text = input.text()?;
        match node {
            NODE_PACKED => Packed::check(text, layout, self.kind, false).map(Part::Packed),
            NODE_PLAIN if !text.is_empty() => Ok(Part::Element(Element::Item(text))),
            _ => Err(RdbError::Corrupt("a node of a list")),
        }
    }
}

impl Row {
    fn element<'a>(self, input: &mut Input<'a>) -> Result<Element<'a>, RdbError> {
        Ok(match self {
            Self::Text => Element::Item(input.text()?),
            Self::NameValue => Element::Field { name: input.text()?, value: input.text()?, deadline: None },
            Self::TimedFrom(first) => {
                let deadline = deadline(input.length()?, first)?;
                Element::Field { name: input.text()?, value: input.text()?, deadline }
            }
            Self::Score => Element::Scored { member: input.text()?, score: input.double()? },
            Self::DecimalScore => Element::Scored { member: input.text()?, score: input.decimal()? },
        })
    }
}

/// The deadline that is kept as `kept`: 0 for none, else counted from `first`, which counts as 1, if there is one.
fn deadline(kept: u64, first: Option<u64>) -> Result<Option<u64>, RdbError> {
    let time = match (kept, first) {
        (0, _) => return Ok(None),
        (kept, Some(first)) => first.checked_add(kept - 1),
        (kept, None) => Some(kept),
    };
    let time = time.filter(|time| *time <= DEADLINE_MAX);
    time.map(Some).ok_or(RdbError::Corrupt("the deadline of a field"))
}
