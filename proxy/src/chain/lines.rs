//! The lines of all slots, by slot; and when each is to be looked at.
//!
//! Every command takes its slot's line out and puts it back, so this is an array and no map. An alarm is set anew only
//! where it is earlier than the one that stands: what rings too early is looked at, and sets the next. So a command
//! that goes well sets none.

use std::collections::BTreeSet;
use std::time::Duration;

use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};

use super::line::Line;

/// Empty lines that are kept for their memory.
const SPARE_MAX: usize = 1024;

/// Lines and alarms.
#[derive(Debug)]
pub(super) struct Lines {
    lines: Vec<Option<Box<Line>>>,
    /// How many there are.
    count: usize,
    #[expect(clippy::vec_box, reason = "they are put back in their boxes")]
    spare: Vec<Box<Line>>,
    /// The alarm of each slot, and all alarms in their order.
    alarm_of: Vec<Option<Duration>>,
    alarms: BTreeSet<(Duration, HashSlot)>,
}

impl Lines {
    /// No lines.
    pub(super) fn new() -> Self {
        Self {
            lines: std::iter::repeat_with(|| None).take(SLOT_COUNT).collect(),
            count: 0,
            spare: Vec::new(),
            alarm_of: vec![None; SLOT_COUNT],
            alarms: BTreeSet::new(),
        }
    }

    /// The line of a slot, if anything is under way there.
    pub(super) fn get(&self, slot: HashSlot) -> Option<&Line> {
        self.lines[index(slot)].as_deref()
    }

    /// All of them, by slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (HashSlot, &Line)> {
        HashSlot::all().zip(&self.lines).filter_map(|(slot, line)| Some((slot, line.as_deref()?)))
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes the line of a slot out, an empty one where there is none. It is to be put back.
    pub(super) fn take(&mut self, slot: HashSlot) -> Box<Line> {
        match self.lines[index(slot)].take() {
            Some(line) => {
                self.count -= 1;
                line
            }
            None => self.spare.pop().unwrap_or_default(),
        }
    }

    /// Puts a line back in which something is under way, to be looked at then.
    pub(super) fn put(&mut self, slot: HashSlot, line: Box<Line>, alarm: Option<Duration>) {
        self.lines[index(slot)] = Some(line);
        self.count += 1;
        let old = self.alarm_of[index(slot)];
        let Some(at) = alarm.filter(|at| old.is_none_or(|old| *at < old)) else { return };
        if let Some(old) = old {
            self.alarms.remove(&(old, slot));
        }
        self.alarms.insert((at, slot));
        self.alarm_of[index(slot)] = Some(at);
    }

    /// Puts a line back in which nothing is under way any more.
    pub(super) fn put_spare(&mut self, line: Box<Line>) {
        if self.spare.len() < SPARE_MAX {
            self.spare.push(line);
        }
    }

    /// When the next alarm rings, if anything is under way.
    pub(super) fn next_alarm(&self) -> Option<Duration> {
        self.alarms.first().map(|(at, _)| *at).filter(|_| !self.is_empty())
    }

    /// A slot whose alarm has rung.
    pub(super) fn pop_alarm(&mut self, now: Duration) -> Option<HashSlot> {
        let (_, slot) = self.alarms.first().copied().filter(|(at, _)| *at <= now)?;
        self.alarms.pop_first();
        self.alarm_of[index(slot)] = None;
        Some(slot)
    }
}

fn index(slot: HashSlot) -> usize {
    usize::from(slot.number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_rings_at_the_earliest_wish_and_only_where_a_line_is() {
        let (mut lines, slot) = (Lines::new(), HashSlot::default());
        let [early, late] = [1, 2].map(Duration::from_secs);
        for (wish, expected) in [(late, late), (early, early), (late, early)] {
            let line = lines.take(slot);
            lines.put(slot, line, Some(wish));
            assert_eq!(lines.next_alarm(), Some(expected));
        }
        assert_eq!((lines.pop_alarm(Duration::ZERO), lines.pop_alarm(late)), (None, Some(slot)));
        let line = lines.take(slot);
        lines.put(slot, line, Some(late));
        let line = lines.take(slot);
        lines.put_spare(line);
        assert!(lines.is_empty() && lines.next_alarm().is_none());
    }
}
