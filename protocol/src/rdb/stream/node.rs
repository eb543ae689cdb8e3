//! A node of a stream: entries in one listpack.
//!
//! ```text
//! entries · deleted entries · number of fields · field… · 0
//! then for each entry: flags · ms and seq, from the node's id on ·
//!     value… if its fields are those of the node, else number of fields · (field · value)… ·
//!     number of texts of this entry up to here
//! ```

use super::StreamId;
use crate::rdb::RdbError;
use crate::rdb::listpack::{self, Entry as Raw};
use crate::rdb::wire::Text;

/// The entry was deleted.
pub(super) const DELETED: i64 = 1;
/// The entry's fields are those of the node.
pub(super) const SAME_FIELDS: i64 = 2;

const CORRUPT: RdbError = RdbError::Corrupt("a node of a stream");
const ORDER: RdbError = RdbError::Corrupt("the order of a stream");

/// Entries whose ids rise, checked to the last byte.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    id: StreamId,
    bytes: Text<'a>,
    pub(super) last: Option<StreamId>,
    pub(super) live: u64,
}

impl<'a> Node<'a> {
    /// Checks a node whose ids are to lie above `after`.
    pub(super) fn check(id: StreamId, bytes: Text<'a>, after: Option<StreamId>) -> Result<Self, RdbError> {
        if after.is_some_and(|after| id <= after) {
            return Err(ORDER);
        }
        let mut node = Self { id, bytes, last: None, live: 0 };
        let (last, live) = node.examine()?;
        (node.last, node.live) = (last, live);
        Ok(node)
    }

    /// The highest id and the number of entries.
    fn examine(&self) -> Result<(Option<StreamId>, u64), RdbError> {
        listpack::Entries::checked(&self.bytes)?;
        let mut rest = Rest(listpack::Entries::new(&self.bytes));
        let (live, deleted) = (rest.count()?, rest.count()?);
        let fields = rest.count()?;
        let master = rest.clone();
        rest.skip(fields)?;
        if rest.integer()? != 0 {
            return Err(CORRUPT);
        }
        let (mut last, mut counts) = (None, [0; 2]);
        while let Some(entry) = rest.entry(self.id, &master, fields)? {
            if entry.id < self.id || last.is_some_and(|last| entry.id <= last) {
                return Err(ORDER);
            }
            last = Some(entry.id);
            counts[usize::from(entry.deleted)] += 1;
        }
        // Redis drops a node with its last entry.
        let right = counts == [live, deleted] && live + deleted > 0;
        if right { Ok((last, live)) } else { Err(CORRUPT) }
    }

    /// The entries that were not deleted.
    #[must_use]
    pub fn entries(&self) -> Entries<'_> {
        let mut rest = Rest(listpack::Entries::new(&self.bytes));
        // There is no error: all was read before.
        let _ = (rest.count(), rest.count());
        let fields = rest.count().unwrap_or_default();
        let master = rest.clone();
        let _ = rest.skip(fields).and_then(|()| rest.integer());
        Entries { id: self.id, rest, master, fields }
    }

    /// Its id: no entry's is below.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// Its entries, the deleted ones too, as a listpack.
    #[must_use]
    pub fn listpack(&self) -> &[u8] {
        &self.bytes
    }

    /// Entries that were not deleted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.live
    }

    /// Whether all entries were deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }
}

/// The entries of a node.
#[derive(Clone, Debug)]
pub struct Entries<'n> {
    id: StreamId,
    rest: Rest<'n>,
    master: Rest<'n>,
    fields: u64,
}

impl<'n> Iterator for Entries<'n> {
    type Item = Entry<'n>;

    fn next(&mut self) -> Option<Entry<'n>> {
        loop {
            let entry = self.rest.entry(self.id, &self.master, self.fields).ok().flatten()?;
            if !entry.deleted {
                return Some(entry);
            }
        }
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry<'n> {
    /// Its id.
    pub id: StreamId,
    deleted: bool,
    fields: Fields<'n>,
}

impl<'n> Entry<'n> {
    /// Fields and values, in order. A field may come more than once.
    #[must_use]
    pub fn fields(&self) -> Fields<'n> {
        self.fields.clone()
    }
}

/// The fields of an entry and their values.
#[derive(Clone, Debug)]
pub struct Fields<'n> {
    left: u64,
    /// Names, if they are those of the node.
    names: Option<Rest<'n>>,
    rest: Rest<'n>,
}

impl<'n> Iterator for Fields<'n> {
    type Item = (Text<'n>, Text<'n>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = self.names.as_mut().unwrap_or(&mut self.rest).raw().ok()?;
        Some((name.into(), self.rest.raw().ok()?.into()))
    }
}

/// What is left of a node.
#[derive(Clone, Debug)]
struct Rest<'n>(listpack::Entries<'n>);

impl<'n> Rest<'n> {
    fn raw(&mut self) -> Result<Raw<'n>, RdbError> {
        self.0.step()?.ok_or(CORRUPT)
    }

    fn integer(&mut self) -> Result<i64, RdbError> {
        match self.raw()? {
            Raw::Integer(value) => Ok(value),
            Raw::Text(_) => Err(CORRUPT),
        }
    }

    fn count(&mut self) -> Result<u64, RdbError> {
        u64::try_from(self.integer()?).map_err(|_| CORRUPT)
    }

    fn skip(&mut self, count: u64) -> Result<(), RdbError> {
        (0..count).try_for_each(|_| self.raw().map(drop))
    }

    /// The next entry, `None` at the end.
    fn entry(&mut self, node: StreamId, master: &Self, fields: u64) -> Result<Option<Entry<'n>>, RdbError> {
        let flags = match self.0.step()? {
            None => return Ok(None),
            Some(Raw::Integer(flags)) if flags & !(DELETED | SAME_FIELDS) == 0 => flags,
            Some(_) => return Err(CORRUPT),
        };
        let (ms, seq) = (self.integer()?, self.integer()?);
        let id = StreamId { ms: node.ms.wrapping_add_signed(ms), seq: node.seq.wrapping_add_signed(seq) };
        let same = flags & SAME_FIELDS != 0;
        let left = if same { fields } else { self.count()? };
        let names = same.then(|| master.clone());
        let content = Fields { left, names, rest: self.clone() };
        let texts = if same { Some(left) } else { left.checked_mul(2) };
        self.skip(texts.ok_or(CORRUPT)?)?;
        let before = if same { 3 } else { 4 };
        if texts.and_then(|texts| texts.checked_add(before)) != Some(self.count()?) {
            return Err(CORRUPT);
        }
        Ok(Some(Entry { id, deleted: flags & DELETED != 0, fields: content }))
    }
}
