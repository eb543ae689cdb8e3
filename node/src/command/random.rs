//! Random choices among the elements of a collection. An effect or a reply then names what was chosen.

use std::collections::HashSet;

use super::CommandError;
use crate::store::value::Text;

/// Most elements that a command with repetition (a negative count) answers. Redis knows no bound; a reply
/// without one could not be kept in memory.
pub const REPEATED_MAX: usize = 1 << 20;

/// Most bytes that these elements have together.
pub const REPEATED_BYTES_MAX: usize = 512 << 20;

/// Up to this size a collection may be packed.
const SMALL_MAX: usize = 512;

/// Random numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "below a usize")]
        let number = ((u128::from(self.number()) * limit as u128) >> 64) as usize;
        number
    }
}

/// A collection that single elements are drawn from.
pub trait Draw<'a> {
    /// An element; told apart from others by its bytes.
    type Element: Copy;

    /// How many elements there are.
    fn size(&self) -> usize;

    /// All of them.
    fn all(&self) -> Vec<Self::Element>;

    /// The one at a place that `random` chooses, `None` if there is none.
    fn draw(&self, random: u64) -> Option<Self::Element>;

    /// What tells an element apart.
    fn name(element: Self::Element) -> Text<'a>;

    /// Bytes of its reply, about.
    fn bytes(element: Self::Element) -> usize {
        Self::name(element).len()
    }
}

/// As many elements as `count` says: different ones in random order if positive, else each drawn from all.
///
/// # Errors
/// What is above [`REPEATED_MAX`] or [`REPEATED_BYTES_MAX`] is out of range.
pub fn choose<'a, D: Draw<'a>>(
    from: &D,
    count: i64,
    random: &mut Random,
) -> Result<Vec<D::Element>, CommandError> {
    const OUT_OF_RANGE: CommandError = CommandError::text("ERR value is out of range");
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count >= 0 {
        return Ok(distinct(from, wanted, random));
    }
    if wanted > REPEATED_MAX {
        return Err(OUT_OF_RANGE);
    }
    // To draw from a packed collection is to walk through it: once is enough.
    let all = if from.size() <= SMALL_MAX && wanted > 1 { from.all() } else { Vec::new() };
    let mut draw = || match all[..] {
        [] => from.draw(random.number()),
        _ => Some(all[random.below(all.len())]),
    };
    let mut bytes = 0;
    let mut drawn = || draw().inspect(|element| bytes += D::bytes(*element));
    let chosen = (0..wanted).map_while(|_| drawn()).collect();
    if bytes > REPEATED_BYTES_MAX { Err(OUT_OF_RANGE) } else { Ok(chosen) }
}

/// `count` different elements in random order; all of them if there are no more.
pub fn distinct<'a, D: Draw<'a>>(from: &D, count: usize, random: &mut Random) -> Vec<D::Element> {
    // Few of many are drawn one by one; for a good part of all, shuffling them is cheaper than drawing in vain.
    if count.saturating_mul(3) > from.size() {
        let mut all = from.all();
        let count = count.min(all.len());
        for at in 0..count {
            let other = at + random.below(all.len() - at);
            all.swap(at, other);
        }
        all.truncate(count);
        return all;
    }
    let (mut chosen, mut names) = (Vec::with_capacity(count), HashSet::with_capacity(count));
    while chosen.len() < count
        && let Some(element) = from.draw(random.number())
    {
        if names.insert(D::name(element)) {
            chosen.push(element);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from 0 on.
    struct Numbers(usize);

    impl Draw<'static> for Numbers {
        type Element = i64;

        fn size(&self) -> usize {
            self.0
        }

        fn all(&self) -> Vec<i64> {
            (0..self.0).map(|n| i64::try_from(n).unwrap()).collect()
        }

        fn draw(&self, random: u64) -> Option<i64> {
            Some(i64::try_from(random % self.0 as u64).unwrap())
        }

        fn name(element: i64) -> Text<'static> {
            Text::number(element)
        }
    }

    #[test]
    fn distinct_choices_are_distinct_and_as_many_as_asked_for() {
        for count in [0, 1, 10, 33, 34, 99, 100, 101, usize::MAX] {
            let chosen = distinct(&Numbers(100), count, &mut Random::new(7));
            let names: HashSet<i64> = chosen.iter().copied().collect();
            assert_eq!((chosen.len(), names.len()), (count.min(100), count.min(100)));
        }
    }

    #[test]
    fn every_element_is_drawn_about_equally_often() {
        for size in [50, 5000] {
            let chosen = choose(&Numbers(size), -500_000, &mut Random::new(1)).unwrap();
            let mut times = vec![0; size];
            chosen.iter().for_each(|n| times[usize::try_from(*n).unwrap()] += 1);
            let expected = 500_000 / size;
            assert!(times.iter().all(|times| (expected / 2..expected * 2).contains(times)), "{times:?}");
        }
    }
}
