//! `GEOPOS`, `GEOHASH`, `GEODIST`: where members are.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::cell::{Cell, Range, STEP_MAX};
use super::point::Point;
use super::{text, unit};
use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;

/// `GEOPOS key member…`.
pub(super) fn geopos(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let set = keyspace.sorted_set(keyspace.key())?;
    reply.array(args.len() - 2);
    for member in args.iter().skip(2) {
        match set.and_then(|set| Point::of_member(set, member)) {
            Some(point) => text::position(reply, point),
            None => reply.null_array(),
        }
    }
    Ok(())
}

/// `GEOHASH key member…`: the usual geohash of eleven letters, the last one always 0.
pub(super) fn geohash(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let set = keyspace.sorted_set(keyspace.key())?;
    reply.array(args.len() - 2);
    for member in args.iter().skip(2) {
        match set.and_then(|set| Point::of_member(set, member)) {
            Some(point) => reply.bulk(&letters(point)),
            None => reply.null(),
        }
    }
    Ok(())
}

fn letters(point: Point) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    // Geohashes of the world are made for all latitudes.
    let bits = Cell::within(point, STEP_MAX, Range { min: -90.0, max: 90.0 }).bits;
    let mut letters = [b'0'; 11];
    for (index, letter) in letters[..10].iter_mut().enumerate() {
        *letter = ALPHABET[(bits >> (47 - 5 * index) & 0x1f) as usize];
    }
    letters
}

/// `GEODIST key member member [M|KM|FT|MI]`.
pub(super) fn geodist(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let meters = match args.get(4) {
        None => 1.0,
        Some(_) if args.len() > 5 => return Err(CommandError::Syntax),
        Some(word) => unit(word)?,
    };
    let set = keyspace.sorted_set(keyspace.key())?;
    let point = |index| set.and_then(|set| Point::of_member(set, &args[index]));
    match (point(2), point(3)) {
        (Some(from), Some(to)) => text::distance(reply, from.distance(to) / meters),
        _ => reply.null(),
    }
    Ok(())
}
