//! HyperLogLogs: how many different elements were added, from 16384 registers and without the elements.
//!
//! A sketch is a string, byte for byte the one that Redis keeps:
//!
//! ```text
//! | "HYLL" | encoding, 1 byte | 3 bytes | cardinality, 8 bytes, little-endian | registers |
//! ```
//! The highest bit of the cardinality says that it must be computed anew. The registers are packed
//! (dense: six bits each) or run-length coded (sparse: while they are few). Clients may write any bytes
//! into such a string, so each reading checks what it reads.

mod add;
mod count;
mod debug;
mod dense;
mod estimate;
mod hash;
mod merge;
mod sketch;
mod sparse;

use super::{CommandError, Handler};

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[
    ("pfadd", Handler::Keys(add::pfadd)),
    ("pfcount", Handler::Keys(count::pfcount)),
    ("pfdebug", Handler::Keys(debug::pfdebug)),
    ("pfmerge", Handler::Keys(merge::pfmerge)),
    ("pfselftest", Handler::Keys(debug::pfselftest)),
];

/// Registers of a sketch.
const REGISTERS: usize = 1 << hash::INDEX_BITS;

/// Bytes before the registers.
const HEADER_BYTES: usize = 16;

/// Where the cardinality stands.
const CARDINALITY_AT: usize = 8;

/// The byte of the cardinality's highest bit.
const STALE_AT: usize = HEADER_BYTES - 1;

/// Set in that byte when the cardinality is not known.
const STALE_BIT: u8 = 0x80;

/// Registers that are not run-length coded, as read from a string.
type Registers = [u8; REGISTERS];

const NO_SKETCH: CommandError = CommandError::text("WRONGTYPE Key is not a valid HyperLogLog string value.");
const CORRUPT: CommandError = CommandError::text("INVALIDOBJ Corrupted HLL object detected");

/// A sketch to read, without its header.
#[derive(Clone, Copy)]
enum View<'a> {
    /// Exactly as long as all registers.
    Dense(&'a [u8]),
    /// Any bytes.
    Sparse(&'a [u8]),
}

impl<'a> View<'a> {
    /// The sketch that `value` is.
    ///
    /// # Errors
    /// That it is none. A sparse one may still turn out to be corrupt.
    fn of(value: &'a [u8]) -> Result<Self, CommandError> {
        let (header, registers) = value.split_at_checked(HEADER_BYTES).ok_or(NO_SKETCH)?;
        match header {
            [b'H', b'Y', b'L', b'L', dense::ENCODING, ..] if registers.len() == dense::BYTES => {
                Ok(Self::Dense(registers))
            }
            [b'H', b'Y', b'L', b'L', sparse::ENCODING, ..] => Ok(Self::Sparse(registers)),
            _ => Err(NO_SKETCH),
        }
    }

    /// Raises each of `registers` to this sketch's at least.
    ///
    /// # Errors
    /// That the sketch is corrupt.
    fn raise(self, registers: &mut Registers) -> Result<(), CommandError> {
        match self {
            Self::Dense(packed) => {
                let pairs = registers.iter_mut().zip(dense::iter(packed));
                pairs.for_each(|(register, value)| *register = (*register).max(value));
                Ok(())
            }
            Self::Sparse(runs) => sparse::expand(runs, |start, len, value| {
                registers[start..start + len]
                    .iter_mut()
                    .for_each(|register| *register = (*register).max(value));
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ringmaster_protocol::command::resolve;
    use ringmaster_protocol::resp::reply::Reply;
    use ringmaster_protocol::resp::{Args, Protocol, Span};

    use crate::engine::Engine;
    use crate::store::Store;
    use crate::store::keyspace::Moment;

    fn call(engine: &Engine, words: &[&[u8]]) -> Vec<u8> {
        let (mut bytes, mut spans, mut out) = (Vec::new(), Vec::new(), Vec::new());
        for word in words {
            let start = u32::try_from(bytes.len()).unwrap();
            spans.push(Span { start, len: u32::try_from(word.len()).unwrap() });
            bytes.extend_from_slice(word);
        }
        let (args, moment) = (Args::new(&bytes, &spans), Moment { now: 1, random: 1, ..Moment::default() });
        let mut reply = Reply::new(&mut out, Protocol::Resp2);
        engine.call(resolve(&args).unwrap(), args, moment, &mut reply);
        out
    }

    /// Any bytes, behind a header that is likely.
    fn sketches() -> impl Strategy<Value = Vec<u8>> {
        let runs = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            proptest::collection::vec(prop_oneof![Just(0x80), Just(0x83), 0x40u8..0x44], 0..3100),
            proptest::collection::vec(any::<u8>(), 12_288),
        ];
        (any::<[u8; 12]>(), 0u8..3, 0usize..20, runs).prop_map(|(rest, encoding, kept, runs)| {
            let mut bytes = [&b"HYLL"[..], &rest, &runs].concat();
            bytes[4] = encoding;
            if kept < 16 {
                bytes.truncate(bytes.len() - kept.min(bytes.len()) * usize::from(kept > 2));
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn any_string_as_a_sketch_gives_a_reply(
            first in sketches(), second in sketches(), elements: [u16; 8],
        ) {
            let engine = Engine::new(Store::new(None));
            call(&engine, &[b"SET", b"{k}1", &first]);
            call(&engine, &[b"SET", b"{k}2", &second]);
            for element in elements {
                let before = call(&engine, &[b"GET", b"{k}1"]);
                let reply = call(&engine, &[b"PFADD", b"{k}1", &element.to_le_bytes(), b"x"]);
                let after = call(&engine, &[b"GET", b"{k}1"]);
                prop_assert_eq!(reply == b":1\r\n", before != after);
            }
            for words in ["PFCOUNT {k}1", "PFCOUNT {k}1 {k}2", "PFMERGE {k}3 {k}2", "PFMERGE {k}1 {k}2",
                          "PFDEBUG DECODE {k}2", "PFDEBUG TODENSE {k}2", "PFCOUNT {k}2", "PFDEBUG GETREG {k}1"] {
                let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
                prop_assert!(call(&engine, &words).ends_with(b"\r\n"));
            }
        }
    }
}
