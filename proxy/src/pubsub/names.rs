//! The names that clients of a thread are subscribed to, and who is.
//!
//! Two things are known of a name: for how many clients the nodes are asked for its messages, and which clients get them.
//! The first changes when a client asks, the second when the nodes have answered.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::message::Message;
use super::{NAME_BYTES_MAX, NAMES_MAX, SUBSCRIPTIONS_MAX, Subscriber};

/// What a subscription is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A channel.
    Channel,
    /// All channels that fit a pattern.
    Pattern,
    /// A channel of its own kind, which patterns do not reach.
    ShardChannel,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::ShardChannel];
}

/// One channel, pattern or shard channel.
#[derive(Default)]
struct Name {
    /// Clients that asked for it.
    asked: usize,
    /// Clients that get its messages, by id.
    listeners: BTreeMap<u64, Rc<Subscriber>>,
}

/// All names.
#[derive(Default)]
pub(super) struct Names {
    by_kind: [HashMap<Rc<[u8]>, Name>; 3],
    subscriptions: usize,
    /// Bytes of the names of all subscriptions.
    bytes: usize,
}

impl Names {
    /// Whether so many subscriptions can come.
    pub(super) fn has_room_for(&self, more: &[&[u8]]) -> bool {
        let names: usize = self.by_kind.iter().map(HashMap::len).sum();
        let bytes = more.iter().fold(self.bytes, |bytes, name| bytes + name.len());
        let (names, subscriptions) = (names + more.len(), self.subscriptions + more.len());
        names <= NAMES_MAX && subscriptions <= SUBSCRIPTIONS_MAX && bytes <= NAME_BYTES_MAX
    }

    /// A client asks for a name; for how many that is now, `None` if it had asked before.
    pub(super) fn enter(&mut self, kind: Kind, name: &[u8], who: &Subscriber) -> Option<usize> {
        if who.has(kind, name) {
            return None;
        }
        self.bytes += name.len();
        let names = &mut self.by_kind[kind as usize];
        if !names.contains_key(name) {
            names.insert(name.into(), Name::default());
        }
        let name = names.get_mut(name)?;
        name.asked += 1;
        self.subscriptions += 1;
        Some(name.asked)
    }

    /// A client that asked for a name does so no more; for how many it is asked now.
    pub(super) fn leave(&mut self, kind: Kind, name: &[u8]) -> Option<usize> {
        let known = self.by_kind[kind as usize].get_mut(name)?;
        known.asked = known.asked.saturating_sub(1);
        self.subscriptions = self.subscriptions.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(name.len());
        let asked = known.asked;
        self.forget(kind, name);
        Some(asked)
    }

    /// A client gets the messages of a name from now on.
    pub(super) fn add(&mut self, kind: Kind, name: &[u8], who: &Rc<Subscriber>) {
        if let Some(name) = self.by_kind[kind as usize].get_mut(name) {
            name.listeners.insert(who.id(), Rc::clone(who));
        }
    }

    /// The client `id` gets the messages of a name no more.
    pub(super) fn remove(&mut self, kind: Kind, name: &[u8], id: u64) {
        if let Some(known) = self.by_kind[kind as usize].get_mut(name) {
            known.listeners.remove(&id);
            self.forget(kind, name);
        }
    }

    fn forget(&mut self, kind: Kind, name: &[u8]) {
        let names = &mut self.by_kind[kind as usize];
        if names.get(name).is_some_and(|name| name.asked == 0 && name.listeners.is_empty()) {
            names.remove(name);
        }
    }

    /// Hands on a message; to how many.
    pub(super) fn deliver(&self, message: &Message<'_>) -> u64 {
        let Some(name) = self.by_kind[message.kind as usize].get(message.name) else { return 0 };
        name.listeners.values().for_each(|who| who.receive(message.frame));
        name.listeners.len() as u64
    }

    /// The names of a kind that clients ask for.
    pub(super) fn asked(&self, kind: Kind) -> impl Iterator<Item = &Rc<[u8]>> {
        let names = self.by_kind[kind as usize].iter();
        names.filter(|(_, known)| known.asked > 0).map(|(name, _)| name)
    }

    /// How many clients ask for a name.
    pub(super) fn count(&self, kind: Kind, name: &[u8]) -> usize {
        self.by_kind[kind as usize].get(name).map_or(0, |known| known.asked)
    }

    /// A client more asks for a name.
    #[cfg(test)]
    pub(super) fn ask(&mut self, kind: Kind, name: &[u8]) {
        self.by_kind[kind as usize].entry(name.into()).or_default().asked += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_in_number_and_in_bytes() {
        let (names, large) = (Names::default(), vec![b'c'; 1 << 20]);
        assert!(names.has_room_for(&[&large[..]; NAME_BYTES_MAX >> 20]));
        assert!(!names.has_room_for(&[&large[..]; (NAME_BYTES_MAX >> 20) + 1]));
        assert!(names.has_room_for(&vec![&b"c"[..]; NAMES_MAX]));
        assert!(!names.has_room_for(&vec![&b"c"[..]; NAMES_MAX + 1]));
    }
}
