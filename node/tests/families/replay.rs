//! The effects of random commands, replayed into a second store, make it equal: what the log and the chain need.
//!
//! Commands are made from the command table, so that a new command is tested here from its first day on.

use std::collections::{BTreeMap, BTreeSet};

use ringmaster_node::engine::Engine;
use ringmaster_node::store::Store;
use ringmaster_node::store::effect::Effect;
use ringmaster_node::store::effect::encoding::decode;
use ringmaster_node::store::slot::Slot;
use ringmaster_node::store::value::Value;
use ringmaster_protocol::command::{self, Spec};
use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::slot::HashSlot;

use super::support::tape::{Record, Tape, replay};
use super::support::{Node, Random, Words};

/// Commands of a run, on a few dozen keys.
const COMMANDS: usize = 100_000;

/// Kinds of effects, each met in every run; see `store::effect::encoding`.
const KINDS: usize = 31;

/// Options of all commands, and subcommands' words.
const OPTIONS: [&str; 40] = [
    "NX",
    "XX",
    "GT",
    "LT",
    "EX",
    "PX",
    "KEEPTTL",
    "PERSIST",
    "GET",
    "CH",
    "INCR",
    "BEFORE",
    "AFTER",
    "LEFT",
    "RIGHT",
    "MIN",
    "MAX",
    "WITHSCORES",
    "WEIGHTS",
    "AGGREGATE",
    "SUM",
    "LIMIT",
    "BYSCORE",
    "BYLEX",
    "REV",
    "COUNT",
    "STORE",
    "DESC",
    "ALPHA",
    "BY",
    "REPLACE",
    "DB",
    "(1",
    "-inf",
    "+inf",
    "[a",
    "(b",
    "-",
    "+",
    "RANK",
];

fn key(random: &mut Random) -> Vec<u8> {
    if random.once_in(3) { random.name("{t}", 12) } else { random.name("k", 12) }
}

fn argument(random: &mut Random) -> Vec<u8> {
    match random.below(10) {
        0..3 => key(random),
        3..6 => (i64::try_from(random.below(8)).unwrap() - 2).to_string().into_bytes(),
        6 => random.text(),
        7 => random.double(),
        8 => random.name("m", 6),
        _ => random.pick(&OPTIONS).as_bytes().to_vec(),
    }
}

/// A command of the table with arguments of about the right number.
fn command_of(spec: &Spec, random: &mut Random) -> Words {
    let mut words: Words = spec.name.split('|').map(|part| part.as_bytes().to_vec()).collect();
    let least = usize::from(spec.arity.unsigned_abs());
    let more = if spec.arity < 0 { random.below(7) } else { 0 };
    while words.len() < least + more {
        let is_key = usize::try_from(spec.first_key) == Ok(words.len());
        words.push(if is_key { key(random) } else { argument(random) });
    }
    words
}

/// Commands with `K` for a key, `S` for one of a stream, `I` for the id of an entry and `A` for an argument.
const LIKELY: &[&str] = &[
    "RPUSH K A A A",
    "SADD K A A A",
    "HSET K A A A A",
    "ZADD K 1 A 2.5 A -3 A",
    "SET K A PX 40",
    "PEXPIRE K 60",
    "SINTERSTORE K K K",
    "SUNIONSTORE K K K",
    "SDIFFSTORE K K K",
    "ZUNIONSTORE K 2 K K",
    "ZINTERSTORE K 2 K K",
    "LMOVE K K LEFT RIGHT",
    "LMPOP 2 K K LEFT COUNT 2",
    "ZMPOP 2 K K MIN COUNT 2",
    "LINSERT K BEFORE A A",
    "COPY K K DB 1 REPLACE",
    "MOVE K 1",
    "SORT K ALPHA STORE K",
    "ZRANGESTORE K K 0 2",
    "SMOVE K K A",
    "HINCRBYFLOAT K A 0.5",
    "SPOP K 2",
    "LREM K -1 A",
    "LTRIM K 1 -2",
    "SETRANGE K 9 A",
    "LSET K 0 A",
    "ZREMRANGEBYRANK K 0 0",
    "GETEX K PX 30",
    "RENAME K K",
    "HDEL K A A",
    "SREM K A A",
    "ZREM K A A",
    "HPEXPIRE K 30 FIELDS 2 A A",
    "HPEXPIRE K 9 FIELDS 1 A",
    "HSETEX K PX 20 FIELDS 2 A A A A",
    "HGETEX K PERSIST FIELDS 1 A",
    "HPERSIST K FIELDS 1 A",
    "HGETDEL K FIELDS 1 A",
    "SETBIT K 70 1",
    "BITFIELD K SET u8 40 7 INCRBY i12 30 -9",
    "BITOP XOR K K K",
    "PFADD K A A A",
    "PFCOUNT K",
    "PFMERGE K K K",
    "XADD K 5-* A A",
    "XADD S 5-* A A A A",
    "XADD S 5-* A A",
    "XADD S MAXLEN 3 5-* A A",
    "COPY S S REPLACE",
    "RENAME S S",
    "XTRIM S MAXLEN 1",
    "XDEL S I I I",
    "XSETID S I ENTRIESADDED 90 MAXDELETEDID 1-1",
    "XGROUP CREATE S g I MKSTREAM",
    "XGROUP CREATE S h 0 MKSTREAM ENTRIESREAD 3",
    "XGROUP SETID S g 0",
    "XGROUP DESTROY S h",
    "XGROUP CREATECONSUMER S g A",
    "XGROUP DELCONSUMER S g A",
    "XREADGROUP GROUP g A COUNT 2 STREAMS S >",
    "XREADGROUP GROUP g A STREAMS S >",
    "XREADGROUP GROUP g A STREAMS S S > 0",
    "XACK S g I I I I I I",
    "XCLAIM S g A 0 I I FORCE",
    "XAUTOCLAIM S g A 0 -",
];

