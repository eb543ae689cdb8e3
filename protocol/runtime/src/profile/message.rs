//! A profile as `go tool pprof` and its kin read it: `profile.proto` of <https://github.com/google/pprof>, in gzip.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::time::UNIX_EPOCH;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;

use super::Taken;
use super::stacks::Frame;

/// Nanoseconds of a second.
const NANOS: i64 = 1_000_000_000;

/// Strings are numbers: places in `strings`, of which the first is empty.
#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "1")]
    kinds: Vec<Kind>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    locations: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    functions: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    strings: Vec<String>,
    #[prost(int64, tag = "9")]
    time_nanos: i64,
    #[prost(int64, tag = "10")]
    duration_nanos: i64,
    #[prost(message, optional, tag = "11")]
    period_kind: Option<Kind>,
    #[prost(int64, tag = "12")]
    period: i64,
}

/// What a value is, and its unit.
#[derive(Clone, PartialEq, Message)]
struct Kind {
    #[prost(int64, tag = "1")]
    name: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

/// A call stack, innermost first, with a value of each kind.
#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    locations: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    values: Vec<i64>,
    #[prost(message, repeated, tag = "3")]
    labels: Vec<Label>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(int64, tag = "1")]
    key: i64,
    #[prost(int64, tag = "2")]
    text: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(message, repeated, tag = "4")]
    lines: Vec<Line>,
}

#[derive(Clone, PartialEq, Message)]
struct Line {
    #[prost(uint64, tag = "1")]
    function: u64,
    #[prost(int64, tag = "2")]
    number: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    name: i64,
    #[prost(int64, tag = "3")]
    system_name: i64,
    #[prost(int64, tag = "4")]
    file: i64,
}

/// The tables of a profile while they grow, each with the places of what is in it.
#[derive(Default)]
struct Tables<'t> {
    profile: Profile,
    strings: HashMap<&'t str, i64>,
    functions: HashMap<(&'t str, &'t str), u64>,
    locations: HashMap<&'t Frame, u64>,
}

/// The number of the last in a table that counts from 1.
fn last<T>(table: &[T]) -> u64 {
    table.len() as u64
}

impl<'t> Tables<'t> {
    fn string(&mut self, text: &'t str) -> i64 {
        if let Some(place) = self.strings.get(text) {
            return *place;
        }
        let place = i64::try_from(self.profile.strings.len()).unwrap_or(i64::MAX);
        self.profile.strings.push(text.to_owned());
        self.strings.insert(text, place);
        place
    }

    fn kind(&mut self, name: &'t str, unit: &'t str) -> Kind {
        Kind { name: self.string(name), unit: self.string(unit) }
    }

    fn function(&mut self, frame: &'t Frame) -> u64 {
        if let Some(id) = self.functions.get(&(&*frame.function, &*frame.file)) {
            return *id;
        }
        let (name, file) = (self.string(&frame.function), self.string(&frame.file));
        let id = last(&self.profile.functions) + 1;
        self.profile.functions.push(Function { id, name, system_name: name, file });
        self.functions.insert((&frame.function, &frame.file), id);
        id
    }

    fn location(&mut self, frame: &'t Frame) -> u64 {
        if let Some(id) = self.locations.get(frame) {
            return *id;
        }
        let line = Line { function: self.function(frame), number: i64::from(frame.line) };
        let id = last(&self.profile.locations) + 1;
        self.profile.locations.push(Location { id, lines: vec![line] });
        self.locations.insert(frame, id);
        id
    }
}

/// The bytes of a profile.
///
/// # Errors
/// They cannot be compressed.
pub(super) fn encode(taken: &Taken) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&message(taken).encode_to_vec())?;
    packed.finish()
}

fn message(taken: &Taken) -> Profile {
    let period = NANOS / i64::from(taken.wanted.hertz.max(1));
    let mut tables = Tables::default();
    tables.string("");
    tables.profile.kinds = vec![tables.kind("samples", "count"), tables.kind("cpu", "nanoseconds")];
    tables.profile.period_kind = Some(tables.kind("cpu", "nanoseconds"));
    let key = tables.string("thread");
    for stack in &taken.stacks {
        let samples = i64::try_from(stack.samples).unwrap_or(i64::MAX);
        let text = tables.string(&stack.thread);
        let sample = Sample {
            locations: stack.frames.iter().map(|frame| tables.location(frame)).collect(),
            values: vec![samples, samples.saturating_mul(period)],
            labels: vec![Label { key, text }],
        };
        tables.profile.samples.push(sample);
    }
    let nanos = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    Profile {
        time_nanos: nanos(taken.began.duration_since(UNIX_EPOCH).unwrap_or_default()),
        duration_nanos: nanos(taken.lasted),
        period,
        ..tables.profile
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::Duration;

    use super::super::Wanted;
    use super::super::stacks::Stack;
    use super::*;

    fn frame(function: &str, line: u32) -> Frame {
        Frame { function: function.to_owned(), file: "a.rs".to_owned(), line }
    }

    #[test]
    fn stacks_share_their_tables() {
        let stack = |leaf: Frame, samples| Stack {
            thread: "node-data-0".to_owned(),
            frames: vec![leaf, frame("main", 1)],
            samples,
        };
        let taken = Taken {
            wanted: Wanted { seconds: 1, hertz: 100 },
            began: UNIX_EPOCH + Duration::from_secs(7),
            lasted: Duration::from_millis(1001),
            stacks: vec![stack(frame("get", 2), 3), stack(frame("get", 5), 1)],
        };
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(&*encode(&taken).unwrap()).read_to_end(&mut bytes).unwrap();
        let profile = Profile::decode(&*bytes).unwrap();
        assert_eq!(profile, message(&taken));
        let text = |place: i64| &*profile.strings[usize::try_from(place).unwrap()];
        assert_eq!((text(0), profile.time_nanos, profile.duration_nanos), ("", 7 * NANOS, 1_001_000_000));
        let kinds: Vec<_> = profile.kinds.iter().map(|kind| (text(kind.name), text(kind.unit))).collect();
        assert_eq!(kinds, [("samples", "count"), ("cpu", "nanoseconds")]);
        assert_eq!((profile.functions.len(), profile.locations.len(), profile.period), (2, 3, 10_000_000));
        let [first, second] = &*profile.samples else { panic!("{profile:?}") };
        assert_eq!((&*first.values, &*second.values), (&[3, 30_000_000][..], &[1, 10_000_000][..]));
        assert_eq!(first.locations[1], second.locations[1], "main");
        assert_ne!(first.locations[0], second.locations[0], "another line");
        assert_eq!((text(first.labels[0].key), text(first.labels[0].text)), ("thread", "node-data-0"));
        let leaf = &profile.locations[usize::try_from(first.locations[0]).unwrap() - 1].lines[0];
        assert_eq!(text(profile.functions[usize::try_from(leaf.function).unwrap() - 1].name), "get");
    }
}
