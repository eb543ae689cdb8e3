//! What the clients of a run saw.

use std::collections::BTreeMap;
use std::time::Duration;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Version;

use super::command::{Command, Reply};
use super::proxy::Told;

/// A client's command.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who sent it: its commands on one slot take effect in the order sent.
    pub client: u64,
    /// Where.
    pub slot: HashSlot,
    /// What.
    pub command: Command,
    /// When it was sent, and its place among all that was sent.
    pub invoked: (Duration, usize),
    /// When it was answered, and its place among all answers; `None` while it is not.
    pub answered: Option<(Duration, Told)>,
}

/// All that happened, as the clients saw it, and, for hints only, as the nodes did.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The calls, in the order in which they were sent.
    pub calls: Vec<Call>,
    /// Which call each operation of a head was.
    pub made: BTreeMap<(HashSlot, u64, u64), usize>,
    /// The versions that nodes showed to a call which changed nothing, each with what it would be told.
    pub shown: BTreeMap<usize, Vec<(Version, Vec<Reply>)>>,
}

impl Call {
    /// The replies, if it is known to have been done.
    #[must_use]
    pub fn replies(&self) -> Option<&[Reply]> {
        match &self.answered {
            Some((_, Told::Done(replies))) => Some(replies),
            _ => None,
        }
    }

    /// Whether it certainly was not executed.
    #[must_use]
    pub fn is_void(&self) -> bool {
        matches!(&self.answered, Some((_, Told::NotExecuted)))
    }

    /// Whether it is done, in a way that its client knows.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.replies().is_some()
    }

    /// When it was answered, if it is certain.
    #[must_use]
    pub fn certain_at(&self) -> Option<Duration> {
        self.answered.as_ref().filter(|_| self.is_certain()).map(|(at, _)| *at)
    }
}

impl History {
    /// The version that a call saw which changed nothing: of those that it was shown, the last that fits what its client
    /// was told.
    #[must_use]
    pub fn seen_by(&self, at: usize) -> Option<Version> {
        let told = self.calls[at].replies()?;
        let fits = |(_, replies): &&(Version, Vec<Reply>)| replies == told;
        self.shown.get(&at)?.iter().rev().find(fits).map(|(version, _)| *version)
    }

    /// The operation of `slot` that got this version.
    #[must_use]
    pub fn call_of(&self, slot: HashSlot, version: Version) -> Option<usize> {
        self.made.get(&(slot, version.changed.0, version.n)).copied()
    }
}
