//! A command that outlives the batch in which it came.

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::{Args, Span};

/// A command with its own copy of its arguments.
pub(super) struct Queued {
    pub(super) spec: &'static Spec,
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl Queued {
    /// Copies the arguments.
    pub(super) fn new(spec: &'static Spec, args: Args<'_>) -> Self {
        let (mut bytes, mut spans) = (Vec::with_capacity(size_of_args(args)), Vec::with_capacity(args.len()));
        for arg in args.iter() {
            // A request is below 4 GiB, so both fit.
            let (start, len) = (u32::try_from(bytes.len()), u32::try_from(arg.len()));
            spans.push(Span { start: start.unwrap_or_default(), len: len.unwrap_or_default() });
            bytes.extend_from_slice(arg);
        }
        Self { spec, bytes, spans }
    }

    /// Bytes that it takes.
    pub(super) fn size_bytes(&self) -> usize {
        self.bytes.len() + size_of::<Self>() + size_of_val(&*self.spans)
    }

    /// The arguments.
    pub(super) fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.spans)
    }
}

/// Bytes of all arguments.
pub(super) fn size_of_args(args: Args<'_>) -> usize {
    args.iter().map(<[u8]>::len).sum()
}
