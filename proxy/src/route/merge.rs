//! From the replies of parts to one reply, on raw frames, in time linear in their bytes.

use std::collections::BTreeSet;

use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::scan::Scanner;
use ringmaster_protocol::resp::{Protocol, number};

mod explain;
mod info;

pub(crate) use explain::{Explained, Question};
pub(crate) use info::Infos;

use super::cursor::Cursor;

/// How the replies of parts become one: a [`ringmaster_protocol::command::Merge`] with what it needs to know.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Merger {
    /// One element for each key; holds the part that has it.
    Positions(Vec<u16>),
    /// `+OK`.
    Ok,
    /// The sum of integers.
    Sum,
    /// All elements of all arrays.
    Concat,
    /// The one part's cursor, made one over all nodes; holds the place of the node and the number of nodes.
    Cursor(usize, usize),
    /// The first that is not null, beginning with this part.
    AnyOne(usize),
    /// The first.
    Same,
    /// Logical and of arrays of integers by position.
    And,
    /// All elements of all arrays, each once.
    Union,
    /// The greatest of integers, or of the integers at each place of arrays.
    Most,
    /// Texts of INFO.
    Info(Infos),
    /// Names and values; holds ours, which stand instead of those of the nodes.
    Settings(Vec<u8>),
    /// The entries of slow logs, newest first, so many at most.
    Newest(usize),
    /// What is known of a key.
    Explain(Box<Explained>),
}

impl Merger {
    /// The reply where there is no node to be asked; `None` if ours is none.
    pub(crate) fn alone(&self) -> Option<Vec<u8>> {
        match self {
            Self::Info(infos) => infos.merge(&[]),
            Self::Settings(own) => Some(own.clone()),
            Self::Explain(explained) => Some(explained.merge(&[])),
            _ => None,
        }
    }

    /// The one reply of `parts`, none of which is an error; `None` if one of them has not the expected shape.
    pub(super) fn merge(&self, parts: &[&[u8]]) -> Option<Vec<u8>> {
        match self {
            Self::Positions(part_of_key) => positions(parts, part_of_key),
            Self::Ok => parts.iter().all(|part| *part == b"+OK\r\n").then(|| b"+OK\r\n".to_vec()),
            Self::Sum => sum(parts),
            Self::Concat => concat(parts),
            Self::Cursor(node, nodes) => cursor(parts.first()?, *node, *nodes),
            Self::AnyOne(start) => {
                let (before, after) = parts.split_at_checked(start % parts.len().max(1))?;
                let mut rotated = after.iter().chain(before);
                let found = rotated.find(|part| !is_null(part)).or(parts.first());
                found.map(|part| part.to_vec())
            }
            Self::Same => parts.first().map(|part| part.to_vec()),
            Self::And => and(parts),
            Self::Union => union(parts),
            Self::Most => most(parts),
            Self::Info(infos) => infos.merge(parts),
            Self::Settings(own) => settings(own, parts.first()?),
            Self::Newest(count) => newest(parts, *count),
            Self::Explain(explained) => Some(explained.merge(parts)),
        }
    }
}

fn is_null(reply: &[u8]) -> bool {
    matches!(reply, b"$-1\r\n" | b"_\r\n" | b"*-1\r\n")
}

/// Number of elements of the array or set `reply`, and its elements' bytes.
fn array(reply: &[u8]) -> Option<(usize, &[u8])> {
    if !matches!(reply.first()?, b'*' | b'~') {
        return None;
    }
    let end = reply.iter().position(|&byte| byte == b'\r')?;
    let count = usize::try_from(number::parse_integer(&reply[1..end])?).ok()?;
    Some((count, reply.get(end + 2..)?))
}

fn integer(reply: &[u8]) -> Option<i64> {
    number::parse_integer(reply.strip_prefix(b":")?.strip_suffix(b"\r\n")?)
}

/// Takes the frame at the front off `rest`.
fn take_frame<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = Scanner::default().frame(rest).ok().flatten()?;
    let (frame, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(frame)
}

fn with_header(count: usize, bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes + 16);
    Reply::new(&mut out, Protocol::Resp2).array(count);
    out
}

fn positions(parts: &[&[u8]], part_of_key: &[u16]) -> Option<Vec<u8>> {
    let mut rests = Vec::with_capacity(parts.len());
    for part in parts {
        rests.push(array(part)?.1);
    }
    let mut out = with_header(part_of_key.len(), parts.iter().map(|part| part.len()).sum());
    for &part in part_of_key {
        out.extend_from_slice(take_frame(rests.get_mut(usize::from(part))?)?);
    }
    rests.iter().all(|rest| rest.is_empty()).then_some(out)
}

fn sum(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let total = parts.iter().try_fold(0i64, |total, part| total.checked_add(integer(part)?))?;
    let mut out = Vec::new();
    Reply::new(&mut out, Protocol::Resp2).int(total);
    Some(out)
}

fn concat(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut arrays = Vec::with_capacity(parts.len());
    for part in parts {
        arrays.push(array(part)?);
    }
    let count = arrays.iter().map(|(count, _)| count).sum();
    let mut out = with_header(count, parts.iter().map(|part| part.len()).sum());
    arrays.iter().for_each(|(_, elements)| out.extend_from_slice(elements));
    Some(out)
}

