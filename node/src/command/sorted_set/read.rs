//! `ZCARD`, `ZSCORE`, `ZMSCORE`, `ZRANK`, `ZREVRANK`, `ZSCAN`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::{push_double, push_integer};
use ringmaster_protocol::resp::reply::Reply;

use crate::command::collected::Collected;
use crate::command::options::is;
use crate::command::scan::{self, ScanOptions};
use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;
use crate::store::value::SortedSet;

/// `ZCARD key`.
pub(super) fn zcard(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.count(keyspace.sorted_set(keyspace.key())?.map_or(0, SortedSet::len));
    Ok(())
}

/// `ZSCORE key member`.
pub(super) fn zscore(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let set = keyspace.sorted_set(keyspace.key())?;
    double_or_null(reply, set.and_then(|set| set.score(&args[2])));
    Ok(())
}

/// `ZMSCORE key member…`.
pub(super) fn zmscore(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let set = keyspace.sorted_set(keyspace.key())?;
    reply.array(args.len() - 2);
    for member in args.iter().skip(2) {
        double_or_null(reply, set.and_then(|set| set.score(member)));
    }
    Ok(())
}

fn double_or_null(reply: &mut Reply<'_>, value: Option<f64>) {
    match value {
        Some(value) => reply.double(value),
        None => reply.null(),
    }
}

/// `ZRANK key member [WITHSCORE]`. The option is Redis 7.2's.
pub(super) fn zrank(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    rank(keyspace, args, reply, false)
}

/// `ZREVRANK key member [WITHSCORE]`. The option is Redis 7.2's.
pub(super) fn zrevrank(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    rank(keyspace, args, reply, true)
}

fn rank(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    reverse: bool,
) -> CommandResult {
    let with_score = match args.get(3) {
        None => false,
        Some(option) if is(option, "WITHSCORE") => true,
        Some(_) if reverse => return Err(too_many("zrevrank")),
        Some(_) => return Err(too_many("zrank")),
    };
    let set = keyspace.sorted_set(keyspace.key())?;
    let found = set.and_then(|set| {
        let (below, score) = set.rank(&args[2])?;
        Some((if reverse { set.len() - 1 - below } else { below }, score))
    });
    match found {
        Some((rank, score)) if with_score => {
            reply.array(2);
            reply.count(rank);
            reply.double(score);
        }
        Some((rank, _)) => reply.count(rank),
        None if with_score => reply.null_array(),
        None => reply.null(),
    }
    Ok(())
}

/// What a server without the option answers.
fn too_many(name: &str) -> CommandError {
    CommandError::Other(format!("ERR wrong number of arguments for '{name}' command").into())
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`. A set that Redis would keep packed comes whole.
pub(super) fn zscan(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let cursor = scan::cursor(&args[2])?;
    let Some(set) = keyspace.sorted_set(keyspace.key())? else {
        scan::write::<&[u8]>(reply, None, &[]);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, false)?;
    let (mut found, mut text) = (Collected::default(), Vec::new());
    let next = set.scan(scan::order_of(cursor), options.count, |member, score| {
        if options.fits(member) {
            text.clear();
            push_score(&mut text, score, set.is_packed());
            found.push(member);
            found.push(&text);
        }
    });
    scan::write(reply, next, &found.slices());
    Ok(())
}

/// A score as `ZSCAN` shows it: Redis keeps whole numbers of a packed set as integers, and shows them so.
fn push_score(text: &mut Vec<u8>, score: f64, packed: bool) {
    /// 2^62: larger ones are kept as text.
    const INTEGER_MAX: f64 = 4_611_686_018_427_387_904.0;
    if packed && score == score.trunc() && score.abs() <= INTEGER_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^63")]
        push_integer(text, score as i64);
    } else {
        push_double(text, score);
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::Engine;
    use crate::engine::testing::{reply_at, script};
    use crate::store::Store;

    #[test]
    fn a_rank_comes_with_its_score_if_asked_for() {
        script(&[
            ("ZADD z 1 a 2.5 b", r":2\r\n"),
            ("ZRANK z b WITHSCORE", r"*2\r\n:1\r\n$3\r\n2.5\r\n"),
            ("ZREVRANK z b withscore", r"*2\r\n:0\r\n$3\r\n2.5\r\n"),
            ("ZRANK z c WITHSCORE", r"*-1\r\n"),
            ("ZRANK z b WITHSCORES", r"-ERR wrong number of arguments for 'zrank' command\r\n"),
            ("ZREVRANK z b x", r"-ERR wrong number of arguments for 'zrevrank' command\r\n"),
        ]);
    }

    #[test]
    fn a_scan_of_a_large_set_meets_every_member() {
        let engine = Engine::new(Store::new(None));
        for n in 0..1000 {
            reply_at(&engine, 1, &format!("ZADD z {n} m{n}"));
        }
        let (mut cursor, mut seen, mut calls) = ("0".to_owned(), Vec::new(), 0);
        while calls == 0 || cursor != "0" {
            let reply = reply_at(&engine, 1, &format!("ZSCAN z {cursor} COUNT 20"));
            let mut words = reply.split(r"\r\n").filter(|word| !word.starts_with(['$', '*']));
            words.next().unwrap().clone_into(&mut cursor);
            seen.extend(words.filter(|word| word.starts_with('m')).map(str::to_owned));
            calls += 1;
        }
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() == 1000 && calls > 20, "{} members in {calls} calls", seen.len());
    }
}
