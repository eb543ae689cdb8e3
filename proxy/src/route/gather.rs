//! A command that was split: collects the replies of its parts, then answers the client.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use ringmaster_protocol::slot::HashSlot;

use super::merge::Merger;
use crate::output::{Closed, Output, Sequence};
use crate::telemetry::NodeStatus;
use crate::upstream::TakePart;

/// Who answers a part: errors name it.
#[derive(Clone, Debug)]
pub(crate) enum Answerer {
    /// A node, for its slots.
    Node(Arc<NodeStatus>),
    /// The chain of a slot.
    Slot(HashSlot),
}

impl fmt::Display for Answerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::Slot(slot) => write!(f, "slot {slot}"),
        }
    }
}

/// The parts of one command of one client.
pub(crate) struct Gather {
    client: Rc<Output>,
    place: Sequence,
    merger: Merger,
    /// Whether one success is enough.
    any: bool,
    /// Whether a part changes something.
    writes: bool,
    answerers: Vec<Answerer>,
    replies: RefCell<Vec<Vec<u8>>>,
    missing: Cell<usize>,
}

impl Gather {
    /// One part for each of `answerers`, at least one.
    pub(crate) fn new(
        client: &Rc<Output>,
        place: Sequence,
        merger: Merger,
        answerers: Vec<Answerer>,
        writes: bool,
    ) -> Self {
        let (count, client) = (answerers.len(), Rc::clone(client));
        let any =
            matches!(merger, Merger::AnyOne(_) | Merger::Info(_) | Merger::Settings(_) | Merger::Newest(_));
        let replies = RefCell::new(vec![Vec::new(); count]);
        Self { client, place, merger, any, writes, answerers, replies, missing: Cell::new(count) }
    }

    /// With one success enough: errors of others are dropped.
    pub(crate) fn any(self) -> Self {
        Self { any: true, ..self }
    }

    fn finish(&self) -> Vec<u8> {
        let replies = self.replies.borrow();
        if let Merger::Info(_) | Merger::Explain(_) = &self.merger {
            // What a node does not tell is missing, and nothing more.
            let all: Vec<&[u8]> = replies.iter().map(Vec::as_slice).collect();
            return self.merger.merge(&all).unwrap_or_else(|| self.unmergeable());
        }
        let good: Vec<&[u8]> = replies.iter().map(Vec::as_slice).filter(|reply| !is_error(reply)).collect();
        let failed = replies.iter().position(|reply| is_error(reply));
        match failed {
            Some(failed) if good.is_empty() || !self.any => self.failure(&replies, failed, good.len()),
            _ => self.merger.merge(&good).unwrap_or_else(|| self.unmergeable()),
        }
    }

    fn unmergeable(&self) -> Vec<u8> {
        let code = if self.writes { "MAYBE the command may have been executed;" } else { "ERR" };
        let node = &self.answerers[0];
        format!("-{code} unexpected reply to a part of the command ({node} and others)\r\n").into_bytes()
    }

    /// The error of part `failed`, with its node if it speaks only for itself. Of a command that writes, one part that
    /// was executed, or may have been, decides over all others: it is never told that nothing was changed.
    fn failure(&self, replies: &[Vec<u8>], failed: usize, good: usize) -> Vec<u8> {
        let error = &replies[failed];
        if replies.iter().all(|reply| reply == error) {
            return error.clone();
        }
        let doubtful = replies.iter().position(|reply| error_text(reply).starts_with("MAYBE"));
        let told = doubtful.filter(|_| self.writes && good == 0).unwrap_or(failed);
        let (text, node) = (error_text(&replies[told]), &self.answerers[told]);
        let reply = if self.writes && good > 0 {
            format!("-MAYBE the command was executed in part; {node} answered: {text}\r\n")
        } else if self.writes && doubtful.is_some() {
            format!("-MAYBE the command may have been executed in part; {node} answered: {text}\r\n")
        } else {
            format!("-{text} (answered by {node}, for its part of the command)\r\n")
        };
        reply.into_bytes()
    }

    /// Keeps the reply of a part; `false` if the client is gone, and the replies with it.
    fn keep(&self, index: u32, reply: &[u8]) -> bool {
        if self.client.closed().is_none() && !self.client.gather(reply.len()) {
            self.client.close(Closed::OutputFull);
        }
        let mut replies = self.replies.borrow_mut();
        if self.client.closed().is_some() {
            *replies = Vec::new();
            return false;
        }
        replies[index as usize].extend_from_slice(reply);
        true
    }
}

impl TakePart for Gather {
    fn take_part(self: Rc<Self>, index: u32, reply: &[u8]) {
        if !self.keep(index, reply) {
            return;
        }
        self.missing.set(self.missing.get() - 1);
        if self.missing.get() == 0 {
            let whole = self.finish();
            self.client.gathered(self.replies.take().iter().map(Vec::len).sum());
            self.client.answer(self.place, &whole);
        }
    }
}

fn is_error(reply: &[u8]) -> bool {
    matches!(reply.first(), Some(b'-' | b'!'))
}

/// The text of an error on one line, empty for what is none. A blob error has a line with its length before it.
fn error_text(reply: &[u8]) -> String {
    let text = match reply.split_first() {
        Some((b'-', text)) => text,
        Some((b'!', blob)) => blob.splitn(2, |&byte| byte == b'\n').nth(1).unwrap_or_default(),
        _ => &[],
    };
    String::from_utf8_lossy(text.trim_ascii_end()).replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_error_is_one_line() {
        assert_eq!(error_text(b"-ERR no\r\n"), "ERR no");
        assert_eq!(error_text(b"!8\r\nERR\r\nno\r\n"), "ERR  no");
        assert_eq!(error_text(b"+OK\r\n"), "");
        assert!(is_error(b"-ERR\r\n") && is_error(b"!3\r\nERR\r\n") && !is_error(b":1\r\n"));
    }
}
