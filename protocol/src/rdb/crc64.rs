//! The checksum of RDB: CRC-64 with Jones's polynomial, reflected, from 0 and without a final inversion.

/// The polynomial 0xad93d23594c935a9, its bits reversed.
const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;

/// For each of eight bytes that are taken at once, what it adds.
static TABLES: [[u64; 256]; 8] = tables();

const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let (mut sum, mut bit) = (byte as u64, 0);
        while bit < 8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
    }
    let mut at = 1;
    while at < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[at - 1][byte];
            tables[at][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        at += 1;
    }
    tables
}

/// The checksum of what `sum` covers and then `bytes`; begin with 0.
#[must_use]
pub fn update(mut sum: u64, bytes: &[u8]) -> u64 {
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        let mixed = (sum ^ u64::from_le_bytes(*chunk)).to_le_bytes();
        sum = (0..8).fold(0, |sum, at| sum ^ TABLES[7 - at][usize::from(mixed[at])]);
    }
    rest.iter().fold(sum, |sum, byte| sum >> 8 ^ TABLES[0][usize::from(sum.to_le_bytes()[0] ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_redis() {
        assert_eq!(update(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        let text = b"This is a test of the emergency broadcast system.";
        for cut in 0..text.len() {
            assert_eq!(update(update(0, &text[..cut]), &text[cut..]), update(0, text));
        }
    }
}
