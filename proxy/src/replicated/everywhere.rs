//! Commands for all nodes: each is asked, and tells only of the slots whose tail it is.

use std::rc::Rc;

use bytes::Bytes;
use ringmaster_protocol::command::Merge;
use ringmaster_protocol::view::MemberIndex;

use super::members::Members;
use crate::output::{Output, Sequence};
use crate::route::gather::{Answerer, Gather};
use crate::route::merge::Merger;
use crate::upstream::{Lane, TakePart};

/// No view is known, so no node either.
const NO_VIEW: &[u8] = b"-CLUSTERDOWN the cluster has no view yet; the command was not executed\r\n";

/// The end of a walk whose nodes have left.
const WALK_IS_OVER: &[u8] = b"*2\r\n$1\r\n0\r\n*0\r\n";

/// Which nodes are asked, and what is made of their replies.
#[derive(Debug)]
pub(super) enum Which {
    /// All; the replies are merged so.
    All(Merge),
    /// All; the replies are merged with what the proxy knows.
    With(Merger),
    /// All, for any key; the answer of this one first.
    AnyKey(usize),
    /// The one at this place in the order of names, for the next piece of a walk.
    Walk(usize),
}

/// A command for all nodes.
pub(crate) struct Everywhere {
    pub(super) which: Which,
    pub(super) lane: Lane,
    pub(super) request: Bytes,
    pub(super) writes: bool,
    pub(super) client: Rc<Output>,
    pub(super) place: Sequence,
}

/// Sends a command to the nodes that it is for.
pub(super) fn send(command: Everywhere, members: &mut Members) {
    let mut nodes = members.by_name();
    let count = nodes.len();
    if count == 0 {
        let alone = if let Which::With(merger) = &command.which { merger.alone() } else { None };
        return command.client.answer(command.place, alone.as_deref().unwrap_or(NO_VIEW));
    }
    if let Which::Walk(place) = command.which {
        if place >= count {
            return command.client.answer(command.place, WALK_IS_OVER);
        }
        nodes = vec![nodes.swap_remove(place)];
    }
    let (mut merger, any) = merger(command.which, count);
    if let Merger::Info(infos) = &mut merger {
        infos.names = nodes.iter().map(|(_, status)| status.name().to_owned()).collect();
    }
    let asked: Vec<MemberIndex> = nodes.iter().map(|(member, _)| *member).collect();
    let answerers = nodes.into_iter().map(|(_, status)| Answerer::Node(status)).collect();
    let gather = Gather::new(&command.client, command.place, merger, answerers, command.writes);
    let to = Rc::new(if any { gather.any() } else { gather }) as Rc<dyn TakePart>;
    for (member, index) in asked.into_iter().zip(0..) {
        members.send_part(member, command.lane, &command.request, (&to, index));
    }
}

/// How the replies become one, and whether one success is enough.
fn merger(which: Which, nodes: usize) -> (Merger, bool) {
    match which {
        Which::AnyKey(first) => (Merger::AnyOne(first), true),
        Which::Walk(node) => (Merger::Cursor(node, nodes), false),
        Which::With(merger) => (merger, false),
        Which::All(merge) => match merge {
            Merge::Sum => (Merger::Sum, false),
            Merge::Concat => (Merger::Concat, false),
            Merge::AnyOne => (Merger::AnyOne(0), true),
            Merge::Same => (Merger::Same, false),
            Merge::And => (Merger::And, false),
            Merge::Union => (Merger::Union, false),
            Merge::Most => (Merger::Most, false),
            Merge::AnyOk => (Merger::Ok, true),
            Merge::AllOk | Merge::Positions | Merge::Cursor => (Merger::Ok, false),
        },
    }
}
