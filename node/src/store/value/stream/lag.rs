//! What is told of a group's progress: counters, and when they cannot be trusted.
//!
//! A stream counts all entries that it ever had. Where none was deleted ahead of a group, the difference between
//! that and what the group has read is what it has to read yet. The rules are those of Redis 7.0.

use super::Stream;
use super::group::Group;
use super::id::StreamId;

impl Stream {
    /// Whether an entry from `id` on was deleted by name, as far as is known.
    fn has_gaps_from(&self, id: StreamId) -> bool {
        let highest = self.max_deleted_id;
        self.len > 0 && highest != StreamId::MIN && self.first_id <= highest && id <= highest
    }

    /// How many entries the stream had up to the one of `id`, itself included; `None` if that cannot be told.
    #[must_use]
    pub fn entries_up_to(&self, id: StreamId) -> Option<i64> {
        let added = self.added.cast_signed();
        if self.added == 0 || self.len == 0 && id <= self.last_id || id == self.last_id {
            return Some(added);
        }
        if id > self.last_id {
            return None;
        }
        let whole = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        let before_first = added.wrapping_sub_unsigned(self.len as u64);
        match id.cmp(&self.first_id) {
            std::cmp::Ordering::Less if whole => Some(before_first),
            std::cmp::Ordering::Equal if whole => Some(before_first.wrapping_add(1)),
            _ => None,
        }
    }

    /// Entries that the group has not read yet; `None` if that cannot be told.
    #[must_use]
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let added = self.added.cast_signed();
        match group.read {
            _ if self.added == 0 => Some(0),
            Some(read) if !self.has_gaps_from(group.last_id) => Some(added.wrapping_sub(read)),
            _ => self.entries_up_to(group.last_id).map(|read| added.wrapping_sub(read)),
        }
    }

    /// The group's counter after it has read the entry of `id`, with `read` before.
    #[must_use]
    pub fn read_up_to(&self, id: StreamId, read: Option<i64>) -> Option<i64> {
        match read {
            Some(read) if !self.has_gaps_from(id) => Some(read.wrapping_add(1)),
            _ if self.added > 0 => self.entries_up_to(id),
            _ => read,
        }
    }
}
