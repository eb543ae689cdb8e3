//! Members and scores as replies, and as what a key holds from now on.

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::collected::Collected;
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// Members, with their scores if wanted: a flat array, but with scores in RESP3 an array of pairs.
pub(super) fn members<'m>(
    reply: &mut Reply<'_>,
    with_scores: bool,
    members: impl ExactSizeIterator<Item = (&'m [u8], f64)>,
) {
    match (with_scores, reply.protocol()) {
        (false, _) => {
            reply.array(members.len());
            members.for_each(|(member, _)| reply.bulk(member));
        }
        (true, Protocol::Resp2) => {
            reply.array(2 * members.len());
            members.for_each(|(member, score)| scored(reply, member, score));
        }
        (true, Protocol::Resp3) => pairs(reply, members),
    }
}

/// An array of pairs of member and score, in both protocols.
pub(super) fn pairs<'m>(reply: &mut Reply<'_>, members: impl ExactSizeIterator<Item = (&'m [u8], f64)>) {
    reply.array(members.len());
    for (member, score) in members {
        reply.array(2);
        scored(reply, member, score);
    }
}

/// A member and its score, without an array around them.
pub(super) fn scored(reply: &mut Reply<'_>, member: &[u8], score: f64) {
    reply.bulk(member);
    reply.double(score);
}

/// Members and scores copied out of the store.
#[derive(Default)]
pub(super) struct Copied {
    members: Collected,
    scores: Vec<f64>,
}

impl<'m> FromIterator<(&'m [u8], f64)> for Copied {
    fn from_iter<I: IntoIterator<Item = (&'m [u8], f64)>>(scored: I) -> Self {
        let mut copied = Self::default();
        for (member, score) in scored {
            copied.members.push(member);
            copied.scores.push(score);
        }
        copied
    }
}

/// Makes `copied` what `key` holds, whatever it held, and answers how much that is; nothing: the key is gone.
pub(super) fn store(
    keyspace: &mut Keyspace<'_, '_>,
    key: Key<'_>,
    copied: &Copied,
    event: &'static str,
    reply: &mut Reply<'_>,
) {
    let present = keyspace.replace(key);
    if !copied.scores.is_empty() {
        let scores: Vec<(f64, &[u8])> = copied.scores.iter().copied().zip(copied.members.slices()).collect();
        keyspace.apply(key.slot, &Effect::SetScores { key, scores: &scores });
        keyspace.notify(Class::SortedSet, event, key);
    } else if present {
        keyspace.notify(Class::Generic, "del", key);
    }
    reply.count(copied.scores.len());
}
