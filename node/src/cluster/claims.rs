//! Which connection of a sender is its latest. What an older one still brings is not carried out.
//!
//! R17. A proxy that loses a connection tells its client that nobody knows whether the command was executed, and sends the
//! client's next command over another connection. The first may be on its way still; behind the second it would be done out
//! of the order in which they were sent. So the proxy says whose connection it is and which of them, and from the answer to
//! that on the older one is attached no more. Its commands ask for their seat while they hold their slot: each is either
//! before all that the later connection does in that slot, or refused.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringmaster_protocol::extension::Claim;
use ringmaster_protocol::view::Epoch;

/// Senders that are remembered though they have no connection any more.
const CLAIMS_MAX: usize = 1 << 14;

/// What a connection is attached by, for as long as no later one takes its place.
#[derive(Clone, Debug)]
pub struct Seat(Arc<AtomicU64>);

impl Seat {
    /// Attached at this epoch, by who names no other connection.
    #[must_use]
    pub fn new(epoch: Epoch) -> Self {
        Self(Arc::new(AtomicU64::new(epoch.0)))
    }

    /// The epoch at which the connection is attached; 0, which is below every chain, when a later one took its place. To be
    /// asked while the slot is held.
    #[inline]
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        // What the later connection does in a slot comes after this store, and before whoever holds that slot next.
        Epoch(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Debug)]
struct Latest {
    generation: u64,
    seat: Seat,
}

/// The latest connection of each sender.
#[derive(Debug, Default)]
pub struct Claims(HashMap<(u128, u32), Latest>);

impl Claims {
    /// Attaches a connection at `epoch`; those before it are attached no more. `None` if a later one was attached.
    pub fn take(&mut self, claim: &Claim, epoch: Epoch) -> Option<Seat> {
        let key = (claim.sender, claim.lane);
        if self.0.len() >= CLAIMS_MAX && !self.0.contains_key(&key) {
            // There are never more than connections, and those that have none any more.
            self.0.retain(|_, latest| Arc::strong_count(&latest.seat.0) > 1);
        }
        let new = || Latest { generation: claim.generation, seat: Seat::new(epoch) };
        let latest = self.0.entry(key).or_insert_with(new);
        if latest.generation > claim.generation {
            return None;
        }
        if latest.generation < claim.generation {
            latest.seat.0.store(0, Ordering::Relaxed);
            *latest = new();
        }
        latest.seat.0.store(epoch.0, Ordering::Relaxed);
        Some(latest.seat.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(sender: u128, lane: u32, generation: u64) -> Claim {
        Claim { sender, lane, generation }
    }

    #[test]
    fn a_later_connection_takes_the_place_of_an_older_one_and_never_the_other_way() {
        let mut claims = Claims::default();
        let first = claims.take(&claim(1, 0, 1), Epoch(5)).unwrap();
        let second = claims.take(&claim(1, 0, 2), Epoch(5)).unwrap();
        assert_eq!((first.epoch(), second.epoch()), (Epoch(0), Epoch(5)));
        assert!(claims.take(&claim(1, 0, 1), Epoch(6)).is_none());
        assert_eq!(claims.take(&claim(1, 0, 2), Epoch(7)).unwrap().epoch(), Epoch(7));
        assert_eq!(second.epoch(), Epoch(7), "it is the same connection, attached anew");
    }

    #[test]
    fn other_lanes_and_other_senders_have_places_of_their_own() {
        let mut claims = Claims::default();
        let seats =
            [(1, 0), (1, 1), (2, 0)].map(|(sender, lane)| claims.take(&claim(sender, lane, 1), Epoch(5)));
        assert!(seats.iter().flatten().all(|seat| seat.epoch() == Epoch(5)));
        assert!(claims.take(&claim(1, 0, 9), Epoch(5)).is_some());
        assert_eq!(seats.map(|seat| seat.map(|seat| seat.epoch().0)), [Some(0), Some(5), Some(5)]);
    }

    #[test]
    fn senders_that_are_gone_are_forgotten_before_there_are_too_many() {
        let mut claims = Claims::default();
        let stays = claims.take(&claim(0, 0, 3), Epoch(5)).unwrap();
        (1..3 * CLAIMS_MAX as u128).for_each(|sender| _ = claims.take(&claim(sender, 0, 1), Epoch(5)));
        assert!(claims.0.len() <= CLAIMS_MAX);
        assert!(claims.take(&claim(0, 0, 2), Epoch(5)).is_none() && stays.epoch() == Epoch(5));
    }
}
