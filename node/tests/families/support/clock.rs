//! Duels in which time stands still until a step moves it: what depends on the clock is compared to the millisecond.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use ringmaster_protocol::resp::Protocol;
use tempfile::TempDir;

use super::{Node, Random, Redis, Replies, Same, Step, Words, fight};

/// The first moment of each run, in Unix milliseconds.
const FIRST: u64 = 1_900_000_000_124;

/// Commands of one run.
const COMMANDS: usize = 3_000;

/// Runs, each with its own seed, in each protocol.
const RUNS: u64 = 2;

/// The name of a step that moves the clock forward by so many milliseconds.
const ADVANCE: &[u8] = b"(the clock advances, ms)";

/// A clock that redis-server reads from a file, by a library that is loaded before it.
struct Clock {
    directory: TempDir,
    file: File,
    now: u64,
}

impl Clock {
    fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let file = File::create(directory.path().join("now")).expect("the file can be made");
        let mut clock = Self { directory, file, now: FIRST };
        clock.set(FIRST);
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(clock.library());
        compiler.args(["-x", "c", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/families/support/clock.c")]);
        assert!(compiler.status().expect("a C compiler is there").success(), "the clock compiles");
        clock
    }

    fn library(&self) -> PathBuf {
        self.directory.path().join("clock.so")
    }

    fn server(&self) -> Option<Redis> {
        let now = self.directory.path().join("now");
        Redis::start_with(&[("LD_PRELOAD", self.library().as_os_str()), ("TEST_CLOCK", now.as_os_str())])
    }

    /// Moves it to `now`, in Unix milliseconds.
    fn set(&mut self, now: u64) {
        self.now = now;
        let micros = (now * 1000).to_ne_bytes();
        self.file.write_all_at(&micros, 0).expect("the file can be written");
    }
}

/// A step that moves the clock.
pub(crate) fn advance(milliseconds: u64) -> Step {
    Step { words: vec![ADVANCE.to_vec(), milliseconds.to_string().into_bytes()], same: Same::Anything }
}

/// Runs the commands on both sides in both protocols by one clock, and fails on the first difference.
#[track_caller]
pub(crate) fn duel_by_clock(generate: impl Fn(&mut Random, u64) -> Step) {
    let mut clock = Clock::new();
    let Some(mut redis) = clock.server() else { return };
    redis.call(&super::words("DEBUG SET-ACTIVE-EXPIRE 0"));
    for seed in 1..=RUNS {
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let (mut random, mut now) = (Random::new(seed), FIRST);
            let mut next = || {
                let step = generate(&mut random, now);
                now += moved(&step.words).unwrap_or(0);
                step
            };
            let steps: Vec<Step> = (0..COMMANDS).map(|_| next()).collect();
            fight(protocol, seed, &steps, |steps| both(&mut redis, &mut clock, protocol, steps));
        }
    }
}

fn both(redis: &mut Redis, clock: &mut Clock, protocol: Protocol, steps: &[Step]) -> Replies {
    redis.reset(protocol);
    clock.set(FIRST);
    let mut node = Node::new(protocol);
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for Step { words, .. } in steps {
        if let Some(by) = moved(words) {
            clock.set(clock.now + by);
            theirs.push(Vec::new());
            ours.push(Vec::new());
            continue;
        }
        theirs.push(redis.call(words));
        ours.push(node.call_at(clock.now, words));
    }
    (theirs, ours)
}

/// By how many milliseconds a step moves the clock, if it is one that does.
fn moved(words: &Words) -> Option<u64> {
    match &words[..] {
        [name, by] if name == ADVANCE => std::str::from_utf8(by).ok()?.parse().ok(),
        _ => None,
    }
}
