//! WATCH where slots have copies: the head of the slot tells a digest of what the watched keys hold, and EXEC carries it.
//!
//! The head compares within the operation that EXEC is. So it needs to remember nothing, and a watch outlives a change of
//! the chain; what cannot be told is a key that was changed and changed back. Another head may tell the members of a
//! collection in another order: then the transaction is not carried out, as if they had changed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ringmaster_protocol::extension::put_same;
use ringmaster_protocol::slot::HashSlot;

use crate::output::{Output, Sequence};
use crate::upstream::{Lane, TakePart};

/// The command whose reply tells all that a key holds.
pub(super) const DUMP: &[u8] = b"DUMP";

/// What a client watches.
pub(crate) struct Observed {
    pub(crate) slot: HashSlot,
    pub(crate) lane: Lane,
    /// Conditions, one request behind the other, and where each ends.
    conditions: RefCell<Vec<u8>>,
    ends: RefCell<Vec<usize>>,
    /// What a key holds could not be learned: whether it is the same can never be said.
    is_blind: Cell<bool>,
}

impl Observed {
    /// Nothing yet, in this slot.
    pub(crate) fn new(slot: HashSlot, lane: Lane) -> Rc<Self> {
        let (conditions, ends, is_blind) = Default::default();
        Rc::new(Self { slot, lane, conditions, ends, is_blind })
    }

    /// Whether nothing can be said of a key.
    pub(crate) fn is_blind(&self) -> bool {
        self.is_blind.get()
    }

    /// The conditions, each as a request.
    pub(crate) fn conditions(&self) -> Vec<Vec<u8>> {
        let (all, ends) = (self.conditions.borrow(), self.ends.borrow());
        let starts = std::iter::once(&0).chain(ends.iter());
        starts.zip(ends.iter()).map(|(start, end)| all[*start..*end].to_vec()).collect()
    }

    fn expect(&self, key: &[u8], digest: u128) {
        let mut conditions = self.conditions.borrow_mut();
        put_same(&mut conditions, digest, &[DUMP, key]);
        self.ends.borrow_mut().push(conditions.len());
    }
}

/// A WATCH that is not answered yet.
pub(super) struct Observing {
    pub(super) observed: Rc<Observed>,
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) client: Rc<Output>,
    pub(super) place: Sequence,
}

impl TakePart for Observing {
    fn take_part(self: Rc<Self>, _index: u32, reply: &[u8]) {
        let digests = digests(reply).filter(|digests| digests.len() == self.keys.len());
        let Some(digests) = digests else {
            self.observed.is_blind.set(true);
            return self.client.answer(self.place, reply);
        };
        self.keys.iter().zip(digests).for_each(|(key, digest)| self.observed.expect(key, digest));
        self.client.answer(self.place, b"+OK\r\n");
    }
}

/// The numbers of an array of bulk strings; `None` if the reply is none, such as an error.
fn digests(reply: &[u8]) -> Option<Vec<u128>> {
    let text = std::str::from_utf8(reply).ok()?.strip_prefix('*')?;
    // How many there are; then of each its length and itself.
    text.lines().skip(2).step_by(2).map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_from_the_reply_and_errors_are_none() {
        assert_eq!(digests(b"*2\r\n$2\r\n17\r\n$1\r\n0\r\n"), Some(vec![17, 0]));
        assert_eq!(digests(b"-TRYAGAIN later\r\n"), None);
        assert_eq!(digests(b"*1\r\n$1\r\nx\r\n"), None);
    }

    #[test]
    fn each_key_is_a_condition_of_its_own() {
        let observed = Observed::new(HashSlot::default(), Lane::FIRST);
        observed.expect(b"a", 1);
        observed.expect(b"b", 2);
        let conditions = observed.conditions();
        assert_eq!(conditions.len(), 2);
        assert!(conditions[0].ends_with(b"$4\r\nDUMP\r\n$1\r\na\r\n") && !observed.is_blind());
    }
}
