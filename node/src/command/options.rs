//! Arguments that many commands share.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::{parse_double, parse_integer};

use super::CommandError;

/// The integer at `index`.
///
/// # Errors
/// [`CommandError::NotInteger`], also when the argument is missing.
pub fn integer(args: Args<'_>, index: usize) -> Result<i64, CommandError> {
    args.get(index).and_then(parse_integer).ok_or(CommandError::NotInteger)
}

/// The double at `index`, never NaN.
///
/// # Errors
/// [`CommandError::NotFloat`], also when the argument is missing.
pub fn double(args: Args<'_>, index: usize) -> Result<f64, CommandError> {
    args.get(index).and_then(parse_double).ok_or(CommandError::NotFloat)
}

/// Whether `argument` is the option `name` (upper case), in any letter case.
#[inline]
#[must_use]
pub fn is(argument: &[u8], name: &str) -> bool {
    argument.eq_ignore_ascii_case(name.as_bytes())
}
