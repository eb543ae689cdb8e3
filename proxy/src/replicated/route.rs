//! From a client's command to the slots whose chains carry it out.
//!
//! | the command's row says | what is done |
//! | --- | --- |
//! | `Slot`, `Channel` | submitted whole for its slot |
//! | `PerKey` | one command for each slot, and one reply: what is one slot's is one operation |
//! | `FLUSHALL`, `FLUSHDB` | one write for each of all slots |
//! | `Nodes` | asked of all nodes that serve slots; SCAN, KEYS and DBSIZE of all under one view |

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use ringmaster_protocol::command::{Group, Merge, Spec, Split};
use ringmaster_protocol::extension::put_request;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::slot::HashSlot;
use tokio::time::Instant;

use super::Replicated;
use super::blocking::{State, Waiting, patience};
use super::everywhere::{Everywhere, Which};
use super::inbox::{Event, Owner, Submission};
use super::next_entry::{Naming, from_the_last};
use super::observing::{Observed, Observing};
use super::walking::{Asker, Walking, is_cursor};
use crate::chain::{ClientId, Kind};
use crate::output::Output;
use crate::route::gather::{Answerer, Gather};
use crate::route::merge::Merger;
use crate::route::{changes, changes_nodes, slot_of_all, split};
use crate::upstream::{Lane, TakePart};

/// A swap is one operation over all slots, and chains have operations of one slot.
const NO_SWAP: &[u8] = b"-ERR 'swapdb' is not supported where slots have copies\r\n";

/// One client's commands, on their way to slots.
pub(crate) struct Route<'a> {
    pub(crate) to: &'a Rc<Replicated>,
    pub(crate) client: &'a Rc<Output>,
    pub(crate) id: ClientId,
    pub(crate) lane: Lane,
    /// Reads go to any in-sync entry, by this number.
    pub(crate) any: Option<usize>,
    /// Whether the replies are wanted.
    pub(crate) wanted: bool,
}

