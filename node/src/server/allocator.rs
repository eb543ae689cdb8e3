//! How soon freed memory goes back to the system, and what the allocator tells of itself.
//!
//! Left alone, the allocator looks at freed pages only while it is asked for memory: a node that has deleted millions of
//! keys and then rests would keep their pages.

use tikv_jemalloc_ctl::{Access, AsName, arenas, background_thread, epoch, stats};

/// Freed pages go back after about this long, in milliseconds; what is freed and soon needed again stays.
const DECAY_MILLISECONDS: isize = 1000;

/// What the allocator's sums are called among those of the process.
const NAMES: [&str; 6] = [
    "jemalloc_allocated_bytes",
    "jemalloc_active_bytes",
    "jemalloc_metadata_bytes",
    "jemalloc_resident_bytes",
    "jemalloc_mapped_bytes",
    "jemalloc_retained_bytes",
];

/// Whether the allocator was built so that it can say who asked for memory.
const PROFILE: &[u8] = b"config.prof\0";

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

/// All its memory as of now, in bytes: allocated, active, metadata, resident, mapped, retained.
fn sums() -> Option<[usize; 6]> {
    epoch::advance().ok()?;
    let (allocated, active) = (stats::allocated::read().ok()?, stats::active::read().ok()?);
    let (metadata, resident) = (stats::metadata::read().ok()?, stats::resident::read().ok()?);
    let (mapped, retained) = (stats::mapped::read().ok()?, stats::retained::read().ok()?);
    Some([allocated, active, metadata, resident, mapped, retained])
}

/// What the allocator tells of all its memory, by name; `None` if it tells nothing.
pub(super) fn figures() -> Option<Vec<(&'static str, u64)>> {
    Some(NAMES.into_iter().zip(sums()?).map(|(name, bytes)| (name, bytes as u64)).collect())
}

/// Whether the allocator can say who asked for memory.
pub(super) fn has_profile() -> bool {
    PROFILE.name().read().unwrap_or(false)
}

/// The same, in the words of its own report.
pub(super) fn report() -> Option<Vec<u8>> {
    let [allocated, active, metadata, resident, mapped, retained] = sums()?;
    let report = format!(
        "___ Begin jemalloc statistics ___\n\
         Allocated: {allocated}, active: {active}, metadata: {metadata}, resident: {resident}, mapped: {mapped}, \
         retained: {retained}\n\
         --- End jemalloc statistics ---\n"
    );
    Some(report.into_bytes())
}
