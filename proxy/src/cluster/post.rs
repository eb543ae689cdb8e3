//! What proxies tell each other through the acceptors: whom they suspect, and who of them moves slots.
//!
//! ```text
//! form, 1 byte | flags, 1 byte (1: hears a majority, 2: moves slots, 4: tells how far it is, 8: holds a view, 16: is about
//! to found a cluster where there are keys, 32: the same, within moments) | count and suspects: name (length, bytes), boot | how far it is: six numbers of 8 bytes | cluster and epoch of the view
//! ```

use bytes::Bytes;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::view::{Boot, ClusterId, Epoch};

/// The form that is written.
const FORM: u8 = 1;

/// Most suspects that a post names: so many fit into the bytes that a node keeps.
pub const SUSPECTS_MAX: usize = 48;

const HEARS_MAJORITY: u8 = 1;
const MOVES_SLOTS: u8 = 2;
const TELLS_PROGRESS: u8 = 4;
const HOLDS_VIEW: u8 = 8;
const FOUNDS_SOON: u8 = 16;
const FOUNDS_NOW: u8 = 32;

/// How far the proxy that moves slots is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Slots that have not all the copies that are wanted where they are wanted.
    pub slots_to_do: u64,
    /// Slots that no node serves.
    pub slots_lost: u64,
    /// Slots that are being copied.
    pub copies: u64,
    /// Bytes that were copied since the process started.
    pub copied_bytes: u64,
    /// Bytes a second that were copied lately.
    pub bytes_per_second: u64,
    /// Slots a minute that came to where they are wanted lately.
    pub slots_per_minute: u64,
}

impl Progress {
    /// How long what is to do takes at the rate of late, in seconds; `None` where nothing is to do, or nothing is known.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        let is_known = self.slots_to_do > 0 && self.slots_per_minute > 0;
        is_known.then(|| (self.slots_to_do * 60).div_ceil(self.slots_per_minute))
    }

    fn numbers(&self) -> [u64; 6] {
        let Self { slots_to_do, slots_lost, copies, copied_bytes, bytes_per_second, slots_per_minute } =
            *self;
        [slots_to_do, slots_lost, copies, copied_bytes, bytes_per_second, slots_per_minute]
    }

    fn of(numbers: [u64; 6]) -> Self {
        let [slots_to_do, slots_lost, copies, copied_bytes, bytes_per_second, slots_per_minute] = numbers;
        Self { slots_to_do, slots_lost, copies, copied_bytes, bytes_per_second, slots_per_minute }
    }
}

/// What a proxy tells the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// Whether it hears a majority of the acceptors. Without, its suspicions count for nothing.
    pub has_voice: bool,
    /// Whether it moves slots, so that the others leave that to it.
    pub moves_slots: bool,
    /// The nodes, each as one process, that do not answer it; at most [`SUSPECTS_MAX`].
    pub suspects: Vec<(NodeName, Boot)>,
    /// How far it is, of who moves slots.
    pub progress: Option<Progress>,
    /// Cluster and epoch of the view that it holds, if any.
    pub held: Option<(ClusterId, Epoch)>,
    /// Whether it is about to found a cluster of nodes that others still use without one.
    pub founds: Founds,
}

/// How far a proxy is from the first view of nodes that hold keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Founds {
    /// It founds nothing.
    #[default]
    Not,
    /// All that it takes is there: others listen closely from now on.
    Soon,
    /// Within moments: others send nothing by the file.
    Now,
}

impl Founds {
    fn flag(self) -> u8 {
        match self {
            Self::Not => 0,
            Self::Soon => FOUNDS_SOON,
            Self::Now => FOUNDS_NOW,
        }
    }

    fn of_flags(flags: u8) -> Self {
        match (flags & FOUNDS_NOW, flags & FOUNDS_SOON) {
            (0, 0) => Self::Not,
            (0, _) => Self::Soon,
            _ => Self::Now,
        }
    }
}

