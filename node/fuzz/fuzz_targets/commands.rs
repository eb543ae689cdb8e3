//! A tape of commands for an empty store: each gets exactly one whole reply, and one that is refused has changed
//! nothing.
//!
//! Two bytes are a command and how many words follow it; a word is one of a list, or bytes of the tape's own.
#![no_main]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use ringmaster_node::engine::Engine;
use ringmaster_node::store::Store;
use ringmaster_node::store::journal::{Journal, Section};
use ringmaster_node::store::keyspace::Moment;
use ringmaster_protocol::command::{Spec, all, resolve};
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::scan::Scanner;
use ringmaster_protocol::resp::{Args, Protocol, Span};
use ringmaster_protocol::slot::HashSlot;

/// Commands of one tape.
const COMMANDS_MAX: usize = 64;

/// The clock, in Unix milliseconds: it stands, so that nothing expires between two commands.
const NOW: u64 = 1_700_000_000_000;

/// A word of digits is cut to so many: what is asked for stays within memory.
const DIGITS_MAX: usize = 7;

const WORDS: [&str; 72] = [
    "{k}a", "{k}b", "{k}c", "{k}d", "other", "", "a", "b", "c", "d", "0", "1", "2", "3", "-1", "-2", "10", "100",
    "1.5", "-0.25", "inf", "-inf", "nan", "(1", "[a", "(b", "-", "+", "*", "$", ">", "=", "~", "0-1", "1-1", "5-*", "NX", "XX",
    "GT", "LT", "EX", "PX", "EXAT", "PERSIST", "KEEPTTL", "GET", "SET", "INCRBY", "u8", "i5", "#2", "OVERFLOW", "BEFORE",
    "AFTER", "LEFT", "RIGHT", "MIN", "MAX", "COUNT", "LIMIT", "BYSCORE", "BYLEX", "REV", "WITHSCORES", "STORE",
    "MAXLEN", "GROUP", "STREAMS", "FIELDS", "FROMLONLAT", "BYRADIUS", "km",
];

/// Counts what a change of the store is told to.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Journal for Count {
    fn commit(&self, _: &[(HashSlot, &Section)]) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the node carries out.
static COMMANDS: LazyLock<Vec<&'static Spec>> = LazyLock::new(|| {
    let engine = Engine::new(Store::new(None));
    all().iter().filter(|spec| engine.carries_out(spec)).collect()
});

/// The next command of the tape, as its name's parts and its words.
fn command(tape: &mut &[u8]) -> Option<(Vec<Vec<u8>>, Protocol)> {
    let [which, form, rest @ ..] = tape else { return None };
    *tape = rest;
    let spec = COMMANDS[usize::from(*which) * COMMANDS.len() / 256];
    let mut words: Vec<Vec<u8>> = spec.name.split('|').map(Into::into).collect();
    words.extend((0..form % 10).map_while(|_| word(tape)));
    Some((words, if form / 10 % 2 == 0 { Protocol::Resp2 } else { Protocol::Resp3 }))
}

fn word(tape: &mut &[u8]) -> Option<Vec<u8>> {
    let (first, rest) = tape.split_first()?;
    *tape = rest;
    if let Some(word) = WORDS.get(usize::from(*first)) {
        return Some(word.as_bytes().to_vec());
    }
    let (own, rest) = tape.split_at(usize::from(first % 32).min(tape.len()));
    *tape = rest;
    let mut own = own.to_vec();
    if own.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') {
        own.truncate(DIGITS_MAX);
    }
    Some(own)
}

fn reply(engine: &Engine, words: &[Vec<u8>], protocol: Protocol) -> Vec<u8> {
    let bytes = words.concat();
    let mut start = 0;
    let spans = words.iter().map(|word| {
        let span = Span { start, len: u32::try_from(word.len()).expect("a word is short") };
        start += span.len;
        span
    });
    let spans: Vec<Span> = spans.collect();
    let (args, mut out) = (Args::new(&bytes, &spans), Vec::new());
    let mut reply = Reply::bounded(&mut out, protocol);
    match resolve(&args) {
        Ok(spec) => engine.call(spec, args, Moment { now: NOW, random: 1, ..Moment::default() }, &mut reply),
        Err(rejection) => reply.error_bytes(&rejection.text(&args)),
    }
    out
}

fuzz_target!(|data: &[u8]| {
    let (count, mut tape) = (Count::default(), data);
    let engine = Engine::new(Store::new(Some(Box::new(count.clone()))));
    for _ in 0..COMMANDS_MAX {
        let Some((words, protocol)) = command(&mut tape) else { return };
        let before = count.0.load(Ordering::Relaxed);
        let out = reply(&engine, &words, protocol);
        let shown = || words.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>();
        let frame = Scanner::default().frame(&out);
        assert!(matches!(frame, Ok(Some(len)) if len == out.len()), "{:?}: {}", shown(), out.escape_ascii());
        let changes = count.0.load(Ordering::Relaxed) - before;
        assert!(out[0] != b'-' || changes == 0, "{:?}: {} and {changes} changes", shown(), out.escape_ascii());
    }
});
