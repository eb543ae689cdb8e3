//! Arguments that many commands share.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::{parse_double, parse_integer};
use smallvec::SmallVec;

use super::long_double::LongDouble;
use super::{CommandError, hexadecimal};

/// The arguments from `first` on, of which there is at least one: an effect's elements.
///
/// # Panics
/// If there is none.
#[inline]
#[must_use]
pub fn rest(args: Args<'_>, first: usize) -> SmallVec<[&[u8]; 8]> {
    let mut rest = SmallVec::new();
    // One is what most commands have: it costs no iterator.
    rest.push(args.get(first).expect("a command's arity asks for one"));
    if args.len() > first + 1 {
        rest.extend(args.from(first + 1).iter());
    }
    rest
}

/// The integer at `index`.
///
/// # Errors
/// [`CommandError::NotInteger`], also when the argument is missing.
pub fn integer(args: Args<'_>, index: usize) -> Result<i64, CommandError> {
    args.get(index).and_then(parse_integer).ok_or(CommandError::NotInteger)
}

/// The integer at `index`, which must be at least `least`.
///
/// # Errors
/// `refusal`, whatever is wrong with the argument.
pub fn at_least(
    args: Args<'_>,
    index: usize,
    least: i64,
    refusal: CommandError,
) -> Result<usize, CommandError> {
    let value = args.get(index).and_then(parse_integer).filter(|value| *value >= least).ok_or(refusal)?;
    Ok(usize::try_from(value).unwrap_or(0))
}

/// The integer at `index`, whose magnitude must be an integer too.
///
/// # Errors
/// [`CommandError::NotInteger`], or that it is out of range.
pub fn magnitude(args: Args<'_>, index: usize) -> Result<i64, CommandError> {
    match integer(args, index)? {
        i64::MIN => Err(CommandError::text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        )),
        value => Ok(value),
    }
}

/// The double at `index`, never NaN.
///
/// # Errors
/// [`CommandError::NotFloat`], also when the argument is missing.
pub fn double(args: Args<'_>, index: usize) -> Result<f64, CommandError> {
    args.get(index).and_then(parse_double).ok_or(CommandError::NotFloat)
}

/// How long a blocking command waits, from the seconds at `index`: milliseconds, rounded up, 0 for ever.
///
/// # Errors
/// Not a number as C's `strtold` reads them, negative, or beyond 64 bits of milliseconds (which Redis calls negative,
/// too).
pub fn timeout_millis(args: Args<'_>, index: usize) -> Result<u64, CommandError> {
    const NO_NUMBER: CommandError = CommandError::text("ERR timeout is not a float or out of range");
    const NEGATIVE: CommandError = CommandError::text("ERR timeout is negative");
    let seconds = args.get(index).and_then(seconds).ok_or(NO_NUMBER)?;
    let millis = (seconds * 1000.0).ceil();
    // Beyond 2^63 the conversion of Redis wraps below zero.
    if !(0.0..9_223_372_036_854_775_808.0).contains(&millis) {
        return Err(NEGATIVE);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0..2^63, as checked")]
    Ok(millis as u64)
}

/// A number of seconds; one that only a `long double` can have is told by the double next to it that is not zero.
fn seconds(text: &[u8]) -> Option<f64> {
    parse_double(text).or_else(|| hexadecimal::parse(text)).or_else(|| {
        LongDouble::parse(text)?;
        let nearest: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        Some(if nearest == 0.0 { f64::MIN_POSITIVE.copysign(nearest) } else { nearest })
    })
}

/// Whether `argument` is the option `name` (upper case), in any letter case.
#[inline]
#[must_use]
pub fn is(argument: &[u8], name: &str) -> bool {
    argument.eq_ignore_ascii_case(name.as_bytes())
}
