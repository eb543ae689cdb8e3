//! `RM.TRACE traceparent [more …]`: what the next request on the connection is a part of.
//!
//! It stands in front of the request and does not belong to it, so only what is recorded has it, and a request needs no field
//! for it. Its answer, `+OK`, means nothing: a node of an older release answers an error instead and carries out the
//! request all the same. Arguments behind the first are for later releases; a node passes over them.

use super::put_request;
use crate::resp::Args;
use crate::trace::TraceContext;

/// The name of the request, in the case in which it is sent.
pub const TRACE: &[u8] = b"RM.TRACE";

/// Appends the request for what is a part of `context`.
pub fn put_trace(out: &mut Vec<u8>, context: &TraceContext) {
    put_request(out, &[TRACE, context.to_string().as_bytes()]);
}

/// What such a request says.
#[must_use]
pub fn trace_of(args: Args<'_>) -> Option<TraceContext> {
    TraceContext::parse(args.get(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Span;
    use crate::resp::request::{RequestLimits, Resume, Step, parse};

    #[test]
    fn a_request_comes_back_from_its_bytes_and_may_say_more_than_is_known() {
        let context = TraceContext { trace_id: 7, span_id: 1 << 60, is_sampled: true };
        let (mut plain, mut longer) = (Vec::new(), Vec::new());
        put_trace(&mut plain, &context);
        put_request(&mut longer, &[TRACE, context.to_string().as_bytes(), b"DEADLINE", b"5"]);
        for bytes in [plain, longer] {
            let mut spans: Vec<Span> = Vec::new();
            let step = parse(&bytes, 0, &mut spans, &mut Resume::default(), &RequestLimits::default());
            assert_eq!(step, Ok(Step::Command { end: bytes.len() }));
            let args = Args::new(&bytes, &spans);
            assert_eq!((&args[0], trace_of(args)), (TRACE, Some(context)));
        }
    }
}
