//! Several commands that are one operation of their slot, and the questions of a WATCH.
//!
//! | request | executed by | reply |
//! | --- | --- | --- |
//! | `RM.EXEC request …` | the head; the tail, where all of them only read | as that of EXEC |
//! | `RM.EXEC RM.SAME database digest key … request …` | the head | null if a key holds something else by now, else as above |
//! | `RM.DIGEST key …` | the head | of each key the digest of what it holds |
//!
//! Both look at [`DIGESTED_BYTES_MAX`] at most, as the slot is held and other connections wait meanwhile. A look is no use
//! of a key, and tells nobody of one that is not there.

use ringmaster_protocol::command::{Flags, Spec, resolve};
use ringmaster_protocol::extension::content_digest;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::HashSlot;

use super::super::Connection;
use super::{Inner, Terms, Work, number};
use crate::command::generic::dump::write_value;
use crate::store::census::DATABASES;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// What begins a condition.
const SAME: &[u8] = b"RM.SAME";

/// Most bytes of memory that the keys of one request may hold of which digests are taken.
const DIGESTED_BYTES_MAX: usize = 64 << 20;

const TOO_MUCH: &str = "ERR watched keys hold more than 64 MiB, which is the most that is compared; the command was not executed";

/// A command and its arguments.
type Call<'a> = (&'static Spec, Args<'a>);

/// A key, and the digest of what it is to hold.
type Condition<'a> = (u128, Key<'a>);

/// Commands that are one operation.
pub(super) enum Together<'a> {
    /// Carried out, if each of the keys still holds what has its digest.
    Exec(Vec<Condition<'a>>, Vec<Call<'a>>),
    /// Only the digests of what keys hold are told.
    Digest(Vec<Key<'a>>),
}

impl<'a> Together<'a> {
    /// What is carried out.
    pub(super) fn commands(&self) -> impl Iterator<Item = Call<'a>> {
        let commands = match self {
            Self::Exec(_, commands) => commands.as_slice(),
            Self::Digest(_) => &[],
        };
        commands.iter().copied()
    }

    /// Whether the tail answers. Conditions are compared by who was asked what they are, as copies may tell the members of
    /// a set in another order; and the one whom all writes pass knows what is true for them.
    pub(super) fn only_reads(&self) -> bool {
        match self {
            Self::Exec(same, commands) => {
                let reads = |spec: &Spec| spec.flags.contains(Flags::READONLY) || spec.answers_alone();
                same.is_empty() && commands.iter().all(|(spec, _)| reads(spec))
            }
            Self::Digest(_) => false,
        }
    }

    /// Whether it changes nothing, whoever answers.
    pub(super) fn only_looks(&self) -> bool {
        matches!(self, Self::Digest(_))
    }

    /// Slots of the keys that are looked at, beside those of the commands.
    fn slots(&self) -> Vec<HashSlot> {
        match self {
            Self::Exec(same, _) => same.iter().map(|(_, key)| key.slot).collect(),
            Self::Digest(keys) => keys.iter().map(|key| key.slot).collect(),
        }
    }
}

/// `RM.SAME database digest key`.
fn condition(args: Args<'_>) -> Option<Condition<'_>> {
    let database = number(args.get(1)?).filter(|database| *database < DATABASES)?;
    let (digest, key) = (number(args.get(2)?)?, args.get(3)?);
    (args.len() == 4).then(|| (digest, Key::new(key, database)))
}

/// Digest of what a key holds, without counting that as a use of it; `None` if it is more than is `left`, from which it is
/// taken.
fn digest(key: Key<'_>, keyspace: &Keyspace<'_, '_>, left: &mut usize) -> Option<u128> {
    let Some(entry) = keyspace.peek(key) else { return Some(content_digest(None)) };
    *left = left.checked_sub(entry.heap_bytes())?;
    let mut object = Vec::new();
    write_value(&mut object, entry.value());
    Some(content_digest(Some(&object)))
}

/// Digests of what these keys hold; `None` if that is too much.
fn digests<'k>(keys: impl Iterator<Item = Key<'k>>, keyspace: &Keyspace<'_, '_>) -> Option<Vec<u128>> {
    let mut left = DIGESTED_BYTES_MAX;
    keys.map(|key| digest(key, keyspace, &mut left)).collect()
}

impl Connection {
    /// `RM.EXEC …`.
    pub(super) async fn together(&mut self, args: Args<'_>, terms: Terms) -> Option<()> {
        let inner: Option<Vec<Inner>> = args.from(1).iter().map(Inner::parse).collect();
        let (inner, requests) = (inner?, args.from(1));
        let within = |at: usize| Args::new(&requests[at], &inner[at].spans);
        let all = 0..requests.len();
        let conditions = all.take_while(|at| within(*at)[0].eq_ignore_ascii_case(SAME)).count();
        let same: Option<Vec<_>> = (0..conditions).map(|at| condition(within(at))).collect();
        let command = |at| Some((resolve(&within(at)).ok()?, within(at)));
        let commands: Option<Vec<_>> = (conditions..requests.len()).map(command).collect();
        self.work_together(Together::Exec(same?, commands?), terms).await
    }

    /// `RM.DIGEST key …`.
    pub(super) async fn digest(&mut self, args: Args<'_>) -> Option<()> {
        let database = self.session.database;
        let keys = args.from(1).iter().map(|key| Key::new(key, database)).collect();
        self.work_together(Together::Digest(keys), Terms::Plain).await
    }

    async fn work_together(&mut self, together: Together<'_>, terms: Terms) -> Option<()> {
        let commands: Vec<Call<'_>> = together.commands().collect();
        let slot = self.one_slot(&commands, together.slots())?;
        self.work(slot, &Work::Together(together), terms).await;
        Some(())
    }

    /// Carries them out within the hold of their slot.
    pub(super) async fn run_together(&mut self, together: &Together<'_>, keyspace: &mut Keyspace<'_, '_>) {
        match together {
            Together::Exec(same, commands) => self.run_if_same(same, commands, keyspace).await,
            Together::Digest(keys) => {
                let Some(digests) = digests(keys.iter().copied(), keyspace) else {
                    return self.refuse(TOO_MUCH);
                };
                let mut reply = Reply::new(&mut self.output, self.session.protocol);
                reply.array(digests.len());
                digests.iter().for_each(|digest| reply.bulk(digest.to_string().as_bytes()));
            }
        }
    }

    async fn run_if_same(
        &mut self,
        same: &[Condition<'_>],
        commands: &[Call<'_>],
        keyspace: &mut Keyspace<'_, '_>,
    ) {
        let Some(digests) = digests(same.iter().map(|(_, key)| *key), keyspace) else {
            return self.refuse(TOO_MUCH);
        };
        let mut reply = Reply::new(&mut self.output, self.session.protocol);
        if !digests.into_iter().eq(same.iter().map(|(digest, _)| *digest)) {
            return reply.null_array();
        }
        reply.array(commands.len());
        for (spec, args) in commands {
            self.run_one(spec, *args, keyspace).await;
        }
    }
}
