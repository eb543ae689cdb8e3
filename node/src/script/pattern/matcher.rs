//! Matches one of Lua's patterns by backtracking, as `lstrlib.c` of Lua 5.1 does.

use mlua::Lua;

use crate::script::failure::text;
use crate::script::pace::Pace;

/// Most captures of a pattern.
const CAPTURES_MAX: usize = 32;

/// Deepest nesting of a match; Lua 5.2 allows 200.
const DEPTH_MAX: usize = 1_000;

const ESCAPE: u8 = b'%';

/// How far a capture came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Position,
    Closed(usize),
}

/// What a capture has caught.
pub(super) enum Capture {
    /// A place in the subject, from 0.
    Position(usize),
    /// The bytes between two places.
    Piece(usize, usize),
}

/// A pattern on its subject.
pub(super) struct Matcher<'a> {
    lua: &'a Lua,
    pace: &'a Pace,
    subject: &'a [u8],
    pattern: &'a [u8],
    captures: Vec<(usize, State)>,
    depth: usize,
}

/// What comes after an item.
enum Step {
    /// The rest of the pattern, at a place of the subject and of the pattern.
    On(usize, usize),
    /// The rest has been tried.
    Found(Option<usize>),
}

type Found = mlua::Result<Option<usize>>;

impl<'a> Matcher<'a> {
    pub(super) fn new(lua: &'a Lua, pace: &'a Pace, subject: &'a [u8], pattern: &'a [u8]) -> Self {
        Self { lua, pace, subject, pattern, captures: Vec::new(), depth: 0 }
    }

    /// The first match from `start` on, at `start` only if anchored: where it begins and ends.
    pub(super) fn search(&mut self, start: usize, anchored: bool) -> mlua::Result<Option<(usize, usize)>> {
        for from in start..=self.subject.len() {
            self.captures.clear();
            self.depth = 0;
            if let Some(to) = self.run(from, 0)? {
                return Ok(Some((from, to)));
            }
            if anchored {
                break;
            }
        }
        Ok(None)
    }

    /// The captures of the last match.
    pub(super) fn captures(&self) -> &[impl Sized] {
        &self.captures
    }

