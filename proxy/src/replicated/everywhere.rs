//! Commands for all nodes: each is asked, and tells only of the slots whose tail it is. Those that have to meet every slot
//! are in [`super::walking`].

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
pub(super) const NO_VIEW: &[u8] =
    b"-CLUSTERDOWN the cluster has no view yet; the command was not executed\r\n";

/// Which nodes are asked, and what is made of their replies.
#[derive(Debug)]
pub(super) enum Which {
    /// All; the replies are merged so.
    All(Merge),
    /// All; the replies are merged with what the proxy knows.
    With(Merger),
    /// All, for any key; the answer of this one first.
    AnyKey(usize),
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
    let nodes = members.by_name();
    if nodes.is_empty() {
        let alone = if let Which::With(merger) = &command.which { merger.alone() } else { None };
        return command.client.answer(command.place, alone.as_deref().unwrap_or(NO_VIEW));
    }
    let (mut merger, any) = merger(command.which);
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
fn merger(which: Which) -> (Merger, bool) {
    match which {
        Which::AnyKey(first) => (Merger::AnyOne(first), true),
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
