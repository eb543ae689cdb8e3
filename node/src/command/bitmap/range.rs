//! `BITCOUNT`, `BITPOS`: the bits of a string, or of a part of it that is given in bytes or in bits.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;

/// Bits from the first to the last, that one included; `None` are no bits.
type Bits = Option<(usize, usize)>;

/// Whether `word` says bits (`BIT`) and not bytes (`BYTE`).
fn in_bits(word: &[u8]) -> Result<bool, CommandError> {
    match word {
        _ if is(word, "BIT") => Ok(true),
        _ if is(word, "BYTE") => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}

/// The bits from `start` to `end` of a string of `len` bytes; negative numbers count from the end.
fn bits_of(len: usize, (start, end): (i64, i64), in_bits: bool) -> Bits {
    let unit_bits = if in_bits { 1 } else { 8 };
    let total = i64::try_from(len * 8 / unit_bits).unwrap_or(i64::MAX);
    let from_end = |index: i64| if index < 0 { index.saturating_add(total).max(0) } else { index };
    let (start, end) = (from_end(start), from_end(end).min(total - 1));
    match (usize::try_from(start), usize::try_from(end)) {
        (Ok(start), Ok(end)) if start <= end => Some((start * unit_bits, (end + 1) * unit_bits - 1)),
        _ => None,
    }
}

/// `BITCOUNT key [start end [BYTE|BIT]]`.
pub(super) fn bitcount(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let Some(value) = keyspace.string(keyspace.key())? else {
        reply.int(0);
        return Ok(());
    };
    let bits = match args.len() {
        2 => bits_of(value.len(), (0, -1), false),
        4 | 5 => {
            let (start, end) = (integer(args, 2)?, integer(args, 3)?);
            if start < 0 && end < 0 && start > end {
                // As in Redis, without a look at the unit.
                reply.int(0);
                return Ok(());
            }
            bits_of(value.len(), (start, end), args.get(4).map_or(Ok(false), in_bits)?)
        }
        _ => return Err(CommandError::Syntax),
    };
    reply.count(bits.map_or(0, |bits| count(value, bits)));
    Ok(())
}

/// Set bits of `value` from `first` to `last`.
fn count(value: &[u8], (first, last): (usize, usize)) -> usize {
    let ones = |byte: u8| byte.count_ones() as usize;
    let whole = &value[first >> 3..=last >> 3];
    let (before, after) = (value[first >> 3] & !from(first), value[last >> 3] & !up_to(last));
    let (words, rest) = whole.as_chunks::<8>();
    let in_words = words.iter().map(|word| u64::from_ne_bytes(*word).count_ones() as usize).sum::<usize>();
    in_words + rest.iter().map(|byte| ones(*byte)).sum::<usize>() - ones(before) - ones(after)
}

/// The bits of a byte from that of `offset` on.
fn from(offset: usize) -> u8 {
    0xff >> (offset & 7)
}

/// The bits of a byte up to that of `offset`.
fn up_to(offset: usize) -> u8 {
    !(0x7f >> (offset & 7))
}

/// `BITPOS key bit [start [end [BYTE|BIT]]]`: behind a string without an end that is asked for, there are zeros.
pub(super) fn bitpos(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let bit = match integer(args, 2)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::text("ERR The bit argument must be 1 or 0.")),
    };
    let Some(value) = keyspace.string(keyspace.key())? else {
        reply.int(if bit { -1 } else { 0 });
        return Ok(());
    };
    if args.len() > 6 {
        return Err(CommandError::Syntax);
    }
    let start = if args.len() > 3 { integer(args, 3)? } else { 0 };
    let in_bits = args.get(5).map_or(Ok(false), in_bits)?;
    let end = if args.len() > 4 { integer(args, 4)? } else { -1 };
    let bits = bits_of(value.len(), (start, end), in_bits);
    let beyond = (!bit && args.len() <= 4).then_some(value.len() * 8);
    match bits.and_then(|bits| find(value, bit, bits).or(beyond)) {
        Some(position) => reply.count(position),
        None => reply.int(-1),
    }
    Ok(())
}

/// The first bit of `value` from `first` to `last` that is `bit`.
fn find(value: &[u8], bit: bool, (first, last): (usize, usize)) -> Option<usize> {
    let passed = if bit { 0x00 } else { 0xff };
    // Wanted bits are ones in what this gives.
    let wanted = |at: usize| {
        let mask_first = if at == first >> 3 { from(first) } else { 0xff };
        let mask_last = if at == last >> 3 { up_to(last) } else { 0xff };
        (value[at] ^ passed) & mask_first & mask_last
    };
    let position = |at: usize| (wanted(at) != 0).then(|| at * 8 + wanted(at).leading_zeros() as usize);
    let start = first >> 3;
    if let Some(found) = position(start) {
        return Some(found);
    }
    let rest = value.get(start + 1..=last >> 3)?;
    let (words, _) = rest.as_chunks::<8>();
    let skipped = words.iter().take_while(|word| **word == [passed; 8]).count() * 8;
    let bytes = rest[skipped..].iter().position(|byte| *byte != passed)?;
    position(start + 1 + skipped + bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bit(value: &[u8], at: usize) -> bool {
        value[at / 8] & 0x80 >> (at % 8) != 0
    }

    proptest! {
        #[test]
        fn bits_are_counted_and_found_as_one_by_one(
            value in proptest::collection::vec(prop_oneof![Just(0), Just(0xff), any::<u8>()], 1..40),
            ends in any::<(prop::sample::Index, prop::sample::Index)>(),
            wanted: bool,
        ) {
            let ends = [ends.0, ends.1].map(|end| end.index(value.len() * 8));
            let (first, last) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
            let ones = (first..=last).filter(|at| bit(&value, *at)).count();
            prop_assert_eq!(count(&value, (first, last)), ones);
            let found = (first..=last).find(|at| bit(&value, *at) == wanted);
            prop_assert_eq!(find(&value, wanted, (first, last)), found);
        }
    }
}
