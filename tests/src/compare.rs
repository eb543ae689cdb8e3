//! When two replies mean the same: byte for byte, but for the order where Redis promises none, the choice where it
//! is random, and the instant where it is the clock's.

use redis_protocol::resp3::decode::complete::decode;
use redis_protocol::resp3::types::OwnedFrame;
use ringmaster_protocol::resp::scan::Scanner;

/// How replies of a command are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// Byte for byte.
    Exact,
    /// As collections of elements, or of pairs, in any order.
    AnyOrder,
    /// The same type and number of elements.
    Shape,
    /// Integers that differ by no more than [`CLOCK_SLACK`].
    Clock,
}

/// How far two answers that depend on the clock may be apart: seconds of the test, in milliseconds.
pub const CLOCK_SLACK: i64 = 60_000;

/// How replies of the command `name` with these words are compared.
#[must_use]
pub fn sameness(name: &str, words: &[Vec<u8>]) -> Sameness {
    let compares =
        || words.iter().any(|word| word.eq_ignore_ascii_case(b"gt") || word.eq_ignore_ascii_case(b"lt"));
    match name {
        // Whether a deadline counted from now is later than another depends on the millisecond.
        "expire" | "pexpire" if compares() => Sameness::Shape,
        "keys" | "smembers" | "sunion" | "sinter" | "sdiff" | "hgetall" | "hkeys" | "hvals" => {
            Sameness::AnyOrder
        }
        // How much one call of a scan gives is the server's choice; the family tests hold whole iterations.
        "hscan" | "sscan" | "zscan" => Sameness::Shape,
        "randomkey" | "srandmember" | "hrandfield" | "zrandmember" => Sameness::Shape,
        "ttl" | "pttl" | "expiretime" | "pexpiretime" => Sameness::Clock,
        _ => Sameness::Exact,
    }
}

/// Whether the replies `ours` and `theirs` are the same in that sense.
#[must_use]
pub fn same(how: Sameness, ours: &[u8], theirs: &[u8]) -> bool {
    if ours == theirs {
        return true;
    }
    match how {
        Sameness::Exact => false,
        Sameness::AnyOrder => ours.len() == theirs.len() && sorted(ours) == sorted(theirs),
        Sameness::Shape => shape(ours) == shape(theirs),
        Sameness::Clock => match (integer(ours), integer(theirs)) {
            (Some(ours), Some(theirs)) => ours > 0 && theirs > 0 && (ours - theirs).abs() <= CLOCK_SLACK,
            _ => false,
        },
    }
}

/// Whether the arrays `ours` and `theirs` are the same, each element in its own sense; whole in any other case.
#[must_use]
pub fn same_elements(hows: &[Sameness], ours: &[u8], theirs: &[u8]) -> bool {
    match (elements(ours), elements(theirs)) {
        (Some(ours), Some(theirs)) if ours.len() == hows.len() && theirs.len() == hows.len() => {
            hows.iter().zip(ours.iter().zip(theirs)).all(|(how, (ours, theirs))| same(*how, ours, theirs))
        }
        _ => ours == theirs,
    }
}

/// The elements of an array as they came.
fn elements(reply: &[u8]) -> Option<Vec<&[u8]>> {
    let header = reply.iter().position(|byte| *byte == b'\n')? + 1;
    let mut rest = reply.strip_prefix(b"*").map(|_| &reply[header..])?;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let len = Scanner::default().frame(rest).ok().flatten()?;
        all.push(&rest[..len]);
        rest = &rest[len..];
    }
    Some(all)
}

/// All leaves of a reply, sorted. Pairs cannot change partners unnoticed as the states are compared again and again
/// by commands that name one element.
fn sorted(reply: &[u8]) -> Vec<Vec<u8>> {
    let mut leaves: Vec<Vec<u8>> = reply.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    leaves.sort_unstable();
    leaves
}

/// The type of a reply and how many elements it has.
fn shape(reply: &[u8]) -> (u8, usize) {
    let elements = match decode(reply) {
        Ok(Some((OwnedFrame::Array { data, .. }, _))) => data.len(),
        _ => 0,
    };
    (reply.first().copied().unwrap_or_default(), elements)
}

fn integer(reply: &[u8]) -> Option<i64> {
    std::str::from_utf8(reply.strip_prefix(b":")?.strip_suffix(b"\r\n")?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_shape_and_clock_are_forgiven_only_where_they_may() {
        assert!(same(Sameness::AnyOrder, b"*2\r\n+a\r\n+b\r\n", b"*2\r\n+b\r\n+a\r\n"));
        assert!(!same(Sameness::Exact, b"*2\r\n+a\r\n+b\r\n", b"*2\r\n+b\r\n+a\r\n"));
        assert!(same(Sameness::Shape, b"$1\r\na\r\n", b"$2\r\nbc\r\n"));
        assert!(!same(Sameness::Shape, b"*1\r\n+a\r\n", b"*2\r\n+b\r\n+a\r\n"));
        assert!(same(Sameness::Clock, b":100000\r\n", b":99999\r\n"));
        assert!(!same(Sameness::Clock, b":-1\r\n", b":-2\r\n"));
    }

    #[test]
    fn elements_are_compared_each_in_its_own_sense() {
        let hows = [Sameness::Exact, Sameness::AnyOrder];
        let (one, two) = (b"*2\r\n+x\r\n*2\r\n+a\r\n+b\r\n", b"*2\r\n+x\r\n*2\r\n+b\r\n+a\r\n");
        assert!(same_elements(&hows, one, two));
        assert!(!same_elements(&[hows[0], hows[0]], one, two) && !same_elements(&hows[1..], one, two));
        assert!(same_elements(&hows, b"-ERR x\r\n", b"-ERR x\r\n"));
    }
}
