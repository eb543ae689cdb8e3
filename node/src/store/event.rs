//! Keyspace events: what became of a key, for who subscribed to such news (`notify-keyspace-events`).
//!
//! Commands tell each event at once, under the lock of the key's slot, so that the events of one key come in the
//! order of its changes. While nobody has asked for a class of events, telling one costs a load and a compare.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU16, Ordering};

use super::key::Key;
use crate::pubsub::{Hub, Kind};
use crate::tracking::Tracking;

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

/// Bit of `K`: events are published by key.
const BY_KEY: u16 = 1 << 12;
/// Bit of `E`: events are published by their name.
const BY_EVENT: u16 = 1 << 13;

/// Letters of the classes in Redis's order; `n` stands last among them.
const LETTERS: [(char, u16); 11] = [
    ('g', Class::Generic as u16),
    ('$', Class::String as u16),
    ('l', Class::List as u16),
    ('s', Class::Set as u16),
    ('h', Class::Hash as u16),
    ('z', Class::SortedSet as u16),
    ('x', Class::Expired as u16),
    ('e', Class::Evicted as u16),
    ('t', Class::Stream as u16),
    ('d', MODULE),
    ('n', Class::New as u16),
];

/// Bit of `d`, events of Redis's modules; there are none here.
const MODULE: u16 = 1 << 11;

/// The classes that `A` stands for: all but `n` and `m`.
const ALL: u16 = 0x1ff | MODULE;

/// What `notify-keyspace-events` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted(u16);

impl Wanted {
    /// Reads the letters of `notify-keyspace-events`, `None` if one of them means nothing.
    #[must_use]
    pub fn parse(letters: &[u8]) -> Option<Self> {
        let bits = |letter: &u8| match letter {
            b'A' => Some(ALL),
            b'K' => Some(BY_KEY),
            b'E' => Some(BY_EVENT),
            b'm' => Some(Class::Miss as u16),
            other => LETTERS.iter().find(|(of, _)| *of == char::from(*other)).map(|(_, bit)| *bit),
        };
        letters.iter().try_fold(0, |sum, letter| bits(letter).map(|bits| sum | bits)).map(Self)
    }

    fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }
}

impl fmt::Display for Wanted {
    /// As Redis prints it, which does not show `n` beside `A`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.has(ALL) {
            f.write_char('A')?;
        } else {
            let mut letters = LETTERS.iter().filter(|(_, bit)| self.has(*bit));
            letters.try_for_each(|(letter, _)| f.write_char(*letter))?;
        }
        let last = [('K', BY_KEY), ('E', BY_EVENT), ('m', Class::Miss as u16)];
        last.iter().filter(|(_, bit)| self.has(*bit)).try_for_each(|(letter, _)| f.write_char(*letter))
    }
}

/// Where events go.
#[derive(Default)]
pub struct Events {
    /// What was asked for.
    asked: AtomicU16,
    /// Bits of the classes that are told: none unless they are told by key or by name.
    told: AtomicU16,
    hub: Hub,
    tracking: Tracking,
}

impl Events {
    /// The subscriptions.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The clients that keep values.
    #[inline]
    #[must_use]
    pub fn tracking(&self) -> &Tracking {
        &self.tracking
    }

    /// Sets what is told from now on.
    pub fn want(&self, wanted: Wanted) {
        self.asked.store(wanted.0, Ordering::Relaxed);
        let told = if wanted.0 & (BY_KEY | BY_EVENT) == 0 { 0 } else { wanted.0 };
        self.told.store(told, Ordering::Relaxed);
    }

    /// What was asked for.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted(self.asked.load(Ordering::Relaxed))
    }

    /// Whether events of this class are told.
    #[inline]
    pub fn wants(&self, class: Class) -> bool {
        self.told.load(Ordering::Relaxed) & class as u16 != 0
    }

    /// Tells an event, if its class is wanted.
    #[inline]
    pub fn notify(&self, class: Class, name: &'static str, key: Key<'_>) {
        if self.wants(class) {
            self.announce(name, key);
        }
    }

    #[cold]
    fn announce(&self, name: &'static str, key: Key<'_>) {
        if self.hub.len(Kind::Channel) == 0 && self.hub.len(Kind::Pattern) == 0 {
            return;
        }
        let (wanted, name) = (self.wanted(), name.as_bytes());
        let channel = |of: &str, rest: &[u8]| {
            let mut channel = format!("__key{of}@{}__:", key.database).into_bytes();
            channel.extend_from_slice(rest);
            channel
        };
        if wanted.has(BY_KEY) {
            self.hub.publish(&channel("space", key.bytes), name);
        }
        if wanted.has(BY_EVENT) {
            self.hub.publish(&channel("event", name), key.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::testing::Inbox;

    #[test]
    fn letters_are_read_and_printed_as_redis_does() {
        for (letters, printed) in [
            ("", ""),
            ("KEA", "AKE"),
            ("Kg$lshzxetdE", "AKE"),
            ("nEK$g", "g$nKE"),
            ("Anm", "Am"),
            ("mxE", "xEm"),
            ("dgg", "gd"),
        ] {
            assert_eq!(Wanted::parse(letters.as_bytes()).unwrap().to_string(), printed, "{letters}");
        }
        assert_eq!((Wanted::parse(b"q"), Wanted::parse(b"a")), (None, None));
    }

    #[test]
    fn only_wanted_classes_are_told_and_only_where_they_are_wanted() {
        let (events, inbox, key) = (Events::default(), Inbox::new(1), Key::new(b"k", 3));
        events.hub().subscribe(Kind::Pattern, b"*", inbox.clone());
        events.notify(Class::List, "lpush", key);
        events.want(Wanted::parse(b"ln").unwrap());
        events.notify(Class::List, "lpush", key);
        assert_eq!(inbox.take(), "");
        events.want(Wanted::parse(b"lnE").unwrap());
        events.notify(Class::Set, "sadd", key);
        events.notify(Class::List, "lpush", key);
        assert_eq!(inbox.take(), ">4 $8 pmessage $1 * $20 __keyevent@3__:lpush $1 k");
        events.want(Wanted::parse(b"lK").unwrap());
        events.notify(Class::List, "lpush", key);
        assert_eq!(inbox.take(), ">4 $8 pmessage $1 * $16 __keyspace@3__:k $5 lpush");
    }
}
