//! One finished span, as data threads make it: small, and of no crate but ours.

use std::time::{Duration, Instant, SystemTime};

use ringmaster_protocol::trace::TraceContext;

/// Longest word of an error that is kept.
const WORD_BYTES_MAX: usize = 32;

/// What a span is to its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Work for who is outside of this process.
    Server,
    /// Waiting for another process.
    Client,
    /// Work within.
    Internal,
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A count.
    Number(i64),
    /// A text that is always the same.
    Word(&'static str),
    /// A text.
    Text(String),
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<&'static str> for Value {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A time, by both clocks: spans have the time of the day, and lengths that no change of it spoils.
#[derive(Clone, Copy, Debug)]
pub struct Began {
    day: SystemTime,
    clock: Instant,
}

impl Began {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self { day: SystemTime::now(), clock: Instant::now() }
    }

    /// The time of the day at this moment, as if the clock had not been set since.
    #[must_use]
    pub fn at(&self, moment: Instant) -> SystemTime {
        self.day + moment.saturating_duration_since(self.clock)
    }

    /// Time since then.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// As a moment.
    #[must_use]
    pub fn moment(&self) -> Instant {
        self.clock
    }
}

/// One finished span.
#[derive(Clone, Debug)]
pub struct Span {
    /// What was done.
    pub name: &'static str,
    /// What it is to its parent.
    pub kind: Kind,
    /// Its own place in the trace.
    pub context: TraceContext,
    /// The span it is a part of.
    pub parent: Option<u64>,
    /// Whether another process made that.
    pub is_parent_remote: bool,
    /// When it began and when it ended.
    pub times: (SystemTime, SystemTime),
    /// What is said of it. Never a key, a value or an argument.
    pub attributes: Vec<(&'static str, Value)>,
    /// Why it failed, in a word, if it did.
    pub error: Option<String>,
}

/// A new trace.
#[must_use]
pub fn trace_id() -> u128 {
    rand::random_range(1..=u128::MAX)
}

/// A new span.
#[must_use]
pub fn span_id() -> u64 {
    rand::random_range(1..=u64::MAX)
}

/// The first word of an error reply, by which it is known; `None` for a reply that is none. What follows may have been sent by
/// the client.
#[must_use]
pub fn error_word(reply: &[u8]) -> Option<String> {
    let text = match reply.split_first() {
        Some((b'-', text)) => text,
        Some((b'!', blob)) => blob.splitn(2, |byte| *byte == b'\n').nth(1).unwrap_or_default(),
        _ => return None,
    };
    let letters = text.iter().take(WORD_BYTES_MAX).take_while(|byte| byte.is_ascii_uppercase());
    let word: String = letters.map(|byte| char::from(*byte)).collect();
    Some(if word.is_empty() { "ERR".to_owned() } else { word })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_error_the_first_word_is_told_and_nothing_that_a_client_sent() {
        let word = |reply: &str| error_word(reply.as_bytes());
        assert_eq!(word("-WRONGTYPE Operation against a key\r\n").as_deref(), Some("WRONGTYPE"));
        assert_eq!(word("!9\r\nERR hello\r\n").as_deref(), Some("ERR"));
        assert_eq!(word("-my secret\r\n").as_deref(), Some("ERR"), "an error of a script");
        assert_eq!(word(&format!("-{}\r\n", "A".repeat(99))).map(|word| word.len()), Some(WORD_BYTES_MAX));
        assert_eq!(["+OK\r\n", "$3\r\n-ER\r\n", ""].map(word), [None, None, None]);
    }

    #[test]
    fn a_moment_has_its_time_of_the_day() {
        let began = Began::now();
        let later = began.moment() + Duration::from_millis(5);
        assert_eq!(
            began.at(later).duration_since(began.at(began.moment())).unwrap(),
            Duration::from_millis(5)
        );
    }
}