impl Route<'_> {
    /// Sends a command on; `false` if it was answered with an error.
    pub(crate) fn send(&self, spec: &'static Spec, args: Args<'_>, raw: &[u8]) -> bool {
        if spec.single_key() && spec.split == Split::Slot {
            return self.submit(HashSlot::of(&args[1]), spec, raw);
        }
        match spec.split {
            Split::Slot => match slot_of_all(spec, args, &mut Vec::new()) {
                Ok(slot) => self.submit(slot, spec, raw),
                Err(error) => self.reject(&error),
            },
            Split::Channel => self.submit(HashSlot::of(&args[1]), spec, raw),
            Split::PerKey(merge) => self.per_key(spec, merge, args, raw),
            Split::Nodes(merge) => self.all_nodes(spec, merge, args, raw),
            // The session's commands do not come here.
            Split::Local | Split::Conversation | Split::Refused => self.reject(b"-ERR not for a node\r\n"),
        }
    }

    fn reject(&self, error: &[u8]) -> bool {
        self.client.answer_now(self.wanted, error);
        false
    }

    fn kind(&self, spec: &Spec) -> Kind {
        if changes(spec) && spec.group == Group::Pubsub { Kind::Publish } else { self.kind_of(changes(spec)) }
    }

    fn kind_of(&self, writes: bool) -> Kind {
        match (writes, self.any) {
            (true, _) => Kind::Write,
            (false, None) => Kind::Read,
            (false, Some(any)) => Kind::ReadAny(any),
        }
    }

    /// A command for one slot.
    pub(crate) fn submit(&self, slot: HashSlot, spec: &Spec, raw: &[u8]) -> bool {
        let kind = self.kind(spec);
        if kind == Kind::Read && self.to.read(self.client, (slot, raw), self.lane, self.wanted) {
            return true;
        }
        let owner = Owner::Client(Rc::clone(self.client), self.client.reserve(self.wanted));
        let (client, lane, is_behind_reads) = (self.id, self.lane, self.client.has_reads());
        let any;
        let request = match kind {
            Kind::ReadAny(_) => {
                any = for_any(raw);
                &any
            }
            _ => raw,
        };
        self.to.submit_raw(Submission { client, lane, slot, kind, request, owner, is_behind_reads });
        true
    }

    fn submit_for(&self, owner: Owner, slot: HashSlot, kind: Kind, request: Bytes) {
        let (client, lane, is_behind_reads) = (self.id, self.lane, self.client.has_reads());
        let request = match kind {
            Kind::ReadAny(_) => for_any(&request).into(),
            _ => request,
        };
        self.to.submit(Submission { client, lane, slot, kind, request, owner, is_behind_reads });
    }

    /// Requests that are executed as one, in one slot: by its head, or by its tail if they only read, as the node
    /// sees it, too.
    pub(crate) fn together(&self, slot: HashSlot, requests: &[&[u8]], writes: bool) {
        let mut request = Vec::new();
        let args: Vec<&[u8]> = std::iter::once(&b"RM.EXEC"[..]).chain(requests.iter().copied()).collect();
        put_request(&mut request, &args);
        let owner = Owner::Client(Rc::clone(self.client), self.client.reserve(self.wanted));
        self.submit_for(owner, slot, self.kind_of(writes), request.into());
    }

    /// Asks what these keys of its slot hold, none of which is watched yet, for `observed`.
    pub(crate) fn observe(&self, observed: &Rc<Observed>, keys: Vec<Vec<u8>>) {
        let mut request = Vec::new();
        let args: Vec<&[u8]> =
            std::iter::once(&b"RM.DIGEST"[..]).chain(keys.iter().map(Vec::as_slice)).collect();
        put_request(&mut request, &args);
        let (place, database, slot) = (self.client.reserve(self.wanted), self.lane.database(), observed.slot);
        let (observed, client) = (Rc::clone(observed), Rc::clone(self.client));
        let observing = Rc::new(Observing { observed, database, keys, client, place });
        // What is read and acknowledged later must not be older than what was compared: the head has it confirmed.
        self.submit_for(Owner::Part(observing, 0), slot, Kind::ReadHead, request.into());
    }

    /// A command that takes what is there or waits for it.
    pub(crate) fn wait(&self, slot: HashSlot, spec: &Spec, args: Args<'_>, raw: &[u8]) -> Rc<Waiting> {
        // What names no time that a node would take is tried once, and refused by the node.
        let time = time_of(spec, args);
        let patience = time.map_or(Some(std::time::Duration::ZERO), |(_, patience)| patience);
        let mut positions: Vec<u32> = Vec::new();
        let _ = spec.key_positions(&args, &mut positions);
        let keys = positions.iter().filter_map(|at| args.get(*at as usize)).map(Bytes::copy_from_slice);
        let waiting = Rc::new(Waiting {
            to: Rc::clone(self.to),
            client: Rc::clone(self.client),
            place: self.client.reserve(self.wanted),
            id: self.id,
            lane: self.lane,
            slot,
            kind: if changes(spec) { Kind::Write } else { Kind::Read },
            request: RefCell::new(
                time.map_or_else(|| Bytes::copy_from_slice(raw), |(at, _)| for_ever(args, at)),
            ),
            keys: keys.collect(),
            is_of_stream: spec.group == Group::Stream,
            nothing: if matches!(spec.name, "blmove" | "brpoplpush") { b"$-1\r\n" } else { b"*-1\r\n" },
            until: patience.and_then(|patience| Instant::now().checked_add(patience)),
            state: State::default(),
        });
        let unknown = if spec.name == "xread" { from_the_last(args) } else { Vec::new() };
        if unknown.is_empty() {
            waiting.begin();
        } else {
            Naming::begin(&waiting, args, unknown);
        }
        waiting
    }

    /// A command that is split by its keys.
    fn per_key(&self, spec: &'static Spec, merge: Merge, args: Args<'_>, raw: &[u8]) -> bool {
        let step = usize::from(spec.step.unsigned_abs()).max(1);
        if !(args.len() - 1).is_multiple_of(step) {
            let name = spec.name;
            return self
                .reject(format!("-ERR wrong number of arguments for '{name}' command\r\n").as_bytes());
        }
        let (groups, slots) = group((1..args.len()).step_by(step).map(|key| HashSlot::of(&args[key])));
        if slots.len() == 1 {
            return self.submit(slots[0], spec, raw);
        }
        let parts = split::parts(args, step, &groups, slots.len());
        let merger = match merge {
            Merge::Positions => Merger::Positions(split::part_of_each_key(&groups, &parts)),
            Merge::Sum => Merger::Sum,
            _ => Merger::Ok,
        };
        let parts = parts.into_iter().map(|part| (slots[part.node], part.request.into()));
        self.split(parts.collect(), merger, self.kind(spec));
        true
    }

    /// One command for each slot, and one reply.
    fn split(&self, parts: Vec<(HashSlot, Bytes)>, merger: Merger, kind: Kind) {
        let answerers = parts.iter().map(|(slot, _)| Answerer::Slot(*slot)).collect();
        let place = self.client.reserve(self.wanted);
        let gather = Rc::new(Gather::new(self.client, place, merger, answerers, kind == Kind::Write));
        for ((slot, request), index) in parts.into_iter().zip(0..) {
            let owner = Owner::Part(Rc::clone(&gather) as Rc<dyn TakePart>, index);
            self.submit_for(owner, slot, kind, request);
        }
    }

    /// Questions about one slot, whose replies are made one. The tail is asked, whatever else may serve reads.
    pub(crate) fn ask_slot(&self, slot: HashSlot, merger: Merger, requests: Vec<Vec<u8>>) {
        let parts = requests.into_iter().map(|request| (slot, request.into()));
        self.split(parts.collect(), merger, Kind::Read);
    }

    fn all_nodes(&self, spec: &'static Spec, merge: Merge, args: Args<'_>, raw: &[u8]) -> bool {
        let which = match (spec.name, merge) {
            ("flushall", _) => return self.flush(args, None),
            ("flushdb", _) => return self.flush(args, Some(self.lane.database())),
            ("swapdb", _) => return self.reject(NO_SWAP),
            ("randomkey", _) => Which::AnyKey(rand::random_range(0..usize::from(u16::MAX))),
            ("keys" | "dbsize", _) | (_, Merge::Cursor) => return self.walk(spec.name, args),
            _ => Which::All(merge),
        };
        self.everywhere(which, Bytes::copy_from_slice(raw), changes_nodes(spec));
        true
    }

    /// A command for all nodes, whose replies are merged with what the proxy knows.
    pub(crate) fn ask_all(&self, merger: Merger, request: &[u8], writes: bool) {
        self.everywhere(Which::With(merger), Bytes::copy_from_slice(request), writes);
    }

    fn everywhere(&self, which: Which, request: Bytes, writes: bool) {
        let (client, place) = (Rc::clone(self.client), self.client.reserve(self.wanted));
        let lane = self.lane;
        self.to.push(Event::Everywhere(Everywhere { which, lane, request, writes, client, place }));
    }

    /// Empties every slot, of all databases or of one: it fails if one does.
    fn flush(&self, args: Args<'_>, database: Option<u8>) -> bool {
        let is_mode =
            |mode: &[u8]| [&b"async"[..], b"sync"].iter().any(|known| mode.eq_ignore_ascii_case(known));
        if args.len() > 2 || args.len() == 2 && !is_mode(&args[1]) {
            return self.reject(b"-ERR syntax error\r\n");
        }
        let database = database.map(|database| database.to_string());
        let parts = HashSlot::all().map(|slot| {
            let number = slot.number().to_string();
            let words = [&b"RM.FLUSH"[..], number.as_bytes()];
            let words: Vec<&[u8]> = words.into_iter().chain(database.iter().map(String::as_bytes)).collect();
            let mut request = Vec::new();
            put_request(&mut request, &words);
            (slot, request.into())
        });
        self.split(parts.collect(), Merger::Ok, Kind::Write);
        true
    }

    /// SCAN, KEYS, DBSIZE.
    fn walk(&self, name: &str, args: Args<'_>) -> bool {
        if name == "scan" && !is_cursor(&args[1]) {
            return self.reject(b"-ERR invalid cursor\r\n");
        }
        let (client, lane) = (Rc::clone(self.client), self.lane);
        let asker = Asker { place: client.reserve(self.wanted), client, lane };
        let walking = Walking::of(name, args, asker, &self.to.inbox);
        walking.is_some_and(|walking| {
            self.to.push(Event::Walk(walking));
            true
        })
    }
}