    /// The bytes between two places of the subject.
    pub(super) fn piece(&self, (from, to): (usize, usize)) -> &'a [u8] {
        &self.subject[from..to]
    }

    /// What capture `index` (from 0) has caught.
    pub(super) fn capture(&self, index: usize) -> mlua::Result<Capture> {
        match self.captures.get(index) {
            None => Err(text(self.lua, "invalid capture index")),
            Some((_, State::Open)) => Err(text(self.lua, "unfinished capture")),
            Some((from, State::Position)) => Ok(Capture::Position(*from)),
            Some((from, State::Closed(to))) => Ok(Capture::Piece(*from, *to)),
        }
    }

    fn at(&self, place: usize) -> Option<u8> {
        self.pattern.get(place).copied()
    }

    /// Matches the pattern from `at` on at `from`; where that ends.
    fn run(&mut self, from: usize, at: usize) -> Found {
        if self.depth == DEPTH_MAX {
            return Err(text(self.lua, "pattern too complex"));
        }
        self.depth += 1;
        let found = self.items(from, at);
        self.depth -= 1;
        found
    }

    fn items(&mut self, mut from: usize, mut at: usize) -> Found {
        loop {
            self.pace.step(1)?;
            match (self.at(at), self.at(at + 1)) {
                (None, _) => return Ok(Some(from)),
                (Some(b'('), Some(b')')) => return self.open(from, at + 2, State::Position),
                (Some(b'('), _) => return self.open(from, at + 1, State::Open),
                (Some(b')'), _) => return self.close(from, at + 1),
                (Some(b'$'), None) => return Ok((from == self.subject.len()).then_some(from)),
                (Some(ESCAPE), Some(b'b')) => match self.balance(from, at + 2)? {
                    Some(next) => (from, at) = (next, at + 4),
                    None => return Ok(None),
                },
                (Some(ESCAPE), Some(b'f')) => match self.frontier(from, at + 2)? {
                    Some(end) => at = end,
                    None => return Ok(None),
                },
                (Some(ESCAPE), Some(digit @ b'0'..=b'9')) => match self.again(from, digit)? {
                    Some(next) => (from, at) = (next, at + 2),
                    None => return Ok(None),
                },
                _ => match self.item(from, at)? {
                    Step::On(next, after) => (from, at) = (next, after),
                    Step::Found(found) => return Ok(found),
                },
            }
        }
    }

    /// A single item and how often it may come.
    fn item(&mut self, from: usize, at: usize) -> mlua::Result<Step> {
        let end = self.class_end(at)?;
        let fits = self.single(from, at, end);
        Ok(match self.at(end) {
            Some(b'?') => {
                let found = if fits { self.run(from + 1, end + 1)? } else { None };
                if found.is_some() { Step::Found(found) } else { Step::On(from, end + 1) }
            }
            Some(b'*') => Step::Found(self.most(from, at, end)?),
            Some(b'+') => Step::Found(if fits { self.most(from + 1, at, end)? } else { None }),
            Some(b'-') => Step::Found(self.least(from, at, end)?),
            _ if fits => Step::On(from + 1, end),
            _ => Step::Found(None),
        })
    }

    /// The end of the single item at `at`.
    fn class_end(&self, at: usize) -> mlua::Result<usize> {
        match self.at(at) {
            Some(ESCAPE) if self.at(at + 1).is_none() => {
                Err(text(self.lua, "malformed pattern (ends with '%')"))
            }
            Some(ESCAPE) => Ok(at + 2),
            Some(b'[') => {
                let mut place = at + 1 + usize::from(self.at(at + 1) == Some(b'^'));
                loop {
                    let byte = self.at(place);
                    place += 1;
                    match byte {
                        None => return Err(text(self.lua, "malformed pattern (missing ']')")),
                        Some(ESCAPE) if self.at(place).is_some() => place += 1,
                        _ => {}
                    }
                    if self.at(place) == Some(b']') {
                        return Ok(place + 1);
                    }
                }
            }
            _ => Ok(at + 1),
        }
    }

    /// Whether the byte of the subject at `from` fits the item from `at` to `end`.
    fn single(&self, from: usize, at: usize, end: usize) -> bool {
        let Some(&byte) = self.subject.get(from) else { return false };
        match self.pattern[at] {
            b'.' => true,
            ESCAPE => in_class(byte, self.pattern[at + 1]),
            b'[' => self.in_set(byte, at, end - 1),
            other => other == byte,
        }
    }

    /// Whether `byte` is in the set that begins at `at` with `[` and ends at `end` with `]`.
    fn in_set(&self, byte: u8, at: usize, end: usize) -> bool {
        let negated = self.at(at + 1) == Some(b'^');
        let mut place = at + 1 + usize::from(negated);
        while place < end {
            let item = self.pattern[place];
            if item == ESCAPE {
                place += 1;
                if in_class(byte, self.pattern[place]) {
                    return !negated;
                }
            } else if self.at(place + 1) == Some(b'-') && place + 2 < end {
                place += 2;
                if (item..=self.pattern[place]).contains(&byte) {
                    return !negated;
                }
            } else if item == byte {
                return !negated;
            }
            place += 1;
        }
        negated
    }

    fn open(&mut self, from: usize, at: usize, state: State) -> Found {
        if self.captures.len() >= CAPTURES_MAX {
            return Err(text(self.lua, "too many captures"));
        }
        let level = self.captures.len();
        self.captures.push((from, state));
        let found = self.run(from, at)?;
        if found.is_none() {
            self.captures.truncate(level);
        }
        Ok(found)
    }

    fn close(&mut self, from: usize, at: usize) -> Found {
        let open = self.captures.iter().rposition(|(_, state)| *state == State::Open);
        let Some(index) = open else { return Err(text(self.lua, "invalid pattern capture")) };
        self.captures[index].1 = State::Closed(from);
        let found = self.run(from, at)?;
        if found.is_none() {
            self.captures[index].1 = State::Open;
        }
        Ok(found)
    }

    /// `%bxy`: a balanced piece.
    fn balance(&self, from: usize, at: usize) -> Found {
        let (Some(begin), Some(end)) = (self.at(at), self.at(at + 1)) else {
            return Err(text(self.lua, "unbalanced pattern"));
        };
        if self.subject.get(from) != Some(&begin) {
            return Ok(None);
        }
        let mut open = 1;
        for (place, &byte) in self.subject.iter().enumerate().skip(from + 1) {
            self.pace.step(1)?;
            if byte == end {
                open -= 1;
                if open == 0 {
                    return Ok(Some(place + 1));
                }
            } else if byte == begin {
                open += 1;
            }
        }
        Ok(None)
    }

    /// `%f[set]`: the border before the first byte of a set. Returns where the pattern goes on.
    fn frontier(&self, from: usize, at: usize) -> Found {
        if self.at(at) != Some(b'[') {
            return Err(text(self.lua, "missing '[' after '%f' in pattern"));
        }
        let end = self.class_end(at)?;
        let before = if from == 0 { 0 } else { self.subject[from - 1] };
        let after = self.subject.get(from).copied().unwrap_or(0);
        let fits = !self.in_set(before, at, end - 1) && self.in_set(after, at, end - 1);
        Ok(fits.then_some(end))
    }

    /// `%1` to `%9`: what a capture has caught, once more.
    fn again(&self, from: usize, digit: u8) -> Found {
        let index = usize::from(digit).checked_sub(usize::from(b'1'));
        match index.and_then(|index| self.captures.get(index)) {
            Some((begin, State::Closed(end))) => {
                let piece = &self.subject[*begin..*end];
                Ok(self.subject[from..].starts_with(piece).then_some(from + piece.len()))
            }
            // C compares with the length -2 of a position, which is longer than any rest.
            Some((_, State::Position)) => Ok(None),
            Some((_, State::Open)) | None => Err(text(self.lua, "invalid capture index")),
        }
    }

    /// An item as often as possible, then the rest.
    fn most(&mut self, from: usize, at: usize, end: usize) -> Found {
        let mut count = 0;
        while self.single(from + count, at, end) {
            self.pace.step(1)?;
            count += 1;
        }
        loop {
            if let Some(found) = self.run(from + count, end + 1)? {
                return Ok(Some(found));
            }
            if count == 0 {
                return Ok(None);
            }
            count -= 1;
        }
    }

    /// An item as rarely as possible, then the rest.
    fn least(&mut self, mut from: usize, at: usize, end: usize) -> Found {
        loop {
            if let Some(found) = self.run(from, end + 1)? {
                return Ok(Some(found));
            }
            if !self.single(from, at, end) {
                return Ok(None);
            }
            from += 1;
        }
    }
}

/// Whether `byte` is of the class that the letter names; its capital names the opposite.
fn in_class(byte: u8, class: u8) -> bool {
    let fits = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0B,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    fits != class.is_ascii_uppercase()
}
