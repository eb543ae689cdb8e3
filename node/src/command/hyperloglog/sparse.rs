//! Registers as runs: for sketches of some hundred elements, in up to 3000 bytes.
//!
//! ```text
//! 00llllll            l + 1 registers are 0
//! 01llllll llllllll   l + 1 registers are 0
//! 1vvvvvll            l + 1 registers are v + 1
//! ```
//! A change rewrites the one run that it concerns and joins runs around it, in the very way of Redis: the same
//! elements in the same order give the same bytes.

use smallvec::SmallVec;

use super::{CORRUPT, HEADER_BYTES, REGISTERS};
use crate::command::CommandError;

/// The header's encoding byte.
pub(super) const ENCODING: u8 = 1;

/// The greatest value of a run.
pub(super) const VALUE_MAX: u8 = 32;

/// Longest sketch with its header (`hll-sparse-max-bytes`).
const BYTES_MAX: usize = 3000;

const ZEROS_MAX: usize = 64;
const VALUES_MAX: usize = 4;
const LONG_BIT: u8 = 0x40;
const VALUE_BIT: u8 = 0x80;

/// Runs that are looked at to be joined after a change.
const JOINS_MAX: usize = 5;

/// Equal registers.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// 0..=32.
    pub(super) value: u8,
    /// Registers, 1..=16384.
    pub(super) len: usize,
    /// Bytes that it takes: 1 or 2.
    pub(super) bytes: usize,
}

impl Run {
    /// The run at `at`, which is within `bytes`. A second byte that is not there is zero.
    pub(super) fn read(bytes: &[u8], at: usize) -> Self {
        let first = bytes[at];
        let low = usize::from(first & 0x3f);
        if first & VALUE_BIT != 0 {
            Self { value: (first >> 2 & 0x1f) + 1, len: usize::from(first & 3) + 1, bytes: 1 }
        } else if first & LONG_BIT != 0 {
            let second = bytes.get(at + 1).copied().unwrap_or(0);
            Self { value: 0, len: (low << 8 | usize::from(second)) + 1, bytes: 2 }
        } else {
            Self { value: 0, len: low + 1, bytes: 1 }
        }
    }
}

/// Appends a run of `len` registers, if that is any: at most 4 of a value, or 16384 zeros.
pub(super) fn push(out: &mut impl Extend<u8>, value: u8, len: usize) {
    if len == 0 {
        return;
    }
    let [low, high, ..] = (len - 1).to_le_bytes();
    if value > 0 {
        out.extend([VALUE_BIT | (value - 1) << 2 | low]);
    } else if len > ZEROS_MAX {
        out.extend([LONG_BIT | high, low]);
    } else {
        out.extend([low]);
    }
}

/// Calls `each` with start, length and value of each run.
///
/// # Errors
/// That the runs do not cover all registers and no more; some of them may have been seen then.
pub(super) fn expand(runs: &[u8], mut each: impl FnMut(usize, usize, u8)) -> Result<(), CommandError> {
    let (mut at, mut index) = (0, 0);
    while at < runs.len() {
        let run = Run::read(runs, at);
        if index + run.len > REGISTERS {
            return Err(CORRUPT);
        }
        each(index, run.len, run.value);
        index += run.len;
        at += run.bytes;
    }
    if index == REGISTERS { Ok(()) } else { Err(CORRUPT) }
}

/// What became of a register that was to be raised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Raised {
    /// It is as high already.
    Already,
    /// It has the value now.
    Now,
    /// Runs cannot say it, or would be too long: the sketch must become dense.
    NoRoom,
}

/// Where a search for a register may begin: the run before the one before the register that was last looked for.
#[derive(Clone, Copy)]
pub(super) struct Cursor {
    at: usize,
    first: usize,
    /// The lowest register that may be looked for from here.
    least: usize,
}

impl Cursor {
    pub(super) const START: Self = Self { at: HEADER_BYTES, first: 0, least: 0 };
}

/// The run of a register.
struct Place {
    at: usize,
    /// The run's first register.
    first: usize,
    run: Run,
    /// Where the run before it stands.
    previous: Option<usize>,
}

impl Place {
    fn find(sketch: &[u8], cursor: &mut Cursor, index: usize) -> Result<Self, CommandError> {
        if index < cursor.least {
            *cursor = Cursor::START;
        }
        let Cursor { mut at, mut first, .. } = *cursor;
        let mut previous: Option<(usize, usize)> = None;
        while at < sketch.len() {
            let run = Run::read(sketch, at);
            if index < first + run.len {
                return Ok(Self { at, first, run, previous: previous.map(|(at, _)| at) });
            }
            if let Some((before, before_first)) = previous {
                *cursor = Cursor { at: before, first: before_first, least: first };
            }
            previous = Some((at, first));
            first += run.len;
            at += run.bytes;
        }
        Err(CORRUPT)
    }

    /// The runs in place of this one when the register `index` has the value `count`.
    fn split(&self, index: usize, count: u8) -> SmallVec<[u8; 5]> {
        let mut runs = SmallVec::new();
        push(&mut runs, self.run.value, index - self.first);
        push(&mut runs, count, 1);
        push(&mut runs, self.run.value, self.first + self.run.len - 1 - index);
        runs
    }
}

/// Raises the register `index` of a sparse sketch to `count` at least.
///
/// # Errors
/// That the runs end before that register.
pub(super) fn raise(
    sketch: &mut Vec<u8>,
    cursor: &mut Cursor,
    index: usize,
    count: u8,
) -> Result<Raised, CommandError> {
    if count > VALUE_MAX {
        return Ok(Raised::NoRoom);
    }
    let place = Place::find(sketch, cursor, index)?;
    if place.run.value >= count {
        return Ok(Raised::Already);
    }
    let runs = place.split(index, count);
    let len = sketch.len() + runs.len() - place.run.bytes;
    if runs.len() > place.run.bytes && len > BYTES_MAX {
        return Ok(Raised::NoRoom);
    }
    let end = (place.at + place.run.bytes).min(sketch.len());
    sketch.splice(place.at..end, runs);
    // Longer only where the last run lacked its second byte; Redis cuts it then.
    sketch.truncate(len);
    join(sketch, place.previous.unwrap_or(HEADER_BYTES));
    Ok(Raised::Now)
}

/// Joins equal values next to each other among a few runs from `at` on.
fn join(sketch: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOINS_MAX {
        if at >= sketch.len() {
            return;
        }
        let run = Run::read(sketch, at);
        let next = (at + 1 < sketch.len()).then(|| Run::read(sketch, at + 1));
        match next {
            Some(next) if run.value > 0 && next.value == run.value && run.len + next.len <= VALUES_MAX => {
                let mut joined = SmallVec::<[u8; 1]>::new();
                push(&mut joined, run.value, run.len + next.len);
                sketch.splice(at..at + 2, joined);
            }
            _ => at += run.bytes,
        }
    }
}
