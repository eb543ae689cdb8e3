//! What 17 bits of an entry's header say of its use.
//!
//! ```text
//! recency    | seconds of the clock, 17 bits: a day and a half                       |
//! frequency  | minutes of the clock, 9 bits  | Redis's logarithmic counter, 8 bits   |
//! queues     | fresh, 1 bit | uses, 4 bits  | tick of the last use, 12 bits          |
//! ```
//! Which of them holds is the policy's choice; when that changes at runtime, the records mean nothing until the
//! keys are used again, as in Redis. The ticks of the queues are accesses: 32 ticks pass while the store is asked as
//! often as it has keys. A use is counted once a tick, and counts are halved at every 320th, both when the key is next
//! used or looked at.

use std::cell::Cell;

const TICK_BITS: u32 = 12;
const TICK_MASK: u32 = (1 << TICK_BITS) - 1;
/// Ticks that a record tells apart.
pub(super) const TICKS: u32 = 1 << TICK_BITS;
const USES_MAX: u32 = 15;
const FRESH_BIT: u32 = 1 << 16;
/// Counts are halved every so many ticks.
const HALVING_TICKS: u32 = 320;

const RECORD_MASK: u32 = (1 << 17) - 1;
const MINUTES_MASK: u32 = (1 << 9) - 1;
/// Redis's count of a new key, so that it lives long enough to be counted.
const COUNTER_INITIAL: u32 = 5;
const COUNTER_MAX: u32 = 255;

const TIME_BITS: u32 = 24;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// How records are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Family {
    /// When the key was used last.
    Recency,
    /// How often, roughly.
    Frequency,
    /// Both, coarsely, and whether it is in the queue of new keys.
    Queues,
}

/// How an access is noted at this time: one word, read once an operation.
///
/// `| lfu decay minutes, 16 bits | lfu log factor, 16 | family, 8 | time, 24: seconds or ticks |`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touch(u64);

impl Touch {
    /// An access that is not noted.
    pub(crate) const NONE: Self = Self(u64::MAX);

    #[inline]
    pub(super) fn of(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) fn bits(self) -> u64 {
        self.0
    }

    pub(super) fn with_family(self, family: Family) -> Self {
        Self(self.0 & !(0xff << TIME_BITS) | (family as u64) << TIME_BITS)
    }

    pub(super) fn with_lfu(self, log_factor: u16, decay_minutes: u16) -> Self {
        Self(self.0 & 0xffff_ffff | u64::from(log_factor) << 32 | u64::from(decay_minutes) << 48)
    }

    pub(super) fn lfu(self) -> (u16, u16) {
        ((self.0 >> 32) as u16, (self.0 >> 48) as u16)
    }

    pub(super) fn at(self, time: u64) -> Self {
        Self(self.0 & !TIME_MASK | time & TIME_MASK)
    }

    pub(super) fn later(self, ticks: u64) -> Self {
        self.at(u64::from(self.time()) + ticks)
    }

    #[inline]
    pub(crate) fn family(self) -> Family {
        match (self.0 >> TIME_BITS) as u8 {
            0 => Family::Recency,
            1 => Family::Frequency,
            _ => Family::Queues,
        }
    }

    #[inline]
    fn time(self) -> u32 {
        (self.0 & TIME_MASK) as u32
    }

    /// The record of a key that comes now, `uses` of it being known from before.
    pub(super) fn birth(self, uses: u8) -> u32 {
        match self.family() {
            Family::Recency => self.seconds(),
            Family::Frequency => self.minutes() << 8 | COUNTER_INITIAL,
            Family::Queues => {
                self.time() & TICK_MASK | u32::from(uses).min(USES_MAX) << TICK_BITS | FRESH_BIT
            }
        }
    }

    /// The record after a use; `None` if that changes nothing.
    #[inline]
    pub(crate) fn used(self, record: u32) -> Option<u32> {
        match self.family() {
            _ if self == Self::NONE => None,
            Family::Queues if record & TICK_MASK == self.time() & TICK_MASK => None,
            Family::Queues => {
                let uses = (self.uses(record) + 1).min(USES_MAX);
                Some(record & FRESH_BIT | uses << TICK_BITS | self.time() & TICK_MASK)
            }
            Family::Recency => (record != self.seconds()).then_some(self.seconds()),
            Family::Frequency => Some(self.minutes() << 8 | self.counted(self.counter(record))),
        }
    }

