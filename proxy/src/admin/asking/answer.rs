//! What a node answered, read out of its replies. What it does not say is left out; what it says wrongly, too.

use std::collections::BTreeMap;

use ringmaster_protocol::resp::number::parse_integer;

/// Arguments of a slow call that are shown, and bytes of each.
const ARGUMENTS_SHOWN: usize = 6;
const ARGUMENT_BYTES_SHOWN: usize = 64;

/// The words of our own question, as a slow log shows them.
const OWN_QUESTION: [&str; ARGUMENTS_SHOWN] = ["INFO", "server", "clients", "memory", "persistence", "stats"];

/// What a node says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) figures: Figures,
    /// Newest first.
    pub(crate) slow_calls: Vec<SlowCall>,
}

/// The fields of an INFO.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures(BTreeMap<String, String>);

impl Figures {
    /// Those of a reply.
    ///
    /// # Errors
    /// The error that it is.
    pub(super) fn of(reply: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(reply);
        if let Some(error) = text.strip_prefix('-') {
            return Err(error.trim_end().to_owned());
        }
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Ok(Self(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }

    /// A field as it stands.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A field that is a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// A field that is a number with a fraction.
    pub(crate) fn fraction(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// Keys of all databases.
    pub(crate) fn keys(&self) -> u64 {
        let is_database =
            |name: &str| name.strip_prefix("db").is_some_and(|number| number.parse::<u8>().is_ok());
        let databases = self.0.iter().filter(|(name, _)| is_database(name));
        let keys = |value: &String| value.strip_prefix("keys=")?.split(',').next()?.parse::<u64>().ok();
        databases.filter_map(|(_, value)| keys(value)).sum()
    }
}

/// A call of the slow log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SlowCall {
    /// Seconds since the Unix epoch.
    pub(crate) at: i64,
    pub(crate) micros: i64,
    /// The command and its first arguments as the slow log has them, which is without secrets.
    pub(crate) words: Vec<String>,
    /// How many words were left out.
    pub(crate) left_out: usize,
    /// Who called.
    pub(crate) client: String,
}

/// The calls of a reply to `SLOWLOG GET`.
pub(super) fn slow_calls(reply: &[u8]) -> Vec<SlowCall> {
    let mut rest = Reading(reply);
    let count = rest.header(b'*').unwrap_or(0);
    let calls = (0..count).map_while(|_| rest.call());
    // What is asked for the status is no news.
    calls.filter(|call| !call.words.iter().map(String::as_str).eq(OWN_QUESTION)).collect()
}

/// What is left of a reply.
struct Reading<'r>(&'r [u8]);

impl<'r> Reading<'r> {
    fn line(&mut self) -> Option<&'r [u8]> {
        let end = self.0.windows(2).position(|pair| pair == b"\r\n")?;
        let (line, rest) = (&self.0[..end], &self.0[end + 2..]);
        self.0 = rest;
        Some(line)
    }

    fn number(&mut self, kind: u8) -> Option<i64> {
        parse_integer(self.line()?.strip_prefix(&[kind])?)
    }

    fn header(&mut self, kind: u8) -> Option<usize> {
        usize::try_from(self.number(kind)?).ok()
    }

    fn bulk(&mut self) -> Option<&'r [u8]> {
        let len = self.header(b'$')?;
        let bytes = self.0.get(..len)?;
        self.0 = self.0.get(len.checked_add(2)?..)?;
        Some(bytes)
    }

    /// Six fields: number, time, duration, words, address, name.
    fn call(&mut self) -> Option<SlowCall> {
        let fields = self.header(b'*')?;
        let (_, at, micros) = (self.number(b':')?, self.number(b':')?, self.number(b':')?);
        let count = self.header(b'*')?;
        let mut words = Vec::new();
        for index in 0..count {
            let word = self.bulk()?;
            if index < ARGUMENTS_SHOWN {
                words.push(shown(word));
            }
        }
        let left_out = count - words.len();
        let mut client = String::new();
        for field in 4..fields {
            let text = self.bulk()?;
            if field == 4 {
                client = shown(text);
            }
        }
        Some(SlowCall { at, micros, words, left_out, client })
    }
}

/// Bytes as text, at most so many of them.
fn shown(bytes: &[u8]) -> String {
    let end = bytes.len().min(ARGUMENT_BYTES_SHOWN);
    let more = if end < bytes.len() { "…" } else { "" };
    format!("{}{more}", bytes[..end].escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_name_and_keys_are_those_of_all_databases() {
        let text = "# Memory\r\nused_memory:100\r\nmiss_percent:12.5\r\ndb0:keys=3,expires=1\r\ndb12:keys=4,expires=0\r\ndbsize:keys=9\r\n";
        let figures = Figures::of(format!("${}\r\n{text}\r\n", text.len()).as_bytes()).unwrap();
        assert_eq!((figures.number("used_memory"), figures.number("miss_percent")), (Some(100), None));
        assert_eq!((figures.fraction("miss_percent"), figures.keys()), (Some(12.5), 7));
        assert_eq!(Figures::of(b"-NOAUTH no\r\n"), Err("NOAUTH no".to_owned()));
    }

    #[test]
    fn slow_calls_are_read_and_cut_and_a_torn_reply_gives_what_is_whole() {
        let words = (0..9).map(|n| format!("$2\r\nw{n}\r\n")).collect::<String>();
        let call = format!("*6\r\n:7\r\n:1700000000\r\n:12000\r\n*9\r\n{words}$4\r\na:10\r\n$0\r\n\r\n");
        let reply = format!("*2\r\n{call}{call}");
        let calls = slow_calls(reply.as_bytes());
        assert_eq!(calls.len(), 2);
        assert_eq!((calls[1].at, calls[1].micros, &*calls[1].client), (1_700_000_000, 12_000, "a:10"));
        let own: String = OWN_QUESTION.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
        let own = format!("*1\r\n*4\r\n:7\r\n:1700000000\r\n:12000\r\n*6\r\n{own}");
        assert_eq!(slow_calls(own.as_bytes()), []);
        assert_eq!((calls[0].words.len(), calls[0].left_out), (ARGUMENTS_SHOWN, 3));
        for cut in 0..reply.len() {
            assert!(slow_calls(&reply.as_bytes()[..cut]).len() < 2, "{cut}");
        }
        assert!(slow_calls(b"*99999999999\r\n").is_empty() && slow_calls(b"-ERR\r\n").is_empty());
        assert_eq!(shown(&[b'<'; 100]), "<".repeat(ARGUMENT_BYTES_SHOWN) + "…");
    }
}
