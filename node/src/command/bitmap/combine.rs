//! `BITOP AND|OR|XOR|NOT destination source…`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::options::is;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// What is done with the bits of the sources.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

impl Operation {
    fn parse(word: &[u8]) -> Result<Self, CommandError> {
        match word {
            _ if is(word, "AND") => Ok(Self::And),
            _ if is(word, "OR") => Ok(Self::Or),
            _ if is(word, "XOR") => Ok(Self::Xor),
            _ if is(word, "NOT") => Ok(Self::Not),
            _ => Err(CommandError::Syntax),
        }
    }

    /// Combines `source`, which is at most as long and goes on as zeros, into `result`. Equal lengths and no
    /// branch in the loops: the compiler makes vectors of them.
    fn combine(self, result: &mut [u8], source: &[u8]) {
        let (common, rest) = result.split_at_mut(source.len());
        let pairs = common.iter_mut().zip(source);
        match self {
            Self::And => {
                pairs.for_each(|(byte, other)| *byte &= other);
                rest.fill(0);
            }
            Self::Or => pairs.for_each(|(byte, other)| *byte |= other),
            Self::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
            Self::Not => {}
        }
    }
}

/// `BITOP`: answers the length of the longest source, which is that of the result.
pub(super) fn bitop(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let operation = Operation::parse(&args[1])?;
    if operation == Operation::Not && args.len() != 4 {
        return Err(CommandError::text("ERR BITOP NOT must be called with a single source key."));
    }
    let result = computed(keyspace, operation)?;
    let key = keyspace.key();
    if !result.is_empty() {
        keyspace.apply(key.slot, &Effect::SetString { key, value: &result, deadline: None });
        keyspace.notify(Class::String, "set", key);
    } else if keyspace.find(key).is_some() {
        keyspace.apply(key.slot, &Effect::Remove { key });
        keyspace.notify(Class::Generic, "del", key);
    }
    reply.count(result.len());
    Ok(())
}

fn computed(keyspace: &Keyspace<'_, '_>, operation: Operation) -> Result<Vec<u8>, CommandError> {
    let mut len = 0;
    for key in &keyspace.keys()[1..] {
        len = len.max(keyspace.string(*key)?.map_or(0, <[u8]>::len));
    }
    let mut result = Vec::with_capacity(len);
    for (index, key) in keyspace.keys()[1..].iter().enumerate() {
        let source = keyspace.string(*key)?.unwrap_or_default();
        if index == 0 {
            result.extend_from_slice(source);
            result.resize(len, 0);
        } else {
            operation.combine(&mut result, source);
        }
    }
    if operation == Operation::Not {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(result)
}