fn and(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut all: Vec<bool> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let (count, mut rest) = array(part)?;
        if index == 0 {
            all = vec![true; count.min(part.len())];
        }
        if count != all.len() {
            return None;
        }
        for value in &mut all {
            *value &= integer(take_frame(&mut rest)?)? != 0;
        }
    }
    let mut out = with_header(all.len(), all.len() * 4);
    all.iter().for_each(|&value| Reply::new(&mut out, Protocol::Resp2).int(i64::from(value)));
    Some(out)
}

fn union(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut elements: BTreeSet<&[u8]> = BTreeSet::new();
    for part in parts {
        let (_, mut rest) = array(part)?;
        while !rest.is_empty() {
            elements.insert(take_frame(&mut rest)?);
        }
    }
    let mut out = with_header(elements.len(), elements.iter().map(|element| element.len()).sum());
    elements.iter().for_each(|element| out.extend_from_slice(element));
    Some(out)
}

fn most(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (first, others) = parts.split_first()?;
    if integer(first).is_some() {
        let greatest =
            parts.iter().map(|part| integer(part)).collect::<Option<Vec<i64>>>()?.into_iter().max()?;
        Reply::new(&mut out, Protocol::Resp2).int(greatest);
        return Some(out);
    }
    let (count, mut rest) = array(first)?;
    let mut rests = others.iter().map(|part| Some(array(part)?.1)).collect::<Option<Vec<&[u8]>>>()?;
    Reply::new(&mut out, Protocol::Resp2).array(count);
    while !rest.is_empty() {
        let mut greatest = take_frame(&mut rest)?;
        for rest in &mut rests {
            let frame = take_frame(rest)?;
            if integer(frame) > integer(greatest) {
                greatest = frame;
            }
        }
        out.extend_from_slice(greatest);
    }
    Some(out)
}

/// The names and values of a map, which in RESP2 is an array.
fn pairs(reply: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let end = reply.iter().position(|&byte| byte == b'\r')?;
    let mut rest = matches!(reply.first()?, b'*' | b'%').then(|| reply.get(end + 2..))??;
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        pairs.push((take_frame(&mut rest)?, take_frame(&mut rest)?));
    }
    Some(pairs)
}

fn settings(own: &[u8], of_node: &[u8]) -> Option<Vec<u8>> {
    let mut all = pairs(own)?;
    let is_new = |name: &[u8]| !all.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let more: Vec<_> = pairs(of_node)?.into_iter().filter(|(name, _)| is_new(name)).collect();
    all.extend(more);
    let protocol = if own.first() == Some(&b'%') { Protocol::Resp3 } else { Protocol::Resp2 };
    let mut out = Vec::with_capacity(own.len() + of_node.len());
    Reply::new(&mut out, protocol).map(all.len());
    all.iter().for_each(|(name, value)| out.extend([*name, *value].concat()));
    Some(out)
}

fn newest(parts: &[&[u8]], count: usize) -> Option<Vec<u8>> {
    let mut entries: Vec<(i64, &[u8])> = Vec::new();
    for part in parts {
        let (_, mut rest) = array(part)?;
        while !rest.is_empty() {
            let entry = take_frame(&mut rest)?;
            let (_, mut fields) = array(entry)?;
            take_frame(&mut fields)?;
            entries.push((integer(take_frame(&mut fields)?)?, entry));
        }
    }
    // Of one second those of a node stay in its order.
    entries.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    entries.truncate(count);
    let mut out = with_header(entries.len(), entries.iter().map(|(_, entry)| entry.len()).sum());
    entries.iter().for_each(|(_, entry)| out.extend_from_slice(entry));
    Some(out)
}

