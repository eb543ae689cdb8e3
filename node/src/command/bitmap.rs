//! Bitmaps: strings seen as bits. Bit 0 is the highest of the first byte, and a string goes on as zeros.

mod bit;
mod combine;
mod field;
mod integer;
mod range;

use super::{CommandError, Handler};

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[
    ("bitcount", Handler::Keys(range::bitcount)),
    ("bitfield", Handler::Keys(field::bitfield)),
    ("bitfield_ro", Handler::Keys(field::bitfield_ro)),
    ("bitop", Handler::Keys(combine::bitop)),
    ("bitpos", Handler::Keys(range::bitpos)),
    ("getbit", Handler::Keys(bit::getbit)),
    ("setbit", Handler::Keys(bit::setbit)),
];

/// An offset that is no integer, is negative or lies beyond the longest string.
const BAD_OFFSET: CommandError = CommandError::text("ERR bit offset is not an integer or out of range");
