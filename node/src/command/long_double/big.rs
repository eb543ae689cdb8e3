//! Large naturals, with the few operations that reading and printing a decimal needs.

use std::cmp::Ordering;

/// Bits of the result of [`Big::top_bits`] and [`Big::divided`]: a mantissa, a bit to round by and some to spare.
const KEPT_BITS: u32 = 68;

/// Digits that fit into one word.
const CHUNK_DIGITS: u32 = 9;
const CHUNK: u32 = 10u32.pow(CHUNK_DIGITS);

/// A natural number: words of 32 bits, the lowest first, the highest not 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Big(Vec<u32>);

impl From<u128> for Big {
    fn from(value: u128) -> Self {
        let mut big = Self((0..4).map(|word| (value >> (32 * word)) as u32).collect());
        big.trim();
        big
    }
}

impl Big {
    /// The number of ASCII digits.
    pub(super) fn from_decimal(digits: &[u8]) -> Self {
        let mut big = Self(Vec::new());
        for chunk in digits.chunks(CHUNK_DIGITS as usize) {
            let value = chunk.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
            big.multiply_add(10u32.pow(u32::try_from(chunk.len()).unwrap_or(0)), value);
        }
        big
    }

    /// Its decimal digits.
    pub(super) fn to_decimal(&self) -> String {
        let (mut rest, mut chunks) = (self.clone(), Vec::new());
        while !rest.is_zero() {
            chunks.push(rest.divide_small(CHUNK));
        }
        let mut text = chunks.pop().unwrap_or(0).to_string();
        chunks.iter().rev().for_each(|chunk| text.push_str(&format!("{chunk:09}")));
        text
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of bits.
    pub(super) fn bits(&self) -> u32 {
        let full = u32::try_from(self.0.len()).unwrap_or(u32::MAX / 32) * 32;
        full - self.0.last().map_or(0, |word| word.leading_zeros())
    }

    /// This × 10^`exponent`.
    pub(super) fn times_ten_to(mut self, exponent: u32) -> Self {
        (0..exponent / CHUNK_DIGITS).for_each(|_| self.multiply_add(CHUNK, 0));
        self.multiply_add(10u32.pow(exponent % CHUNK_DIGITS), 0);
        self
    }

    /// This × 2^`shift`.
    pub(super) fn shifted_left(&self, shift: u32) -> Self {
        let mut words = vec![0; shift as usize / 32];
        let mut carry = 0;
        for word in &self.0 {
            let wide = u64::from(*word) << (shift % 32) | carry;
            words.push(wide as u32);
            carry = wide >> 32;
        }
        words.push(carry as u32);
        let mut big = Self(words);
        big.trim();
        big
    }

    /// The highest bits, the power of two that they count, and whether lower ones were lost.
    pub(super) fn top_bits(&self) -> (u128, i32, bool) {
        let shift = self.bits().saturating_sub(KEPT_BITS);
        let (top, inexact) = self.shifted_right(shift);
        let words = top.0.iter().rev();
        let bits = words.fold(0, |bits, word| bits << 32 | u128::from(*word));
        (bits, i32::try_from(shift).unwrap_or(i32::MAX), inexact)
    }

    /// This / `divisor`: the highest bits of the quotient, their power of two and whether there is a rest.
    pub(super) fn divided(&self, divisor: &Self) -> (u128, i32, bool) {
        let wanted = divisor.bits() + KEPT_BITS;
        let down = self.bits().saturating_sub(wanted);
        let up = wanted.saturating_sub(self.bits());
        let (rest, lost) = self.shifted_right(down);
        let mut rest = rest.shifted_left(up);
        let mut part = divisor.shifted_left(KEPT_BITS);
        let mut quotient = 0u128;
        for _ in 0..=KEPT_BITS {
            quotient <<= 1;
            if rest.compare(&part) != Ordering::Less {
                rest.subtract(&part);
                quotient |= 1;
            }
            part.halve();
        }
        let shift = i64::from(down) - i64::from(up);
        (quotient, i32::try_from(shift).unwrap_or(i32::MIN), lost || !rest.is_zero())
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for word in &mut self.0 {
            let wide = u64::from(*word) * u64::from(factor) + carry;
            *word = wide as u32;
            carry = wide >> 32;
        }
        self.0.push(carry as u32);
        self.trim();
    }

    /// Divides in place; returns the rest.
    fn divide_small(&mut self, divisor: u32) -> u32 {
        let mut rest = 0;
        for word in self.0.iter_mut().rev() {
            let wide = rest << 32 | u64::from(*word);
            *word = (wide / u64::from(divisor)) as u32;
            rest = wide % u64::from(divisor);
        }
        self.trim();
        rest as u32
    }

    /// This / 2^`shift`, and whether bits were lost.
    fn shifted_right(&self, shift: u32) -> (Self, bool) {
        let (words, bits) = (shift as usize / 32, shift % 32);
        let dropped = self.0.iter().take(words).any(|word| *word != 0);
        let rest = self.0.get(words..).unwrap_or_default();
        let lost = dropped || rest.first().is_some_and(|word| word & ((1 << bits) - 1) != 0);
        let above = rest.iter().skip(1).chain(std::iter::once(&0));
        let join =
            |(word, above): (&u32, &u32)| ((u64::from(*above) << 32 | u64::from(*word)) >> bits) as u32;
        let mut big = Self(rest.iter().zip(above).map(join).collect());
        big.trim();
        (big, lost)
    }

    fn halve(&mut self) {
        let mut above = 0;
        for word in self.0.iter_mut().rev() {
            let bit = *word << 31;
            *word = *word >> 1 | above;
            above = bit;
        }
        self.trim();
    }

    fn compare(&self, other: &Self) -> Ordering {
        let words = || self.0.iter().rev().cmp(other.0.iter().rev());
        self.0.len().cmp(&other.0.len()).then_with(words)
    }

    /// Subtracts `other`, which is not larger.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (at, word) in self.0.iter_mut().enumerate() {
            let (less, first) = word.overflowing_sub(other.0.get(at).copied().unwrap_or(0));
            let (less, second) = less.overflowing_sub(u32::from(borrow));
            (*word, borrow) = (less, first || second);
        }
        self.trim();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_computes_as_a_wide_integer(a in any::<u128>(), b in 1u128.., shift in 0u32..200) {
            let (big, other) = (Big::from(a), Big::from(b));
            prop_assert_eq!(big.to_decimal(), a.to_string());
            prop_assert_eq!(&Big::from_decimal(a.to_string().as_bytes()), &big);
            prop_assert_eq!(&big.shifted_left(shift).shifted_right(shift), &(big.clone(), false));
            prop_assert_eq!(big.compare(&other), a.cmp(&b));
            if a >= b {
                let mut rest = big.clone();
                rest.subtract(&other);
                prop_assert_eq!(rest, Big::from(a - b));
            }
        }

        #[test]
        fn a_quotient_has_the_right_bits(a in 1u64.., b in 1u64..) {
            let (bits, shift, inexact) = Big::from(u128::from(a)).divided(&Big::from(u128::from(b)));
            let whole = (u128::from(a) << 64) / u128::from(b);
            // Both are the quotient, cut off at a bit of their own.
            let places = -shift - 64;
            let same = if places >= 0 { bits >> places == whole } else { bits == whole >> -places };
            prop_assert!(same && (inexact || bits * u128::from(b) != 0));
        }
    }
}
