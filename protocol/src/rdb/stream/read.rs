//! Reading a stream part by part.

use super::{Node, StreamId, StreamMeta, StreamPart};
use crate::rdb::RdbError;
use crate::rdb::object::Distinct;
use crate::rdb::wire::Input;

/// How many entries a group has read, if it is not known.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// What comes next, and how many of it.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Nodes(u64),
    Meta,
    Groups(u64),
    Pending { left: u64, groups: u64 },
    Consumers { left: u64, groups: u64 },
    Owned { left: u64, consumers: u64, groups: u64 },
}

/// Where the reader of a stream is. It keeps the ids of the pending entries of one group, 24 bytes each.
#[derive(Clone, Debug)]
pub struct StreamReader {
    release: u8,
    stage: Stage,
    /// The highest id of the nodes so far.
    last: Option<StreamId>,
    /// The first id of the nodes so far that was not deleted.
    first: Option<StreamId>,
    live: u64,
    meta: StreamMeta,
    /// The group's pending entries, rising, and whether a consumer has them.
    pending: Vec<(StreamId, bool)>,
    /// The group's consumers.
    consumers: Distinct,
    groups: Distinct,
}

impl StreamReader {
    /// Reads the number of nodes. `release` of the form is 1 to 3.
    ///
    /// # Errors
    /// As [`crate::rdb::object::Reader::begin`].
    pub(in crate::rdb) fn begin(input: &mut Input<'_>, release: u8) -> Result<Self, RdbError> {
        Ok(Self {
            release,
            stage: Stage::Nodes(input.length()?),
            last: None,
            first: None,
            live: 0,
            meta: StreamMeta::default(),
            pending: Vec::new(),
            consumers: Distinct::default(),
            groups: Distinct::default(),
        })
    }

