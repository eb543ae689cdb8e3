//! `RESTORE`: a value from what `DUMP` gave, here or on any Redis from 2.8 to 8.0.
//!
//! The payload comes from anybody. It is read twice: to its end before anything is touched, then into effects of a
//! bounded size, so that there is no second copy of a large value beside the payload.

mod stream;

use ringmaster_protocol::rdb::dump::{self, Checked};
use ringmaster_protocol::rdb::object::{Element, Kind, Part};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::{ELEMENTS_MAX, Effect};
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::list::End;

/// Bytes of texts after which an effect is full.
const BATCH_BYTES_MAX: usize = 1 << 20;

const BUSY: CommandError = CommandError::text("BUSYKEY Target key name already exists.");
const NEGATIVE_TTL: CommandError = CommandError::text("ERR Invalid TTL value, must be >= 0");
const NEGATIVE_IDLE_TIME: CommandError = CommandError::text("ERR Invalid IDLETIME value, must be >= 0");
const NO_FREQUENCY: CommandError = CommandError::text("ERR Invalid FREQ value, must be >= 0 and <= 255");
const WRONG_ENVELOPE: CommandError = CommandError::text("ERR DUMP payload version or checksum are wrong");
const BAD_FORMAT: CommandError = CommandError::text("ERR Bad data format");

/// `RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`.
pub(crate) fn restore(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let options = Options::parse(args)?;
    let key = keyspace.key();
    let present = keyspace.find(key).is_some();
    if present && !options.replace {
        return Err(BUSY);
    }
    let ttl = integer(args, 2).and_then(|ttl| u64::try_from(ttl).map_err(|_| NEGATIVE_TTL))?;
    let value = Checked::new(dump::open(&args[3]).ok_or(WRONG_ENVELOPE)?).map_err(|_| BAD_FORMAT)?;
    if !is_supported(&value) {
        return Err(BAD_FORMAT);
    }
    let deadline = options.deadline(ttl, keyspace.now());
    let expired = deadline.is_some_and(|deadline| deadline <= keyspace.now());
    if present && (expired || value.kind() != Kind::String) {
        keyspace.apply(key.slot, &Effect::Remove { key });
    }
    if !expired {
        build(keyspace, key, &value, deadline);
        keyspace.notify(Class::Generic, "restore", key);
    } else if present {
        keyspace.notify(Class::Generic, "del", key);
    }
    reply.ok();
    Ok(())
}

