//! The commands of the simulated clients, what they do to a slot, and the effects that carry it down a chain.
//!
//! Few, but of each kind that the protocol tells apart: reads, writes, writes that may change nothing, errors, several
//! steps as one operation, effects that are results (`Put`) and effects that may be applied once only (`Append`,
//! `Push`).

use std::collections::BTreeMap;

use bytes::Bytes;

/// A key, by its number within its slot.
pub type Key = u8;

/// Keys that hold text in each slot: 0 to 2. The one after them holds a list.
pub const TEXT_KEYS: u8 = 3;

/// The key of each slot that holds a list.
pub const LIST_KEY: Key = TEXT_KEYS;

/// One step of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// GET.
    Get(Key),
    /// SET to a number.
    Set(Key, u32),
    /// SET NX.
    SetAbsent(Key, u32),
    /// APPEND of a text that is unique.
    Append(Key, u32),
    /// INCR, an error on what is no number.
    Incr(Key),
    /// DEL.
    Del(Key),
    /// RPUSH of a unique number.
    Push(Key, u32),
    /// LRANGE 0 -1.
    Range(Key),
    /// SET PX of a unique number to the one key that expires, for so many milliseconds.
    Lend(u32, u64),
    /// GET of it.
    Borrowed,
}

/// A command: one step, or several as one operation (MULTI); none is RM.TICK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(pub Vec<Step>);

/// What a step answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// GET.
    Text(Option<String>),
    /// A number: INCR, DEL, APPEND (length), RPUSH (length).
    Number(i64),
    /// LRANGE.
    List(Vec<u32>),
    /// SET, and whether it was done.
    Set(bool),
    /// GET of the key that expires.
    Borrowed(Option<u32>),
    /// An error that changed nothing.
    Fault,
}

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The key holds this text.
    Put(Key, String),
    /// The key's text goes on.
    Append(Key, String),
    /// The key is gone.
    Del(Key),
    /// The list goes on.
    Push(Key, u32),
    /// The key that expires holds this number until then, in milliseconds.
    Lend(u32, u64),
}

/// What the keys of a slot hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    texts: BTreeMap<Key, String>,
    lists: BTreeMap<Key, Vec<u32>>,
    /// The key that expires, and when.
    lent: Option<(u32, u64)>,
}

impl Command {
    /// Whether it only reads, so that it goes to the tail.
    #[must_use]
    pub fn is_read(&self) -> bool {
        let reads = |step: &Step| matches!(step, Step::Get(_) | Step::Range(_) | Step::Borrowed);
        !self.0.is_empty() && self.0.iter().all(reads)
    }

    /// Whether it concerns the key that expires: what it shows depends on the time.
    #[must_use]
    pub fn is_timed(&self) -> bool {
        self.0.iter().any(|step| matches!(step, Step::Lend(..) | Step::Borrowed))
    }
}

impl State {
    /// Whether the key that expires is due at this time, in milliseconds.
    #[must_use]
    pub fn is_due(&self, time: u64) -> bool {
        self.lent.is_some_and(|(_, until)| until <= time)
    }

    /// Frees what is due at the time of the slot.
    pub fn pass(&mut self, time: u64) {
        self.lent = self.lent.filter(|(_, until)| *until > time);
    }

    /// Carries out a command at a time in milliseconds: its replies, and what it did.
    pub fn execute(&mut self, command: &Command, time: u64) -> (Vec<Reply>, Vec<Effect>) {
        self.pass(time);
        let mut effects = Vec::new();
        let replies = command.0.iter().map(|step| {
            let (reply, effect) = self.plan(step, time);
            if let Some(effect) = effect {
                self.apply(&effect);
                effects.push(effect);
            }
            reply
        });
        (replies.collect(), effects)
    }

    fn plan(&self, step: &Step, time: u64) -> (Reply, Option<Effect>) {
        let text = |key: &Key| self.texts.get(key);
        match step {
            Step::Get(key) => (Reply::Text(text(key).cloned()), None),
            Step::Range(key) => (Reply::List(self.list(*key).to_vec()), None),
            Step::Set(key, value) => (Reply::Set(true), Some(Effect::Put(*key, value.to_string()))),
            Step::SetAbsent(key, _) if text(key).is_some() => (Reply::Set(false), None),
            Step::SetAbsent(key, value) => (Reply::Set(true), Some(Effect::Put(*key, value.to_string()))),
            Step::Append(key, id) => {
                let more = format!(".{id}");
                let len = text(key).map_or(0, String::len) + more.len();
                (Reply::Number(len as i64), Some(Effect::Append(*key, more)))
            }
            Step::Incr(key) => match text(key).map_or(Ok(0), |text| text.parse::<i64>()) {
                Ok(number) => (Reply::Number(number + 1), Some(Effect::Put(*key, (number + 1).to_string()))),
                Err(_) => (Reply::Fault, None),
            },
            Step::Lend(value, millis) => (Reply::Set(true), Some(Effect::Lend(*value, time + millis))),
            Step::Borrowed => (Reply::Borrowed(self.lent.map(|(value, _)| value)), None),
            Step::Del(key) if text(key).is_none() => (Reply::Number(0), None),
            Step::Del(key) => (Reply::Number(1), Some(Effect::Del(*key))),
            Step::Push(key, id) => {
                (Reply::Number(self.list(*key).len() as i64 + 1), Some(Effect::Push(*key, *id)))
            }
        }
    }

