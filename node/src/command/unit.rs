//! How commands say when a key expires: seconds or milliseconds, from now or since 1970.

use ringmaster_protocol::resp::number::parse_integer;

use crate::command::CommandError;
use crate::command::options::is;

/// How the amount of a deadline is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// `EX`: seconds from now.
    Seconds,
    /// `PX`: milliseconds from now.
    Milliseconds,
    /// `EXAT`: seconds since 1970.
    UnixSeconds,
    /// `PXAT`: milliseconds since 1970.
    UnixMilliseconds,
}

impl Unit {
    /// The unit of an option, in any letter case.
    pub(crate) fn of_option(option: &[u8]) -> Option<Self> {
        match option {
            _ if is(option, "EX") => Some(Self::Seconds),
            _ if is(option, "PX") => Some(Self::Milliseconds),
            _ if is(option, "EXAT") => Some(Self::UnixSeconds),
            _ if is(option, "PXAT") => Some(Self::UnixMilliseconds),
            _ => None,
        }
    }

    /// The deadline that is `amount` of this unit away, in Unix milliseconds; `None` if that is out of range.
    pub(crate) fn milliseconds(self, amount: i64, now: u64) -> Option<i64> {
        let (factor, base) = match self {
            Self::Seconds => (1000, now),
            Self::Milliseconds => (1, now),
            Self::UnixSeconds => (1000, 0),
            Self::UnixMilliseconds => (1, 0),
        };
        amount.checked_mul(factor)?.checked_add_unsigned(base)
    }

    /// The deadline of a command that takes positive amounts only.
    ///
    /// # Errors
    /// [`CommandError::NotInteger`], or `invalid` if the amount is not positive or too large.
    pub(crate) fn deadline(
        self,
        amount: &[u8],
        now: u64,
        invalid: &CommandError,
    ) -> Result<u64, CommandError> {
        let amount = parse_integer(amount).ok_or(CommandError::NotInteger)?;
        let milliseconds = if amount > 0 { self.milliseconds(amount, now) } else { None };
        milliseconds.and_then(|ms| u64::try_from(ms).ok()).ok_or_else(|| invalid.clone())
    }
}
