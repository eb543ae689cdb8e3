//! More or less to listen to, as it is told to a server.

use bytes::{Bytes, BytesMut};

use crate::{command::Command, error::Error};

/// The three kinds of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Channel,
    Pattern,
    Shard,
}

/// All kinds, in the order of their numbers.
pub(super) const KINDS: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::Shard];

/// Each kind's commands, which are also the first words of their confirmations.
const COMMANDS: [[&str; 2]; 3] =
    [["UNSUBSCRIBE", "SUBSCRIBE"], ["PUNSUBSCRIBE", "PSUBSCRIBE"], ["SUNSUBSCRIBE", "SSUBSCRIBE"]];

/// Names of one kind to be added or removed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) kind: Kind,
    pub(super) adds: bool,
    pub(super) names: Vec<Bytes>,
}

impl Change {
    pub(super) fn add<N: AsRef<[u8]>>(kind: Kind, names: impl IntoIterator<Item = N>) -> Change {
        Change { kind, adds: true, names: owned(names) }
    }

    pub(super) fn remove<N: AsRef<[u8]>>(kind: Kind, names: impl IntoIterator<Item = N>) -> Change {
        Change { kind, adds: false, names: owned(names) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// What the first word of a confirmation confirms; `None` when it is none.
    pub(super) fn confirmed_by(word: &[u8]) -> Option<(Kind, bool)> {
        let find = |adds: bool| {
            let of = |kind: &Kind| word.eq_ignore_ascii_case(command(*kind, adds).as_bytes());
            KINDS.into_iter().find(of).map(|kind| (kind, adds))
        };
        find(true).or_else(|| find(false))
    }

    /// Appends it as it is told to the server.
    ///
    /// # Errors
    /// [`Error::NotSent`]: too many names.
    pub(super) fn encode(&self, out: &mut BytesMut) -> Result<(), Error> {
        Command::of_listener(command(self.kind, self.adds)).args(&self.names).encode(out)
    }

    /// As somebody would type it.
    #[cfg(test)]
    pub(super) fn shown(&self) -> String {
        let names = self.names.iter().map(|name| format!(" {}", String::from_utf8_lossy(name)));
        format!("{}{}", command(self.kind, self.adds), names.collect::<String>())
    }
}

fn command(kind: Kind, adds: bool) -> &'static str {
    COMMANDS[kind as usize][usize::from(adds)]
}

/// Names as they go over the wire.
fn owned<N: AsRef<[u8]>>(names: impl IntoIterator<Item = N>) -> Vec<Bytes> {
    names.into_iter().map(|name| Bytes::copy_from_slice(name.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_says_what_it_confirms() {
        assert_eq!(Change::confirmed_by(b"subscribe"), Some((Kind::Channel, true)));
        assert_eq!(Change::confirmed_by(b"sunsubscribe"), Some((Kind::Shard, false)));
        assert_eq!(Change::confirmed_by(b"invalidate"), None);
    }
}
