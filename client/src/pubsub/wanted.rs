//! What a subscription listens to.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::owned;
use crate::{command::Command, error::Error};

/// The three kinds of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Channel,
    Pattern,
    Shard,
}

/// More or less to listen to.
#[derive(Debug, Clone)]
pub(super) struct Change {
    kind: Kind,
    adds: bool,
    names: Vec<Bytes>,
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

    /// As it is told to the server.
    ///
    /// # Errors
    /// [`Error::NotSent`]: too many names.
    pub(super) fn command(&self) -> Result<bytes::BytesMut, Error> {
        let name = match (self.kind, self.adds) {
            (Kind::Channel, true) => "SUBSCRIBE",
            (Kind::Channel, false) => "UNSUBSCRIBE",
            (Kind::Pattern, true) => "PSUBSCRIBE",
            (Kind::Pattern, false) => "PUNSUBSCRIBE",
            (Kind::Shard, true) => "SSUBSCRIBE",
            (Kind::Shard, false) => "SUNSUBSCRIBE",
        };
        let mut bytes = bytes::BytesMut::new();
        Command::of_listener(name).args(&self.names).encode(&mut bytes)?;
        Ok(bytes)
    }
}

/// All that is listened to, to be asked for again over another connection.
#[derive(Debug, Default)]
pub(super) struct Wanted([BTreeSet<Bytes>; 3]);

impl Wanted {
    /// Takes a change in.
    pub(super) fn note(&mut self, change: &Change) {
        let names = &mut self.0[change.kind as usize];
        for name in &change.names {
            if change.adds {
                names.insert(name.clone());
            } else {
                names.remove(name);
            }
        }
    }

    /// What has to be asked for to have it all.
    pub(super) fn changes(&self) -> impl Iterator<Item = Change> {
        let kinds = [Kind::Channel, Kind::Pattern, Kind::Shard];
        // A shard channel is one slot's: in a cluster each is asked for by itself.
        let all = kinds.into_iter().zip(&self.0).flat_map(|(kind, names)| match kind {
            Kind::Shard => names.iter().map(|name| Change::add(kind, [name])).collect(),
            Kind::Channel | Kind::Pattern => vec![Change::add(kind, names)],
        });
        all.filter(|change| !change.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wanted_is_asked_for_again() {
        let mut wanted = Wanted::default();
        wanted.note(&Change::add(Kind::Channel, ["b", "a", "c"]));
        wanted.note(&Change::remove(Kind::Channel, ["c", "none"]));
        wanted.note(&Change::add(Kind::Shard, ["s", "t"]));
        let commands: Vec<String> = wanted
            .changes()
            .map(|change| String::from_utf8_lossy(&change.command().unwrap()).replace("\r\n", " "))
            .collect();
        let want = ["*3 $9 SUBSCRIBE $1 a $1 b ", "*2 $10 SSUBSCRIBE $1 s ", "*2 $10 SSUBSCRIBE $1 t "];
        assert_eq!(commands, want);
    }
}
