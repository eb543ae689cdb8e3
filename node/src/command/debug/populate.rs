//! `DEBUG POPULATE count [prefix] [size]`: many keys at once, for those who want to try something with many.
//!
//! Here is what is asked, and what one key is; the connection makes them, each by itself, and lets others have turns.

use std::io::Write;

use ringmaster_protocol::resp::Args;

use crate::command::CommandError;
use crate::command::options::integer;
use crate::store::effect::Effect;
use crate::store::entry::STRING_BYTES_MAX;
use crate::store::keyspace::Keyspace;

/// Most keys of one command.
const KEYS_MAX: u64 = 1 << 30;

const TOO_MANY: CommandError = CommandError::text("ERR DEBUG POPULATE makes at most 1073741824 keys");

/// Keys `prefix:0`, `prefix:1` and so on, with the values `value:0`, `value:1` and so on.
pub(crate) struct Population {
    prefix: Vec<u8>,
    /// Number of keys.
    pub(crate) count: u64,
    /// Bytes of a value: cut off, or filled up with zero bytes. `None`: as many as it has.
    size: Option<usize>,
}

impl Population {
    /// What is asked; the arguments are three to five.
    ///
    /// # Errors
    /// A count or a size that is no number, negative or too large.
    pub(crate) fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let positive = |index| {
            let number = integer(args, index).ok().and_then(|number| u64::try_from(number).ok());
            number.ok_or(CommandError::MustBePositive)
        };
        let count = positive(2)?;
        let size = if args.len() == 5 { usize::try_from(positive(4)?).unwrap_or(usize::MAX) } else { 0 };
        if count > KEYS_MAX {
            return Err(TOO_MANY);
        }
        if size > STRING_BYTES_MAX {
            return Err(CommandError::StringTooLong);
        }
        let prefix = args.get(3).unwrap_or(b"key").to_vec();
        Ok(Self { prefix, count, size: (size > 0).then_some(size) })
    }

    /// Puts the name and the value of key `n` in place of what `key` and `value` hold.
    pub(crate) fn name(&self, n: u64, key: &mut Vec<u8>, value: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(&self.prefix);
        value.clear();
        // Writing to memory does not fail.
        let _ = write!(key, ":{n}");
        let _ = write!(value, "value:{n}");
        if let Some(size) = self.size {
            value.resize(size, 0);
        }
    }
}

/// Makes the key of `keyspace`, if it is not there.
pub(crate) fn populate(keyspace: &mut Keyspace<'_, '_>, value: &[u8]) {
    let key = keyspace.key();
    if keyspace.peek(key).is_none() {
        keyspace.apply(key.slot, &Effect::SetString { key, value, deadline: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmaster_protocol::resp::Span;

    fn parsed(words: &str) -> Result<Population, CommandError> {
        let mut spans = Vec::new();
        let mut from = 0;
        for word in words.split(' ') {
            let len = u32::try_from(word.len()).unwrap();
            spans.push(Span { start: from, len });
            from += len + 1;
        }
        Population::parse(Args::new(words.as_bytes(), &spans))
    }

    #[test]
    fn a_value_is_cut_off_or_filled_up() {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        for (words, expected_key, expected) in [
            ("DEBUG POPULATE 20", "key:12", "value:12"),
            ("DEBUG POPULATE 20 {t}", "{t}:12", "value:12"),
            ("DEBUG POPULATE 20 p 0", "p:12", "value:12"),
            ("DEBUG POPULATE 20 p 3", "p:12", "val"),
            ("DEBUG POPULATE 20 p 10", "p:12", "value:12\0\0"),
        ] {
            parsed(words).unwrap().name(12, &mut key, &mut value);
            assert_eq!((&*key, &*value), (expected_key.as_bytes(), expected.as_bytes()), "{words}");
        }
    }

    #[test]
    fn what_is_no_number_or_too_large_is_refused() {
        for (words, error) in [
            ("DEBUG POPULATE x", CommandError::MustBePositive),
            ("DEBUG POPULATE -1", CommandError::MustBePositive),
            ("DEBUG POPULATE 1073741825", TOO_MANY),
            ("DEBUG POPULATE 1 p -1", CommandError::MustBePositive),
            ("DEBUG POPULATE 1 p x", CommandError::MustBePositive),
            ("DEBUG POPULATE 1 p 536870913", CommandError::StringTooLong),
        ] {
            assert_eq!(parsed(words).err(), Some(error), "{words}");
        }
    }
}