/// What the table cannot tell: counts before keys, and commands that fill collections.
fn likely(random: &mut Random) -> Words {
    let line = random.pick(LIKELY);
    let word = |word| match word {
        "K" => key(random),
        "S" => random.name("s", 6),
        "A" => random.name("m", 6),
        "I" => format!("5-{}", random.below(9)).into_bytes(),
        word => word.as_bytes().to_vec(),
    };
    line.split(' ').map(word).collect()
}

fn commands(engine: &Engine) -> Vec<&'static Spec> {
    // Those that empty or swap whole databases come in by chance once in a while, not once in two hundred.
    let rare = ["flushall", "flushdb", "swapdb", "keys", "scan", "dbsize", "randomkey"];
    command::all().iter().filter(|spec| engine.carries_out(spec) && !rare.contains(&spec.name)).collect()
}

fn next(specs: &[&Spec], random: &mut Random) -> Words {
    match random.below(10) {
        0..5 => likely(random),
        _ if random.once_in(500) => {
            let line = random.pick(&[
                "FLUSHALL",
                "FLUSHDB",
                "SWAPDB 0 1",
                "SCAN 0",
                "DBSIZE",
                "SELECT 1",
                "SELECT 0",
            ]);
            super::support::words(line)
        }
        _ => command_of(random.pick(specs), random),
    }
}

/// Whether this takes fields out of a hash: what is due goes before a command looks at it, even one that fails.
fn is_freeing(record: &Record) -> bool {
    let decoded = decode(&record.body, record.slot).expect("what was encoded");
    matches!(decoded.effect(), Effect::RemoveFields { .. })
}

/// Each slot that a command touched has one new version, the next.
fn check_versions(versions: &mut BTreeMap<HashSlot, u64>, records: &[Record], words: &Words) {
    let mut touched = BTreeMap::new();
    for record in records {
        let version = touched.entry(record.slot).or_insert(record.version);
        assert_eq!(*version, record.version, "one command, one version: {words:?}");
    }
    for (slot, version) in touched {
        let before = versions.insert(slot, version).unwrap_or(0);
        assert_eq!(version, before + 1, "no version is left out: {words:?}");
    }
}

/// All that is in a slot, as text.
fn contents(slot: &Slot) -> BTreeMap<(u8, Vec<u8>), String> {
    let shown = |value: Value<'_>| match value {
        Value::String(bytes) => format!("{bytes:?}"),
        Value::List(list) => format!("{:?}", list.iter().collect::<Vec<_>>()),
        Value::Set(set) => format!("{:?}", set.iter().collect::<BTreeSet<_>>()),
        Value::Hash(hash) => {
            let deadlines: Vec<_> = hash.deadlines().collect();
            format!("{:?} {deadlines:?}", hash.iter().collect::<BTreeMap<_, _>>())
        }
        Value::SortedSet(set) => format!("{:?}", set.iter().collect::<Vec<_>>()),
        Value::Stream(stream) => format!("{stream:?}"),
    };
    let entry = |entry: ringmaster_node::store::entry::EntryRef<'_>| {
        let text = format!("{:?} {:?} {}", entry.kind(), entry.deadline(), shown(entry.value()));
        ((entry.database(), entry.key().to_vec()), text)
    };
    slot.entries().map(entry).collect()
}

#[test]
fn replayed_effects_make_an_equal_store() {
    for seed in 1..=3 {
        let tape = Tape::default();
        let mut node = Node::on(Engine::new(Store::new(Some(Box::new(tape.clone())))), Protocol::Resp2);
        let specs = commands(node.engine());
        let (mut random, mut now) = (Random::new(seed), 1_000_000_000_000);
        let (mut records, mut versions, mut changed) = (Vec::new(), BTreeMap::new(), 0);
        for _ in 0..COMMANDS {
            let words = next(&specs, &mut random);
            now += u64::try_from(random.below(4)).unwrap();
            let reply = node.call_at(now, &words);
            let new = tape.take();
            assert!(
                new.iter().all(is_freeing) || reply[0] != b'-',
                "seed {seed}: {words:?} failed and changed something"
            );
            check_versions(&mut versions, &new, &words);
            changed += usize::from(!new.is_empty());
            records.extend(new);
        }
        assert!(changed > COMMANDS / 10, "only {changed} commands changed something");
        let kinds: BTreeSet<u8> = records.iter().map(|record| record.body[0]).collect();
        assert!(kinds.len() == KINDS, "effects of these kinds only: {kinds:?}");
        let copy = Engine::new(Store::new(None));
        replay(&records, &copy);
        for slot in HashSlot::all() {
            let of = |engine: &Engine| engine.store().look(slot, |slot| (slot.version, contents(slot)));
            assert_eq!(of(node.engine()), of(&copy), "seed {seed}, slot {}", slot.number());
        }
        assert_eq!(node.engine().store().census(), copy.store().census());
    }
}
