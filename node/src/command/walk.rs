//! Commands on all keys: they walk over the slots, a few hundred in a turn, and hold one slot at a time.
//!
//! So none of them sees or changes all keys at one instant, as it does in Redis: a key that comes or goes while
//! the walk is under way may be counted, listed, cleared, or not. `SWAPDB` alone holds all slots at once.

mod change;
mod keys;
mod random;
mod scan;
mod size;
mod slot;

use super::Handler;

/// The family's commands.
pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("cluster|countkeysinslot", Handler::Walk(slot::count)),
    ("cluster|getkeysinslot", Handler::Walk(slot::keys)),
    ("dbsize", Handler::Walk(size::dbsize)),
    ("flushall", Handler::Walk(change::flushall)),
    ("flushdb", Handler::Walk(change::flushdb)),
    ("keys", Handler::Walk(keys::keys)),
    ("randomkey", Handler::Walk(random::randomkey)),
    ("scan", Handler::Walk(scan::scan)),
    ("swapdb", Handler::Walk(change::swapdb)),
];
