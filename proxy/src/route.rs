//! From a command to the nodes that execute it.
//!
//! | the command's row says | what is done |
//! | --- | --- |
//! | `Slot`, `Channel` | forwarded whole, as raw bytes, to the node of its one slot |
//! | `PerKey` | forwarded whole if one node has all keys, else one command for each node ([`split`]) and one reply ([`merge`]) |
//! | `Nodes` | sent to all nodes (`SCAN`: to the one that its cursor names), and one reply made |
//!
//! What needs no node (`Local`, `Conversation`, `Refused`) is answered by [`crate::downstream`] and never comes here.

pub(crate) mod cursor;
pub(crate) mod gather;
pub(crate) mod merge;
pub(crate) mod split;

use std::rc::Rc;
use std::sync::Arc;

use ringmaster_protocol::command::sort::refusal;
use ringmaster_protocol::command::{Flags, Merge, Spec, Split};
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, Protocol};
use ringmaster_protocol::slot::HashSlot;

use crate::cluster::Topology;
use crate::output::{Output, give_back};
use crate::upstream::{Lane, Links, TakePart, Upstream};
use cursor::Cursor;
use gather::{Answerer, Gather};
use merge::Merger;

/// Redis's error for keys of several slots.
const CROSS_SLOT: &[u8] = b"-CROSSSLOT Keys in request don't hash to the same slot\r\n";

/// Memory that is used anew for each command.
#[derive(Debug, Default)]
pub(crate) struct RouteScratch {
    /// Positions of keys.
    keys: Vec<u32>,
    /// Node of each key.
    nodes: Vec<u16>,
    /// A request that is not forwarded as it came.
    request: Vec<u8>,
    /// Drawn from for `RANDOMKEY`.
    random: u64,
}

impl RouteScratch {
    /// `seed` need not be secret.
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: seed | 1, ..Self::default() }
    }

    /// A number below `bound`, by xorshift: fair enough to pick a node.
    fn below(&mut self, bound: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % bound.max(1) as u64).unwrap_or(0)
    }
}

/// One command of one client, on its way to nodes.
pub(crate) struct Route<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) links: &'a mut Links,
    pub(crate) scratch: &'a mut RouteScratch,
    pub(crate) client: &'a Rc<Output>,
    pub(crate) lane: Lane,
}

/// What was done with a command.
pub(crate) enum Routed {
    /// It was sent; `true` when the node's queue is full and the client should not be read for now.
    Sent(Option<Rc<Upstream>>),
    /// It was answered with an error.
    Rejected,
}

