//! What must hold of the request parser for any bytes, with `redis-protocol` as the second opinion.

use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;
use ringmaster_protocol::resp::request::{self, RequestLimits, Resume, Step};
use ringmaster_protocol::resp::{Args, ProtocolError};

/// What a connection saw in its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The arguments of a command.
    Command(Vec<Vec<u8>>),
    /// The line of an inline command.
    Inline(Vec<u8>),
    /// The stream is broken; nothing follows.
    Broken(ProtocolError),
}

/// The parser and `redis-protocol` agree on the request at the front of `input`. Where they may differ:
/// * our parser refuses lengths with a sign or leading zeros, a bulk string without CR LF behind it, elements that
///   are no bulk strings, and what is above the limits, where the other decodes;
/// * an array of negative length is nothing to us; the other knows only -1;
/// * the two may notice at different bytes that a stream is broken.
pub(crate) fn agrees(input: &[u8]) {
    if input.first() != Some(&b'*') || !decodable(input) {
        return;
    }
    let (mut spans, mut resume) = (Vec::new(), Resume::default());
    let ours = request::parse(input, 0, &mut spans, &mut resume, &RequestLimits::default());
    let args: Vec<Vec<u8>> = Args::new(input, &spans).iter().map(<[u8]>::to_vec).collect();
    let theirs = decode(input);
    let text = input.escape_ascii();
    match (ours, theirs) {
        (Ok(Step::Command { end }), Ok(Some((frame, len)))) => {
            assert_eq!((Some(args), end), (words(&frame), len), "{text}");
        }
        (Ok(Step::Command { .. }), other) => panic!("ours is a command, theirs {other:?}: {text}"),
        (Ok(Step::Nothing { end }), Ok(Some((frame, len)))) => {
            assert!(matches!(frame, OwnedFrame::Null) || words(&frame).is_some_and(|words| words.is_empty()));
            assert_eq!(end, len, "{text}");
        }
        (Ok(Step::Need(_)), Ok(Some((frame, _)))) => panic!("ours needs more, theirs is {frame:?}: {text}"),
        (Err(error), Ok(Some((frame, len)))) => {
            let plain = words(&frame).map(|words| encoded(&words));
            assert!(plain.as_deref() != Some(&input[..len]), "{error}, theirs is {frame:?}: {text}");
        }
        _ => {}
    }
}

/// What a connection sees does not depend on the pieces in which `input` arrives; `sizes` are their lengths, over
/// and over again. Before it comes the beginning of a request that is long enough for its place to be kept.
pub(crate) fn cut_anywhere(input: &[u8], sizes: &[u8]) {
    for arguments in [0, 1, 2, 5] {
        let mut begun = Vec::new();
        if arguments > 0 {
            begun.extend_from_slice(format!("*{arguments}\r\n$5000\r\n").as_bytes());
            begun.resize(begun.len() + 5_000, b'x');
            begun.extend_from_slice(b"\r\n");
        }
        let (whole, pieces) = (connection(&begun, input, &[]), connection(&begun, input, sizes));
        assert_eq!(whole, pieces, "{arguments} arguments, then {}", input.escape_ascii());
    }
}

/// Reads `begun` and `input` as a connection does, `input` in pieces of `sizes` bytes (plus one); all at once if
/// there are none.
pub(crate) fn connection(begun: &[u8], input: &[u8], sizes: &[u8]) -> Vec<Seen> {
    let limits = RequestLimits { bulk_bytes_max: 8_000, args_max: 100, request_bytes_max: 12_000 };
    let (mut buffer, mut resume, mut seen) = (begun.to_vec(), Resume::default(), Vec::new());
    let (mut rest, mut sizes) = (input, sizes.iter().cycle());
    loop {
        let size = sizes.next().map_or(rest.len(), |size| usize::from(*size) + 1);
        let (piece, after) = rest.split_at(size.min(rest.len()));
        buffer.extend_from_slice(piece);
        rest = after;
        let used = commands(&buffer, &mut resume, &limits, &mut seen);
        if rest.is_empty() || matches!(seen.last(), Some(Seen::Broken(_))) {
            return seen;
        }
        buffer.drain(..used);
    }
}

/// Takes all whole commands off the front of `buffer`; how many bytes they had.
fn commands(buffer: &[u8], resume: &mut Resume, limits: &RequestLimits, seen: &mut Vec<Seen>) -> usize {
    let mut start = 0;
    loop {
        let mut spans = Vec::new();
        match request::parse(buffer, start, &mut spans, resume, limits) {
            Ok(Step::Need(bytes)) => {
                assert!(bytes > buffer.len() - start && spans.is_empty());
                return start;
            }
            Ok(Step::Nothing { end }) => start = end,
            Ok(Step::Command { end }) => {
                seen.push(Seen::Command(Args::new(buffer, &spans).iter().map(<[u8]>::to_vec).collect()));
                start = end;
            }
            Ok(Step::Inline { line, end }) => {
                seen.push(Seen::Inline(line.of(buffer).to_vec()));
                start = end;
            }
            Err(error) => {
                seen.push(Seen::Broken(error));
                return start;
            }
        }
    }
}

/// Whether `redis-protocol` may see `input`: it recurses without a bound and reserves what a length announces.
pub(crate) fn decodable(input: &[u8]) -> bool {
    let aggregates = input.iter().filter(|byte| b"*~%>|".contains(byte)).count();
    let long_number = input.windows(7).any(|bytes| bytes.iter().all(u8::is_ascii_digit));
    aggregates <= 64 && !long_number
}

/// The request of these arguments, as clients write it.
pub(crate) fn encoded(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The elements of an array of bulk strings.
fn words(frame: &OwnedFrame) -> Option<Vec<Vec<u8>>> {
    let OwnedFrame::Array(elements) = frame else { return None };
    let bulk = |element: &OwnedFrame| match element {
        OwnedFrame::BulkString(bytes) => Some(bytes.clone()),
        _ => None,
    };
    elements.iter().map(bulk).collect()
}
