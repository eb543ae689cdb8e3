//! How soon freed memory goes back to the system, and what the allocator tells of itself.
//!
//! Left alone, the allocator looks at freed pages only while it is asked for memory: a node that has deleted millions of
//! keys and then rests would keep their pages.

use tikv_jemalloc_ctl::{Access, AsName, arenas, background_thread, epoch, stats};

/// Freed pages go back after about this long, in milliseconds; what is freed and soon needed again stays.
const DECAY_MILLISECONDS: isize = 1000;

/// The decay of arenas to come.
const DECAY_OF_NEW: &[u8] = b"arenas.dirty_decay_ms\0";

/// Lets a thread of the allocator give freed pages back. With another allocator than jemalloc nothing changes.
pub(super) fn give_back_freed_pages() {
    let new = DECAY_OF_NEW.name().write(DECAY_MILLISECONDS);
    set_decay(DECAY_MILLISECONDS);
    let refused = [new, background_thread::write(true)].into_iter().filter_map(Result::err).count();
    if refused > 0 {
        tracing::info!(refused, "the allocator keeps freed memory as long as it likes");
    }
}

/// Gives freed pages back now: pages that may lie for no time at all go at once.
pub(super) fn give_back_all() {
    for milliseconds in [0, DECAY_MILLISECONDS] {
        set_decay(milliseconds);
    }
}

/// Sets the decay of the arenas that are there, one by one: unlike other settings of arenas this one does not take the
/// number that stands for all of them, and reads behind the last arena.
fn set_decay(milliseconds: isize) {
    // With another allocator there is none.
    for arena in 0..arenas::narenas::read().unwrap_or(0) {
        let name = format!("arena.{arena}.dirty_decay_ms\0");
        // One that nobody has used yet refuses, and will begin with the decay of new ones.
        let _ = name.as_bytes().name().write(milliseconds);
    }
}

/// What the allocator tells of all its memory, in the words of its own report; `None` if it tells nothing.
pub(super) fn report() -> Option<Vec<u8>> {
    epoch::advance().ok()?;
    let (allocated, active) = (stats::allocated::read().ok()?, stats::active::read().ok()?);
    let (metadata, resident) = (stats::metadata::read().ok()?, stats::resident::read().ok()?);
    let (mapped, retained) = (stats::mapped::read().ok()?, stats::retained::read().ok()?);
    let report = format!(
        "___ Begin jemalloc statistics ___\n\
         Allocated: {allocated}, active: {active}, metadata: {metadata}, resident: {resident}, mapped: {mapped}, \
         retained: {retained}\n\
         --- End jemalloc statistics ---\n"
    );
    Some(report.into_bytes())
}