impl Route<'_> {
    /// Sends a command on. `raw` is the whole request; its reply is dropped unless `wanted`.
    #[inline]
    pub(crate) fn send(&mut self, spec: &'static Spec, args: Args<'_>, raw: &[u8], wanted: bool) -> Routed {
        if spec.single_key() && spec.split == Split::Slot {
            return self.forward(HashSlot::of(&args[1]), spec, raw, wanted);
        }
        self.send_other(spec, args, raw, wanted)
    }

    #[inline]
    fn forward(&mut self, slot: HashSlot, spec: &Spec, raw: &[u8], wanted: bool) -> Routed {
        let node = self.topology.node_of(slot).index();
        self.forward_to(node, spec, raw, wanted)
    }

    #[inline]
    fn forward_to(&mut self, node: usize, spec: &Spec, raw: &[u8], wanted: bool) -> Routed {
        let link = self.links.get(node, self.lane);
        if link.is_hot() && !changes(spec) {
            link.send_joining(self.client, wanted, raw);
        } else {
            link.send(self.client, self.client.reserve(wanted), raw, changes(spec));
        }
        Routed::Sent(link.is_full().then(|| Rc::clone(link)))
    }

    fn send_other(&mut self, spec: &'static Spec, args: Args<'_>, raw: &[u8], wanted: bool) -> Routed {
        match spec.split {
            Split::Slot => self.one_slot(spec, args, raw, wanted),
            Split::Channel => self.forward(HashSlot::of(&args[1]), spec, raw, wanted),
            Split::PerKey(merge) => self.per_key(spec, merge, args, raw, wanted),
            Split::Nodes(Merge::Cursor) => self.scan(spec, args, wanted),
            Split::Nodes(merge) => self.all_nodes(spec, merge, raw, wanted),
            // The session's commands do not come here.
            Split::Local | Split::Conversation | Split::Refused => {
                self.reject(spec, "not for a node", wanted)
            }
        }
    }

    #[cold]
    fn reject(&mut self, spec: &Spec, why: &str, wanted: bool) -> Routed {
        let name = spec.name.replace('|', " ");
        self.client.answer_now(wanted, format!("-ERR '{name}' is {why}\r\n").as_bytes());
        Routed::Rejected
    }

    /// A command whose keys must all be in one slot.
    fn one_slot(&mut self, spec: &Spec, args: Args<'_>, raw: &[u8], wanted: bool) -> Routed {
        match slot_of_all(spec, args, &mut self.scratch.keys) {
            Ok(slot) => self.forward(slot, spec, raw, wanted),
            Err(error) => {
                self.client.answer_now(wanted, &error);
                Routed::Rejected
            }
        }
    }

    /// A command that is split by its keys.
    fn per_key(
        &mut self,
        spec: &'static Spec,
        merge: Merge,
        args: Args<'_>,
        raw: &[u8],
        wanted: bool,
    ) -> Routed {
        let step = usize::from(spec.step.unsigned_abs()).max(1);
        let nodes = &mut self.scratch.nodes;
        nodes.clear();
        nodes.extend((1..args.len()).step_by(step).map(|key| {
            let node = self.topology.node_of(HashSlot::of(&args[key])).index();
            u16::try_from(node).unwrap_or_default()
        }));
        let first = usize::from(nodes.first().copied().unwrap_or_default());
        // An incomplete last pair: the node answers the error, and changes nothing.
        let incomplete = !(args.len() - 1).is_multiple_of(step);
        if incomplete || nodes.iter().all(|&node| usize::from(node) == first) {
            return self.forward_to(first, spec, raw, wanted);
        }
        let parts = split::parts(args, step, nodes, self.links.len());
        let merger = match merge {
            Merge::Positions => Merger::Positions(split::part_of_each_key(nodes, &parts)),
            Merge::Sum => Merger::Sum,
            _ => Merger::Ok,
        };
        if self.sheds(parts.iter().map(|part| part.node), wanted) {
            return Routed::Rejected;
        }
        let nodes = parts.iter().map(|part| self.answerer(part.node)).collect();
        let place = self.client.reserve(wanted);
        let gather = Rc::new(Gather::new(self.client, place, merger, nodes, changes(spec)));
        for (part, index) in parts.iter().zip(0..) {
            let to = Rc::clone(&gather) as Rc<dyn TakePart>;
            self.links.get(part.node, self.lane).send_part(to, index, &part.request, changes(spec));
        }
        Routed::Sent(self.full(parts.iter().map(|part| part.node)))
    }

    /// A command for all nodes.
    fn all_nodes(&mut self, spec: &Spec, merge: Merge, raw: &[u8], wanted: bool) -> Routed {
        let merger = match merge {
            Merge::Sum => Merger::Sum,
            Merge::Concat => Merger::Concat,
            Merge::AnyOne => Merger::AnyOne(self.scratch.below(self.links.len())),
            Merge::Same => Merger::Same,
            Merge::And => Merger::And,
            Merge::Union => Merger::Union,
            Merge::Most => Merger::Most,
            Merge::AllOk | Merge::AnyOk | Merge::Positions | Merge::Cursor => Merger::Ok,
        };
        // Where one success is enough, an overloaded node is an error among others.
        let any = matches!(merge, Merge::AnyOne | Merge::AnyOk);
        if !any && self.sheds(0..self.links.len(), wanted) {
            return Routed::Rejected;
        }
        self.ask_all((merger, merge == Merge::AnyOk), raw, changes_nodes(spec), wanted);
        Routed::Sent(self.full(0..self.links.len()))
    }

    /// Sends a request to all nodes; the replies are made one so, and one success may be enough.
    pub(crate) fn ask_all(
        &mut self,
        (mut merger, any): (Merger, bool),
        request: &[u8],
        writes: bool,
        wanted: bool,
    ) {
        let count = self.links.len();
        if let Merger::Info(infos) = &mut merger {
            infos.names = (0..count).map(|node| self.links.node(node).name().to_owned()).collect();
        }
        let nodes = (0..count).map(|node| self.answerer(node)).collect();
        let gather = Gather::new(self.client, self.client.reserve(wanted), merger, nodes, writes);
        let gather = Rc::new(if any { gather.any() } else { gather });
        for (node, index) in (0..count).zip(0..) {
            let to = Rc::clone(&gather) as Rc<dyn TakePart>;
            self.links.get(node, self.lane).send_part(to, index, request, writes);
        }
    }

    /// Asks the node of a slot several questions; the replies are made one.
    pub(crate) fn ask_slot(&mut self, slot: HashSlot, merger: Merger, requests: &[Vec<u8>], wanted: bool) {
        let node = self.topology.node_of(slot).index();
        let nodes = requests.iter().map(|_| self.answerer(node)).collect();
        let gather = Rc::new(Gather::new(self.client, self.client.reserve(wanted), merger, nodes, false));
        for (request, index) in requests.iter().zip(0..) {
            let to = Rc::clone(&gather) as Rc<dyn TakePart>;
            self.links.get(node, self.lane).send_part(to, index, request, false);
        }
    }

    fn answerer(&self, node: usize) -> Answerer {
        Answerer::Node(Arc::clone(self.links.node(node)))
    }

    /// Answers a split command an error if one of `nodes` takes no more; whether it did.
    fn sheds(&mut self, nodes: impl Iterator<Item = usize>, wanted: bool) -> bool {
        for node in nodes {
            if let Some(error) = self.links.get(node, self.lane).overload() {
                self.client.answer_now(wanted, &error);
                return true;
            }
        }
        false
    }

    /// The first of `nodes` whose queue is full.
    fn full(&mut self, mut nodes: impl Iterator<Item = usize>) -> Option<Rc<Upstream>> {
        let node = nodes.find(|&node| self.links.get(node, self.lane).is_full())?;
        Some(Rc::clone(self.links.get(node, self.lane)))
    }

    /// `SCAN cursor …`: the next piece of the walk over all nodes.
    fn scan(&mut self, spec: &Spec, args: Args<'_>, wanted: bool) -> Routed {
        let Some(cursor) = Cursor::parse(&args[1]) else {
            self.client.answer_now(wanted, b"-ERR invalid cursor\r\n");
            return Routed::Rejected;
        };
        let Some(&node) = self.topology.by_name().get(cursor.node) else {
            // Nodes have left since: the walk is at its end.
            self.client.answer_now(wanted, b"*2\r\n$1\r\n0\r\n*0\r\n");
            return Routed::Rejected;
        };
        let place = cursor.place.to_string();
        self.scratch.request.clear();
        let mut request = Reply::new(&mut self.scratch.request, Protocol::Resp2);
        request.array(args.len());
        let rest = args.iter().skip(2);
        [&args[0], place.as_bytes()].into_iter().chain(rest).for_each(|arg| request.bulk(arg));
        let nodes = vec![self.answerer(node)];
        let merger = Merger::Cursor(cursor.node, self.links.len());
        let gather = Rc::new(Gather::new(self.client, self.client.reserve(wanted), merger, nodes, false));
        self.links.get(node, self.lane).send_part(gather, 0, &self.scratch.request, changes(spec));
        give_back(&mut self.scratch.request);
        Routed::Sent(self.full([node].into_iter()))
    }
}

