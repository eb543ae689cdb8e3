//! Numbers of any size in few bytes: seven bits a byte, the lowest first, the last byte below 128.

use super::DecodeError;

/// Bytes of the longest: 64 bits, seven a byte.
const BYTES_MAX: usize = 10;

/// Appends `value`.
#[inline]
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number off the front of `rest`, which must be in the one form that [`put`] gives it.
pub(crate) fn take(rest: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut value = 0;
    for index in 0..BYTES_MAX {
        let (&byte, behind) = rest.split_first().ok_or(DecodeError::Truncated)?;
        *rest = behind;
        let bits = u64::from(byte & 0x7f);
        if index == BYTES_MAX - 1 && bits > 1 {
            return Err(DecodeError::Number);
        }
        value |= bits << (7 * index);
        if byte < 0x80 {
            return if byte == 0 && index > 0 { Err(DecodeError::Number) } else { Ok(value) };
        }
    }
    Err(DecodeError::Number)
}