impl Notice {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let suspects = &self.suspects[..self.suspects.len().min(SUSPECTS_MAX)];
        let flags = flag(self.has_voice, HEARS_MAJORITY)
            | flag(self.moves_slots, MOVES_SLOTS)
            | flag(self.progress.is_some(), TELLS_PROGRESS)
            | flag(self.held.is_some(), HOLDS_VIEW)
            | self.founds.flag();
        let mut out = vec![FORM, flags, suspects.len() as u8];
        for (name, boot) in suspects {
            out.push(name.as_str().len() as u8);
            out.extend_from_slice(name.as_str().as_bytes());
            out.extend_from_slice(&boot.0.to_le_bytes());
        }
        let numbers = self.progress.iter().flat_map(Progress::numbers);
        numbers.for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        if let Some((cluster, epoch)) = self.held {
            out.extend_from_slice(&cluster.0.to_le_bytes());
            out.extend_from_slice(&epoch.0.to_le_bytes());
        }
        out.into()
    }

    /// The notice of these bytes; `None` if they are none of this release.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[form, flags, count], mut rest) = bytes.split_first_chunk()?;
        if form != FORM || usize::from(count) > SUSPECTS_MAX {
            return None;
        }
        let suspects = (0..count).map(|_| suspect(&mut rest)).collect::<Option<Vec<_>>>()?;
        let progress = if flags & TELLS_PROGRESS == 0 { None } else { Some(progress(&mut rest)?) };
        let held = if flags & HOLDS_VIEW == 0 { None } else { Some(held(&mut rest)?) };
        let (has_voice, moves_slots) = (flags & HEARS_MAJORITY != 0, flags & MOVES_SLOTS != 0);
        let founds = Founds::of_flags(flags);
        let notice = Self { has_voice, moves_slots, suspects, progress, held, founds };
        rest.is_empty().then_some(notice)
    }
}

fn progress(rest: &mut &[u8]) -> Option<Progress> {
    let mut numbers = [0; 6];
    for number in &mut numbers {
        let (bytes, behind) = rest.split_first_chunk()?;
        *rest = behind;
        *number = u64::from_le_bytes(*bytes);
    }
    Some(Progress::of(numbers))
}

fn held(rest: &mut &[u8]) -> Option<(ClusterId, Epoch)> {
    let (cluster, behind) = rest.split_first_chunk()?;
    let (epoch, behind) = behind.split_first_chunk()?;
    *rest = behind;
    Some((ClusterId(u128::from_le_bytes(*cluster)), Epoch(u64::from_le_bytes(*epoch))))
}

fn suspect(rest: &mut &[u8]) -> Option<(NodeName, Boot)> {
    let (&len, behind) = rest.split_first()?;
    let (name, behind) = behind.split_at_checked(usize::from(len))?;
    let (boot, behind) = behind.split_first_chunk()?;
    *rest = behind;
    Some((std::str::from_utf8(name).ok()?.parse().ok()?, Boot(u128::from_le_bytes(*boot))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmaster_protocol::heartbeat::POST_BYTES_MAX;

    fn notice(suspects: usize) -> Notice {
        let name = |n| format!("{n:0>63}").parse().unwrap();
        let suspects = (0..suspects).map(|n| (name(n), Boot(n as u128))).collect();
        let progress = Progress::of([1, 2, 3, 4, 5, 6]);
        let held = Some((ClusterId(7), Epoch(9)));
        let founds = Founds::Now;
        Notice { has_voice: true, moves_slots: false, suspects, progress: Some(progress), held, founds }
    }

    #[test]
    fn the_time_left_follows_from_the_rate_of_late() {
        let progress = Progress { slots_to_do: 100, slots_per_minute: 600, ..Progress::default() };
        assert_eq!(progress.seconds_left(), Some(10));
        assert_eq!(Progress { slots_per_minute: 0, ..progress }.seconds_left(), None);
        assert_eq!(Progress { slots_to_do: 0, ..progress }.seconds_left(), None);
    }

    #[test]
    fn a_notice_comes_back_from_its_bytes() {
        let bytes = notice(3).encode();
        assert_eq!(Notice::decode(&bytes), Some(notice(3)));
        (0..bytes.len()).for_each(|cut| assert_eq!(Notice::decode(&bytes[..cut]), None, "cut at {cut}"));
        assert_eq!(Notice::decode(&[&bytes[..], b"x"].concat()), None);
    }

    #[test]
    fn the_longest_notice_fits_into_a_post() {
        let bytes = notice(SUSPECTS_MAX + 5).encode();
        assert!(bytes.len() <= POST_BYTES_MAX, "{}", bytes.len());
        assert_eq!(Notice::decode(&bytes), Some(notice(SUSPECTS_MAX)));
    }
}
