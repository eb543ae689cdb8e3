//! Whether each slot's operations follow one another, as the records are read.

use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};

use super::operation::Part;
use super::record::Bad;

/// Each slot's version so far, where it is known.
pub(super) struct Sequence(Box<[Option<u64>]>);

impl Default for Sequence {
    fn default() -> Self {
        Self((0..SLOT_COUNT).map(|_| None).collect())
    }
}

impl Sequence {
    /// Notes the part of record `lsn`. `begin` tells the slot's version before the first one; `None` when that is not
    /// known.
    ///
    /// # Errors
    /// [`Bad::Gap`]: an operation before it is missing.
    pub(super) fn note(
        &mut self,
        lsn: u64,
        part: &Part<'_>,
        begin: impl FnOnce() -> Option<u64>,
    ) -> Result<(), Bad> {
        let last = &mut self.0[part.slot.index()];
        let (next, has) = (part.version.n, last.or_else(begin));
        match has {
            Some(has) if next > has.saturating_add(1) => {
                Err(Bad::Gap { lsn, slot: part.slot.number(), has, next })
            }
            _ => {
                *last = has.max(Some(next));
                Ok(())
            }
        }
    }

    /// Notes that the slot has the version `n` from now on, whatever it had.
    pub(super) fn replace(&mut self, slot: HashSlot, n: u64) {
        self.0[slot.index()] = Some(n);
    }

    /// Slots that were noted.
    pub(super) fn slots(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::operation::{begin, parts, put};
    use crate::store::journal::Section;

    fn note(sequence: &mut Sequence, n: u64, has: Option<u64>) -> Result<(), Bad> {
        let mut section = Section::default();
        section.version.n = n;
        let mut body = Vec::new();
        begin(&mut body, 1);
        put(&mut body, HashSlot::new(9).unwrap(), &section);
        sequence.note(40, &parts(&body).unwrap()[0], || has)
    }

    #[test]
    fn a_missing_operation_is_noticed_and_a_known_one_is_not() {
        let mut sequence = Sequence::default();
        for n in [3, 5, 6, 2, 7] {
            assert_eq!(note(&mut sequence, n, Some(5)), Ok(()), "{n}");
        }
        assert_eq!(note(&mut sequence, 9, Some(5)), Err(Bad::Gap { lsn: 40, slot: 9, has: 7, next: 9 }));
        assert_eq!(sequence.slots(), 1);
        sequence.replace(HashSlot::new(9).unwrap(), 0);
        assert_eq!(note(&mut sequence, 1, None), Ok(()), "it began anew");
    }

    #[test]
    fn where_a_slot_begins_may_be_unknown() {
        let mut sequence = Sequence::default();
        assert_eq!(note(&mut sequence, 100, None), Ok(()));
        assert!(note(&mut sequence, 102, None).is_err());
    }
}
