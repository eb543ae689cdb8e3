//! `GEOSEARCH`, `GEOSEARCHSTORE`, `GEORADIUS`, `GEORADIUSBYMEMBER` and their `_RO` forms.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::cell::Cell;
use super::point::Point;
use super::request::{Form, Order, Request};
use super::shape::Shape;
use super::{text, truncated};
use crate::command::collected::Collected;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::{ELEMENTS_MAX, Effect};
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::SortedSet;
use crate::store::value::sorted_set::Bound;

macro_rules! searches {
    ($($(#[$doc:meta])* $name:ident: $form:ident, $may_store:literal;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name(
            keyspace: &mut Keyspace<'_, '_>,
            args: Args<'_>,
            reply: &mut Reply<'_>,
        ) -> CommandResult {
            search(Form::$form, $may_store, keyspace, args, reply)
        }
    )*};
}

searches! {
    /// `GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC|DESC]
    /// [STORE key | STOREDIST key]`.
    georadius: Radius, true;
    /// `GEORADIUS` without storing.
    georadius_ro: Radius, false;
    /// `GEORADIUSBYMEMBER key member radius unit …`.
    georadiusbymember: RadiusByMember, true;
    /// `GEORADIUSBYMEMBER` without storing.
    georadiusbymember_ro: RadiusByMember, false;
    /// `GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude BYRADIUS radius unit | BYBOX width height unit
    /// [ASC|DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]`.
    geosearch: Search, false;
    /// `GEOSEARCHSTORE destination key … [STOREDIST]`.
    geosearchstore: SearchStore, true;
}

/// A member that lies in the shape.
struct Found<'s> {
    member: &'s [u8],
    score: f64,
    point: Point,
    /// Meters from the center.
    distance: f64,
}

fn search(
    form: Form,
    may_store: bool,
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let source = keyspace.keys()[usize::from(form == Form::SearchStore)];
    let set = keyspace.sorted_set(source)?;
    let request = Request::parse(form, may_store, args, set)?;
    let destination = match request.store {
        Some(index) => Some(destination(keyspace, &args[index])?),
        None => None,
    };
    let shape = request.shape();
    let (found, meters) = match (set, &shape) {
        (Some(set), Some(shape)) => (chosen(set, shape, &request), shape.meters),
        _ => (Vec::new(), 1.0),
    };
    let Some(destination) = destination else {
        answer(&found, meters, &request, reply);
        return Ok(());
    };
    let (mut members, mut scores): (Collected, Vec<f64>) = Default::default();
    for found in &found {
        members.push(found.member);
        scores.push(if request.store_distance { found.distance / meters } else { found.score });
    }
    let event = if form == Form::SearchStore { "geosearchstore" } else { "georadiusstore" };
    store(keyspace, destination, (&members, &scores), event);
    reply.count(scores.len());
    Ok(())
}

/// The command's key of this name. Of several `STORE` options the table tells the key of one only.
fn destination<'k>(keyspace: &Keyspace<'_, 'k>, name: &[u8]) -> Result<Key<'k>, CommandError> {
    keyspace.keys().iter().find(|key| key.bytes == name).copied().ok_or(CommandError::Syntax)
}

/// The members in the shape, those that are wanted in the order that is wanted.
fn chosen<'s>(set: SortedSet<'s>, shape: &Shape, request: &Request) -> Vec<Found<'s>> {
    let wanted = if request.count == 0 { usize::MAX } else { request.count };
    let mut found = all_in(set, shape, if request.any { wanted } else { usize::MAX });
    if let Some(order) = request.order() {
        found.sort_by(|first, second| match order {
            Order::Nearest => first.distance.total_cmp(&second.distance),
            Order::Farthest => second.distance.total_cmp(&first.distance),
        });
    }
    found.truncate(wanted);
    found
}

/// Up to `limit` members in the shape, cell by cell. Where the shape is so large that cells around the center are the
/// same, members may come more than once, as in Redis.
fn all_in<'s>(set: SortedSet<'s>, shape: &Shape, limit: usize) -> Vec<Found<'s>> {
    let mut found = Vec::new();
    let mut last: Option<Cell> = None;
    for (index, cell) in shape.cells().into_iter().enumerate() {
        if last == Some(cell) {
            continue;
        }
        if index > 0 {
            last = Some(cell);
        }
        let (from, behind) = cell.scores();
        let ranks = set.position(&Bound::Score(from))..set.position(&Bound::Score(behind));
        for (member, score) in set.range(ranks, false) {
            if found.len() >= limit {
                return found;
            }
            let point = Point::of_score(score);
            if let Some(distance) = shape.distance(point) {
                found.push(Found { member, score, point, distance });
            }
        }
    }
    found
}

fn answer(found: &[Found<'_>], meters: f64, request: &Request, reply: &mut Reply<'_>) {
    let details = [request.with_distance, request.with_hash, request.with_position];
    let details = details.into_iter().filter(|wanted| *wanted).count();
    reply.array(found.len());
    for found in found {
        if details > 0 {
            reply.array(1 + details);
        }
        reply.bulk(found.member);
        if request.with_distance {
            text::distance(reply, found.distance / meters);
        }
        if request.with_hash {
            reply.int(truncated(found.score));
        }
        if request.with_position {
            text::position(reply, found.point);
        }
    }
}

/// Makes the members with their scores what `key` holds, whatever it held; without members the key is gone.
fn store(
    keyspace: &mut Keyspace<'_, '_>,
    key: Key<'_>,
    (members, scores): (&Collected, &[f64]),
    event: &'static str,
) {
    let there = keyspace.find(key).is_some();
    if there {
        keyspace.apply(key.slot, &Effect::Remove { key });
    }
    let scores: Vec<(f64, &[u8])> = scores.iter().copied().zip(members.slices()).collect();
    for scores in scores.chunks(ELEMENTS_MAX) {
        keyspace.apply(key.slot, &Effect::SetScores { key, scores });
    }
    if !scores.is_empty() {
        keyspace.notify(Class::SortedSet, event, key);
    } else if there {
        keyspace.notify(Class::Generic, "del", key);
    }
}
