//! A request to a node for a command that is traced or has an author, and its answer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use ringmaster_protocol::extension::{Author, Preface};
use ringmaster_runtime::traces::{Kind, Value, span_id};

use super::Traced;
use super::command::Answer;

/// From when the request was queued to its answer; told when it is dropped.
#[derive(Debug)]
pub(crate) struct Hop {
    traced: Rc<Traced>,
    span_id: u64,
    /// What the node is asked for.
    what: &'static str,
    node: String,
    /// The number of the connection over which the thread hears of keys that change there, if there is one.
    line: Option<u64>,
    attempt: u32,
    queued: Instant,
    /// When the last byte of the request was handed to the system, where that is known.
    written: Cell<Option<Instant>>,
    answer: RefCell<Option<Answer>>,
}

impl Hop {
    /// A request of this kind for `node` is queued now; `line` is where the thread hears of keys that change there.
    pub(crate) fn begin(
        traced: &Rc<Traced>,
        (node, line): (&str, Option<u64>),
        what: &'static str,
    ) -> Box<Self> {
        Box::new(Self {
            traced: Rc::clone(traced),
            span_id: span_id(),
            what,
            node: node.to_owned(),
            line,
            attempt: traced.attempt(),
            queued: Instant::now(),
            written: Cell::new(None),
            answer: RefCell::default(),
        })
    }

    /// What the node is told that it works for, and for whom.
    pub(crate) fn preface(&self) -> Preface {
        let author = self.line.zip(self.traced.author()).map(|(line, client)| Author { line, client });
        Preface { context: self.traced.within(self.span_id), author }
    }

    /// The request was written.
    pub(crate) fn written(&self) {
        self.written.set(Some(self.written.get().unwrap_or_else(Instant::now)));
    }

    /// The reply has come, without what only proxies read of it.
    pub(crate) fn answered(&self, reply: &[u8]) {
        self.answer.borrow_mut().get_or_insert_with(|| Answer::of(reply));
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        let answer = self.answer.take();
        let is_lost = answer.is_none();
        let Answer { at, bytes, error } =
            answer.unwrap_or_else(|| Answer { at: Instant::now(), bytes: 0, error: Some("LOST".to_owned()) });
        // These say that the node did not carry it out: it is tried again elsewhere.
        if is_lost || matches!(error.as_deref(), Some("STALE" | "FENCED" | "EXPIRING" | "BEHIND" | "GAP")) {
            self.traced.fails();
        }
        let mut attributes: Vec<(&'static str, Value)> = vec![
            ("ringmaster.node", self.node.clone().into()),
            ("ringmaster.request", self.what.into()),
            ("ringmaster.attempt", u64::from(self.attempt).into()),
            ("ringmaster.reply.bytes", bytes.into()),
        ];
        if let Some(written) = self.written.get() {
            let micros = |from: Instant, to: Instant| {
                Value::from(u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX))
            };
            attributes.push(("ringmaster.queued.us", micros(self.queued, written)));
            attributes.push(("ringmaster.wait.us", micros(written, at)));
        }
        attributes.extend(error.clone().map(|word| ("error.type", word.into())));
        let began = self.traced.began();
        let times = (began.at(self.queued), began.at(at));
        self.traced.tell(("hop", Kind::Client), self.span_id, times, attributes, error);
    }
}
