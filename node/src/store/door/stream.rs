//! What effects do to a stream.

use super::{Applied, NOTHING, Slot, changed, counted};
use crate::store::effect::StreamChange;
use crate::store::entry::Entry;
use crate::store::key::Key;
use crate::store::value::stream::{Block, Group};
use crate::store::value::{Collection, Kind, Stream, ValueMut};

impl Slot {
    /// Changes the stream at `key`, if there is one.
    fn edit_stream(&mut self, key: Key<'_>, change: impl FnOnce(&mut Stream) -> Applied) -> Applied {
        self.edit(key, Kind::Stream, |entry| with(entry, change))
    }

    /// As [`Slot::edit_stream`], on an empty stream if the key is absent.
    fn make_stream(&mut self, key: Key<'_>, change: impl FnOnce(&mut Stream) -> Applied) -> Applied {
        if self.live(key).is_none() {
            let empty = Collection::Stream(Box::default());
            self.put(key.hash, Entry::collection(key.database, key.bytes, empty, None));
        }
        self.edit_stream(key, change)
    }

    pub(super) fn change_stream(&mut self, key: Key<'_>, change: &StreamChange<'_>) -> Applied {
        match *change {
            StreamChange::Append { id, fields } => {
                self.make_stream(key, |stream| counted(usize::from(stream.push(id, fields))))
            }
            StreamChange::AppendBlock { id, listpack } => match Block::from_listpack(id, listpack) {
                Some(block) => {
                    self.make_stream(key, |stream| counted(usize::from(stream.push_block(id, block))))
                }
                None => NOTHING,
            },
            StreamChange::SetIds { last, added, max_deleted } => {
                let absent = self.live(key).is_none();
                self.make_stream(key, |stream| {
                    counted(usize::from(stream.set_ids(last, added, max_deleted) || absent))
                })
            }
            StreamChange::SetGroup { group, last, read } => {
                self.make_stream(key, |stream| counted(usize::from(stream.set_group(group, last, read))))
            }
            StreamChange::Trim { cut } => self.edit_stream(key, |stream| {
                let (count, changed) = stream.trim(cut);
                Applied { count, changed }
            }),
            StreamChange::Delete { ids } => self.edit_stream(key, |stream| counted(stream.delete(ids))),
            StreamChange::RemoveGroup { group } => {
                self.edit_stream(key, |stream| counted(usize::from(stream.remove_group(group))))
            }
            StreamChange::Deliver { group, .. }
            | StreamChange::RemoveConsumer { group, .. }
            | StreamChange::Acknowledge { group, .. } => self.edit_stream(key, |stream| {
                stream.edit_group(group, |group| change_group(group, change)).unwrap_or(NOTHING)
            }),
        }
    }
}

/// Changes the stream in `entry`.
fn with(entry: &mut Entry, change: impl FnOnce(&mut Stream) -> Applied) -> Applied {
    match entry.value_mut() {
        ValueMut::Stream(stream) => change(stream),
        _ => NOTHING,
    }
}

fn change_group(group: &mut Group, change: &StreamChange<'_>) -> Applied {
    match *change {
        StreamChange::Deliver { consumer, seen, deliveries, .. } => {
            let changed = group.deliver(consumer, seen, deliveries);
            Applied { count: deliveries.len(), changed }
        }
        StreamChange::RemoveConsumer { consumer, .. } => {
            group.remove_consumer(consumer).map_or(NOTHING, changed)
        }
        StreamChange::Acknowledge { ids, .. } => {
            counted(ids.iter().filter(|id| group.acknowledge(**id)).count())
        }
        _ => NOTHING,
    }
}
