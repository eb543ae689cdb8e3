//! From registers to a number: Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
//! (arXiv:1702.01284), computed in the order in which Redis does it, so that the last digit agrees.

use super::hash::COUNTED_BITS;
use super::{REGISTERS, View, dense, sparse};
use crate::command::CommandError;

/// 0.5 / ln 2.
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many registers have each value.
pub(super) type Histogram = [u32; 64];

/// The histogram of a sketch.
///
/// # Errors
/// That the sketch is corrupt.
pub(super) fn histogram(view: View<'_>) -> Result<Histogram, CommandError> {
    match view {
        View::Dense(packed) => Ok(histogram_of(dense::iter(packed))),
        View::Sparse(runs) => {
            let mut counts = [0; 64];
            sparse::expand(runs, |_, len, value| counts[usize::from(value)] += len as u32)?;
            Ok(counts)
        }
    }
}

/// The histogram of values below 64.
pub(super) fn histogram_of(registers: impl Iterator<Item = u8>) -> Histogram {
    let mut counts = [0; 64];
    registers.for_each(|value| counts[usize::from(value)] += 1);
    counts
}

/// About how many elements gave the registers these values. What no elements can give is `i64::MIN`, as Redis's
/// rounding of infinity.
pub(super) fn cardinality(counts: &Histogram) -> i64 {
    let registers = REGISTERS as f64;
    let highest = COUNTED_BITS as usize + 1;
    let mut z = registers * tau((registers - f64::from(counts[highest])) / registers);
    for value in (1..highest).rev() {
        z += f64::from(counts[value]);
        z *= 0.5;
    }
    z += registers * sigma(f64::from(counts[0]) / registers);
    let estimate = (ALPHA * registers * registers / z).round();
    if estimate < i64::MAX as f64 { estimate as i64 } else { i64::MIN }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_registers_give_a_number() {
        let of = |value: u8| cardinality(&histogram_of(std::iter::repeat_n(value, REGISTERS)));
        assert_eq!(of(0), 0);
        assert_eq!(of(1), 23_637);
        assert!(of(45) > 1 << 58);
        assert_eq!((of(50), of(51), of(63)), (i64::MIN, i64::MIN, i64::MIN));
    }
}
