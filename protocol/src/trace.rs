//! Where a command stands in a trace: the `traceparent` of W3C Trace Context.
//!
//! ```text
//! 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//! version │        trace id          │    span id     │ flags: bit 0 says that the trace is recorded
//! ```
//! An application gives it by `CLIENT TRACE`, a proxy hands it on by `RM.TRACE`. Of a later version what is known is read, as
//! the recommendation asks for.

use std::fmt::{self, Display, Formatter};

/// Bytes of version 00.
const LEN: usize = 55;

/// Bit of the flags: the trace is recorded.
const SAMPLED: u8 = 1;

/// A place in a trace: the trace, and a span of it that others are children of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Never 0.
    pub trace_id: u128,
    /// Never 0.
    pub span_id: u64,
    /// Whether the trace is recorded: what is not, leaves no span.
    pub is_sampled: bool,
}

impl TraceContext {
    /// The context that a `traceparent` is; `None` if it is none.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LEN)?;
        let version = hexadecimal(&known[..2])?;
        let is_whole = rest.is_empty() || version > 0 && rest[0] == b'-';
        let dashes = [known[2], known[35], known[52]];
        let trace_id = hexadecimal(&known[3..35])?;
        let span_id = u64::try_from(hexadecimal(&known[36..52])?).ok()?;
        let flags = u8::try_from(hexadecimal(&known[53..])?).ok()?;
        let is_good = is_whole && version != 0xff && dashes == [b'-'; 3] && trace_id != 0 && span_id != 0;
        is_good.then_some(Self { trace_id, span_id, is_sampled: flags & SAMPLED != 0 })
    }
}

impl Display for TraceContext {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        write!(to, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.is_sampled))
    }
}

/// The number that these digits are, all of them lower case and no more than 32.
fn hexadecimal(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn with(place: usize, byte: u8) -> Vec<u8> {
        let mut text = GOOD.as_bytes().to_vec();
        text[place] = byte;
        text
    }

    #[test]
    fn the_example_of_the_recommendation_is_read_and_written() {
        let context = TraceContext::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(context.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!((context.span_id, context.is_sampled), (0x00f0_67aa_0ba9_02b7, true));
        assert_eq!(context.to_string(), GOOD);
        assert!(!TraceContext::parse(&with(54, b'2')).unwrap().is_sampled, "another flag");
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        for cut in 0..GOOD.len() {
            assert_eq!(TraceContext::parse(&GOOD.as_bytes()[..cut]), None, "cut at {cut}");
        }
        for place in 0..GOOD.len() {
            for byte in [b'G', b'F', b' ', 0, 0xff] {
                assert_eq!(TraceContext::parse(&with(place, byte)), None, "{byte} at {place}");
            }
        }
        let zero_trace = GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        let zero_span = GOOD.replace("00f067aa0ba902b7", &"0".repeat(16));
        for text in
            [zero_trace, zero_span, format!("{GOOD}-"), format!("{GOOD} "), GOOD.replacen("00", "ff", 1)]
        {
            assert_eq!(TraceContext::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn of_a_later_version_what_is_known_is_read() {
        let later = GOOD.replacen("00", "cc", 1);
        for text in [later.clone(), format!("{later}-what-the-future-will-be-like")] {
            assert_eq!(TraceContext::parse(text.as_bytes()), TraceContext::parse(GOOD.as_bytes()), "{text}");
        }
        assert_eq!(TraceContext::parse(format!("{later}.more").as_bytes()), None);
    }

    proptest! {
        #[test]
        fn contexts_come_back(trace_id in 1u128.., span_id in 1u64.., is_sampled: bool) {
            let context = TraceContext { trace_id, span_id, is_sampled };
            prop_assert_eq!(TraceContext::parse(context.to_string().as_bytes()), Some(context));
        }

        #[test]
        fn whatever_comes_is_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(context) = TraceContext::parse(&text) {
                let told = context.to_string();
                prop_assert_eq!(&told.as_bytes()[2..52], &text[2..52]);
            }
        }
    }
}
