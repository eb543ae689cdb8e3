//! `SCAN cursor [MATCH pattern] [COUNT n] [TYPE type]`.
//!
//! A cursor is `slot << 32 | order`: the place to go on from, in the order of hashes within a slot. It is the
//! same after every resize, so a key that is there from the first call to the last is met at least once. 0 begins
//! and ends.

use ringmaster_protocol::glob::{Case, matches};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::HashSlot;

use crate::command::scan::{self, ScanOptions};
use crate::command::{CommandError, Onward, Overtaken, Walk};
use crate::store::keyspace::Moment;
use crate::store::slot::{Operation, Slot};

/// A part of a walk over several nodes visits so many slots, or [`SLOTS_PER_KEY`] for each key that it is to look at.
const SLOTS_FEW: usize = 1024;

/// As Redis looks at ten buckets for each key.
const SLOTS_PER_KEY: usize = 10;

/// `SCAN`.
pub(crate) fn scan(args: Args<'_>, moment: Moment) -> Result<Box<dyn Walk>, CommandError> {
    let cursor = scan::cursor(&args[1])?;
    let ScanOptions { pattern, count, kind } = ScanOptions::parse(args, 2, true)?;
    Ok(Box::new(Scan {
        database: moment.database,
        pattern: pattern.map(<[u8]>::to_vec),
        count,
        kind: kind.map(<[u8]>::to_ascii_lowercase),
        start: slot_of(cursor).map_or(0, HashSlot::number),
        cursor,
        seen: 0,
        found: Vec::new(),
    }))
}

struct Scan {
    database: u8,
    pattern: Option<Vec<u8>>,
    /// How many keys to look at.
    count: usize,
    /// The name of the only type wanted.
    kind: Option<Vec<u8>>,
    /// The slot that the walk begins with.
    start: u16,
    /// Where to go on.
    cursor: u64,
    seen: usize,
    found: Vec<Box<[u8]>>,
}

/// The slot of a cursor, `None` if it is past the end.
fn slot_of(cursor: u64) -> Option<HashSlot> {
    u16::try_from(cursor >> 32).ok().and_then(HashSlot::new)
}

impl Walk for Scan {
    fn start(&self) -> u16 {
        self.start
    }

    fn slots_max(&self) -> usize {
        self.count.saturating_mul(SLOTS_PER_KEY).max(SLOTS_FEW)
    }

    fn visit(&mut self, slot: &mut Slot, operation: &mut Operation<'_>) -> Onward {
        if slot_of(self.cursor).is_none() {
            return Onward::End;
        }
        let time = slot.time_at(operation.now);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        let (from, found) = (self.cursor as u32, &mut self.found);
        let mut seen = 0;
        let next = slot.scan(from, self.count - self.seen, |entry| {
            seen += 1;
            let wanted = entry.database() == self.database
                && !entry.is_expired(time)
                && self.kind.as_ref().is_none_or(|kind| *kind == entry.kind().name().as_bytes())
                && self.pattern.as_ref().is_none_or(|p| matches(p, entry.key(), Case::Sensitive));
            if wanted {
                found.push(entry.key().into());
            }
        });
        self.seen += seen;
        let number = u64::from(operation.slot.number());
        self.cursor = next.map_or((number + 1) << 32, |order| number << 32 | u64::from(order));
        Onward::next_if(self.seen < self.count)
    }

    fn pass_by(&mut self, slot: HashSlot) {
        if slot_of(self.cursor).is_some() {
            self.cursor = (u64::from(slot.number()) + 1) << 32;
        }
    }

    fn overtaken(&mut self, slot: HashSlot) -> Overtaken {
        if slot_of(self.cursor) != Some(slot) {
            self.cursor = u64::from(slot.number()) << 32;
        }
        // A cursor of 0 would say that the walk is over.
        if self.cursor == 0 { Overtaken::Fails } else { Overtaken::Ends }
    }

    fn finish(self: Box<Self>, reply: &mut Reply<'_>) {
        let cursor = if slot_of(self.cursor).is_none() { 0 } else { self.cursor };
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
        reply.array(self.found.len());
        self.found.iter().for_each(|key| reply.bulk(key));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::engine::Engine;
    use crate::engine::testing::reply_at;
    use crate::store::Store;

    const NOW: u64 = 1_000_000;

    /// The cursor and the keys of a reply.
    fn scanned(engine: &Engine, line: &str) -> (String, Vec<String>) {
        let reply = reply_at(engine, NOW, line);
        let mut lines = reply.split(r"\r\n").filter(|line| !line.starts_with(['*', '$']) && !line.is_empty());
        let cursor = lines.next().expect("a cursor").to_owned();
        (cursor, lines.map(str::to_owned).collect())
    }

    #[test]
    fn a_scan_meets_every_key_that_stays_while_tables_grow_and_shrink() {
        let engine = Engine::new(Store::new(None));
        let set = |key: String| assert_eq!(reply_at(&engine, NOW, &format!("SET {key} v")), r"+OK\r\n");
        (0..300).for_each(|n| set(format!("stays{n}")));
        (0..300).for_each(|n| set(format!("{{tag}}stays{n}")));
        (0..600).for_each(|n| set(format!("{{tag}}goes{n}")));
        let (mut cursor, mut met, mut step) = ("0".to_owned(), BTreeSet::new(), 0);
        loop {
            let (next, keys) = scanned(&engine, &format!("SCAN {cursor} COUNT 7"));
            met.extend(keys.into_iter().filter(|key| key.contains("stays")));
            reply_at(&engine, NOW, &format!("DEL {{tag}}goes{step} {{tag}}goes{}", 599 - step));
            set(format!("{{tag}}comes{step}"));
            (cursor, step) = (next, step + 1);
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(met.len(), 600);
    }

    #[test]
    fn a_scan_keeps_to_its_database_pattern_and_type() {
        let engine = Engine::new(Store::new(None));
        for line in ["SET a 1", "SET b 1", "SET gone 1 PX 1", "SET other 1", "MOVE other 3"] {
            reply_at(&engine, NOW, line);
        }
        let keys = |line: &str| {
            let (cursor, mut keys) = scanned(&engine, line);
            keys.sort();
            (cursor, keys.join(" "))
        };
        let ended = |keys: &str| ("0".to_owned(), keys.to_owned());
        assert_eq!(keys("SCAN 0 COUNT 100 MATCH [ab]"), ended("a b"));
        assert_eq!(keys("SCAN 0 COUNT 100 MATCH a TYPE STRING"), ended("a"));
        assert_eq!(keys("SCAN 0 COUNT 100 TYPE list"), ended(""));
        assert_eq!(keys("SCAN 99999999999999999 COUNT 100"), ended(""));
        assert_eq!(reply_at(&engine, NOW + 1, "KEYS *one*"), r"*0\r\n");
        assert_eq!(reply_at(&engine, NOW, "DBSIZE"), r":3\r\n");
    }
}
