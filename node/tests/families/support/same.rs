//! What counts as the same reply.

use ringmaster_protocol::resp::scan::Scanner;

/// How the replies of the two sides are compared.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "each family takes what it needs")]
pub(crate) enum Same {
    /// Byte for byte.
    Exact,
    /// The same elements, in any order; errors and other replies byte for byte.
    AnyOrder,
    /// The same pairs of elements (fields and values), in any order.
    AnyOrderOfPairs,
    /// The same cursor, and the same elements in any order, in groups of so many.
    Scan(usize),
    /// The same type and, of an aggregate, the same number of elements: random choices.
    Shape,
    /// Integers that differ by at most so much; other replies byte for byte.
    Near(i64),
    /// Byte for byte, but for times of this day and idle times of a minute or less, in milliseconds.
    ButTimes,
    /// Not compared: the command is there for what it changes.
    Anything,
}

impl Same {
    /// Whether the two replies are the same in this sense.
    pub(crate) fn holds(self, theirs: &[u8], ours: &[u8]) -> bool {
        match self {
            Self::Exact => theirs == ours,
            Self::AnyOrder => sorted(theirs, 1) == sorted(ours, 1),
            Self::AnyOrderOfPairs => sorted(theirs, 2) == sorted(ours, 2),
            Self::Scan(size) => scanned(theirs, size) == scanned(ours, size),
            Self::Shape => shape(theirs) == shape(ours),
            Self::Near(distance) => theirs == ours || near(theirs, ours, distance),
            Self::ButTimes => without_times(theirs) == without_times(ours),
            Self::Anything => true,
        }
    }
}

/// The header line of a reply and what follows it.
fn split(reply: &[u8]) -> (&[u8], &[u8]) {
    let end = reply.windows(2).position(|pair| pair == b"\r\n").map_or(reply.len(), |at| at + 2);
    reply.split_at(end)
}

fn is_aggregate(reply: &[u8]) -> bool {
    matches!(reply.first(), Some(b'*' | b'~' | b'%' | b'>'))
}

/// The elements of an aggregate, each as its bytes.
pub(crate) fn elements(reply: &[u8]) -> Vec<&[u8]> {
    let (_, mut rest) = split(reply);
    let mut elements = Vec::new();
    while !rest.is_empty() {
        let len = Scanner::default().frame(rest).expect("a reply is RESP").expect("a reply is whole");
        elements.push(&rest[..len]);
        rest = &rest[len..];
    }
    elements
}

/// Header and elements in groups of `size`, in one order for all.
fn sorted(reply: &[u8], size: usize) -> (&[u8], Vec<Vec<u8>>) {
    if !is_aggregate(reply) {
        return (reply, Vec::new());
    }
    let mut groups: Vec<Vec<u8>> = elements(reply).chunks(size).map(<[&[u8]]>::concat).collect();
    groups.sort_unstable();
    (split(reply).0, groups)
}

/// The cursor, and the found elements in groups of `size` in one order for all; anything else as it is.
fn scanned(reply: &[u8], size: usize) -> (&[u8], Vec<Vec<u8>>) {
    let parts = if is_aggregate(reply) { elements(reply) } else { Vec::new() };
    match parts[..] {
        [cursor, found] => (cursor, sorted(found, size).1),
        _ => (reply, Vec::new()),
    }
}

fn shape(reply: &[u8]) -> &[u8] {
    match reply.first() {
        Some(b'$' | b':' | b',') if !reply.starts_with(b"$-1") => &reply[..1],
        _ if is_aggregate(reply) => split(reply).0,
        _ => reply,
    }
}

fn near(theirs: &[u8], ours: &[u8], distance: i64) -> bool {
    let integer = |reply: &[u8]| {
        let text = std::str::from_utf8(reply).ok()?;
        text.strip_prefix(':')?.trim_end().parse::<i64>().ok()
    };
    match (integer(theirs), integer(ours)) {
        (Some(theirs), Some(ours)) => theirs.abs_diff(ours) <= distance.unsigned_abs(),
        _ => false,
    }
}

/// The reply with a stand-in for each time of this day, and for each idle time of a minute or less: one that is
/// called so, and the first of two integers.
fn without_times(reply: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = reply.split_inclusive(|byte| *byte == b'\n').collect();
    let line_at = |at: usize| lines.get(at).copied().unwrap_or_default();
    let mut out = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let before = line_at(at.wrapping_sub(1));
        let is_idle =
            before == b"idle\r\n" || integer(before).is_none() && integer(line_at(at + 1)).is_some();
        match integer(line) {
            Some(time) if now().abs_diff(time) < 86_400_000 => out.extend_from_slice(b":now\r\n"),
            Some(0..60_000) if is_idle => out.extend_from_slice(b":idle\r\n"),
            _ => out.extend_from_slice(line),
        }
    }
    out
}

fn now() -> i64 {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(now.as_millis()).expect("the clock is before the year 292,278,994")
}

fn integer(line: &[u8]) -> Option<i64> {
    std::str::from_utf8(line.strip_prefix(b":")?).ok()?.trim_end().parse().ok()
}
