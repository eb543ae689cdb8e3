//! Random choices of a generator, from a seed.

/// SplitMix64.
#[derive(Debug)]
pub(crate) struct Random(u64);

/// Integers that break careless arithmetic, and texts that are no integers.
const INTEGERS: [&str; 24] = [
    "0",
    "1",
    "-1",
    "2",
    "-2",
    "3",
    "10",
    "-10",
    "100",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999",
    "+1",
    "01",
    "-0",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "",
    "abc",
];

/// Doubles of all sizes, and texts that are none.
const DOUBLES: [&str; 30] = [
    "0", "1", "-1", "1.5", "-1.5", "0.1", "0.2", "3", "10", "100", "1e3", "1E-3", "5e-324", "1e308", "1e-10",
    "3.14159", "-0", "+2", ".5", "5.", "1e400", "inf", "-inf", "+inf", "nan", "abc", "", " 1", "1 ", "1x",
];

/// Texts of one to a few bytes, some empty, some binary.
const TEXTS: [&[u8]; 12] =
    [b"", b"a", b"b", b"c", b"abc", b"hello", b"foobar", b"\0", b"\r\n", b"\xff\xfe", b"A", b"10"];

#[allow(dead_code, reason = "each family takes what it needs")]
impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.bits() % limit as u64).unwrap()
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// `prefix` and one of `count` numbers: a key, a member, a field.
    pub(crate) fn name(&mut self, prefix: &str, count: usize) -> Vec<u8> {
        format!("{prefix}{}", self.below(count)).into_bytes()
    }

    /// A small integer (-20 to 20), or once in four a strange or a broken one.
    pub(crate) fn integer(&mut self) -> Vec<u8> {
        if self.once_in(4) {
            return self.pick(&INTEGERS).as_bytes().to_vec();
        }
        let small = i64::try_from(self.below(41)).unwrap() - 20;
        small.to_string().into_bytes()
    }

    /// A double as text, perhaps strange or broken.
    pub(crate) fn double(&mut self) -> Vec<u8> {
        self.pick(&DOUBLES).as_bytes().to_vec()
    }

    /// A value: short, perhaps empty, binary or a number.
    pub(crate) fn text(&mut self) -> Vec<u8> {
        match self.below(4) {
            0 => self.integer(),
            _ => self.pick(&TEXTS).to_vec(),
        }
    }

    /// `word` in lower case, in upper case or mixed.
    pub(crate) fn cased(&mut self, word: &str) -> Vec<u8> {
        let mut word = word.as_bytes().to_vec();
        match self.below(4) {
            0 => word.make_ascii_lowercase(),
            1 => word.iter_mut().step_by(2).for_each(u8::make_ascii_lowercase),
            _ => {}
        }
        word
    }

    /// Breaks a command once in twenty: a word too many, one too few, or one replaced. Not `SELECT`, of which the
    /// node's side knows the right form only.
    pub(crate) fn spoil(&mut self, words: &mut super::Words) {
        if !self.once_in(20) || words[0] == b"SELECT" {
            return;
        }
        let at = 1 + self.below(words.len());
        match self.below(3) {
            0 => words.insert(at, self.text()),
            1 if at < words.len() => drop(words.remove(at)),
            _ if at < words.len() => words[at] = self.text(),
            _ => {}
        }
    }
}
