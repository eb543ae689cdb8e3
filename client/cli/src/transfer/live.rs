//! Keys of servers that run: their names by SCAN, their values by DUMP.
//!
//! A key is told as it is at the moment when it is read; between two keys the server goes on. Name, value and deadline
//! belong together: the deadline is asked before and behind the value, and all again if they differ.

mod places;

use std::collections::VecDeque;

use anyhow::Context as _;
use bytes::Bytes;
use ringmaster_client::{Client, Error, Target, Value, cmd};

use super::target::{ATTEMPTS_MAX, wait};
use super::{Item, Load, Mark, Page, Tally, now_millis};
use crate::transfer::rejects::Reject;
use places::Place;
pub(crate) use places::Scope;

/// Most names that one SCAN is asked for.
const PAGE_KEYS_MAX: u64 = 1000;
/// Names of the first page, while nobody knows how large the values are.
const PAGE_KEYS_FIRST: u64 = 16;
/// Bytes of a page that are aimed at, by the size of the values so far.
const PAGE_BYTES: u64 = 8 << 20;
/// By how much two answers on a time may differ if it was worked out from the time that is left.
const SLACK_MILLIS: u64 = 1000;

/// Servers and databases, one after the other.
pub(crate) struct Live {
    places: VecDeque<Place>,
    scope: Scope,
    /// Libraries of functions that are still to be told.
    libraries: Option<Vec<Vec<u8>>>,
    page_keys: u64,
    /// What the server says that it is.
    pub(crate) version: String,
}

impl Live {
    /// Finds out what there is, and connects. `mark` is where to go on.
    ///
    /// # Errors
    /// The server cannot be reached or does not let us in.
    pub(crate) async fn open(target: Target, scope: Scope, mark: Option<&Mark>) -> anyhow::Result<Live> {
        let places::Found { mut places, libraries, version } = places::of(target, &scope).await?;
        if let Some(mark) = mark {
            let done = |place: &Place| {
                (&place.name, place.database) < (&mark.place, mark.database)
                    || (mark.at == Mark::END && place.is(mark))
            };
            places.retain(|place| !done(place));
            if let Some(first) = places.front_mut().filter(|place| place.is(mark)) {
                first.cursor = mark.at;
            }
        }
        let libraries = libraries.filter(|libraries| mark.is_none() && !libraries.is_empty());
        Ok(Live { places, scope, libraries, page_keys: PAGE_KEYS_FIRST, version })
    }

    /// Keys that the servers say they have.
    pub(crate) fn keys(&self) -> u64 {
        self.places.iter().map(|place| place.keys).sum()
    }

    /// Takes note of how large the values are, for the size of the pages to come.
    pub(crate) fn heed(&mut self, tally: &Tally, keys_max: u64) {
        let each = tally.bytes.checked_div(tally.keys).unwrap_or_default().max(1);
        self.page_keys = (PAGE_BYTES / each).clamp(1, PAGE_KEYS_MAX).min(keys_max.max(1));
    }

    /// The next page; `None` at the end.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Page>> {
        if let Some(libraries) = self.libraries.take() {
            let load = Load::Libraries(libraries);
            // Nothing of the keys is done yet.
            return Ok(Some(Page { database: 0, load, mark: Mark::default(), position: 0 }));
        }
        let Some(place) = self.places.front_mut() else { return Ok(None) };
        let client = place.client().await?;
        let mut command = cmd("SCAN").arg(place.cursor.to_string());
        if let Some(pattern) = &self.scope.pattern {
            command = command.arg("MATCH").arg(pattern);
        }
        command = command.arg("COUNT").arg(self.page_keys.to_string()).idempotent();
        let (cursor, names) =
            scan(&client, &command).await.with_context(|| format!("cannot read {}", place.name))?;
        let at = if cursor == 0 { Mark::END } else { cursor };
        let (database, mark) =
            (place.database, Mark { place: place.name.clone(), database: place.database, at });
        place.cursor = cursor;
        let load = Load::Names(client, place.clock, names);
        if cursor == 0 {
            self.places.pop_front();
        }
        Ok(Some(Page { database, load, mark, position: 0 }))
    }
}