/// The options. How long a key was idle and how often it was used are read and not kept.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_time: bool,
    frequency: bool,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let (mut options, mut index) = (Self::default(), 4);
        while let Some(option) = args.get(index) {
            let more = index + 1 < args.len();
            match option {
                _ if is(option, "REPLACE") => options.replace = true,
                _ if is(option, "ABSTTL") => options.absolute = true,
                _ if is(option, "IDLETIME") && more && !options.frequency => {
                    index += 1;
                    options.idle_time = true;
                    integer(args, index)
                        .and_then(|time| u64::try_from(time).map_err(|_| NEGATIVE_IDLE_TIME))?;
                }
                _ if is(option, "FREQ") && more && !options.idle_time => {
                    index += 1;
                    options.frequency = true;
                    integer(args, index).and_then(|count| u8::try_from(count).map_err(|_| NO_FREQUENCY))?;
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        Ok(options)
    }

    /// When the key expires, in Unix milliseconds; `ttl` is milliseconds from now on or, if absolute, that time.
    fn deadline(&self, ttl: u64, now: u64) -> Option<u64> {
        match ttl {
            0 => None,
            ttl if self.absolute => Some(ttl),
            // A time beyond 63 bits is in the past: Redis's sum becomes negative.
            ttl => Some(ttl + now).filter(|deadline| i64::try_from(*deadline).is_ok()).or(Some(0)),
        }
    }
}

/// Whether the store takes the value.
pub(crate) fn is_supported(value: &Checked<'_>) -> bool {
    let mut supported = true;
    if value.kind() == Kind::Stream {
        value.for_each_part(|part| supported &= stream::is_supported(&part));
    }
    supported
}

/// Gives `key`, whatever it holds, this value and deadline, which is yet to come.
pub(crate) fn replace(
    keyspace: &mut Keyspace<'_, '_>,
    key: Key<'_>,
    value: &Checked<'_>,
    deadline: Option<u64>,
) {
    if value.kind() != Kind::String && keyspace.find(key).is_some() {
        keyspace.apply(key.slot, &Effect::Remove { key });
    }
    build(keyspace, key, value, deadline);
}

/// Makes the value, part by part, and gives it its deadline.
fn build(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, value: &Checked<'_>, deadline: Option<u64>) {
    if value.kind() == Kind::String {
        value.for_each(|element| {
            keyspace.apply(key.slot, &Effect::SetString { key, value: element.name(), deadline });
        });
        return;
    }
    if value.kind() == Kind::Stream {
        stream::build(keyspace, key, value);
    } else {
        build_collection(keyspace, key, value);
    }
    if deadline.is_some() {
        keyspace.apply(key.slot, &Effect::SetDeadline { key, deadline });
    }
}

fn build_collection(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, value: &Checked<'_>) {
    let mut builder = Builder { keyspace, key, kind: value.kind(), batch: Vec::new(), bytes: 0 };
    value.for_each_part(|part| match part {
        Part::Element(element) => builder.push(element),
        Part::Packed(packed) => {
            builder.flush();
            let elements: Vec<Element<'_>> = packed.elements().collect();
            elements.chunks(ELEMENTS_MAX).for_each(|elements| builder.add(elements));
        }
        Part::Stream(_) => {}
    });
    builder.flush();
}

/// Turns elements into effects.
struct Builder<'b, 's, 'k, 'p> {
    keyspace: &'b mut Keyspace<'s, 'k>,
    key: Key<'b>,
    kind: Kind,
    /// Elements that have no effect yet, and the bytes of their texts.
    batch: Vec<Element<'p>>,
    bytes: usize,
}

impl<'p> Builder<'_, '_, '_, 'p> {
    fn push(&mut self, element: Element<'p>) {
        self.bytes +=
            element.name().len() + if let Element::Field { value, .. } = &element { value.len() } else { 0 };
        self.batch.push(element);
        if self.batch.len() == ELEMENTS_MAX || self.bytes > BATCH_BYTES_MAX {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.add(&batch);
        self.bytes = 0;
    }

    fn add(&mut self, elements: &[Element<'_>]) {
        let key = self.key;
        let names = || elements.iter().map(Element::name).collect::<Vec<&[u8]>>();
        match self.kind {
            _ if elements.is_empty() => {}
            Kind::List => {
                self.keyspace.apply(key.slot, &Effect::PushList { key, end: End::Back, values: &names() });
            }
            Kind::Set => {
                self.keyspace.apply(key.slot, &Effect::AddMembers { key, members: &names() });
            }
            Kind::Hash => self.set_fields(elements),
            Kind::SortedSet => {
                let scores: Vec<(f64, &[u8])> = elements.iter().filter_map(scored).collect();
                self.keyspace.apply(key.slot, &Effect::SetScores { key, scores: &scores });
            }
            Kind::String | Kind::Stream => {}
        }
    }

    /// Sets fields, and when they expire; those that have expired are left out.
    fn set_fields(&mut self, elements: &[Element<'_>]) {
        let (key, now) = (self.key, self.keyspace.now());
        let lives = |(_, _, deadline): &Field<'_>| deadline.is_none_or(|deadline| deadline > now);
        let fields: Vec<Field<'_>> = elements.iter().filter_map(field).filter(lives).collect();
        let pairs: Vec<(&[u8], &[u8])> = fields.iter().map(|(name, value, _)| (*name, *value)).collect();
        if pairs.is_empty() {
            return;
        }
        self.keyspace.apply(key.slot, &Effect::SetFields { key, fields: &pairs });
        for (name, _, deadline) in fields.iter().filter(|(_, _, deadline)| deadline.is_some()) {
            let deadline = *deadline;
            self.keyspace.apply(key.slot, &Effect::SetFieldDeadlines { key, deadline, fields: &[name] });
        }
    }
}

/// Name, value and deadline of a field.
type Field<'e> = (&'e [u8], &'e [u8], Option<u64>);

fn field<'e>(element: &'e Element<'_>) -> Option<Field<'e>> {
    match element {
        Element::Field { name, value, deadline } => Some((name, value, *deadline)),
        Element::Item(_) | Element::Scored { .. } => None,
    }
}

fn scored<'e>(element: &'e Element<'_>) -> Option<(f64, &'e [u8])> {
    match element {
        Element::Scored { member, score } => Some((*score, member)),
        Element::Item(_) | Element::Field { .. } => None,
    }
}
