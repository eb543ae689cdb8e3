//! Who has read which key, within bounds of keys and of memory.

use std::collections::{BTreeSet, HashMap};

/// Most keys that are remembered for the clients of a thread; above it some are called changed.
const KEYS_MAX: usize = 1_000_000;

/// Most bytes that this may take for the clients of a thread, as far as they are counted.
const BYTES_MAX: usize = 256 << 20;

/// What a key takes beside its name, about.
const KEY_BYTES: usize = 96;

/// What a reader of a key takes, about.
const READER_BYTES: usize = 16;

/// Above these many readers of a key, those who have gone are looked for.
const READERS_KEPT: usize = 64;

/// The readers of keys.
#[derive(Default)]
pub(super) struct Readers {
    by_key: HashMap<Box<[u8]>, BTreeSet<u64>>,
    bytes: usize,
}

impl Readers {
    /// A key that has to go before a reader of `key` can be entered; it is the caller's to take it out.
    pub(super) fn in_the_way_of(&self, key: &[u8]) -> Option<Box<[u8]>> {
        let (keys, bytes) = match self.by_key.contains_key(key) {
            true => (0, READER_BYTES),
            false => (1, cost(key, 1)),
        };
        let has_room = self.by_key.len() + keys <= KEYS_MAX && self.bytes + bytes <= BYTES_MAX;
        if has_room { None } else { self.by_key.keys().next().cloned() }
    }

    /// A client is about to read a key. `is_there` says who has not gone.
    pub(super) fn enter(&mut self, key: &[u8], id: u64, is_there: impl Fn(u64) -> bool) {
        let known = self.by_key.entry(key.into()).or_insert_with(|| {
            self.bytes += cost(key, 0);
            BTreeSet::new()
        });
        let before = known.len();
        known.insert(id);
        if known.len() > READERS_KEPT {
            known.retain(|id| is_there(*id));
        }
        self.bytes = self.bytes + known.len() * READER_BYTES - before * READER_BYTES;
    }

    /// The keys that were read.
    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.by_key.keys().map(|key| &**key)
    }

    /// Takes out a key; who had read it.
    pub(super) fn take(&mut self, key: &[u8]) -> BTreeSet<u64> {
        let Some(readers) = self.by_key.remove(key) else { return BTreeSet::new() };
        self.bytes -= cost(key, readers.len());
        readers
    }
}

fn cost(key: &[u8], readers: usize) -> usize {
    key.len() + KEY_BYTES + readers * READER_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remember(readers: &mut Readers, key: &[u8], id: u64) -> usize {
        let mut gone = 0;
        while let Some(other) = readers.in_the_way_of(key) {
            readers.take(&other);
            gone += 1;
        }
        readers.enter(key, id, |_| true);
        gone
    }

    #[test]
    fn large_keys_push_each_other_out() {
        let mut readers = Readers::default();
        let mut key = vec![b'k'; 1 << 20];
        let mut gone = 0;
        for n in 0..1000_u32 {
            key[..4].copy_from_slice(&n.to_be_bytes());
            gone += remember(&mut readers, &key, 1);
        }
        assert!(readers.bytes <= BYTES_MAX && readers.by_key.len() == 255, "{}", readers.by_key.len());
        assert_eq!(gone, 745);
        let all: Vec<_> = readers.by_key.keys().cloned().collect();
        assert!(all.iter().all(|key| readers.take(key) == BTreeSet::from([1])));
        assert_eq!(readers.bytes, 0, "what was taken is given back");
    }

    #[test]
    fn readers_are_counted_too_and_those_who_have_gone_are_forgotten() {
        let mut readers = Readers::default();
        for id in 0..1000 {
            readers.enter(b"k", id, |other| other == id);
        }
        assert_eq!(readers.bytes, cost(b"k", readers.by_key[&b"k"[..]].len()));
        assert!(readers.by_key[&b"k"[..]].len() <= READERS_KEPT);
        assert_eq!(readers.take(b"none"), BTreeSet::new());
        readers.take(b"k");
        assert_eq!(readers.bytes, 0);
    }
}