/// Of each key the group of its slot, and of each group the slot.
fn group(slots: impl Iterator<Item = HashSlot>) -> (Vec<u16>, Vec<HashSlot>) {
    let (mut known, mut order, mut groups) = (HashMap::new(), Vec::new(), Vec::new());
    for slot in slots {
        let group = *known.entry(slot).or_insert_with(|| {
            order.push(slot);
            // There are 16384 slots.
            u16::try_from(order.len() - 1).unwrap_or_default()
        });
        groups.push(group);
    }
    (groups, order)
}

/// Where the time stands that a command may wait, and what it is; see [`patience`].
pub(crate) fn time_of(spec: &Spec, args: Args<'_>) -> Option<(usize, Option<std::time::Duration>)> {
    if spec.group == Group::Stream {
        let at = args.iter().position(|arg| arg.eq_ignore_ascii_case(b"block"))? + 1;
        return Some((at, patience(args.get(at)?, false)?));
    }
    let at = if matches!(spec.name, "blmpop" | "bzmpop") { 1 } else { args.len() - 1 };
    Some((at, patience(args.get(at)?, true)?))
}

/// A read as it is asked of an entry that need not be the tail.
fn for_any(request: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(request.len() + 32);
    put_request(&mut out, &[b"RM.ANY", request]);
    out
}

/// The request with no end of its time: those that differ in nothing else are the same.
fn for_ever(args: Args<'_>, time_at: usize) -> Bytes {
    let words: Vec<&[u8]> =
        args.iter().enumerate().map(|(at, word)| if at == time_at { b"0" } else { word }).collect();
    let mut request = Vec::new();
    put_request(&mut request, &words);
    request.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_grouped_by_slot_in_their_order() {
        let slots = [b"{a}1", b"{b}1", b"{a}2"].map(|key| HashSlot::of(key));
        let (groups, order) = group(slots.into_iter());
        assert_eq!((groups, order), (vec![0, 1, 0], vec![slots[0], slots[1]]));
    }
}
