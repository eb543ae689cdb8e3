//! Random commands out of the command table's own grammar: whatever the table says that a command takes, right or
//! a little wrong. A command that is added to the table is tested without a line here.

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use ringmaster_protocol::command::introspect::arguments::{Argument, parse};
use ringmaster_protocol::command::{Spec, Split};
use ringmaster_protocol::slot::HashSlot;

/// Words of a command, the name first.
pub type Words = Vec<Vec<u8>>;

const TAGGED: [&str; 6] = ["{t}a", "{t}b", "{t}c", "{t}d", "{t}e", "{t}none"];
const LOOSE: [&str; 8] = ["one", "two", "three", "four", "five", "six", "seven", "none"];
const STRINGS: [&[u8]; 12] =
    [b"", b"a", b"b", b"c", b"d", b"10", b"-7", b"3.5", b"hello world", b"\x00\xff\r\n", b"A", b"[a"];
const INTEGERS: [&str; 14] =
    ["0", "1", "2", "3", "-1", "-2", "4", "5", "10", "100", "9223372036854775807", "+1", "abc", ""];
const DOUBLES: [&str; 16] =
    ["0", "1", "2", "-1", "1.5", "3.25", "-inf", "+inf", "inf", "(1", "(2.5", "1e3", "abc", "nan", "-0", "7"];
const BOUNDS: [&str; 8] = ["-", "+", "[a", "(a", "[c", "(d", "[", "x"];
const PATTERNS: [&str; 6] = ["*", "a*", "?", "[a-c]", "{t}*", "nothing"];
/// Far enough away that no key expires while a test runs, or gone at once, or wrong.
const SECONDS: [&str; 8] = ["100000", "200000", "300000", "0", "-1", "99999999999999999", "abc", "1e3"];
/// A time to live below this, in milliseconds or seconds, could end within the test.
const SOON_MILLIS: i64 = 100_000;
const MOMENTS: [&str; 4] = ["33177117421000", "0", "-5", "abc"];

/// The slots of the keys of `words`; of wrong arguments there are none.
fn slots(spec: &Spec, words: &Words) -> Vec<HashSlot> {
    let args: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let mut positions: Vec<u32> = Vec::new();
    // Wrong arguments have no keys to be apart.
    let _ = spec.key_positions(&args[..], &mut positions);
    positions.iter().filter_map(|at| args.get(*at as usize)).map(|key| HashSlot::of(key)).collect()
}

/// Whether a command that is not split by key names keys of one slot only.
fn stays_in_one_slot(spec: &Spec, words: &Words) -> bool {
    let mut slots = slots(spec, words).into_iter();
    let first = slots.next();
    matches!(spec.split, Split::PerKey(_)) || slots.all(|slot| Some(slot) == first)
}

/// Whether a key would expire while the test runs: damage can put a small number where the time to live is, and then
/// the replies depend on which of two servers came to the next command first.
fn expires_soon(words: &Words) -> bool {
    let soon = |word: &Vec<u8>| {
        let number = std::str::from_utf8(word).ok().and_then(|text| text.parse::<i64>().ok());
        number.is_some_and(|number| (1..SOON_MILLIS).contains(&number))
    };
    match words[0].to_ascii_lowercase().as_slice() {
        b"expire" | b"pexpire" | b"setex" | b"psetex" | b"restore" => words.get(2).is_some_and(soon),
        b"set" | b"getex" => words.windows(2).any(|pair| {
            let relative = pair[0].eq_ignore_ascii_case(b"ex") || pair[0].eq_ignore_ascii_case(b"px");
            relative && soon(&pair[1])
        }),
        _ => false,
    }
}

/// Draws commands from `specs` by a seed.
pub struct Grammar {
    random: StdRng,
    specs: Vec<&'static Spec>,
}

impl Grammar {
    /// Commands of `specs`, the same for the same seed.
    #[must_use]
    pub fn new(seed: u64, specs: Vec<&'static Spec>) -> Self {
        Self { random: StdRng::seed_from_u64(seed), specs }
    }

    /// The next command; one in ten is broken on purpose. One that must not leave its slot never does, and no key
    /// expires within the test.
    pub fn command(&mut self) -> (&'static Spec, Words) {
        loop {
            let (spec, words) = self.draw();
            if stays_in_one_slot(spec, &words) && !expires_soon(&words) {
                return (spec, words);
            }
        }
    }

    /// The next command whose keys, of which there are some, lie in the slot of [`Grammar::tagged_key`].
    pub fn tagged(&mut self) -> (&'static Spec, Words) {
        let slot = HashSlot::of(TAGGED[0].as_bytes());
        loop {
            let (spec, words) = self.draw();
            let slots = slots(spec, &words);
            if !slots.is_empty() && slots.iter().all(|other| *other == slot) {
                return (spec, words);
            }
        }
    }

    /// A key; all of these share a slot.
    pub fn tagged_key(&mut self) -> Vec<u8> {
        self.pick(&TAGGED)
    }

