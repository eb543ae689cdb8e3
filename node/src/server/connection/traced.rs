//! Commands that are traced: those of which a proxy or a client has said what they are a part of, and, where the node's own
//! clients are sampled, some of theirs.
//!
//! With that a proxy may say whose command it is: then what it changes is told as that client's ([`crate::tracking::author`]).
//!
//! A span `execute` from when the command's turn came until its reply was made, and beside it, where the reply waits for the
//! log, a span `fsync`.

use std::time::Instant;

use ringmaster_protocol::extension::{Apply, Preface, RawOperation, TRACE, split_attribute, trace_of};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::trace::TraceContext;
use ringmaster_protocol::view::Version;
use ringmaster_runtime::traces::{Began, Kind, Span, Value, error_word, span_id, trace_id};

use super::Connection;
use crate::server::batch::Planned;
use crate::tracking::author;

/// Says how the connection stands, and is no work of a command.
const ATTACH: &[u8] = b"RM.ATTACH";

/// The longest name of a request between proxies and nodes is shorter.
const OWN_NAME_BYTES_MAX: usize = 16;

/// A command that is traced or has an author, while it is executed.
pub(super) struct Executing {
    /// `None` where no span is told of it.
    recorded: Option<Recorded>,
}

/// One of which a span is told.
#[derive(Clone, Copy)]
struct Recorded {
    context: TraceContext,
    parent: Option<u64>,
    began: Began,
    /// How long the connection had waited for slots and keys before.
    waited_before: std::time::Duration,
}

impl Connection {
    /// `RM.TRACE traceparent [BY line client]`: what the next request is a part of, and whose it is.
    pub(super) fn note_trace(&mut self, args: Args<'_>) -> Option<()> {
        let Preface { context, author } = trace_of(args)?;
        self.session.parent = Some(Box::new(context));
        self.by_next = author.and_then(author::number_of).unwrap_or(0);
        Reply::new(&mut self.output, self.session.protocol).ok();
        Some(())
    }

    /// Begins to trace the command whose turn it is, if it is traced; what was said of it is for it alone.
    #[inline]
    pub(super) fn begin_trace(&mut self, command: &Planned, args: Args<'_>) -> Option<Box<Executing>> {
        if self.session.parent.is_none() && !self.worker.sampler.is_due() {
            return None;
        }
        self.begin_traced(command, args)
    }

    #[cold]
    fn begin_traced(&mut self, command: &Planned, args: Args<'_>) -> Option<Box<Executing>> {
        let is_one = match command.spec {
            Ok(spec) => !matches!(spec.name, "client|trace" | "multi") && !self.is_queued(spec),
            Err(_) => ![TRACE, ATTACH].iter().any(|name| args[0].eq_ignore_ascii_case(name)),
        };
        if !is_one {
            return None;
        }
        let parent = self.session.parent.take();
        let by = std::mem::take(&mut self.by_next);
        if by != 0 {
            self.by = by;
        }
        let recorded = self.record(parent.as_deref());
        (by != 0 || recorded.is_some()).then(|| Box::new(Executing { recorded }))
    }

    /// Begins a span, if one is to be told.
    fn record(&self, parent: Option<&TraceContext>) -> Option<Recorded> {
        self.worker.shared.traces.as_ref()?;
        // What comes from a proxy was chosen there, or not.
        let is_chosen = parent.map_or(!self.was_attached, |parent| parent.is_sampled);
        is_chosen.then(|| {
            let trace_id = parent.map_or_else(trace_id, |parent| parent.trace_id);
            Recorded {
                context: TraceContext { trace_id, span_id: span_id(), is_sampled: true },
                parent: parent.map(|parent| parent.span_id),
                began: Began::now(),
                waited_before: self.waited,
            }
        })
    }

