//! A command that was split: collects the replies of its parts, then answers the client.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::merge::Merger;
use crate::output::{Output, Sequence};
use crate::telemetry::NodeStatus;
use crate::upstream::TakePart;

/// The parts of one command of one client.
pub(super) struct Gather {
    client: Rc<Output>,
    place: Sequence,
    merger: Merger,
    /// Whether one success is enough.
    any: bool,
    /// Whether a part changes something.
    writes: bool,
    nodes: Vec<Arc<NodeStatus>>,
    replies: RefCell<Vec<Vec<u8>>>,
    missing: Cell<usize>,
}

impl Gather {
    /// One part for each of `nodes`, at least one.
    pub(super) fn new(
        client: &Rc<Output>,
        place: Sequence,
        merger: Merger,
        nodes: Vec<Arc<NodeStatus>>,
        writes: bool,
    ) -> Self {
        let (count, client) = (nodes.len(), Rc::clone(client));
        let any = matches!(merger, Merger::AnyOne(_));
        let replies = RefCell::new(vec![Vec::new(); count]);
        Self { client, place, merger, any, writes, nodes, replies, missing: Cell::new(count) }
    }

    /// With one success enough: errors of others are dropped.
    pub(super) fn any(self) -> Self {
        Self { any: true, ..self }
    }

    fn finish(&self) -> Vec<u8> {
        let replies = self.replies.borrow();
        let good: Vec<&[u8]> = replies.iter().map(Vec::as_slice).filter(|reply| reply[0] != b'-').collect();
        let failed = replies.iter().position(|reply| reply[0] == b'-');
        match failed {
            Some(failed) if good.is_empty() || !self.any => self.failure(&replies, failed, good.len()),
            _ => self.merger.merge(&good).unwrap_or_else(|| {
                let node = &self.nodes[0];
                format!("-ERR unexpected reply to a part of the command ({node} and others)\r\n").into_bytes()
            }),
        }
    }

    /// The error of part `failed`, with its node if it speaks only for itself.
    fn failure(&self, replies: &[Vec<u8>], failed: usize, good: usize) -> Vec<u8> {
        let error = &replies[failed];
        if replies.iter().all(|reply| reply == error) {
            return error.clone();
        }
        let text = String::from_utf8_lossy(error[1..].trim_ascii_end());
        let node = &self.nodes[failed];
        if self.writes && good > 0 {
            format!("-MAYBE the command was executed in part; {node} answered: {text}\r\n").into_bytes()
        } else {
            format!("-{text} (answered by {node}, for its part of the command)\r\n").into_bytes()
        }
    }
}

impl TakePart for Gather {
    fn take_part(self: Rc<Self>, index: u32, reply: &[u8]) {
        self.replies.borrow_mut()[index as usize].extend_from_slice(reply);
        self.missing.set(self.missing.get() - 1);
        if self.missing.get() == 0 {
            self.client.answer(self.place, &self.finish());
        }
    }
}
