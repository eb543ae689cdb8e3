//! The pseudo-random numbers of `math.random`: the `lrand48` that Redis brings along, the same on all machines.

/// Numbers drawn are below this.
pub(crate) const LIMIT: u32 = i32::MAX as u32;

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;

/// A generator of 48 bits.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator that begins at `seed`.
    pub(crate) fn new(seed: i32) -> Self {
        Self(u64::from(seed.cast_unsigned()) << 16 | 0x330E)
    }

    /// The next number, of 31 bits.
    pub(crate) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        #[expect(clippy::cast_possible_truncation, reason = "31 bits are left")]
        let drawn = (self.0 >> 17) as u32;
        drawn
    }

    /// A number in 0..1.
    pub(crate) fn fraction(&mut self) -> f64 {
        f64::from(self.next() % LIMIT) / f64::from(LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_lrand48() {
        // The C library's after srand48(0).
        let mut random = Random::new(0);
        assert_eq!([random.next(), random.next(), random.next()], [366_850_414, 1_610_402_240, 206_956_554]);
    }
}