/// The one slot of all keys of a command, or the error that refuses it. `keys` is scratch.
pub(crate) fn slot_of_all(spec: &Spec, args: Args<'_>, keys: &mut Vec<u32>) -> Result<HashSlot, Vec<u8>> {
    // Arguments that contradict themselves have no keys; every node answers them with the same error.
    let _ = spec.slot_positions(&args, keys);
    let mut slots = keys.iter().map(|&key| HashSlot::of(&args[key as usize]));
    let first = slots.next().unwrap_or_default();
    if slots.any(|slot| slot != first) {
        return Err(CROSS_SLOT.to_vec());
    }
    refusal(spec, args, first).map_or(Ok(first), |text| Err(format!("-{text}\r\n").into_bytes()))
}

/// Commands that ask nodes of themselves, and change nothing though they do not say that they only read.
const QUESTIONS: [&str; 16] = [
    "config|get",
    "function|dump",
    "function|list",
    "function|stats",
    "info",
    "lastsave",
    "latency|history",
    "latency|latest",
    "pubsub|channels",
    "pubsub|numpat",
    "pubsub|numsub",
    "pubsub|shardchannels",
    "pubsub|shardnumsub",
    "script|exists",
    "slowlog|get",
    "slowlog|len",
];

/// Whether a command that was sent to all nodes may have changed something there.
pub(crate) fn changes_nodes(spec: &Spec) -> bool {
    changes(spec) && !QUESTIONS.contains(&spec.name)
}

/// Whether a command that was sent may have changed something. What does not say that it only reads, may.
#[inline]
pub(crate) fn changes(spec: &Spec) -> bool {
    !spec.flags.contains(Flags::READONLY)
}

#[cfg(test)]
mod tests {
    use ringmaster_protocol::command::{all, lookup_full};

    use super::*;

    #[test]
    fn what_asks_nodes_changes_nothing() {
        for name in QUESTIONS {
            let spec = lookup_full(name.as_bytes()).unwrap();
            assert!(changes(spec) && !changes_nodes(spec), "{name} is in the list for nothing");
        }
        for name in ["config|set", "flushall", "function|load", "slowlog|reset"] {
            assert!(changes_nodes(lookup_full(name.as_bytes()).unwrap()), "{name}");
        }
        assert!(all().iter().all(|spec| !spec.flags.contains(Flags::WRITE) || changes_nodes(spec)));
    }
}
