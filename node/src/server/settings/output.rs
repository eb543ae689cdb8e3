//! How much may wait for clients of a class to read it: `client-output-buffer-limit`.

use super::Row;
use super::parse;
use crate::server::clients::backlog::{CLASSES, Limit};
use ringmaster_protocol::resp::number;

const NOT_FOURS: &str = "Wrong number of arguments in buffer limit configuration.";
const NO_CLASS: &str = "Invalid client class specified in buffer limit configuration.";
const NO_LIMIT: &str = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";

/// The rows.
pub(super) const ROWS: &[Row] = &[Row {
    name: "client-output-buffer-limit",
    read: |shared| {
        let classes = CLASSES.iter().enumerate().map(|(place, class)| {
            let limit = shared.clients.backlog.limit(place);
            format!("{class} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
        });
        classes.collect::<Vec<_>>().join(" ")
    },
    prepare: Some(|_, value| {
        let limits = limits(value)?;
        Ok(Box::new(move |shared| {
            limits.into_iter().for_each(|(place, limit)| shared.clients.backlog.set_limit(place, limit));
        }))
    }),
}];

/// The classes' places and their limits; the last of several for one class holds.
fn limits(value: &[u8]) -> Result<Vec<(usize, Limit)>, String> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let words: Vec<&[u8]> = value.split(|byte| *byte == b' ').collect();
    let fours = words.chunks_exact(4);
    if !fours.remainder().is_empty() {
        return Err(NOT_FOURS.to_owned());
    }
    fours.map(|four| Ok((class(four[0])?, limit(four).ok_or(NO_LIMIT)?))).collect()
}

fn class(name: &[u8]) -> Result<usize, String> {
    let name = if name.eq_ignore_ascii_case(b"replica") { b"slave" } else { name };
    parse::word(name, &CLASSES).map_err(|_| NO_CLASS.to_owned())
}

fn limit(four: &[&[u8]]) -> Option<Limit> {
    let bytes = |word: &[u8]| {
        let bytes = parse::memory(word, 0..=i64::MAX).ok()?;
        usize::try_from(bytes).ok()
    };
    let seconds = four[3].strip_prefix(b"+").unwrap_or(four[3]);
    Some(Limit {
        hard_bytes: bytes(four[1])?,
        soft_bytes: bytes(four[2])?,
        soft_seconds: u64::try_from(number::parse_integer(seconds)?).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_come_by_class_and_the_last_word_on_a_class_holds() {
        let limits = limits(b"NORMAL 1mb 2k 3 replica 5 6 +7").unwrap();
        let normal = Limit { hard_bytes: 1 << 20, soft_bytes: 2000, soft_seconds: 3 };
        assert_eq!(limits, [(0, normal), (1, Limit { hard_bytes: 5, soft_bytes: 6, soft_seconds: 7 })]);
    }

    #[test]
    fn what_is_no_limit_is_refused_in_the_words_of_redis() {
        for (value, reason) in [
            ("normal 0 0", NOT_FOURS),
            ("normal  0 0 0", NOT_FOURS),
            ("master 0 0 0", NO_CLASS),
            ("normal x 0 0", NO_LIMIT),
            ("normal -1 0 0", NO_LIMIT),
            ("normal 0 0 -1", NO_LIMIT),
            ("normal 0 0 1x", NO_LIMIT),
        ] {
            assert_eq!(limits(value.as_bytes()), Err(reason.to_owned()), "{value}");
        }
        assert_eq!(limits(b""), Ok(Vec::new()));
    }
}
