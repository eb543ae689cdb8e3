//! Bells that a proxy hangs at keys for which its clients wait: rung once, when one of the keys is changed here.
//!
//! Nothing is promised by a bell but that: what the clients get is decided by the commands that they are tried with again.
//! They hang as long as the connection, the slot's place in this node is not looked at any more.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use ringmaster_protocol::extension::Say;
use ringmaster_protocol::slot::HashSlot;

use super::super::Connection;
use crate::cluster::claims::Seat;
use crate::cluster::replica::Access;
use crate::mail::Recipient;
use crate::server::membership;
use crate::store::key::Key;
use crate::store::observers::Watch;

/// Most bells of one connection. A proxy that has more clients waiting tries them again from time to time.
const BELLS_MAX: usize = 1 << 16;

/// Most keys of one bell: a bell is hung and taken down while its slot is held.
const KEYS_MAX: usize = 1024;

/// The bells of a connection, by number.
#[derive(Default)]
pub(in crate::server::connection) struct Bells(HashMap<u64, Bell>);

struct Bell {
    slot: HashSlot,
    database: u8,
    keys: Vec<Bytes>,
    watch: Arc<Watch>,
}

/// What a bell is to be hung at.
pub(super) struct Hang {
    pub(super) slot: HashSlot,
    pub(super) at_tail: bool,
    pub(super) database: u8,
    pub(super) keys: Vec<Bytes>,
    pub(super) number: u64,
}

impl Connection {
    /// Hangs a bell, in place of the one of the same number.
    pub(super) async fn hang(&mut self, hang: Hang, seat: &Seat) -> Say {
        self.take_down(hang.number).await;
        let Hang { slot, at_tail, database, keys, number } = hang;
        if self.bells.0.len() >= BELLS_MAX || keys.len() > KEYS_MAX {
            return Say::Overloaded;
        }
        if keys.iter().any(|key| HashSlot::of(key) != slot) {
            return Say::Broken(Bytes::from_static(b"a bell at keys of several slots"));
        }
        let access = if at_tail { Access::Read } else { Access::Execute };
        let watch = Arc::new(Watch::with_bell(Arc::clone(&self.handle) as Arc<dyn Recipient>, number));
        let shared = Arc::clone(&self.worker.shared);
        loop {
            let (store, mut late) = (shared.engine.store(), Vec::new());
            let entered =
                membership::with_place(&shared, |place| store.enter(slot, (seat, access), place, &mut late));
            membership::deliver(&shared, late);
            match entered {
                None => self.wait_for_slot(slot).await,
                Some(Err(say)) => return say,
                Some(Ok(mut guard)) => {
                    keys.iter().for_each(|key| guard.watch(Key::new(key, database), &watch));
                    break;
                }
            }
        }
        self.bells.0.insert(number, Bell { slot, database, keys, watch });
        Say::Done
    }

    /// Takes down a bell, if it hangs.
    pub(super) async fn take_down(&mut self, number: u64) {
        let Some(bell) = self.bells.0.remove(&number) else { return };
        let shared = Arc::clone(&self.worker.shared);
        loop {
            if let Some(mut guard) = shared.engine.store().try_lock(bell.slot) {
                let keys = bell.keys.iter().map(|key| Key::new(key, bell.database));
                return keys.for_each(|key| guard.unwatch(key, &bell.watch));
            }
            self.wait_for_slot(bell.slot).await;
        }
    }

    /// Takes all bells down: the connection ends.
    pub(in crate::server::connection) async fn take_down_all(&mut self) {
        let numbers: Vec<u64> = self.bells.0.keys().copied().collect();
        for number in numbers {
            self.take_down(number).await;
        }
    }
}