    /// A string, some of them binary or empty.
    pub fn string(&mut self) -> Vec<u8> {
        STRINGS.choose(&mut self.random).expect("there are strings").to_vec()
    }

    fn draw(&mut self) -> (&'static Spec, Words) {
        let spec = *self.specs.choose(&mut self.random).expect("there are commands to draw from");
        let mut words: Words = spec.name.split('|').map(|word| self.cased(word)).collect();
        let mut counted = None;
        for argument in parse(spec.docs.arguments) {
            self.argument(spec, &argument, &mut counted, &mut words);
        }
        if self.random.random_ratio(1, 10) {
            self.damage(&mut words);
        }
        (spec, words)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.random.random_range(0..bound)
    }

    fn cased(&mut self, word: &str) -> Vec<u8> {
        if self.random.random_ratio(1, 4) { word.to_ascii_uppercase().into() } else { word.into() }
    }

    fn pick(&mut self, words: &[&str]) -> Vec<u8> {
        words.choose(&mut self.random).map_or_else(Vec::new, |word| word.as_bytes().to_vec())
    }

    fn argument(
        &mut self,
        spec: &Spec,
        argument: &Argument<'_>,
        counted: &mut Option<u32>,
        words: &mut Words,
    ) {
        if argument.optional && self.random.random_ratio(2, 3) {
            return;
        }
        let repeats = match (argument.multiple, argument.kind, counted.take()) {
            (true, "key", Some(count)) => count,
            (true, ..) => self.random.random_range(1..4),
            _ => 1,
        };
        for turn in 0..repeats {
            if let (Some(token), true) = (argument.token, turn == 0 || argument.multiple_token) {
                let token = self.cased(token.trim_matches('\''));
                words.push(token);
            }
            self.value(spec, argument, counted, words);
        }
    }

    fn value(&mut self, spec: &Spec, argument: &Argument<'_>, counted: &mut Option<u32>, words: &mut Words) {
        let value = match argument.kind {
            "pure-token" => return,
            "oneof" => {
                let child = argument.children.choose(&mut self.random).expect("a choice has children");
                return self.argument(spec, child, counted, words);
            }
            "block" => {
                let children = argument.children.iter();
                return children.for_each(|child| self.argument(spec, child, counted, words));
            }
            "key" => self.key(spec),
            "integer" if argument.name == "numkeys" => {
                let count = self.random.random_range(1..4);
                *counted = Some(count);
                let wrong = self.random.random_ratio(1, 20);
                if wrong { self.pick(&["0", "-1", "x", "7"]) } else { count.to_string().into() }
            }
            "integer" if argument.name == "cursor" => self.pick(&["0", "0", "0", "abc"]),
            "integer" if matches!(argument.name, "seconds" | "milliseconds") => self.pick(&SECONDS),
            "integer" => self.pick(&INTEGERS),
            "unix-time" => self.pick(&MOMENTS),
            "double" => self.pick(&DOUBLES),
            "pattern" => self.pick(&PATTERNS),
            _ if matches!(argument.name, "min" | "max" | "start" | "stop") => self.bound(),
            _ => self.string(),
        };
        words.push(value);
    }

    /// A bound of a range, by score, by bytes or by rank.
    fn bound(&mut self) -> Vec<u8> {
        let words: &[&str] =
            [&BOUNDS[..], &DOUBLES, &INTEGERS].choose(&mut self.random).copied().unwrap_or(&BOUNDS);
        self.pick(words)
    }

    /// Keys of a command that must not leave its slot have one tag.
    fn key(&mut self, spec: &Spec) -> Vec<u8> {
        let one_slot = !spec.single_key() && !matches!(spec.split, Split::PerKey(_));
        let words: &[&str] = if one_slot || self.random.random() { &TAGGED } else { &LOOSE };
        self.pick(words)
    }

    /// Drops, doubles, swaps or replaces an argument. Keys stay keys of the same slots.
    fn damage(&mut self, words: &mut Words) {
        let at = self.random.random_range(0..words.len());
        match self.random.random_range(0..4) {
            0 if at > 0 => drop(words.remove(at)),
            1 => words.push(words[at].clone()),
            2 if words.len() > 2 => words[2..].shuffle(&mut self.random),
            _ if at > 1 => words[at] = STRINGS.choose(&mut self.random).expect("there are strings").to_vec(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_time_to_live_is_seen_wherever_a_command_takes_one() {
        let soon = |line: &str| expires_soon(&line.split(' ').map(|word| word.as_bytes().to_vec()).collect());
        assert!(soon("PEXPIRE k 10") && soon("set k v px 10") && soon("GETEX k EX 1") && soon("SETEX k 5 v"));
        assert!(!soon("PEXPIRE k 100000") && !soon("SET k 10") && !soon("EXPIRE k -1") && !soon("EXPIRE"));
    }
}
