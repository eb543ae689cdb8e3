//! WATCH where slots have copies: the head of the slot tells a digest of what the watched keys hold, and EXEC carries it.
//!
//! The head compares within the operation that EXEC is. So it needs to remember nothing, and a watch outlives a change of
//! the chain; what cannot be told is a key that was changed and changed back. Another head may tell the members of a
//! collection in another order: then the transaction is not carried out, as if they had changed.
//!
//! A WATCH that is refused leaves what was watched before it as it was: its client knows.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ringmaster_protocol::extension::put_same;
use ringmaster_protocol::slot::HashSlot;

use crate::output::{Output, Sequence};
use crate::upstream::TakePart;

/// Most keys that a client watches.
pub(crate) const WATCHED_MAX: usize = 1 << 16;

/// Most bytes of the names of keys that a client watches.
pub(crate) const WATCHED_BYTES_MAX: usize = 64 << 20;

/// A key of a database.
type Watched = (u8, Vec<u8>);

/// What a client watches.
pub(crate) struct Observed {
    pub(crate) slot: HashSlot,
    /// What each key held when it was watched first.
    digests: RefCell<BTreeMap<Watched, u128>>,
    /// Of the names of the keys.
    bytes: Cell<usize>,
}

impl Observed {
    /// Nothing yet, in this slot.
    pub(crate) fn new(slot: HashSlot) -> Rc<Self> {
        Rc::new(Self { slot, digests: RefCell::default(), bytes: Cell::default() })
    }

    /// Whether no key is watched.
    pub(crate) fn is_empty(&self) -> bool {
        self.digests.borrow().is_empty()
    }

    /// Those of `keys` that are not watched yet, each once; `None` if that would be too many.
    pub(crate) fn new_of<'k>(
        &self,
        database: u8,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Option<Vec<Vec<u8>>> {
        let known = self.digests.borrow();
        let (mut new, mut bytes) = (BTreeMap::new(), self.bytes.get());
        for key in keys {
            let watched = (database, key.to_vec());
            if known.contains_key(&watched) || new.insert(watched, ()).is_some() {
                continue;
            }
            bytes += key.len();
            if known.len() + new.len() > WATCHED_MAX || bytes > WATCHED_BYTES_MAX {
                return None;
            }
        }
        Some(new.into_keys().map(|(_, key)| key).collect())
    }

    /// The conditions, each as a request.
    pub(crate) fn conditions(&self) -> Vec<Vec<u8>> {
        let digests = self.digests.borrow();
        let condition = |((database, key), digest): (&Watched, &u128)| {
            let mut request = Vec::new();
            put_same(&mut request, *digest, (*database, key));
            request
        };
        digests.iter().map(condition).collect()
    }

    fn expect(&self, database: u8, key: &[u8], digest: u128) {
        self.bytes.set(self.bytes.get() + key.len());
        self.digests.borrow_mut().entry((database, key.to_vec())).or_insert(digest);
    }
}

/// A WATCH that is not answered yet.
pub(super) struct Observing {
    pub(super) observed: Rc<Observed>,
    pub(super) database: u8,
    /// None of which is watched yet.
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) client: Rc<Output>,
    pub(super) place: Sequence,
}

impl TakePart for Observing {
    fn take_part(self: Rc<Self>, _index: u32, reply: &[u8]) {
        let digests = digests(reply).filter(|digests| digests.len() == self.keys.len());
        let Some(digests) = digests else { return self.client.answer(self.place, reply) };
        let told = self.keys.iter().zip(digests);
        told.for_each(|(key, digest)| self.observed.expect(self.database, key, digest));
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

    fn new_of(observed: &Observed, database: u8, keys: &[&str]) -> Option<Vec<Vec<u8>>> {
        observed.new_of(database, keys.iter().map(|key| key.as_bytes()))
    }

    #[test]
    fn digests_are_read_from_the_reply_and_errors_are_none() {
        assert_eq!(digests(b"*2\r\n$2\r\n17\r\n$1\r\n0\r\n"), Some(vec![17, 0]));
        assert_eq!(digests(b"-TRYAGAIN later\r\n"), None);
        assert_eq!(digests(b"*1\r\n$1\r\nx\r\n"), None);
    }

    #[test]
    fn each_key_of_a_database_is_one_condition_and_the_first_digest_stays() {
        let observed = Observed::new(HashSlot::default());
        assert!(observed.is_empty());
        for (database, key, digest) in [(0, "a", 1), (0, "b", 2), (0, "a", 3), (1, "a", 4)] {
            observed.expect(database, key.as_bytes(), digest);
        }
        let conditions = observed.conditions();
        assert_eq!(conditions.len(), 3);
        assert!(conditions[0].ends_with(b"$1\r\n0\r\n$1\r\n1\r\n$1\r\na\r\n"));
        assert!(conditions[2].ends_with(b"$1\r\n1\r\n$1\r\n4\r\n$1\r\na\r\n"));
        assert_eq!(new_of(&observed, 0, &["a", "c", "c", "b"]), Some(vec![b"c".to_vec()]));
        assert_eq!(new_of(&observed, 2, &["a"]), Some(vec![b"a".to_vec()]));
    }

    #[test]
    fn too_many_keys_and_too_long_ones_are_refused_however_they_come() {
        let observed = Observed::new(HashSlot::default());
        let names: Vec<String> = (0..=WATCHED_MAX).map(|name| name.to_string()).collect();
        let mut keys: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(new_of(&observed, 0, &keys), None);
        keys.pop();
        keys.extend(vec!["0"; WATCHED_MAX]);
        assert_eq!(new_of(&observed, 0, &keys).map(|new| new.len()), Some(WATCHED_MAX));
        observed.expect(0, b"x", 1);
        assert_eq!(new_of(&observed, 0, &keys), None, "with the one that is watched");
        let long = "x".repeat(WATCHED_BYTES_MAX);
        assert_eq!(new_of(&observed, 0, &[&long]), None);
    }
}
