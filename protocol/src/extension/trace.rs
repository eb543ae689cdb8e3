//! `RM.TRACE traceparent [BY line client] [more …]`: what the next request on the connection is a part of, and whose it is.
//!
//! It stands in front of the request and does not belong to it, so only what is recorded or has an author has it, and a request
//! needs no field for it. Its answer, `+OK`, means nothing: a node of an older release answers an error instead, or passes over
//! what it does not know, and carries out the request all the same. Arguments behind these are for later releases.
//!
//! `BY` names who does not want to be told of what it changes itself (`CLIENT TRACKING … NOLOOP`). The connection `line`, if it
//! is told of what the request changes, is told with a third element that it was this client:
//! `>3 invalidate [key] client`. Everybody else is told as ever.

use super::put_request;
use crate::resp::Args;
use crate::resp::number::parse_integer;
use crate::trace::TraceContext;

/// The name of the request, in the case in which it is sent.
pub const TRACE: &[u8] = b"RM.TRACE";

/// A client of a proxy that a request is carried out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Author {
    /// The number by which the node knows the connection over which the proxy hears of keys that change.
    pub line: u64,
    /// The client's number at its proxy.
    pub client: u64,
}

/// What is said of a request in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preface {
    /// What it is a part of.
    pub context: TraceContext,
    /// Whose it is, where that matters.
    pub author: Option<Author>,
}

/// Appends the request that says this of the next one.
pub fn put_trace(out: &mut Vec<u8>, Preface { context, author }: &Preface) {
    let context = context.to_string();
    match author {
        None => put_request(out, &[TRACE, context.as_bytes()]),
        Some(Author { line, client }) => {
            let (line, client) = (line.to_string(), client.to_string());
            put_request(out, &[TRACE, context.as_bytes(), b"BY", line.as_bytes(), client.as_bytes()]);
        }
    }
}

/// What such a request says. An author that cannot be read is none: what is told once too often does no harm.
#[must_use]
pub fn trace_of(args: Args<'_>) -> Option<Preface> {
    let number = |at| args.get(at).and_then(parse_integer).and_then(|number| u64::try_from(number).ok());
    let has_author = args.get(2).is_some_and(|word| word.eq_ignore_ascii_case(b"by"));
    let author = number(3).zip(number(4)).filter(|_| has_author);
    Some(Preface {
        context: TraceContext::parse(args.get(1)?)?,
        author: author.map(|(line, client)| Author { line, client }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Span;
    use crate::resp::request::{RequestLimits, Resume, Step, parse};

    const CONTEXT: TraceContext = TraceContext { trace_id: 7, span_id: 1 << 60, is_sampled: true };

    fn read(bytes: &[u8]) -> Option<Preface> {
        let mut spans: Vec<Span> = Vec::new();
        let step = parse(bytes, 0, &mut spans, &mut Resume::default(), &RequestLimits::default());
        assert_eq!(step, Ok(Step::Command { end: bytes.len() }));
        let args = Args::new(bytes, &spans);
        assert_eq!(&args[0], TRACE);
        trace_of(args)
    }

    #[test]
    fn a_request_comes_back_from_its_bytes_and_may_say_more_than_is_known() {
        let mut longer = Vec::new();
        put_request(&mut longer, &[TRACE, CONTEXT.to_string().as_bytes(), b"DEADLINE", b"5"]);
        assert_eq!(read(&longer), Some(Preface { context: CONTEXT, author: None }));
        for author in [None, Some(Author { line: 12, client: 1 << 40 })] {
            let (preface, mut bytes) = (Preface { context: CONTEXT, author }, Vec::new());
            put_trace(&mut bytes, &preface);
            assert_eq!(read(&bytes), Some(preface));
        }
    }

    #[test]
    fn an_author_that_cannot_be_read_is_none() {
        let context = CONTEXT.to_string();
        for rest in [
            &[&b"BY"[..]][..],
            &[b"BY", b"1"],
            &[b"BY", b"x", b"1"],
            &[b"BY", b"-1", b"1"],
            &[b"AS", b"1", b"2"],
        ] {
            let mut bytes = Vec::new();
            put_request(&mut bytes, &[&[TRACE, context.as_bytes()], rest].concat());
            assert_eq!(read(&bytes), Some(Preface { context: CONTEXT, author: None }), "{rest:?}");
        }
    }
}
