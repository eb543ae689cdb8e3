//! All registers, six bits each, the lowest bits of a byte first.

use super::REGISTERS;

/// The header's encoding byte.
pub(super) const ENCODING: u8 = 0;

const REGISTER_BITS: usize = 6;
const MASK: u8 = (1 << REGISTER_BITS) - 1;

/// Bytes of all registers.
pub(super) const BYTES: usize = REGISTERS * REGISTER_BITS / 8;

/// The first byte of a register and its lowest bit there.
fn place(index: usize) -> (usize, usize) {
    let bit = index * REGISTER_BITS;
    (bit / 8, bit % 8)
}

/// The bytes from `byte` on that a register may touch.
fn window(packed: &[u8], byte: usize) -> u16 {
    u16::from_le_bytes([packed[byte], packed.get(byte + 1).copied().unwrap_or(0)])
}

/// The register `index`.
pub(super) fn get(packed: &[u8], index: usize) -> u8 {
    let (byte, shift) = place(index);
    (window(packed, byte) >> shift) as u8 & MASK
}

/// All registers.
pub(super) fn iter(packed: &[u8]) -> impl Iterator<Item = u8> {
    packed.as_chunks::<3>().0.iter().flat_map(|&[low, middle, high]| {
        let four = u32::from_le_bytes([low, middle, high, 0]);
        [0, 6, 12, 18].map(|shift| (four >> shift) as u8 & MASK)
    })
}

/// One register changed: where, and the one or two bytes that stand there from now on.
pub(super) struct Patch {
    pub(super) offset: usize,
    bytes: [u8; 2],
    len: usize,
}

impl Patch {
    /// The register `index` with another value (0..64).
    pub(super) fn of(packed: &[u8], index: usize, value: u8) -> Self {
        let (byte, shift) = place(index);
        let cleared = window(packed, byte) & !(u16::from(MASK) << shift);
        let bytes = (cleared | u16::from(value) << shift).to_le_bytes();
        Self { offset: byte, bytes, len: if shift + REGISTER_BITS > 8 { 2 } else { 1 } }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Gives the register `index` another value (0..64).
pub(super) fn set(packed: &mut [u8], index: usize, value: u8) {
    let patch = Patch::of(packed, index, value);
    packed[patch.offset..patch.offset + patch.len].copy_from_slice(patch.bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_do_not_touch_each_other() {
        let mut packed = vec![0; BYTES];
        let value = |index: usize| (index * 37 % 64) as u8;
        for round in 0..3 {
            (0..REGISTERS).for_each(|index| set(&mut packed, index, value(index + round)));
            assert!((0..REGISTERS).all(|index| get(&packed, index) == value(index + round)));
            assert!(iter(&packed).eq((0..REGISTERS).map(|index| value(index + round))));
        }
    }
}
