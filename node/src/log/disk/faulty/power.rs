//! What a disk holds when power comes back.

use super::{Content, SECTOR_BYTES, State};

/// Random numbers from a seed (SplitMix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `end`, 0 if that is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        let mixed = (mixed ^ mixed >> 31) as usize;
        mixed.checked_rem(end).unwrap_or(0)
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Decides what of the unsynced has come to the disk.
pub(super) fn lose(state: &mut State, seed: u64) {
    let mut dice = Dice(seed);
    for content in &mut state.files {
        *content = survivor(content, &mut dice);
    }
    let mut names = state.durable_names.clone();
    let all = state.names.keys().chain(state.durable_names.keys());
    for name in all.collect::<std::collections::BTreeSet<_>>() {
        let (now, before) = (state.names.get(name), state.durable_names.get(name));
        if now == before || dice.once_in(2) {
            continue;
        }
        match now {
            Some(file) => names.insert(name.clone(), *file),
            None => names.remove(name),
        };
    }
    state.durable_names = names.clone();
    state.names = names;
}

fn survivor(content: &Content, dice: &mut Dice) -> Content {
    let mut bytes = content.durable.clone();
    bytes.resize(length(content, dice), 0);
    // A whole loss and a whole survival are likely, too.
    let (luck, all) = (dice.below(5), 4);
    for sector in content.dirty.union(&content.forsaken) {
        let start = sector * SECTOR_BYTES;
        let end = (start + SECTOR_BYTES).min(bytes.len()).min(content.written.len());
        if start >= end || luck == 0 || (luck != all && dice.once_in(2)) {
            continue;
        }
        let torn = luck != all && dice.once_in(4);
        let end = if torn { start + dice.below(end - start) } else { end };
        bytes[start..end].copy_from_slice(&content.written[start..end]);
    }
    Content::settled(bytes)
}

/// The length that the file is found with: the old one, the new one, or between them.
fn length(content: &Content, dice: &mut Dice) -> usize {
    let (old, new) = (content.durable.len(), content.written.len());
    match dice.below(3) {
        0 => old,
        1 => new,
        _ => old.min(new) + dice.below(old.abs_diff(new) + 1),
    }
}
