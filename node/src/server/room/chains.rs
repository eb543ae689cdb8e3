//! Room in a member of a cluster, where what goes from a slot goes from its whole chain.
//!
//! ```text
//! above the high watermark ──► each heartbeat says by how much; proxies have tails name victims and heads evict them
//! at the hard limit        ──► slots that are this node's alone are evicted here, within the write that needs it;
//!                              else the write waits for what the proxies do, and is refused when that does not come
//! another entry is there   ──► a proxy says so with its heartbeat; writes of that chain wait and are refused alike
//! ```
//! What a head has accepted is never refused behind it: between the watermark and the limit there is room for what is on
//! its way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringmaster_protocol::extension::Victim;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Incarnation, MemberIndex, View};

use super::{Room, Shared, Worker};
use crate::cluster::member::boot_time;
use crate::store::eviction::{Evictor, Policy};

/// The high watermark is below the limit by this share of it, and by no more than [`HEADROOM_MAX`].
const HEADROOM_SHARE: u64 = 16;

/// See [`HEADROOM_SHARE`].
const HEADROOM_MAX: u64 = 1 << 30;

/// How long writes are refused at once after one has waited in vain.
const IN_VAIN: Duration = Duration::from_secs(1);

/// What a node does about memory as a member of chains.
#[derive(Debug)]
pub(crate) struct ChainRoom {
    /// Names victims for proxies.
    namer: Mutex<Evictor>,
    /// Until when writes do not wait for room, in milliseconds of the boot clock.
    in_vain_until: AtomicU64,
}

impl ChainRoom {
    /// Of a node with so many data threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self { namer: Mutex::new(Evictor::new(threads)), in_vain_until: AtomicU64::new(0) }
    }

    /// A write has waited, and no room came.
    pub(crate) fn waited_in_vain(&self) {
        self.in_vain_until.store(millis(boot_time() + IN_VAIN), Ordering::Relaxed);
    }

    fn is_in_vain(&self) -> bool {
        millis(boot_time()) < self.in_vain_until.load(Ordering::Relaxed)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Where chains begin to evict, in bytes.
fn high_watermark(max: u64) -> u64 {
    max - (max / HEADROOM_SHARE).min(HEADROOM_MAX)
}

impl Shared {
    /// Bytes in use above the high watermark; 0 where nothing may go.
    pub(crate) fn excess_bytes(&self) -> u64 {
        let max = self.maxmemory.load(Ordering::Relaxed);
        if max == 0 || self.engine.store().replacement().policy() == Policy::NoEviction {
            return 0;
        }
        self.memory.used_bytes().saturating_sub(high_watermark(max))
    }

    /// Keys of slots whose tail this node is, and which `of` holds, too, that are worth least.
    pub(crate) fn name_victims(&self, of: Incarnation, bytes: u64) -> Vec<Victim> {
        let Some(view) = self.member.view() else { return Vec::new() };
        let [tail, needy] = [self.member.incarnation(), of].map(|wanted| place(&view, wanted));
        let (Some(tail), Some(needy)) = (tail, needy) else { return Vec::new() };
        let among = |slot: HashSlot| {
            let chain = view.chain(slot);
            chain.entries[chain.in_sync - 1].member == tail
                && chain.entries.iter().any(|entry| entry.member == needy)
        };
        let mut namer = self.chain_room.namer.lock().unwrap_or_else(PoisonError::into_inner);
        namer.samples = self.eviction_samples.load(Ordering::Relaxed);
        namer.name(self.engine.store(), bytes, &among)
    }
}

fn place(view: &View, wanted: Incarnation) -> Option<MemberIndex> {
    let at = view.members().iter().position(|member| member.incarnation == wanted)?;
    u16::try_from(at).ok().map(MemberIndex::new)
}

impl Worker {
    /// Makes room, as far as this node can alone, for a write that needs memory in all entries of a slot's chain.
    #[inline]
    pub(crate) fn room_in_chain(&self, slot: HashSlot) -> Room {
        let max = self.shared.maxmemory.load(Ordering::Relaxed);
        let is_within = max == 0 || self.used_bytes() <= max;
        if is_within && !self.shared.member.has_full() {
            return Room::Enough;
        }
        self.search_room(slot, max, is_within)
    }

    #[cold]
    fn search_room(&self, slot: HashSlot, max: u64, is_within: bool) -> Room {
        let shared = &self.shared;
        if is_within && !shared.member.names_full(boot_time(), slot) {
            return Room::Enough;
        }
        if shared.engine.store().replacement().policy() == Policy::NoEviction {
            return Room::None;
        }
        if !is_within {
            if shared.shed_unread(self.counters()) {
                return Room::Later;
            }
            let room = if shared.member.has_own() { self.evict_own(max) } else { Room::None };
            if room != Room::None {
                return room;
            }
        }
        if shared.chain_room.is_in_vain() { Room::None } else { Room::Later }
    }

    /// Evicts from slots that are this node's alone.
    fn evict_own(&self, max: u64) -> Room {
        let Some(view) = self.shared.member.view() else { return Room::None };
        self.evict(max, &|slot| view.chain(slot).entries.len() == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_leaves_a_sixteenth_and_at_most_a_gibibyte() {
        assert_eq!(high_watermark(64 << 20), 60 << 20);
        assert_eq!(high_watermark(1 << 40), (1 << 40) - (1 << 30));
    }
}
