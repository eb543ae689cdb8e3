//! Publish and subscribe: who listens to which channel, and the passing on of what is published.
//!
//! Channels are spread over lots by their hash, each with its own lock; patterns have one list, which publishing only
//! reads. A message is passed on while the lot of its channel is held, so all subscribers of a channel, those by
//! pattern included, get its messages in the same order.
//!
//! Order of locks, which nobody takes backwards: slots (ascending) → lot of a channel → patterns → a client's mailbox
//! → the waker of its connection. Who holds one of them may take those to its right and no others; the connection
//! takes its mailbox alone.

mod lots;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ringmaster_protocol::glob::{self, Case};

use crate::mail::{Mail, Recipient};
use lots::Lots;

/// What a subscription is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A channel.
    Channel,
    /// All channels that fit a pattern.
    Pattern,
    /// A channel of its own kind, which patterns do not reach.
    ShardChannel,
}

/// Who is subscribed to a name, and for how many: a proxy subscribes once for all its clients.
struct Subscriber {
    who: Arc<dyn Recipient>,
    stands_for: usize,
}

/// Subscribers of one name, by the id of the client.
type Members = BTreeMap<u64, Subscriber>;

/// All subscriptions of a node.
#[derive(Default)]
pub struct Hub {
    channels: Lots,
    shard_channels: Lots,
    patterns: RwLock<BTreeMap<Box<[u8]>, Members>>,
    /// Number of patterns: publishing takes no lock for them while there is none.
    pattern_count: AtomicUsize,
}

impl Hub {
    /// Enters a subscription; one that is there already stays.
    pub fn subscribe(&self, kind: Kind, name: &[u8], who: Arc<dyn Recipient>) {
        self.subscribe_for(kind, name, who, 1);
    }

    /// Enters a subscription that stands for so many subscribers, or changes how many one stands for.
    pub fn subscribe_for(&self, kind: Kind, name: &[u8], who: Arc<dyn Recipient>, stands_for: usize) {
        let (id, subscriber) = (who.id(), Subscriber { who, stands_for });
        match kind {
            Kind::Channel => self.channels.add(name, (id, subscriber)),
            Kind::ShardChannel => self.shard_channels.add(name, (id, subscriber)),
            Kind::Pattern => {
                let mut patterns = self.write_patterns();
                patterns.entry(name.into()).or_default().insert(id, subscriber);
                self.pattern_count.store(patterns.len(), Ordering::Release);
            }
        }
    }

    /// Ends the subscription of client `id`. What is published after this does not reach it.
    pub fn unsubscribe(&self, kind: Kind, name: &[u8], id: u64) {
        match kind {
            Kind::Channel => self.channels.remove(name, id),
            Kind::ShardChannel => self.shard_channels.remove(name, id),
            Kind::Pattern => {
                let mut patterns = self.write_patterns();
                if let Some(members) = patterns.get_mut(name) {
                    members.remove(&id);
                    if members.is_empty() {
                        patterns.remove(name);
                    }
                }
                self.pattern_count.store(patterns.len(), Ordering::Release);
            }
        }
    }

    /// Passes a message on to the subscribers of a channel and of the patterns that it fits. Returns how many get it.
    pub fn publish(&self, channel: &[u8], message: &[u8]) -> usize {
        if self.channels.len() == 0 && self.pattern_count.load(Ordering::Acquire) == 0 {
            return 0;
        }
        let lot = self.channels.lot(channel);
        let direct = lot.get(channel).map_or(0, |members| {
            let mail = Mail::push(&[b"message", channel, message]);
            pass_on(&mail, members)
        });
        direct + self.publish_to_patterns(channel, message)
    }

    fn publish_to_patterns(&self, channel: &[u8], message: &[u8]) -> usize {
        if self.pattern_count.load(Ordering::Acquire) == 0 {
            return 0;
        }
        let patterns = self.read_patterns();
        let fitting = patterns.iter().filter(|(pattern, _)| glob::matches(pattern, channel, Case::Sensitive));
        fitting
            .map(|(pattern, members)| {
                let mail = Mail::push(&[b"pmessage", pattern, channel, message]);
                pass_on(&mail, members)
            })
            .sum()
    }

    /// Passes a message on to the subscribers of a shard channel. Returns how many there are.
    pub fn publish_to_shard(&self, channel: &[u8], message: &[u8]) -> usize {
        if self.shard_channels.len() == 0 {
            return 0;
        }
        let lot = self.shard_channels.lot(channel);
        lot.get(channel).map_or(0, |members| pass_on(&Mail::push(&[b"smessage", channel, message]), members))
    }

