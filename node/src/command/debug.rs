//! `DEBUG`: what test suites and tools ask of it.
//!
//! `SLEEP`, `DIGEST`, `POPULATE`, `RELOAD` and `SET-ACTIVE-EXPIRE` are carried out by the connection; what comes here of them is within a
//! transaction, where nothing waits.
//! Redis's knobs that have no counterpart here are accepted and change nothing.

mod digest;
mod populate;
mod reload;
mod sample;

pub(crate) use digest::digest;
pub(crate) use populate::{Population, populate};
pub(crate) use reload::reload;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_double;
use ringmaster_protocol::resp::reply::Reply;

use super::generic::describe;
use super::{CommandError, Handler};
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::Kind;
use crate::waiting::{Attempt, Stage, Wish};

/// The family's commands.
pub(super) const HANDLERS: &[(&str, Handler)] = &[("debug", Handler::Wish(parse))];

/// Longest sleep, in seconds.
const SLEEP_SECONDS_MAX: f64 = 3600.0;

const WITHIN: CommandError = CommandError::text("ERR this form of DEBUG is not allowed within a transaction");

const HELP: [&str; 37] = [
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CHANGE-REPL-ID",
    "    Accepted without effect.",
    "DIGEST",
    "    Output a hex signature representing the current DB content. Not within a",
    "    transaction.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Output a hex signature of the values of all the specified keys.",
    "ERROR <string>",
    "    Return a Redis protocol error with <string> as message. Useful for clients",
    "    unit tests to simulate Redis errors.",
    "OBJECT <key>",
    "    Show low level info about `key` and associated value.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Create <count> string keys named key:<num>, up to 2^30. If <prefix> is",
    "    specified then it is used instead of the 'key' prefix. Values are cut off or",
    "    filled up with zero bytes to <size>. Keys that exist are left as they are.",
    "    Not within a transaction.",
    "PROTOCOL <type>",
    "    Reply with a test value of the specified type. <type> can be: string,",
    "    integer, double, null, array, set, map, attrib, push, verbatim, true, false,",
    "    bignum.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Accepted without effect.",
    "RELOAD",
    "    Take a snapshot, if anything is kept, and make all keys anew from what a",
    "    snapshot tells of them. Not within a transaction.",
    "REPLYBUFFER <PEAK-RESET-TIME|RESIZING> <value>",
    "    Accepted without effect.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Setting it to 0 disables expiring keys in background when they are not",
    "    accessed (otherwise the Redis behavior). Not within a transaction.",
    "SLEEP <seconds>",
    "    Answer after <seconds>, at most an hour. Decimals allowed. Others are served",
    "    meanwhile.",
    "HELP",
    "    Prints this help.",
];

/// What is asked.
enum Debug {
    Nothing,
    Help,
    Error(Vec<u8>),
    Object(Vec<u8>),
    /// Of these keys.
    Digests(Vec<Vec<u8>>),
    /// A sample of this type.
    Sample(Vec<u8>),
    /// In milliseconds.
    Sleep(u64),
}

fn parse(args: Args<'_>) -> Result<Box<dyn Wish>, CommandError> {
    let name = String::from_utf8_lossy(&args[1]).to_ascii_lowercase();
    let wish = match (&*name, args.len()) {
        ("change-repl-id", 2) | ("quicklist-packed-threshold", 3) | ("replybuffer", 4) => Debug::Nothing,
        ("help", 2) => Debug::Help,
        ("error", 3) => Debug::Error(args[2].to_vec()),
        ("object", 3) => Debug::Object(args[2].to_vec()),
        ("digest-value", _) => Debug::Digests(args.from(2).iter().map(<[u8]>::to_vec).collect()),
        ("protocol", 3) => Debug::Sample(args[2].to_vec()),
        ("digest" | "reload", 2) | ("set-active-expire", 3) | ("populate", 3..=5) => return Err(WITHIN),
        ("sleep", 3) => Debug::Sleep(millis(&args[2])?),
        _ => {
            let name = String::from_utf8_lossy(&args[1]).chars().take(128).collect::<String>();
            let before = "ERR unknown subcommand or wrong number of arguments for";
            return Err(CommandError::Other(format!("{before} '{name}'. Try DEBUG HELP.").into()));
        }
    };
    Ok(Box::new(wish))
}

/// Seconds as milliseconds; what is no number counts as 0, as in Redis.
fn millis(seconds: &[u8]) -> Result<u64, CommandError> {
    let seconds = parse_double(seconds).unwrap_or(0.0).max(0.0);
    if seconds > SLEEP_SECONDS_MAX {
        return Err(CommandError::text("ERR DEBUG SLEEP takes at most 3600 seconds"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=3,600,000")]
    Ok((seconds * 1000.0) as u64)
}

impl Wish for Debug {
    fn attempt(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        _: Stage,
        reply: &mut Reply<'_>,
    ) -> Result<Attempt, CommandError> {
        match self {
            Self::Sleep(1..) => return Ok(Attempt::Nothing),
            Self::Nothing | Self::Sleep(0) => reply.ok(),
            Self::Help => {
                reply.array(HELP.len());
                HELP.iter().for_each(|line| reply.simple(line));
            }
            Self::Error(text) => reply.error_bytes(text),
            Self::Sample(name) => sample::write(name, reply)?,
            Self::Digests(keys) => {
                for key in keys {
                    keyspace.reach(Key::new(key, keyspace.database()).slot)?;
                }
                reply.array(keys.len());
                for key in keys {
                    reply.simple(&digest::of_value(keyspace.peek(Key::new(key, keyspace.database()))));
                }
            }
            Self::Object(key) => {
                let key = Key::new(key, keyspace.database());
                keyspace.reach(key.slot)?;
                let entry = keyspace.find(key).ok_or(CommandError::NoSuchKey)?;
                reply.simple(&describe(entry.value()));
            }
        }
        Ok(Attempt::Served)
    }

    fn timeout_millis(&self) -> Option<u64> {
        match self {
            Self::Sleep(millis) => Some(*millis),
            _ => None,
        }
    }

    fn give_up(&self, reply: &mut Reply<'_>) {
        reply.ok();
    }

    fn time_over(&self, reply: &mut Reply<'_>) {
        reply.ok();
    }

    fn kind(&self) -> Kind {
        Kind::String
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::script;

    #[test]
    fn debug_answers_what_suites_ask() {
        script(&[
            ("DEBUG SLEEP 0", r"+OK\r\n"),
            ("DEBUG SLEEP x", r"+OK\r\n"),
            ("DEBUG SLEEP 0.01", r"+OK\r\n"),
            ("DEBUG SLEEP 4000", r"-ERR DEBUG SLEEP takes at most 3600 seconds\r\n"),
            ("DEBUG OBJECT k", r"-ERR no such key\r\n"),
            ("SET k v", r"+OK\r\n"),
            (
                "debug object k",
                r"+Value at:0x0 refcount:1 encoding:embstr serializedlength:2 lru:0 lru_seconds_idle:0\r\n",
            ),
            ("DEBUG ERROR foo", r"-foo\r\n"),
            ("DEBUG QUICKLIST-PACKED-THRESHOLD 100b", r"+OK\r\n"),
            (
                "DEBUG jmap",
                r"-ERR unknown subcommand or wrong number of arguments for 'jmap'. Try DEBUG HELP.\r\n",
            ),
        ]);
    }
}
