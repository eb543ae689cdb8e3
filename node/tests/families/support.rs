//! Seeded random commands, sent to a redis-server and carried out by the engine in this process; every reply
//! must be the same.
//!
//! A family gives a generator of [`Step`]s; [`duel`] does the rest, in RESP2 and in RESP3. On a difference it
//! drops the commands that do not matter and prints the rest, with the seed. `DUEL_SEED` and `DUEL_COMMANDS` in
//! the environment change what is run.

pub(crate) mod clock;
pub(crate) mod node;
pub(crate) mod random;
pub(crate) mod redis;
pub(crate) mod same;
mod shrink;
pub(crate) mod tape;

use ringmaster_protocol::resp::Protocol;

pub(crate) use node::Node;
pub(crate) use random::Random;
pub(crate) use redis::Redis;
pub(crate) use same::Same;

/// A command: its name and its arguments.
pub(crate) type Words = Vec<Vec<u8>>;

/// Commands of one run.
const COMMANDS: usize = 8_000;

/// Runs of a duel, each with its own seed, in each protocol.
const RUNS: u64 = 3;

/// Commands that go to the server in one write.
const BATCH: usize = 500;

/// One command of a run and what counts as the same reply.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The command.
    pub(crate) words: Words,
    /// How its replies are compared.
    pub(crate) same: Same,
}

impl Step {
    /// A command whose reply must be equal byte for byte.
    pub(crate) fn exact(words: Words) -> Self {
        Self { words, same: Same::Exact }
    }
}

/// The words of a line, at single spaces: for commands written by hand.
pub(crate) fn words(line: &str) -> Words {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// Runs the family's commands on both sides in both protocols and fails on the first difference. Does nothing,
/// loudly, where no redis-server 7.0 is installed.
#[track_caller]
pub(crate) fn duel(generate: impl Fn(&mut Random) -> Step) {
    let Some(mut redis) = Redis::start() else { return };
    let from_environment = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = from_environment("DUEL_SEED").unwrap_or(1);
    let count = from_environment("DUEL_COMMANDS").map_or(COMMANDS, |count| usize::try_from(count).unwrap());
    for seed in first..first + RUNS {
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let mut random = Random::new(seed);
            let steps: Vec<Step> = (0..count).map(|_| generate(&mut random)).collect();
            fight(protocol, seed, &steps, |steps| both(&mut redis, protocol, steps));
        }
    }
}

/// Replies of redis-server and of the node to each step, both starting empty.
type Replies = (Vec<Vec<u8>>, Vec<Vec<u8>>);

/// Runs the steps on both sides by `run`, and fails on the first difference.
#[track_caller]
fn fight(protocol: Protocol, seed: u64, steps: &[Step], mut run: impl FnMut(&[Step]) -> Replies) {
    let Some(at) = first_difference(steps, &run(steps)) else { return };
    let kept = shrink::shrink(&steps[..=at], |candidate| {
        first_difference(candidate, &run(candidate)) == Some(candidate.len() - 1)
    });
    let (theirs, ours) = run(&kept);
    for (step, reply) in kept.iter().zip(&theirs) {
        println!("{}\n    {}", shown(&step.words), reply.escape_ascii());
    }
    let last = |replies: &[Vec<u8>]| replies.last().map(|reply| reply.escape_ascii().to_string());
    panic!("seed {seed}, {protocol:?}, command {at}\n redis {:?}\n  node {:?}", last(&theirs), last(&ours));
}

/// The index of the first step whose replies are not the same.
fn first_difference(steps: &[Step], (theirs, ours): &Replies) -> Option<usize> {
    (0..steps.len()).find(|&at| !steps[at].same.holds(&theirs[at], &ours[at]))
}

fn both(redis: &mut Redis, protocol: Protocol, steps: &[Step]) -> Replies {
    redis.reset(protocol);
    let mut node = Node::new(protocol);
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for batch in steps.chunks(BATCH) {
        theirs.extend(redis.call_all(batch.iter().map(|step| &step.words)));
        ours.extend(batch.iter().map(|step| node.call(&step.words)));
    }
    (theirs, ours)
}

fn shown(words: &Words) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{}\"", word.escape_ascii())).collect();
    quoted.join(" ")
}
