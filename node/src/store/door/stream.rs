//! What effects do to a stream.

use super::{Applied, NOTHING, Slot, changed, counted};
use crate::store::effect::StreamChange;
use crate::store::key::Key;
use crate::store::value::Stream;
use crate::store::value::stream::{Block, Group};

impl Slot {
    pub(super) fn change_stream(&mut self, key: Key<'_>, change: &StreamChange<'_>) -> Applied {
        match *change {
            StreamChange::Append { id, fields } => {
                self.edit_or_make(key, |stream: &mut Stream| counted(usize::from(stream.push(id, fields))))
            }
            StreamChange::AppendBlock { id, listpack } => match Block::from_listpack(id, listpack) {
                Some(block) => self.edit_or_make(key, |stream: &mut Stream| {
                    counted(usize::from(stream.push_block(id, block)))
                }),
                None => NOTHING,
            },
            StreamChange::SetIds { last, added, max_deleted } => {
                let absent = self.live(key).is_none();
                self.edit_or_make(key, |stream: &mut Stream| {
                    counted(usize::from(stream.set_ids(last, added, max_deleted) || absent))
                })
            }
            StreamChange::SetGroup { group, last, read } => self.edit_or_make(key, |stream: &mut Stream| {
                counted(usize::from(stream.set_group(group, last, read)))
            }),
            StreamChange::Trim { cut } => self.edit(key, |stream: &mut Stream| {
                let (count, changed) = stream.trim(cut);
                Applied { count, changed }
            }),
            StreamChange::Delete { ids } => self.edit(key, |stream: &mut Stream| counted(stream.delete(ids))),
            StreamChange::RemoveGroup { group } => {
                self.edit(key, |stream: &mut Stream| counted(usize::from(stream.remove_group(group))))
            }
            StreamChange::Deliver { group, .. }
            | StreamChange::RemoveConsumer { group, .. }
            | StreamChange::Acknowledge { group, .. } => self.edit(key, |stream: &mut Stream| {
                stream.edit_group(group, |group| change_group(group, change)).unwrap_or(NOTHING)
            }),
        }
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
