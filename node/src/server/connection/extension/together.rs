//! Several commands that are one operation of their slot, and the questions of a WATCH.
//!
//! | request | executed by | reply |
//! | --- | --- | --- |
//! | `RM.EXEC request …` | the head; the tail, where all of them only read | as that of EXEC |
//! | `RM.EXEC RM.SAME digest read … request …` | the head | null if a read replies to something else by now, else as above |
//! | `RM.DIGEST read …` | the head | of each read the digest of what it replies |

use ringmaster_protocol::command::{Flags, Spec, resolve};
use ringmaster_protocol::extension::reply_digest;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::view::Version;

use super::super::Connection;
use super::{Inner, Work, number};
use crate::store::keyspace::Keyspace;

/// What begins a condition.
const SAME: &[u8] = b"RM.SAME";

/// A command and its arguments.
type Call<'a> = (&'static Spec, Args<'a>);

/// Commands that are one operation.
pub(super) enum Together<'a> {
    /// Carried out, if each of the first ones, which only read, replies to what has this digest.
    Exec(Vec<(u128, Call<'a>)>, Vec<Call<'a>>),
    /// Only their replies' digests are told.
    Digest(Vec<Call<'a>>),
}

impl<'a> Together<'a> {
    /// What is carried out, or told of.
    pub(super) fn commands(&self) -> impl Iterator<Item = Call<'a>> {
        let (Self::Exec(_, commands) | Self::Digest(commands)) = self;
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

    /// All that is looked at.
    fn calls(&self) -> Vec<Call<'a>> {
        let conditions = match self {
            Self::Exec(same, _) => same.as_slice(),
            Self::Digest(_) => &[],
        };
        conditions.iter().map(|(_, call)| *call).chain(self.commands()).collect()
    }
}

/// `RM.SAME digest command …`.
fn condition(args: Args<'_>) -> Option<(u128, Call<'_>)> {
    let (digest, command) = (args.get(1)?, args.from(2));
    Some((number(digest)?, (!command.is_empty()).then(|| read(command)).flatten()?))
}

/// A command that only reads.
fn read(args: Args<'_>) -> Option<Call<'_>> {
    let spec = resolve(&args).ok()?;
    spec.flags.contains(Flags::READONLY).then_some((spec, args))
}

impl Connection {
    /// `RM.EXEC …` or `RM.DIGEST …`.
    pub(super) async fn together(&mut self, args: Args<'_>, unless: Option<Version>) -> Option<()> {
        let inner: Option<Vec<Inner>> = args.from(1).iter().map(Inner::parse).collect();
        let (inner, requests) = (inner?, args.from(1));
        let within = |at: usize| Args::new(&requests[at], &inner[at].spans);
        let all = 0..requests.len();
        let together = if args[0].eq_ignore_ascii_case(b"RM.DIGEST") {
            Together::Digest(all.map(|at| read(within(at))).collect::<Option<_>>()?)
        } else {
            let conditions = all.take_while(|at| within(*at)[0].eq_ignore_ascii_case(SAME)).count();
            let same: Option<Vec<_>> = (0..conditions).map(|at| condition(within(at))).collect();
            let command = |at| Some((resolve(&within(at)).ok()?, within(at)));
            let commands: Option<Vec<_>> = (conditions..requests.len()).map(command).collect();
            Together::Exec(same?, commands?)
        };
        let slot = self.one_slot(&together.calls())?;
        self.work(slot, &Work::Together(together), unless).await;
        Some(())
    }

    /// Carries them out within the hold of their slot.
    pub(super) async fn run_together(&mut self, together: &Together<'_>, keyspace: &mut Keyspace<'_, '_>) {
        match together {
            Together::Exec(same, _) if !self.stands(same, keyspace) => {
                Reply::new(&mut self.output, self.session.protocol).null_array();
            }
            Together::Exec(_, commands) => {
                Reply::new(&mut self.output, self.session.protocol).array(commands.len());
                for (spec, args) in commands {
                    self.run_one(spec, *args, keyspace).await;
                }
            }
            Together::Digest(reads) => {
                Reply::new(&mut self.output, self.session.protocol).array(reads.len());
                for call in reads {
                    let digest = self.digest(*call, keyspace).unwrap_or_default().to_string();
                    Reply::new(&mut self.output, self.session.protocol).bulk(digest.as_bytes());
                }
            }
        }
    }

    /// Whether each of these reads still replies to what has this digest.
    fn stands(&self, same: &[(u128, Call<'_>)], keyspace: &mut Keyspace<'_, '_>) -> bool {
        same.iter().all(|(digest, call)| self.digest(*call, keyspace) == Some(*digest))
    }

    /// The digest of what a command that reads replies; `None` if that is too long.
    fn digest(&self, call: Call<'_>, keyspace: &mut Keyspace<'_, '_>) -> Option<u128> {
        let (moment, mut bytes) = (keyspace.moment(), Vec::new());
        let mut reply = Reply::bounded(&mut bytes, self.session.protocol);
        self.worker.shared.engine.run_within(keyspace, call, moment, &mut reply);
        (!reply.overflowed()).then(|| reply_digest(&bytes))
    }
}
