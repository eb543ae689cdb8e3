//! What must hold of the scanner of replies for any bytes, with `redis-protocol` as the second opinion.

use redis_protocol::{resp2, resp3};
use ringmaster_protocol::resp::ProtocolError;
use ringmaster_protocol::resp::scan::Scanner;

/// What `redis-protocol` finds at the front of some bytes: the length of a frame, no whole frame, or garbage.
type Opinion = Result<Option<usize>, ()>;

/// The scanner and `redis-protocol` agree on the length of the reply at the front of `input`, for RESP2 and for
/// RESP3. Where they may differ:
/// * the scanner does not look into numbers, booleans and texts, the other refuses broken ones;
/// * the other cannot hold an aggregate as an element of a set or as a key of a map;
/// * the scanner takes the nulls of RESP2 and the types of RESP3 together, the other only apart;
/// * the scanner refuses lengths with a sign or leading zeros, streamed aggregates and their parts (`;`, `.`), `HELLO`
///   (which is a request), an LF within a line, and a bulk
///   string without CR LF behind it, where the other decodes;
/// * the two may notice at different bytes that a stream is broken.
pub(crate) fn agrees(input: &[u8]) {
    if !decodable(input) {
        return;
    }
    let ours = Scanner::default().frame(input);
    let [resp2, resp3] = opinions(input);
    let text = input.escape_ascii();
    match ours {
        Ok(Some(len)) => {
            for theirs in [resp2, resp3] {
                let agreed = theirs == Ok(Some(len)) || theirs.is_err();
                assert!(agreed || has_null(&input[..len]), "ours {len}, theirs {theirs:?}: {text}");
            }
            let unanimous = resp2.is_err() && resp3.is_err();
            assert!(!unanimous || is_loose(&input[..len]), "ours {len}, theirs broken: {text}");
        }
        Ok(None) => {
            for theirs in [resp2, resp3] {
                assert!(!matches!(theirs, Ok(Some(_))), "ours needs more, theirs {theirs:?}: {text}");
            }
        }
        Err(error) => {
            for len in [resp2, resp3].into_iter().filter_map(|theirs| theirs.ok().flatten()) {
                assert!(may_refuse(error, &input[..len]), "ours {error}, theirs {len}: {text}");
            }
        }
    }
}

/// Lengths do not depend on the pieces in which `input` arrives; `sizes` are their lengths, over and over again.
pub(crate) fn cut_anywhere(input: &[u8], sizes: &[u8]) {
    let text = input.escape_ascii();
    assert_eq!(lengths(input, &[]), lengths(input, sizes), "{text}");
}

/// The lengths of all replies in `input`, read in pieces of `sizes` bytes (plus one), all at once if there are none.
fn lengths(input: &[u8], sizes: &[u8]) -> (Vec<usize>, Option<ProtocolError>) {
    let (mut scanner, mut found, mut start, mut end) = (Scanner::default(), Vec::new(), 0, 0);
    let mut sizes = sizes.iter().cycle();
    while end < input.len() {
        let size = sizes.next().map_or(input.len(), |size| usize::from(*size) + 1);
        end = input.len().min(end + size);
        loop {
            match scanner.frame(&input[start..end]) {
                Ok(Some(len)) => {
                    assert!(len > 0 && start + len <= end);
                    found.push(len);
                    start += len;
                }
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
        assert!(scanner.walked() <= end - start);
    }
    (found, None)
}

fn opinions(input: &[u8]) -> [Opinion; 2] {
    let resp2 = resp2::decode::decode_range(input);
    let resp3 = resp3::decode::complete::decode_range(input);
    [
        resp2.map(|frame| frame.map(|(_, len)| len)).map_err(drop),
        resp3.map(|frame| frame.map(|(_, len)| len)).map_err(drop),
    ]
}

/// Whether `redis-protocol` may see `input`: it recurses without a bound and reserves what a length announces.
pub(crate) fn decodable(input: &[u8]) -> bool {
    let aggregates = input.iter().filter(|byte| b"*~%>|".contains(byte)).count();
    let long_number = input.windows(7).any(|bytes| bytes.iter().all(u8::is_ascii_digit));
    aggregates <= 64 && !long_number
}

fn lines(frame: &[u8]) -> impl Iterator<Item = &[u8]> {
    frame.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Whether there is a null of RESP2 in the frame, which RESP3 does not have.
fn has_null(frame: &[u8]) -> bool {
    lines(frame).any(|line| line.len() == 3 && line.ends_with(b"-1"))
}

/// Whether there is something in the frame that the scanner does not look into, that mixes RESP2 and RESP3, or that
/// the other cannot hold: an aggregate as an element of a set or as a key of a map.
fn is_loose(frame: &[u8]) -> bool {
    let count = |types: &[u8]| {
        lines(frame).filter(|line| line.first().is_some_and(|kind| types.contains(kind))).count()
    };
    has_null(frame) || count(b":,#(_+-=!|") > 0 || (count(b"~%") > 0 && count(b"*~%>") > 1)
}

/// Whether the scanner may refuse, with `error`, what the other decodes.
fn may_refuse(error: ProtocolError, frame: &[u8]) -> bool {
    let plain = |digits: &[u8]| {
        !digits.is_empty()
            && digits.iter().all(u8::is_ascii_digit)
            && (digits[0] != b'0' || digits.len() == 1)
    };
    match error {
        ProtocolError::BulkLength | ProtocolError::MultibulkLength => {
            let length = |line: &&[u8]| line.first().is_some_and(|kind| b"$=!*~>%|".contains(kind));
            lines(frame).filter(length).any(|line| !plain(&line[1..]))
        }
        ProtocolError::ExpectedCrlf => true,
        ProtocolError::UnknownType(kind) => b"hH.;".contains(&kind),
        _ => false,
    }
}
