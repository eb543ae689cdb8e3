//! Trimming: what goes at the low end.
//!
//! A trim is planned by its [`Limit`] and carried out by the [`Cut`] that this comes to: whole blocks first, then
//! entries of the next one. A trim that is approximate takes whole blocks only.

use super::Stream;
use super::id::StreamId;

/// Up to where a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// To this number of entries.
    Len(usize),
    /// To entries of this id and above.
    Id(StreamId),
}

/// What a trim takes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Whole blocks.
    pub blocks: usize,
    /// Entries of the block behind them.
    pub entries: usize,
}

impl Stream {
    /// What a trim to `limit` takes. Of an approximate one whole blocks only, and only as many as have together
    /// no more than `approximate` entries, 0 being any number.
    #[must_use]
    pub fn cut(&self, limit: Limit, approximate: Option<usize>) -> Cut {
        let (mut cut, mut len, mut taken) = (Cut::default(), self.len, 0);
        for (own, block) in &self.blocks {
            let live = block.live();
            if matches!(limit, Limit::Len(max) if len <= max) {
                break;
            }
            if approximate.is_some_and(|most| most > 0 && taken + live > most) {
                break;
            }
            let whole = match limit {
                Limit::Len(max) => len - live >= max,
                // The last place counts, deleted or not.
                Limit::Id(least) => block.entries(*own).next_back().is_some_and(|last| last.id < least),
            };
            if !whole {
                let entries = block.entries(*own).filter(|entry| !entry.deleted);
                cut.entries = match limit {
                    _ if approximate.is_some() => 0,
                    Limit::Len(max) => len - max,
                    Limit::Id(least) => entries.take_while(|entry| entry.id < least).count(),
                };
                break;
            }
            (len, taken, cut.blocks) = (len - live, taken + live, cut.blocks + 1);
        }
        cut
    }

    /// Carries a trim out; returns how many entries went. What goes by a trim does not count as deleted by name.
    pub fn trim(&mut self, cut: Cut) -> (usize, bool) {
        let before = (self.len, self.blocks.len());
        for _ in 0..cut.blocks {
            if let Some((_, block)) = self.blocks.pop_first() {
                self.len -= block.live();
                self.blocks_bytes -= block.heap_bytes();
            }
        }
        if let Some(mut first) = self.blocks.first_entry() {
            let own = *first.key();
            let before = first.get().heap_bytes();
            self.len -= first.get_mut().delete_lowest(own, cut.entries);
            self.blocks_bytes = self.blocks_bytes + first.get().heap_bytes() - before;
        }
        let removed = before.0 - self.len;
        if removed > 0 {
            self.find_first();
        }
        (removed, before != (self.len, self.blocks.len()))
    }
}
