//! Memory of a whole chain: `RM.EVICT`, and writes that wait for room.

use std::time::{Duration, Instant};

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::slot::HashSlot;
use tokio::time::sleep;

use super::{Connection, Terms, Work, number};
use crate::server::room::Room;
use crate::store::key::Key;

/// Longest time that a write waits for room in its chain; longer than a few heartbeats.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(1);

impl Connection {
    /// `RM.EVICT slot database key …`.
    pub(super) async fn evict(&mut self, args: Args<'_>, terms: Terms) -> Option<()> {
        let slot = HashSlot::new(number(&args[1])?)?;
        let named = args.from(2);
        let pairs = (0..named.len() / 2).map(|pair| (&named[2 * pair], &named[2 * pair + 1]));
        let keys: Option<Vec<Key<'_>>> =
            pairs.map(|(database, key)| Some(Key::new(key, database_of(database)?))).collect();
        let keys =
            keys.filter(|keys| named.len().is_multiple_of(2) && keys.iter().all(|key| key.slot == slot))?;
        self.work(slot, &Work::Evict(keys), terms).await;
        Some(())
    }

    /// Waits until every entry of the slot's chain has room for a write; `false` if there will be none.
    pub(super) async fn await_room_in_chain(&mut self, slot: HashSlot) -> bool {
        let mut begun: Option<Instant> = None;
        loop {
            match self.worker.room_in_chain(slot) {
                Room::Enough => return true,
                Room::Made => {
                    self.stale = true;
                    return true;
                }
                Room::None => return false,
                Room::Later => {}
            }
            if begun.get_or_insert_with(Instant::now).elapsed() >= WAIT_MAX {
                self.worker.shared.chain_room.waited_in_vain();
                return false;
            }
            let began = self.begin_wait();
            sleep(PAUSE).await;
            self.stale = true;
            self.end_wait(began);
        }
    }
}

fn database_of(text: &[u8]) -> Option<u8> {
    number(text).filter(|database| *database < crate::store::census::DATABASES)
}
