//! The commands that were submitted and whose clients wait, by number.
//!
//! A number is a place in a table, which the next command uses again, and a serial number above it, so that it is not
//! used again for long; finding a command is one look at one place.

use crate::chain::OperationId;

/// Bits of a number that are a place.
const PLACE_BITS: u32 = 32;

/// Values by number.
pub(super) struct Ledger<T> {
    entries: Vec<(u64, Option<T>)>,
    free: Vec<u32>,
    serial: u32,
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new(), serial: 0 }
    }
}

impl<T> Ledger<T> {
    /// Keeps a value.
    #[inline]
    pub(super) fn insert(&mut self, value: T) -> OperationId {
        // Memory ends long before places do.
        let place = self.free.pop().unwrap_or(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        self.serial = self.serial.wrapping_add(1).max(1);
        let number = u64::from(self.serial) << PLACE_BITS | u64::from(place);
        match self.entries.get_mut(place as usize) {
            Some(entry) => *entry = (number, Some(value)),
            None => self.entries.push((number, Some(value))),
        }
        OperationId(number)
    }

    fn place(id: OperationId) -> usize {
        (id.0 & ((1 << PLACE_BITS) - 1)) as usize
    }

    /// The value of this number.
    #[inline]
    pub(super) fn get(&self, id: OperationId) -> Option<&T> {
        self.entries
            .get(Self::place(id))
            .filter(|(number, _)| *number == id.0)
            .and_then(|(_, value)| value.as_ref())
    }

    /// The value of this number.
    #[inline]
    pub(super) fn get_mut(&mut self, id: OperationId) -> Option<&mut T> {
        let entry = self.entries.get_mut(Self::place(id)).filter(|(number, _)| *number == id.0);
        entry.and_then(|(_, value)| value.as_mut())
    }

    /// Takes the value of this number out.
    #[inline]
    pub(super) fn remove(&mut self, id: OperationId) -> Option<T> {
        let entry = self.entries.get_mut(Self::place(id)).filter(|(number, _)| *number == id.0)?;
        let value = entry.1.take()?;
        self.free.push(u32::try_from(Self::place(id)).ok()?);
        Some(value)
    }

    /// Takes all values out.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        let numbers: Vec<u64> =
            self.entries.iter().filter(|(_, value)| value.is_some()).map(|(number, _)| *number).collect();
        numbers.into_iter().filter_map(|number| self.remove(OperationId(number))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_a_number_never() {
        let mut ledger = Ledger::default();
        let (first, second) = (ledger.insert("a"), ledger.insert("b"));
        assert_eq!(ledger.get(first), Some(&"a"));
        assert_eq!((ledger.remove(first), ledger.remove(first)), (Some("a"), None));
        let third = ledger.insert("c");
        assert_eq!(Ledger::<&str>::place(third), Ledger::<&str>::place(first));
        assert_eq!(
            (ledger.get(first), ledger.get(third), ledger.get(second)),
            (None, Some(&"c"), Some(&"b"))
        );
        assert!(ledger.get(OperationId::NOBODYS).is_none());
        let mut all = ledger.take_all();
        all.sort_unstable();
        assert_eq!((all, ledger.get(third)), (vec!["b", "c"], None));
    }
}
