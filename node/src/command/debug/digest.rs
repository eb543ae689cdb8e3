//! `DEBUG DIGEST` and `DEBUG DIGEST-VALUE`: Redis's sums over values and over all data, so that what two servers hold
//! can be compared. Equal data have equal sums, however they are kept and in whatever order they lie.

use ringmaster_protocol::resp::number::push_double;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::{Onward, Walk};
use crate::script::sha1::{DIGEST_BYTES, Digest, hex, sha1};
use crate::store::census::DATABASES;
use crate::store::entry::EntryRef;
use crate::store::slot::{Operation, Slot};
use crate::store::value::stream::StreamId;
use crate::store::value::{Hash, SortedSet, Stream, Value};

/// Entries of a slot that are summed up in one visit.
const PART: usize = 256;

/// A sum that grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum(Digest);

impl Sum {
    /// Adds `bytes`, in whatever order.
    fn add(&mut self, bytes: &[u8]) {
        self.0.iter_mut().zip(sha1(bytes)).for_each(|(own, other)| *own ^= other);
    }

    /// Adds `bytes` after those that came before.
    fn follow(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = sha1(&self.0);
    }
}

/// The sum of a value and of whether it expires; `None` is the sum of what is not there.
pub(super) fn of_value(entry: Option<EntryRef<'_>>) -> String {
    let mut sum = Sum::default();
    if let Some(entry) = entry {
        follow_value(&mut sum, entry);
    }
    hex(&sum.0)
}

fn follow_value(sum: &mut Sum, entry: EntryRef<'_>) {
    let value = entry.value();
    sum.follow(&redis_type(value).to_be_bytes());
    match value {
        Value::String(text) => sum.follow(text),
        Value::List(list) => list.iter().for_each(|item| sum.follow(item)),
        Value::Set(set) => set.iter().for_each(|member| sum.add(&member)),
        Value::SortedSet(set) => add_scores(sum, set),
        Value::Hash(hash) => add_fields(sum, hash),
        Value::Stream(stream) => follow_stream(sum, stream),
    }
    if entry.deadline().is_some() {
        sum.add(b"!!expire!!");
    }
}

/// The number that Redis gives a type.
fn redis_type(value: Value<'_>) -> u32 {
    match value {
        Value::String(_) => 0,
        Value::List(_) => 1,
        Value::Set(_) => 2,
        Value::SortedSet(_) => 3,
        Value::Hash(_) => 4,
        Value::Stream(_) => 6,
    }
}

fn add_scores(sum: &mut Sum, set: SortedSet<'_>) {
    let mut digits = Vec::with_capacity(32);
    for (member, score) in set.iter() {
        digits.clear();
        push_double(&mut digits, score);
        sum.add(&pair(member, &digits));
    }
}

fn add_fields(sum: &mut Sum, hash: Hash<'_>) {
    hash.iter().for_each(|(name, value)| sum.add(&pair(name, value)));
}

fn pair(first: &[u8], second: &[u8]) -> Digest {
    let mut sum = Sum::default();
    sum.follow(first);
    sum.follow(second);
    sum.0
}

fn follow_stream(sum: &mut Sum, stream: &Stream) {
    for entry in stream.range(StreamId::MIN, StreamId::MAX) {
        sum.follow(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
        for (name, value) in entry.fields() {
            sum.follow(&name.to_vec());
            sum.follow(&value.to_vec());
        }
    }
}

/// `DEBUG DIGEST`: visits all keys of all databases.
pub(crate) fn digest() -> Box<dyn Walk> {
    Box::new(Data { from: 0, databases: [None; DATABASES as usize] })
}

struct Data {
    /// Where to go on in a large slot, in the order of hashes; 0 is its begin.
    from: u32,
    /// The sum of each database that has keys.
    databases: [Option<Sum>; DATABASES as usize],
}

impl Walk for Data {
    fn visit(&mut self, slot: &mut Slot, operation: &mut Operation<'_>) -> Onward {
        let (time, databases) = (slot.time_at(operation.now), &mut self.databases);
        let next = slot.scan(self.from, PART, |entry| {
            if !entry.is_expired(time) {
                let mut sum = Sum::default();
                sum.follow(entry.key());
                follow_value(&mut sum, entry);
                databases[usize::from(entry.database())].get_or_insert_default().add(&sum.0);
            }
        });
        self.from = next.unwrap_or(0);
        if next.is_some() { Onward::Same } else { Onward::Next }
    }

    fn finish(self: Box<Self>, reply: &mut Reply<'_>) {
        let mut all = Sum::default();
        for (index, sum) in (0u32..).zip(self.databases) {
            let Some(sum) = sum else { continue };
            all.follow(&index.to_be_bytes());
            for at in 0..DIGEST_BYTES {
                all.0[at] ^= sum.0[at];
            }
        }
        reply.simple(&hex(&all.0));
    }
}