    /// Applies an effect as it came down the chain.
    pub fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Put(key, text) => {
                self.texts.insert(*key, text.clone());
            }
            Effect::Append(key, more) => self.texts.entry(*key).or_default().push_str(more),
            Effect::Del(key) => {
                self.texts.remove(key);
            }
            Effect::Push(key, id) => self.lists.entry(*key).or_default().push(*id),
            Effect::Lend(value, until) => self.lent = Some((*value, *until)),
        }
    }

    /// The list of a key.
    #[must_use]
    pub fn list(&self, key: Key) -> &[u32] {
        self.lists.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Effects that make this state out of nothing.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        let texts = self.texts.iter().map(|(key, text)| Effect::Put(*key, text.clone()));
        let lists = self.lists.iter().flat_map(|(key, list)| list.iter().map(|id| Effect::Push(*key, *id)));
        let lent = self.lent.iter().map(|(value, until)| Effect::Lend(*value, *until));
        texts.chain(lists).chain(lent).collect()
    }
}

/// The bytes of effects.
#[must_use]
pub fn encode(effects: &[Effect]) -> Bytes {
    let mut out = Vec::new();
    for effect in effects {
        let (kind, key, rest) = match effect {
            Effect::Put(key, text) => (b'=', *key, text.clone().into_bytes()),
            Effect::Append(key, text) => (b'+', *key, text.clone().into_bytes()),
            Effect::Del(key) => (b'-', *key, Vec::new()),
            Effect::Push(key, id) => (b'>', *key, id.to_le_bytes().to_vec()),
            Effect::Lend(value, until) => {
                (b'%', 0, [&value.to_le_bytes()[..], &until.to_le_bytes()[..]].concat())
            }
        };
        out.extend_from_slice(&[kind, key]);
        out.extend_from_slice(&(rest.len() as u32).to_le_bytes());
        out.extend_from_slice(&rest);
    }
    Bytes::from(out)
}

/// The effects of bytes; `None` if they are none.
#[must_use]
pub fn decode(mut bytes: &[u8]) -> Option<Vec<Effect>> {
    let mut effects = Vec::new();
    while let Some((&[kind, key, a, b, c, d], rest)) = bytes.split_first_chunk() {
        let len = u32::from_le_bytes([a, b, c, d]) as usize;
        let (body, behind) = rest.split_at_checked(len)?;
        bytes = behind;
        let text = || String::from_utf8(body.to_vec()).ok();
        effects.push(match kind {
            b'=' => Effect::Put(key, text()?),
            b'+' => Effect::Append(key, text()?),
            b'-' => Effect::Del(key),
            b'%' => {
                let (value, until) = body.split_first_chunk()?;
                Effect::Lend(u32::from_le_bytes(*value), u64::from_le_bytes(until.try_into().ok()?))
            }
            b'>' => Effect::Push(key, u32::from_le_bytes(body.try_into().ok()?)),
            _ => return None,
        });
    }
    bytes.is_empty().then_some(effects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_make_the_same_state_from_their_bytes() {
        let all = [
            Step::Set(0, 7),
            Step::Incr(0),
            Step::Append(1, 3),
            Step::Incr(1),
            Step::SetAbsent(1, 9),
            Step::Push(3, 5),
            Step::Lend(8, 30),
            Step::Del(0),
        ];
        let (mut head, mut entry) = (State::default(), State::default());
        let (replies, effects) = head.execute(&Command(all.to_vec()), 0);
        assert_eq!(replies[3..5], [Reply::Fault, Reply::Set(false)]);
        decode(&encode(&effects)).unwrap().iter().for_each(|effect| entry.apply(effect));
        assert_eq!(head, entry);
        let mut copy = State::default();
        head.effects().iter().for_each(|effect| copy.apply(effect));
        assert_eq!(head, copy);
    }
}