    /// Number of channels, patterns or shard channels that have a subscriber.
    #[must_use]
    pub fn len(&self, kind: Kind) -> usize {
        match kind {
            Kind::Channel => self.channels.len(),
            Kind::ShardChannel => self.shard_channels.len(),
            Kind::Pattern => self.pattern_count.load(Ordering::Acquire),
        }
    }

    /// Subscribers of one channel, pattern or shard channel.
    #[must_use]
    pub fn subscribers(&self, kind: Kind, name: &[u8]) -> usize {
        match kind {
            Kind::Channel => self.channels.lot(name).get(name).map_or(0, count),
            Kind::ShardChannel => self.shard_channels.lot(name).get(name).map_or(0, count),
            Kind::Pattern => self.read_patterns().get(name).map_or(0, count),
        }
    }

    /// The channels or shard channels with a subscriber that fit `pattern` (`None`: all), or the patterns, in no
    /// stated order.
    #[must_use]
    pub fn names(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Box<[u8]>> {
        let fits = |name: &[u8]| pattern.is_none_or(|of| glob::matches(of, name, Case::Sensitive));
        match kind {
            Kind::Channel => self.channels.names(fits),
            Kind::ShardChannel => self.shard_channels.names(fits),
            Kind::Pattern => self.read_patterns().keys().filter(|name| fits(name)).cloned().collect(),
        }
    }

    fn read_patterns(&self) -> RwLockReadGuard<'_, BTreeMap<Box<[u8]>, Members>> {
        self.patterns.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_patterns(&self) -> RwLockWriteGuard<'_, BTreeMap<Box<[u8]>, Members>> {
        self.patterns.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pass_on(mail: &Mail, members: &Members) -> usize {
    members.values().for_each(|member| member.who.receive(mail.clone()));
    count(members)
}

fn count(members: &Members) -> usize {
    members.values().map(|member| member.stands_for).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::testing::Inbox;

    #[test]
    fn a_message_reaches_its_channel_and_the_patterns_that_fit() {
        let (hub, a, b) = (Hub::default(), Inbox::new(1), Inbox::new(2));
        assert_eq!(hub.publish(b"news", b"x"), 0);
        hub.subscribe(Kind::Channel, b"news", a.clone());
        hub.subscribe(Kind::Channel, b"news", a.clone());
        hub.subscribe(Kind::Pattern, b"n*", b.clone());
        hub.subscribe(Kind::Pattern, b"z*", b.clone());
        hub.subscribe(Kind::ShardChannel, b"news", b.clone());
        assert_eq!(hub.publish(b"news", b"hi"), 2);
        assert_eq!(a.take(), ">3 $7 message $4 news $2 hi");
        assert_eq!(b.take(), ">4 $8 pmessage $2 n* $4 news $2 hi");
        assert_eq!(hub.publish_to_shard(b"news", b"ho"), 1);
        assert_eq!((a.take().as_str(), b.take().as_str()), ("", ">3 $8 smessage $4 news $2 ho"));
    }

    #[test]
    fn a_subscription_counts_for_as_many_as_it_stands_for() {
        let (hub, proxy, client) = (Hub::default(), Inbox::new(1), Inbox::new(2));
        for kind in [Kind::Channel, Kind::Pattern, Kind::ShardChannel] {
            hub.subscribe_for(kind, b"x", proxy.clone(), 3);
            hub.subscribe(kind, b"x", client.clone());
            assert_eq!(hub.subscribers(kind, b"x"), 4);
        }
        assert_eq!((hub.publish(b"x", b"m"), hub.publish_to_shard(b"x", b"m")), (8, 4));
        hub.subscribe_for(Kind::Channel, b"x", proxy.clone(), 1);
        assert_eq!(hub.publish(b"x", b"m"), 6);
        assert_eq!(proxy.take().matches("message").count(), 5, "each once, whoever it stands for");
    }

    #[test]
    fn what_nobody_listens_to_is_forgotten() {
        let (hub, a) = (Hub::default(), Inbox::new(1));
        for kind in [Kind::Channel, Kind::Pattern, Kind::ShardChannel] {
            hub.subscribe(kind, b"x", a.clone());
            assert_eq!((hub.len(kind), hub.subscribers(kind, b"x")), (1, 1));
            assert_eq!(hub.names(kind, Some(b"[x]")), [Box::from(&b"x"[..])]);
            assert!(hub.names(kind, Some(b"y")).is_empty());
            hub.unsubscribe(kind, b"x", 1);
            hub.unsubscribe(kind, b"x", 1);
            assert_eq!((hub.len(kind), hub.subscribers(kind, b"x")), (0, 0));
        }
        assert_eq!(hub.publish(b"x", b"y") + hub.publish_to_shard(b"x", b"y"), 0);
        assert_eq!(a.take(), "");
    }
}