async fn scan(client: &Client, command: &ringmaster_client::Command) -> Result<(u64, Vec<Bytes>), Error> {
    let mut attempt = 0;
    loop {
        match client.execute(command).await {
            Ok(Value::Array(reply)) => {
                let [cursor, names] = <[Value; 2]>::try_from(reply)
                    .map_err(|_| Error::Protocol("SCAN answers with something else".to_owned()))?;
                let cursor: String = cursor.into()?;
                let cursor =
                    cursor.parse().map_err(|_| Error::Protocol("a cursor that is no number".to_owned()))?;
                return Ok((cursor, names.into()?));
            }
            Ok(other) => return Err(Error::Protocol(format!("SCAN answers with a {}", other.kind()))),
            Err(error) if may_pass(&error) && attempt < ATTEMPTS_MAX => {
                wait(attempt).await;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether what failed may go well in a moment.
fn may_pass(error: &Error) -> bool {
    error.is_retry_safe() || matches!(error, Error::MaybeApplied(_) | Error::Timeout)
}

/// How a server tells when a key expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// As a time of day: Redis 7.0 and later.
    Absolute,
    /// As the time that is left.
    Relative,
}

/// What was read.
#[derive(Default)]
pub(crate) struct Fetched {
    /// Keys that are there.
    pub items: Vec<Item>,
    /// Keys that are not there any more.
    pub gone: u64,
    /// Keys that cannot be read.
    pub rejects: Vec<Reject>,
}

/// Asks for the values of these keys.
///
/// # Errors
/// The server does not answer, or refuses.
pub(crate) async fn fetch(client: &Client, source: (u64, Clock), keys: &[Bytes]) -> anyhow::Result<Fetched> {
    let ((database, clock), mut fetched) = (source, Fetched::default());
    let mut left: Vec<Bytes> = keys.to_vec();
    let mut failed = None;
    for attempt in 0..ATTEMPTS_MAX {
        let mut again = Vec::new();
        let asked = now_millis();
        let mut outcomes = ask(client, &left, clock).await.into_iter();
        for key in left {
            let three = (outcomes.next(), outcomes.next(), outcomes.next());
            let (Some(before), Some(value), Some(behind)) = three else { break };
            match read(before, value, behind, (clock, asked)) {
                Ok(Read::There { deadline, payload }) => fetched.items.push(Item { key, deadline, payload }),
                Ok(Read::Gone) => fetched.gone += 1,
                Ok(Read::Changed) => again.push(key),
                Err(Error::Server(error))
                    if !matches!(error.code(), "NOPERM" | "NOAUTH")
                        && !Error::Server(error.clone()).is_retry_safe() =>
                {
                    let reason = format!("cannot be read: {error}");
                    fetched.rejects.push(Reject { database, key: key.to_vec(), reason });
                }
                Err(error) if may_pass(&error) => {
                    failed = Some(error);
                    again.push(key);
                }
                Err(error) => return Err(error).context("cannot read the source"),
            }
        }
        if again.is_empty() {
            return Ok(fetched);
        }
        left = again;
        wait(attempt).await;
    }
    match failed {
        Some(error) => Err(error).context("the source does not answer any more"),
        None => {
            let reason = || "its deadline changes all the time".to_owned();
            let rejects =
                left.into_iter().map(|key| Reject { database, key: key.to_vec(), reason: reason() });
            fetched.rejects.extend(rejects);
            Ok(fetched)
        }
    }
}

async fn ask(client: &Client, keys: &[Bytes], clock: Clock) -> Vec<Result<Value, Error>> {
    let mut pipeline = client.pipeline();
    let deadline = match clock {
        Clock::Absolute => "PEXPIRETIME",
        Clock::Relative => "PTTL",
    };
    for key in keys {
        for name in [deadline, "DUMP", deadline] {
            pipeline = pipeline.push(&cmd(name).arg(key).idempotent());
        }
    }
    pipeline.execute().await
}

/// What became of a key.
enum Read {
    There {
        deadline: Option<u64>,
        payload: Bytes,
    },
    Gone,
    /// Somebody gave it another deadline, and perhaps another value.
    Changed,
}

fn read(
    before: Result<Value, Error>,
    value: Result<Value, Error>,
    behind: Result<Value, Error>,
    (clock, asked): (Clock, u64),
) -> Result<Read, Error> {
    let (slack, base) = if clock == Clock::Absolute { (0, 0) } else { (SLACK_MILLIS, asked) };
    let payload = match value? {
        Value::Null => return Ok(Read::Gone),
        other => other.into::<Bytes>()?,
    };
    let left = |value: Result<Value, Error>| value.and_then(Value::into::<i64>);
    let (before, behind) = (left(before)?, left(behind)?);
    let is_same = match (u64::try_from(before), u64::try_from(behind)) {
        (Ok(before), Ok(behind)) => before.abs_diff(behind) <= slack,
        _ => before == behind,
    };
    Ok(match behind {
        -2 => Read::Gone,
        _ if !is_same => Read::Changed,
        left => {
            Read::There { deadline: u64::try_from(left).ok().map(|left| base.saturating_add(left)), payload }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(before: i64, behind: i64, clock: Clock) -> &'static str {
        let value = Ok(Value::Bulk(Bytes::from_static(b"v")));
        match read(Ok(Value::Int(before)), value, Ok(Value::Int(behind)), (clock, 9_000_000)).unwrap() {
            Read::There { deadline: None, .. } => "stays",
            Read::There { deadline: Some(9_000_000..), .. } => "expires later",
            Read::There { .. } => "expires",
            Read::Gone => "gone",
            Read::Changed => "changed",
        }
    }

    #[test]
    fn a_value_whose_deadline_changes_while_it_is_read_is_read_again() {
        for clock in [Clock::Absolute, Clock::Relative] {
            assert_eq!(of(-1, -1, clock), "stays");
            assert_eq!(of(-1, 5000, clock), "changed");
            assert_eq!(of(5000, -1, clock), "changed");
            assert_eq!(of(5000, 90_000, clock), "changed");
            assert_eq!(of(3, -2, clock), "gone");
        }
        assert_eq!(of(5000, 4990, Clock::Relative), "expires later");
        assert_eq!(of(5000, 4990, Clock::Absolute), "changed");
        assert_eq!(of(5000, 5000, Clock::Absolute), "expires");
    }

    #[test]
    fn pages_follow_the_size_of_the_values() {
        let mut live = Live {
            places: VecDeque::new(),
            scope: Scope::default(),
            libraries: None,
            page_keys: PAGE_KEYS_FIRST,
            version: String::new(),
        };
        for (bytes, keys, max, expected) in [
            (0, 0, u64::MAX, 1000),
            (100 << 20, 1, u64::MAX, 1),
            (1 << 20, 1, u64::MAX, 8),
            (100, 1, 50, 50),
            (100, 1, 0, 1),
        ] {
            live.heed(&Tally { keys, bytes, ..Tally::default() }, max);
            assert_eq!(live.page_keys, expected, "{bytes} in {keys}");
        }
    }
}
