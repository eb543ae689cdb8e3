//! Numbers of any size in few bytes: seven bits a byte, the lowest first, the last byte below 128. Each number has one
//! form only.

/// Bytes of the longest: 64 bits, seven a byte.
const BYTES_MAX: usize = 10;

/// Appends `value`.
#[inline]
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number off the front of `rest`; `None`, and nothing taken, if there is none in its one form.
#[inline]
#[must_use]
pub fn take(rest: &mut &[u8]) -> Option<u64> {
    // Most are small.
    if let Some((&byte, behind)) = rest.split_first()
        && byte < 0x80
    {
        *rest = behind;
        return Some(u64::from(byte));
    }
    take_long(rest)
}

fn take_long(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (index, &byte) in rest.iter().take(BYTES_MAX).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == BYTES_MAX - 1 && bits > 1 {
            return None;
        }
        value |= bits << (7 * index);
        if byte < 0x80 {
            if byte == 0 && index > 0 {
                return None;
            }
            *rest = &rest[index + 1..];
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_has_one_form() {
        for bytes in [&b"\x80\x00"[..], b"\x80", b"", &[0xff; 10], &[0x80; 11]] {
            let mut rest = bytes;
            assert_eq!((take(&mut rest), rest), (None, bytes));
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(value: u64, shift in 0u32..64) {
            let mut bytes = Vec::new();
            put(&mut bytes, value >> shift);
            bytes.push(7);
            let mut rest = &bytes[..];
            prop_assert_eq!(take(&mut rest), Some(value >> shift));
            prop_assert_eq!(rest, &[7]);
        }
    }
}
