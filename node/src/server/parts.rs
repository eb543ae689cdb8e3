//! The parts of the memory in use, as `INFO memory` tells them. The account counts all of it exactly; a part is counted
//! where it lies, when somebody asks.

use std::sync::atomic::Ordering;

use ringmaster_protocol::session::info::MemoryParts;

use super::shared::Shared;
use crate::script::desk;

/// What a key takes that is remembered for clients: its bytes, its place in a table, and room in the table.
const TRACKED_KEY_BYTES: u64 = 96;

/// What a client takes that has read such a key.
const TRACKED_ITEM_BYTES: u64 = 8;

impl Shared {
    /// What is allocated beside keys and values. Looks at all slots; one that is held for long is left out.
    pub(crate) fn memory_parts(&self) -> MemoryParts {
        let (store, tracking) = (self.engine.store(), self.engine.tracking());
        let (keys, items) = (tracking.keys.load(Ordering::Relaxed), tracking.items.load(Ordering::Relaxed));
        MemoryParts {
            clients: self.clients.buffer_bytes() as u64,
            tables: store.table_bytes() as u64,
            eviction: store.replacement().kept_bytes() as u64,
            tracking: keys as u64 * TRACKED_KEY_BYTES + items as u64 * TRACKED_ITEM_BYTES,
            machines: desk::machine_bytes() as u64,
            scripts: self.scripts.text_bytes() as u64,
            log: 0,
        }
    }
}
