//! What falls due in a slot: the near deadlines in order, the far ones by a lower bound.
//!
//! To keep every deadline in order would take as much memory as the table. So only those before a *horizon* are kept,
//! at most an eighth of the slot's entries; of the others the earliest is known. When that one comes near, the slot is
//! looked through once and the horizon moves on. A look costs eight entries for each that is freed, or a millisecond
//! of waiting for each sixteenth, whichever is rarer.
//!
//! ```text
//! now ──[ items, in order ]── horizon ──(not kept)── beyond: the earliest of these
//! ```
//! An item is a hint: its entry may have another deadline by now, or be gone. Whoever changes a deadline notes it anew.

use std::collections::BTreeSet;

/// Items that any slot may have.
const ITEMS_MIN: usize = 64;

/// A slot of more entries keeps an item for each eighth of them.
const ENTRIES_AN_ITEM: usize = 8;

/// A horizon is at least so far away, in milliseconds.
const HORIZON_MIN: u64 = 1000;

/// Milliseconds of the horizon for each entry that a look through the slot takes.
const HORIZON_AN_ENTRY: u64 = 16;

/// Deadlines of keys and of fields, and how far a look through the slot has come.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    pub(super) keys: Soon,
    pub(super) fields: Soon,
    /// The order at which the look goes on, while one is on.
    pub(super) looking: Option<u32>,
}

/// Deadlines before a horizon.
#[derive(Debug)]
pub(super) struct Soon {
    /// Milliseconds from the base in the upper half, the order of the entry's hash in the lower.
    items: BTreeSet<u64>,
    base: u64,
    horizon: u64,
    beyond: u64,
}

impl Default for Soon {
    /// Nothing is known: the slot is to be looked through at once.
    fn default() -> Self {
        Self { items: BTreeSet::new(), base: 0, horizon: 0, beyond: 0 }
    }
}

/// How far ahead deadlines are kept in a slot of `len` entries, in milliseconds.
fn span(len: usize) -> u64 {
    (len as u64 * HORIZON_AN_ENTRY).clamp(HORIZON_MIN, u64::from(u32::MAX))
}

impl Agenda {
    /// Begins a look through a slot of `len` entries.
    pub(super) fn begin(&mut self, now: u64, len: usize) {
        (self.keys, self.fields) = (Soon::until(now, span(len)), Soon::until(now, span(len)));
        self.looking = Some(0);
    }

    /// Whether the slot must be looked through at `now`.
    pub(super) fn is_stale(&self, now: u64) -> bool {
        self.keys.beyond.min(self.fields.beyond) <= now
    }

    /// Whether lower bounds are all that it knows.
    pub(super) fn is_bare(&self) -> bool {
        self.looking.is_none() && self.keys.items.is_empty() && self.fields.items.is_empty()
    }

    /// Moves the horizons on where that takes no look.
    pub(super) fn extend(&mut self, now: u64, len: usize) {
        self.keys.extend(now, span(len));
        self.fields.extend(now, span(len));
    }

    /// When the slot is to be visited again, in Unix milliseconds; 0 is at once, `u64::MAX` never.
    pub(super) fn next(&self) -> u64 {
        if self.looking.is_some() { 0 } else { self.keys.next().min(self.fields.next()) }
    }
}

impl Soon {
    fn until(now: u64, span: u64) -> Self {
        Self { items: BTreeSet::new(), base: now, horizon: now.saturating_add(span), beyond: u64::MAX }
    }

    /// Notes a deadline of the entry of this order, in a slot of `len` entries.
    pub(super) fn note(&mut self, deadline: u64, len: usize, order: impl FnOnce() -> u32) {
        if deadline >= self.horizon {
            self.beyond = self.beyond.min(deadline);
            return;
        }
        self.items.insert(deadline.saturating_sub(self.base) << 32 | u64::from(order()));
        if self.items.len() > ITEMS_MIN.max(len / ENTRIES_AN_ITEM)
            && let Some(last) = self.items.pop_last()
        {
            self.horizon = self.deadline(last);
            self.beyond = self.beyond.min(self.horizon);
        }
    }

    /// Takes out an item that is due at `now`: the order of its entry.
    pub(super) fn pop_due(&mut self, now: u64) -> Option<u32> {
        let first = *self.items.first()?;
        if self.deadline(first) > now {
            return None;
        }
        self.items.remove(&first);
        u32::try_from(first & u64::from(u32::MAX)).ok()
    }

    /// A lower bound of all deadlines.
    pub(super) fn next(&self) -> u64 {
        self.items.first().map_or(u64::MAX, |first| self.deadline(*first)).min(self.beyond)
    }

    fn deadline(&self, item: u64) -> u64 {
        self.base + (item >> 32)
    }

    fn extend(&mut self, now: u64, span: u64) {
        if self.items.is_empty() {
            self.base = now;
        }
        let end = now.saturating_add(span).min(self.base.saturating_add(u64::from(u32::MAX)));
        self.horizon = self.horizon.max(end.min(self.beyond));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_far_deadline_is_a_bound_and_a_near_one_an_item() {
        let mut agenda = Agenda::default();
        assert!(agenda.is_stale(0));
        agenda.begin(1000, 10);
        agenda.keys.note(1500, 10, || 7);
        agenda.keys.note(9000, 10, || 8);
        agenda.looking = None;
        assert_eq!((agenda.next(), agenda.keys.pop_due(1499)), (1500, None));
        assert_eq!((agenda.keys.pop_due(1500), agenda.next(), agenda.is_stale(8999)), (Some(7), 9000, false));
        agenda.extend(8500, 10);
        agenda.keys.note(8999, 10, || 9);
        assert_eq!((agenda.next(), agenda.is_bare(), agenda.is_stale(9000)), (8999, false, true));
    }

    proptest! {
        #[test]
        fn no_deadline_is_forgotten(len in 0usize..2000, deadlines in proptest::collection::vec(0u64..60_000, 1..500)) {
            let mut soon = Soon::until(100, span(len));
            for (number, deadline) in (0..).zip(&deadlines) {
                soon.note(*deadline, len, || number);
            }
            prop_assert!(soon.items.len() <= ITEMS_MIN.max(len / ENTRIES_AN_ITEM));
            prop_assert_eq!(soon.next(), deadlines.iter().copied().map(|deadline| deadline.max(100)).min().unwrap());
            let mut kept = vec![];
            while let Some(number) = soon.pop_due(u64::MAX) {
                kept.push(number);
            }
            for (number, deadline) in (0..).zip(&deadlines) {
                prop_assert!(*deadline >= soon.beyond || kept.contains(&number));
            }
        }
    }
}