    /// The command has its reply at the end of the output.
    #[cold]
    pub(super) fn end_trace(&mut self, executing: &Executing, command: &Planned, args: Args<'_>) {
        self.by = self.session.id;
        let Some(Recorded { context, parent, began, waited_before }) = executing.recorded else { return };
        let Some(traces) = &self.worker.shared.traces else { return };
        let (note, reply) = split_attribute(self.output.get(self.reply_from..).unwrap_or_default());
        let name =
            command.spec.map_or_else(|_| own_name(&args[0]).to_owned(), |spec| spec.name.replace('|', " "));
        let bytes: usize = args.iter().map(<[u8]>::len).sum();
        let mut attributes: Vec<(&'static str, Value)> = vec![
            ("db.system.name", "redis".into()),
            ("db.operation.name", name.to_uppercase().into()),
            ("db.namespace", u64::from(self.session.database).into()),
            ("ringmaster.arguments.bytes", bytes.into()),
            ("ringmaster.reply.bytes", reply.len().into()),
        ];
        let (slot, version) = place_of(note, command, args);
        attributes.extend(slot.map(|slot| ("ringmaster.slot", u64::from(slot.number()).into())));
        attributes
            .extend(version.map(|version| {
                ("ringmaster.version", format!("{}.{}", version.changed.0, version.n).into())
            }));
        let waited = u64::try_from(self.waited.saturating_sub(waited_before).as_micros()).unwrap_or(u64::MAX);
        attributes.extend((waited > 0).then(|| ("ringmaster.waited.us", waited.into())));
        let (error, is_silent) = (error_word(reply), reply.is_empty());
        attributes.extend(error.clone().map(|word| ("error.type", word.into())));
        traces.record(Span {
            name: "execute",
            kind: Kind::Server,
            context,
            parent,
            is_parent_remote: true,
            times: (began.at(began.moment()), began.at(Instant::now())),
            attributes,
            error,
        });
        if !is_silent {
            self.executed.push(context);
        }
    }

    /// The replies that are to be written have waited for the log since then.
    #[cold]
    pub(super) fn trace_sync(&self, since: Instant, is_durable: bool) {
        let Some(traces) = &self.worker.shared.traces else { return };
        let now = Began::now();
        let began = std::time::SystemTime::now() - since.elapsed();
        for executed in &self.executed {
            traces.record(Span {
                name: "fsync",
                kind: Kind::Internal,
                context: TraceContext { span_id: span_id(), ..*executed },
                parent: Some(executed.span_id),
                is_parent_remote: false,
                times: (began, now.at(now.moment())),
                attributes: Vec::new(),
                error: (!is_durable).then(|| "MISCONF".to_owned()),
            });
        }
    }
}

/// What a request is called that no table has: one of ours, or anything that a client sent, which is not told.
fn own_name(name: &[u8]) -> &str {
    let is_ours = name.len() <= OWN_NAME_BYTES_MAX && name.to_ascii_uppercase().starts_with(b"RM.");
    std::str::from_utf8(name).ok().filter(|_| is_ours).unwrap_or("UNKNOWN")
}

/// The slot of a command and the version that it left there or saw, as far as that can be told.
fn place_of(note: Option<&[u8]>, command: &Planned, args: Args<'_>) -> (Option<HashSlot>, Option<Version>) {
    let apply = command.spec.is_err().then(|| args.get(2)).flatten().and_then(Apply::read);
    if let Some(apply) = apply {
        return (Some(apply.slot), Some(apply.operation.new));
    }
    let noted = note.and_then(RawOperation::of_note);
    let slot = command.slot().or(noted.as_ref().map(|(slot, _)| *slot));
    (slot, noted.map(|(_, operation)| operation.new))
}

#[cfg(test)]
mod tests {
    use super::own_name;

    #[test]
    fn of_a_request_that_no_table_has_only_a_name_of_ours_is_told() {
        assert_eq!([&b"RM.ASK"[..], b"rm.apply"].map(own_name), ["RM.ASK", "rm.apply"]);
        for name in [&b"a secret"[..], b"", b"RM.\xff", &[b'x'; 1 << 20], b"RM.as-long-as-a-password"] {
            assert_eq!(own_name(name), "UNKNOWN", "{name:?}");
        }
    }
}
