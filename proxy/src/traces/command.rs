//! A command that is traced, or that has an author who is not to be told of what it changes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::trace::TraceContext;
use ringmaster_runtime::traces::{Began, Kind, Span, Traces, Value, error_word, span_id, trace_id};

/// From its coming to its reply. Told when all that is known of it has happened: at the drop of the last who holds it.
#[derive(Debug)]
pub(crate) struct Traced {
    /// `None` where nothing is told of it.
    traces: Option<Arc<Traces>>,
    context: TraceContext,
    /// The span of the application that it is a part of.
    parent: Option<u64>,
    began: Began,
    attributes: RefCell<Vec<(&'static str, Value)>>,
    answer: RefCell<Option<Answer>>,
    /// Requests for it that got no answer, or were refused.
    failures: Cell<u32>,
    is_forgotten: Cell<bool>,
    /// The client whose command it is, where nodes are to know that.
    author: Cell<Option<u64>>,
}

/// How a command or a hop ended.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) at: Instant,
    pub(super) bytes: usize,
    pub(super) error: Option<String>,
}

impl Answer {
    /// The whole reply has come just now.
    pub(super) fn of(reply: &[u8]) -> Self {
        Self { at: Instant::now(), bytes: reply.len(), error: error_word(reply) }
    }
}

impl Traced {
    /// A command that has come now, as a part of `parent` where there is one.
    pub(crate) fn begin(traces: &Arc<Traces>, spec: &Spec, parent: Option<TraceContext>) -> Rc<Self> {
        let trace = parent.map_or_else(trace_id, |parent| parent.trace_id);
        let operation = spec.name.replace('|', " ").to_uppercase();
        let mut traced = Self::new(Some(Arc::clone(traces)));
        traced.context = TraceContext { trace_id: trace, is_sampled: true, ..traced.context };
        traced.parent = parent.map(|parent| parent.span_id);
        let words = [("db.system.name", "redis".into()), ("db.operation.name", operation.into())];
        traced.attributes.get_mut().extend(words);
        Rc::new(traced)
    }

    /// A command of which nothing is told but to nodes, whose it is.
    pub(crate) fn of_author(client: u64) -> Rc<Self> {
        let traced = Self::new(None);
        traced.set_author(client);
        Rc::new(traced)
    }

    fn new(traces: Option<Arc<Traces>>) -> Self {
        Self {
            traces,
            context: TraceContext { trace_id: trace_id(), span_id: span_id(), is_sampled: false },
            parent: None,
            began: Began::now(),
            attributes: RefCell::default(),
            answer: RefCell::default(),
            failures: Cell::new(0),
            is_forgotten: Cell::new(false),
            author: Cell::new(None),
        }
    }

    /// Nodes are to know that it is this client's.
    pub(crate) fn set_author(&self, client: u64) {
        self.author.set(Some(client));
    }

    /// The client whose it is, where nodes are to know that.
    pub(super) fn author(&self) -> Option<u64> {
        self.author.get()
    }

    /// Where spans of it go, if anywhere.
    fn told_to(&self) -> Option<&Arc<Traces>> {
        self.traces.as_ref().filter(|_| !self.is_forgotten.get())
    }

    /// Says more of it.
    pub(crate) fn note(&self, key: &'static str, value: impl Into<Value>) {
        self.attributes.borrow_mut().push((key, value.into()));
    }

    /// It was sent on to where these attributes say.
    pub(crate) fn routed(&self, attributes: Vec<(&'static str, Value)>) {
        let times = (self.began.at(self.began.moment()), self.began.at(Instant::now()));
        self.tell(("route", Kind::Internal), span_id(), times, attributes, None);
    }

    /// Its reply has come.
    pub(crate) fn answered(&self, reply: &[u8]) {
        self.answer.borrow_mut().get_or_insert_with(|| Answer::of(reply));
    }

    /// Its reply was made here, of so many bytes.
    pub(crate) fn answered_here(&self, bytes: usize) {
        let answer = Answer { at: Instant::now(), bytes, error: None };
        self.answer.borrow_mut().get_or_insert(answer);
    }

    /// It waits, and will come again: nothing is told of this time.
    pub(crate) fn forget(&self) {
        self.is_forgotten.set(true);
    }

    /// A request for it failed.
    pub(super) fn fails(&self) {
        self.failures.set(self.failures.get() + 1);
    }

    /// Which try the next request is, from 1.
    pub(super) fn attempt(&self) -> u32 {
        self.failures.get() + 1
    }

    pub(super) fn began(&self) -> &Began {
        &self.began
    }

    /// The context of a span of its own with this number.
    pub(super) fn within(&self, span_id: u64) -> TraceContext {
        TraceContext { span_id, ..self.context }
    }

    /// Tells a span that is a part of it.
    pub(super) fn tell(
        &self,
        (name, kind): (&'static str, Kind),
        span_id: u64,
        times: (std::time::SystemTime, std::time::SystemTime),
        attributes: Vec<(&'static str, Value)>,
        error: Option<String>,
    ) {
        let Some(traces) = self.told_to() else { return };
        let (context, parent) = (self.within(span_id), Some(self.context.span_id));
        traces.record(Span {
            name,
            kind,
            context,
            parent,
            is_parent_remote: false,
            times,
            attributes,
            error,
        });
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let Some(traces) = self.told_to() else { return };
        let mut attributes = self.attributes.take();
        let (ended, error) = match self.answer.take() {
            Some(answer) => {
                attributes.push(("ringmaster.reply.bytes", answer.bytes.into()));
                (answer.at, answer.error)
            }
            // Its client went away first.
            None => (Instant::now(), Some("UNANSWERED".to_owned())),
        };
        attributes.extend(error.clone().map(|word| ("error.type", word.into())));
        let times = (self.began.at(self.began.moment()), self.began.at(ended));
        traces.record(Span {
            name: "command",
            kind: Kind::Server,
            context: self.context,
            parent: self.parent,
            is_parent_remote: true,
            times,
            attributes,
            error,
        });
    }
}
