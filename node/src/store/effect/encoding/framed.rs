//! Effects one behind the other, each with its length as a varint before it.

use ringmaster_protocol::slot::HashSlot;

use super::{DecodeError, Decoded, decode, encode, varint};
use crate::store::effect::Effect;

/// Appends `effect` and its length.
#[inline]
pub(crate) fn put(out: &mut Vec<u8>, effect: &Effect<'_>) {
    let start = out.len();
    out.push(0);
    encode(effect, out);
    let len = out.len() - start - 1;
    if len < 0x80 {
        out[start] = len as u8;
    } else {
        let mut prefix = Vec::new();
        varint::put(&mut prefix, len as u64);
        out.splice(start..=start, prefix);
    }
}

/// Takes an effect of `slot` off the front of `rest`.
///
/// # Errors
/// [`DecodeError`]. No bytes make this panic.
pub(crate) fn take<'a>(rest: &mut &'a [u8], slot: HashSlot) -> Result<Decoded<'a>, DecodeError> {
    let len = usize::try_from(varint::take(rest)?).map_err(|_| DecodeError::Number)?;
    let (effect, behind) = rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
    *rest = behind;
    decode(effect, slot)
}

/// The key that the first of these effects is about, to ask for its cache lines: nothing is checked but where it ends.
#[inline]
pub(crate) fn first_key(effects: &[u8]) -> Option<&[u8]> {
    let mut rest = effects;
    varint::take(&mut rest).ok()?;
    // Its kind, and its database.
    rest = rest.get(2..)?;
    let len = usize::try_from(varint::take(&mut rest).ok()?).ok()?;
    rest.get(..len)
}
