//! Keyspace events: what became of a key, for who subscribed to such news (`notify-keyspace-events`).
//!
//! Commands tell each event at once, under the lock of the key's slot, so that the events of one key come in the
//! order of its changes. While nobody has asked for a class of events, telling one costs a load and a compare.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use super::key::Key;

/// A class of events, as `notify-keyspace-events` names them by a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Class {
    /// `g`: commands on keys of any type (DEL, EXPIRE, RENAME …).
    Generic = 1,
    /// `$`: strings.
    String = 1 << 1,
    /// `l`: lists.
    List = 1 << 2,
    /// `s`: sets.
    Set = 1 << 3,
    /// `h`: hashes.
    Hash = 1 << 4,
    /// `z`: sorted sets.
    SortedSet = 1 << 5,
    /// `x`: a key expired.
    Expired = 1 << 6,
    /// `e`: a key was evicted for memory.
    Evicted = 1 << 7,
    /// `t`: streams.
    Stream = 1 << 8,
    /// `m`: a key was looked for in vain; not part of `A`.
    Miss = 1 << 9,
    /// `n`: a key came into being; not part of `A`.
    New = 1 << 10,
}

/// Who passes events on to subscribers.
pub trait Audience: Send + Sync {
    /// `key` of `database` had the event `name`. Called under the lock of the key's slot: it must be short and must
    /// not reach for a slot.
    fn hear(&self, class: Class, name: &'static str, database: u8, key: &[u8]);
}

/// Where events go.
#[derive(Default)]
pub struct Events {
    /// Bits of the classes that somebody wants.
    wanted: AtomicU16,
    audience: OnceLock<Box<dyn Audience>>,
}

impl Events {
    /// Names who hears the events, once; a second call changes nothing.
    pub fn tell(&self, audience: Box<dyn Audience>) {
        // The first stays, as stated.
        let _ = self.audience.set(audience);
    }

    /// Sets the classes that are told from now on, as the sum of their bits.
    pub fn want(&self, classes: u16) {
        self.wanted.store(classes, Ordering::Relaxed);
    }

    /// Whether events of this class are told.
    #[inline]
    pub fn wants(&self, class: Class) -> bool {
        self.wanted.load(Ordering::Relaxed) & class as u16 != 0
    }

    /// Tells an event, if its class is wanted.
    #[inline]
    pub fn notify(&self, class: Class, name: &'static str, key: Key<'_>) {
        if self.wants(class) {
            self.announce(class, name, key);
        }
    }

    #[cold]
    fn announce(&self, class: Class, name: &'static str, key: Key<'_>) {
        if let Some(audience) = self.audience.get() {
            audience.hear(class, name, key.database, key.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    type Heard = Arc<Mutex<Vec<(Class, &'static str, u8, Vec<u8>)>>>;

    struct Ear(Heard);

    impl Audience for Ear {
        fn hear(&self, class: Class, name: &'static str, database: u8, key: &[u8]) {
            self.0.lock().unwrap().push((class, name, database, key.to_vec()));
        }
    }

    #[test]
    fn only_wanted_classes_are_told() {
        let (events, heard) = (Events::default(), Heard::default());
        events.tell(Box::new(Ear(Arc::clone(&heard))));
        events.notify(Class::List, "lpush", Key::new(b"k", 3));
        events.want(Class::List as u16 | Class::New as u16);
        events.notify(Class::Set, "sadd", Key::new(b"k", 3));
        events.notify(Class::List, "lpush", Key::new(b"k", 3));
        assert_eq!(*heard.lock().unwrap(), [(Class::List, "lpush", 3, b"k".to_vec())]);
    }
}
