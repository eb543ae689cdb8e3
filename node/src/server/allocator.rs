//! How soon freed memory goes back to the system.
//!
//! Left alone, the allocator looks at freed pages only while it is asked for memory: a node that has deleted millions of
//! keys and then rests would keep their pages.

use tikv_jemalloc_ctl::{Access, AsName, background_thread};

/// Freed pages go back after about this long, in milliseconds; what is freed and soon needed again stays.
const DECAY_MILLISECONDS: isize = 1000;

/// The decay of arenas that are there (4096 names all of them) and of those to come.
const DECAYS: [&[u8]; 2] = [b"arena.4096.dirty_decay_ms\0", b"arenas.dirty_decay_ms\0"];

/// Lets a thread of the allocator give freed pages back. With another allocator than jemalloc nothing changes.
pub(super) fn give_back_freed_pages() {
    let decays = DECAYS.iter().map(|name| name.name().write(DECAY_MILLISECONDS));
    let all = decays.chain([background_thread::write(true)]);
    let refused = all.filter_map(Result::err).count();
    if refused > 0 {
        tracing::info!(refused, "the allocator keeps freed memory as long as it likes");
    }
}