    /// As [`crate::rdb::object::Reader::next`].
    pub(in crate::rdb) fn next<'a>(
        &mut self,
        input: &mut Input<'a>,
    ) -> Result<Option<StreamPart<'a>>, RdbError> {
        loop {
            let mut ahead = *input;
            let part = match self.stage {
                Stage::Nodes(0) => {
                    self.stage = Stage::Meta;
                    continue;
                }
                Stage::Nodes(left) => {
                    let node = self.node(&mut ahead)?;
                    self.stage = Stage::Nodes(left - 1);
                    StreamPart::Node(node)
                }
                Stage::Meta => self.meta(&mut ahead)?,
                Stage::Groups(0) => return self.end(),
                Stage::Groups(left) => self.group(&mut ahead, left - 1)?,
                Stage::Pending { left: 0, groups } => {
                    self.stage = Stage::Consumers { left: ahead.length()?, groups };
                    *input = ahead;
                    continue;
                }
                Stage::Pending { left, groups } => self.pending(&mut ahead, left - 1, groups)?,
                Stage::Consumers { left: 0, groups } => {
                    self.end_group()?;
                    self.stage = Stage::Groups(groups);
                    continue;
                }
                Stage::Consumers { left, groups } => self.consumer(&mut ahead, left - 1, groups)?,
                Stage::Owned { left: 0, consumers, groups } => {
                    self.stage = Stage::Consumers { left: consumers, groups };
                    continue;
                }
                Stage::Owned { left, consumers, groups } => {
                    let id = self.owned(&mut ahead)?;
                    self.stage = Stage::Owned { left: left - 1, consumers, groups };
                    StreamPart::Owned { id }
                }
            };
            *input = ahead;
            return Ok(Some(part));
        }
    }

    fn node<'a>(&mut self, input: &mut Input<'a>) -> Result<Node<'a>, RdbError> {
        let key: [u8; 16] =
            (&*input.text()?).try_into().map_err(|_| RdbError::Corrupt("the id of a node"))?;
        let node = Node::check(StreamId::from_bytes(key), input.text()?, self.last)?;
        if self.first.is_none() {
            self.first = node.entries().next().map(|entry| entry.id);
        }
        self.last = node.last;
        self.live += node.live;
        Ok(node)
    }

    fn meta<'a>(&mut self, input: &mut Input<'a>) -> Result<StreamPart<'a>, RdbError> {
        let (len, last_id) = (input.length()?, id(input)?);
        let (mut max_deleted_id, mut entries_added) = (StreamId::default(), len);
        if self.release > 1 {
            // The first id is known from the nodes.
            id(input)?;
            (max_deleted_id, entries_added) = (id(input)?, input.length()?);
        }
        let first_id = self.first.unwrap_or_default();
        let meta = StreamMeta { len, last_id, first_id, max_deleted_id, entries_added };
        if len != self.live || self.last.is_some_and(|last| last > last_id) {
            return Err(RdbError::Corrupt("the summary of a stream"));
        }
        self.stage = Stage::Groups(input.length()?);
        self.meta = meta;
        Ok(StreamPart::Meta(meta))
    }

    fn group<'a>(&mut self, input: &mut Input<'a>, groups: u64) -> Result<StreamPart<'a>, RdbError> {
        let (name, last_id) = (input.text()?, id(input)?);
        let entries_read = match self.release {
            1 => self.meta.entries_up_to(last_id),
            _ => Some(input.length()?).filter(|count| *count != UNKNOWN),
        };
        self.stage = Stage::Pending { left: input.length()?, groups };
        self.groups.add(&name);
        self.pending.clear();
        self.consumers = Distinct::default();
        Ok(StreamPart::Group { name, last_id, entries_read })
    }

    fn pending<'a>(
        &mut self,
        input: &mut Input<'a>,
        left: u64,
        groups: u64,
    ) -> Result<StreamPart<'a>, RdbError> {
        let id = StreamId::from_bytes(input.array()?);
        let (delivered_at, deliveries) = (u64::from_le_bytes(input.array()?), input.length()?);
        if self.pending.last().is_some_and(|(last, _)| *last >= id) {
            return Err(RdbError::Corrupt("the order of pending entries"));
        }
        self.pending.push((id, false));
        self.stage = Stage::Pending { left, groups };
        Ok(StreamPart::Pending { id, delivered_at, deliveries })
    }

    fn consumer<'a>(
        &mut self,
        input: &mut Input<'a>,
        consumers: u64,
        groups: u64,
    ) -> Result<StreamPart<'a>, RdbError> {
        let (name, seen_at) = (input.text()?, u64::from_le_bytes(input.array()?));
        let active_at = if self.release < 3 { None } else { Some(u64::from_le_bytes(input.array()?)) };
        self.stage = Stage::Owned { left: input.length()?, consumers, groups };
        self.consumers.add(&name);
        Ok(StreamPart::Consumer { name, seen_at, active_at })
    }

    fn owned(&mut self, input: &mut Input<'_>) -> Result<StreamId, RdbError> {
        let id = StreamId::from_bytes(input.array()?);
        let place = self.pending.binary_search_by_key(&id, |(id, _)| *id).ok();
        let owned = place.and_then(|place| self.pending.get_mut(place)).filter(|(_, owned)| !owned);
        owned.ok_or(RdbError::Corrupt("an entry of a consumer"))?.1 = true;
        Ok(id)
    }

    fn end_group(&mut self) -> Result<(), RdbError> {
        let owned = self.pending.iter().all(|(_, owned)| *owned);
        if owned && std::mem::take(&mut self.consumers).holds() {
            Ok(())
        } else {
            Err(RdbError::Corrupt("the consumers of a group"))
        }
    }

    fn end<'a>(&mut self) -> Result<Option<StreamPart<'a>>, RdbError> {
        let distinct = std::mem::take(&mut self.groups).holds();
        if distinct { Ok(None) } else { Err(RdbError::Corrupt("a group twice")) }
    }
}

fn id(input: &mut Input<'_>) -> Result<StreamId, RdbError> {
    Ok(StreamId { ms: input.length()?, seq: input.length()? })
}
