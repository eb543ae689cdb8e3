//! What a slot of a simulated node holds, and what its disk has of it.

use bytes::Bytes;
use ringmaster_node::cluster::replica::Content;
use ringmaster_protocol::extension::{Contents, History, Operation, Passing};
use ringmaster_protocol::view::{Epoch, Version};

use super::command::{self, State};

/// One record of a node's disk about one slot.
#[derive(Clone, Debug)]
pub enum Record {
    /// An operation was applied.
    Operation(Operation),
    /// The whole content came.
    Contents(Contents),
    /// The slot holds nothing.
    Cleared,
    /// It started empty in this epoch.
    Born(Epoch),
}

/// The content of one slot.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The keys.
    pub state: State,
    /// The version of each operation that made the state, in their order: what a checker compares, beside the keys.
    pub journal: Vec<Version>,
    /// Time of the last operation, in milliseconds.
    pub time: u64,
    /// What the disk is to be told.
    pub unwritten: Vec<Record>,
}

impl Keys {
    fn run(&mut self, operation: &Operation) -> Result<(), Bytes> {
        let effects = command::decode(&operation.effects).ok_or(Bytes::from_static(b"no effects"))?;
        self.state.pass(operation.time);
        effects.iter().for_each(|effect| self.state.apply(effect));
        self.journal.push(operation.new);
        self.time = operation.time;
        Ok(())
    }

    fn take(&mut self, contents: &Contents) -> Result<(), Bytes> {
        let malformed = || Bytes::from_static(b"no contents");
        let (journal, effects) = open(&contents.effects).ok_or_else(malformed)?;
        self.empty();
        effects.iter().for_each(|effect| self.state.apply(effect));
        (self.journal, self.time) = (journal, contents.time);
        Ok(())
    }

    fn empty(&mut self) {
        (self.state, self.journal, self.time) = (State::default(), Vec::new(), 0);
    }

    /// What the records of a disk make of a slot: its content, when it was born, and its history.
    pub fn recover<'r>(records: impl Iterator<Item = &'r Record>) -> (Self, Epoch, History) {
        let (mut keys, mut born, mut history) = (Self::default(), Epoch::default(), History::default());
        for record in records {
            match record {
                Record::Operation(operation) => {
                    keys.run(operation).expect("it was applied before");
                    history.advance(operation.new);
                }
                Record::Contents(contents) => {
                    keys.take(contents).expect("it was taken before");
                    (born, history) = (contents.born, contents.history.clone());
                }
                Record::Cleared => {
                    keys.empty();
                    (born, history) = (Epoch::default(), History::default());
                }
                Record::Born(epoch) => (born, history) = (*epoch, History::born(*epoch)),
            }
        }
        (keys, born, history)
    }
}

impl Content for Keys {
    fn apply(&mut self, operation: &Passing<'_>) -> Result<(), Bytes> {
        let operation = operation.kept();
        self.run(&operation)?;
        self.unwritten.push(Record::Operation(operation));
        Ok(())
    }

    fn export(&mut self) -> (u64, Bytes) {
        (self.time, close(&self.journal, &self.state))
    }

    fn replace(&mut self, contents: &Contents) -> Result<(), Bytes> {
        self.take(contents)?;
        self.unwritten.push(Record::Contents(contents.clone()));
        Ok(())
    }

    fn clear(&mut self) {
        self.empty();
        self.unwritten.push(Record::Cleared);
    }
}

/// The journal and the state as bytes: the journal's length, its versions, the effects.
fn close(journal: &[Version], state: &State) -> Bytes {
    let mut out = (journal.len() as u64).to_le_bytes().to_vec();
    for version in journal {
        out.extend_from_slice(&version.changed.0.to_le_bytes());
        out.extend_from_slice(&version.n.to_le_bytes());
    }
    out.extend_from_slice(&command::encode(&state.effects()));
    Bytes::from(out)
}

fn open(bytes: &[u8]) -> Option<(Vec<Version>, Vec<command::Effect>)> {
    let (count, mut rest) = number(bytes)?;
    let mut journal = Vec::new();
    for _ in 0..count {
        let (changed, behind) = number(rest)?;
        let (n, behind) = number(behind)?;
        rest = behind;
        journal.push(Version { changed: Epoch(changed), n });
    }
    Some((journal, command::decode(rest)?))
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), rest))
}