    /// The tick that it is; of the queues.
    pub(super) fn tick(self) -> u32 {
        self.time() & TICK_MASK
    }

    /// The tick of the last use; of the queues.
    pub(super) fn tick_of(record: u32) -> u32 {
        record & TICK_MASK
    }

    /// Ticks since the last use; of the queues.
    pub(super) fn age(self, record: u32) -> u32 {
        self.time().wrapping_sub(record) & TICK_MASK
    }

    /// Uses, halved for the time since the last; of the queues.
    #[inline]
    pub(super) fn uses(self, record: u32) -> u32 {
        let used_at = self.time().saturating_sub(self.age(record));
        let halvings = self.time() / HALVING_TICKS - used_at / HALVING_TICKS;
        (record >> TICK_BITS & USES_MAX) >> halvings.min(8)
    }

    /// Whether the key is in the queue of new keys; of the queues.
    pub(super) fn is_fresh(record: u32) -> bool {
        record & FRESH_BIT != 0
    }

    /// The record of a key that has left the queue of new keys.
    pub(super) fn seasoned(record: u32) -> u32 {
        record & !FRESH_BIT
    }

    /// The clock in seconds; never 0, which is a record that was never set.
    #[inline]
    fn seconds(self) -> u32 {
        (self.time() & RECORD_MASK).max(1)
    }

    fn minutes(self) -> u32 {
        (self.time() / 60) & MINUTES_MASK
    }

    /// Seconds since the last use, 0 where that is not kept; of the queues see `Replacement::idle_seconds`.
    pub(crate) fn idle(self, record: u32) -> u64 {
        match self.family() {
            Family::Recency if record != 0 => u64::from(self.seconds().wrapping_sub(record) & RECORD_MASK),
            _ => 0,
        }
    }

    /// Redis's counter, decayed; of the frequencies.
    pub(crate) fn counter(self, record: u32) -> u32 {
        let passed = self.minutes().wrapping_sub(record >> 8) & MINUTES_MASK;
        let decay = (self.0 >> 48) as u32;
        (record & 0xff).saturating_sub(passed.checked_div(decay).unwrap_or(0))
    }

    /// The counter after a use: the larger it is, the less likely it grows.
    fn counted(self, counter: u32) -> u32 {
        let factor = (self.0 >> 32 & 0xffff) as u32;
        let against = counter.saturating_sub(COUNTER_INITIAL) * factor + 1;
        let grows = counter < COUNTER_MAX && chance().is_multiple_of(against);
        counter + u32::from(grows)
    }
}

/// A random number. Not of a command's: what it decides is in no effect.
fn chance() -> u32 {
    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0x9E37_79B9_7F4A_7C15) };
    }
    let next = STATE.get().wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
    STATE.set(next);
    (next >> 33) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queues(tick: u64) -> Touch {
        Touch::default().with_family(Family::Queues).at(tick)
    }

    #[test]
    fn a_use_is_counted_once_a_tick_and_halved_later() {
        let record = queues(7).birth(0);
        assert_eq!(queues(7).used(record), None);
        let record = queues(8).used(record).and_then(|record| queues(9).used(record)).unwrap();
        assert_eq!((queues(9).uses(record), queues(320).uses(record), queues(640).uses(record)), (2, 1, 0));
        assert!(Touch::is_fresh(record) && !Touch::is_fresh(Touch::seasoned(record)));
    }

    #[test]
    fn ticks_may_wrap() {
        let record = queues(4094).birth(3);
        assert_eq!((queues(4100).age(record), queues(4100).uses(record)), (6, 3));
    }

    #[test]
    fn idle_seconds_are_those_since_the_last_use() {
        let record = Touch::default().at(1000).birth(0);
        assert_eq!(Touch::default().at(1090).idle(record), 90);
        let record = Touch::default().at(1080).used(record).unwrap();
        assert_eq!(Touch::default().at(1090).idle(record), 10);
    }

    #[test]
    fn a_counter_grows_slowly_and_decays_by_the_minute() {
        let lfu = |seconds| Touch::default().with_family(Family::Frequency).with_lfu(10, 1).at(seconds);
        let mut record = lfu(60).birth(0);
        for _ in 0..1000 {
            record = lfu(60).used(record).unwrap();
        }
        let counter = lfu(60).counter(record);
        assert!((10..40).contains(&counter), "{counter}");
        assert_eq!(lfu(60 * 4).counter(record), counter - 3);
    }
}