fn cursor(reply: &[u8], node: usize, nodes: usize) -> Option<Vec<u8>> {
    let (count, mut elements) = array(reply)?;
    let frame = take_frame(&mut elements)?;
    let text = frame.strip_suffix(b"\r\n")?.rsplit(|&byte| byte == b'\n').next()?;
    let place = std::str::from_utf8(text).ok()?.parse().ok()?;
    let next = Cursor { node, place }.after(nodes)?;
    let mut out = with_header(count, reply.len() + 16);
    Reply::new(&mut out, Protocol::Resp2).bulk(next.to_string().as_bytes());
    out.extend_from_slice(elements);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(merger: &Merger, parts: &[&str]) -> Option<String> {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        merger.merge(&parts).map(|reply| String::from_utf8(reply).unwrap())
    }

    #[test]
    fn elements_are_put_back_in_the_order_of_keys() {
        let merger = Merger::Positions(vec![1, 0, 1, 1]);
        let parts = ["*1\r\n$-1\r\n", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"];
        let whole = "*4\r\n$1\r\na\r\n$-1\r\n$1\r\nb\r\n$1\r\nc\r\n";
        assert_eq!(merged(&merger, &parts).as_deref(), Some(whole));
    }

    #[test]
    fn a_part_with_too_few_or_too_many_elements_is_no_reply() {
        let merger = Merger::Positions(vec![0, 0]);
        assert_eq!(merged(&merger, &["*1\r\n$-1\r\n"]), None);
        assert_eq!(merged(&merger, &["*3\r\n$-1\r\n$-1\r\n$-1\r\n"]), None);
        assert_eq!(merged(&merger, &["+OK\r\n"]), None);
    }

    #[test]
    fn sums_oks_arrays_and_answers_of_one_are_merged() {
        assert_eq!(merged(&Merger::Sum, &[":1\r\n", ":41\r\n"]).as_deref(), Some(":42\r\n"));
        assert_eq!(merged(&Merger::Sum, &[":1\r\n", "+OK\r\n"]), None);
        assert_eq!(merged(&Merger::Ok, &["+OK\r\n", "+OK\r\n"]).as_deref(), Some("+OK\r\n"));
        assert_eq!(merged(&Merger::Ok, &["+OK\r\n", "+QUEUED\r\n"]), None);
        let arrays = ["*1\r\n+a\r\n", "*0\r\n", "*2\r\n+b\r\n+c\r\n"];
        assert_eq!(merged(&Merger::Concat, &arrays).as_deref(), Some("*3\r\n+a\r\n+b\r\n+c\r\n"));
        let keys = ["$1\r\na\r\n", "$-1\r\n", "$1\r\nc\r\n"];
        assert_eq!(merged(&Merger::AnyOne(1), &keys).as_deref(), Some("$1\r\nc\r\n"));
        assert_eq!(merged(&Merger::AnyOne(1), &["$-1\r\n", "$-1\r\n"]).as_deref(), Some("$-1\r\n"));
        let known = ["*2\r\n:1\r\n:1\r\n", "*2\r\n:1\r\n:0\r\n"];
        assert_eq!(merged(&Merger::And, &known).as_deref(), Some("*2\r\n:1\r\n:0\r\n"));
    }

    #[test]
    fn what_several_tell_is_told_once_and_of_numbers_the_greatest() {
        let names = ["*2\r\n$1\r\nb\r\n$1\r\na\r\n", "*0\r\n", "*1\r\n$1\r\nb\r\n"];
        assert_eq!(merged(&Merger::Union, &names).as_deref(), Some("*2\r\n$1\r\na\r\n$1\r\nb\r\n"));
        assert_eq!(merged(&Merger::Most, &[":2\r\n", ":7\r\n", ":3\r\n"]).as_deref(), Some(":7\r\n"));
        let counts = ["*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:5\r\n", "*4\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:0\r\n"];
        let most = "*4\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:5\r\n";
        assert_eq!(merged(&Merger::Most, &counts).as_deref(), Some(most));
        assert_eq!(merged(&Merger::Most, &[":2\r\n", "+OK\r\n"]), None);
        assert_eq!(merged(&Merger::Most, &[counts[0], "*0\r\n"]), None);
    }

    #[test]
    fn settings_of_ours_stand_instead_of_those_of_a_node() {
        let own = b"*2\r\n$4\r\nport\r\n$1\r\n1\r\n".to_vec();
        let of_node = "*4\r\n$4\r\nPORT\r\n$1\r\n2\r\n$2\r\nhz\r\n$2\r\n20\r\n";
        let all = "*4\r\n$4\r\nport\r\n$1\r\n1\r\n$2\r\nhz\r\n$2\r\n20\r\n";
        assert_eq!(merged(&Merger::Settings(own), &[of_node, "*0\r\n"]).as_deref(), Some(all));
        let own = b"%0\r\n".to_vec();
        assert_eq!(Merger::Settings(own.clone()).alone(), Some(own.clone()));
        assert_eq!(Merger::Ok.alone(), None);
        assert_eq!(merged(&Merger::Settings(own), &["%0\r\n"]).as_deref(), Some("%0\r\n"));
    }

    #[test]
    fn slow_calls_of_all_nodes_are_told_newest_first() {
        let parts = ["*2\r\n*2\r\n:7\r\n:100\r\n*2\r\n:6\r\n:50\r\n", "*1\r\n*2\r\n:3\r\n:70\r\n"];
        let newest = "*2\r\n*2\r\n:7\r\n:100\r\n*2\r\n:3\r\n:70\r\n";
        assert_eq!(merged(&Merger::Newest(2), &parts).as_deref(), Some(newest));
        assert_eq!(merged(&Merger::Newest(0), &parts).as_deref(), Some("*0\r\n"));
    }

    #[test]
    fn a_cursor_goes_from_node_to_node_and_ends_at_zero() {
        let whole = |cursor: u64| format!("*2\r\n${}\r\n{cursor}\r\n*1\r\n+k\r\n", cursor.to_string().len());
        let next = |node, cursor: u64| merged(&Merger::Cursor(node, 2), &[&whole(cursor)]);
        assert_eq!(next(0, 7), Some(whole(7)));
        assert_eq!(next(0, 0), Some(whole(1 << 46)));
        assert_eq!(next(1, 7), Some(whole((1 << 46) + 7)));
        assert_eq!(next(1, 0), Some(whole(0)));
        assert_eq!(next(1, 1 << 46), None);
    }
}
