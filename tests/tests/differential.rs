//! Random commands, valid and broken, out of the command table's grammar, sent to our node, to our proxy with three
//! nodes and to a real redis-server: replies must be the same byte for byte.
//!
//! `DIFFERENTIAL_COMMANDS` is how many commands each target gets (default 100,000), `DIFFERENTIAL_SEED` where to
//! begin. A failure prints its seed and the shortest list of commands that still shows it.

use std::net::SocketAddr;

use ringmaster_node::engine::Engine;
use ringmaster_node::store::Store;
use ringmaster_protocol::command::{self, Flags, Group, Source, Spec};
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::compare::{Sameness, same, same_elements, sameness};
use ringmaster_tests::grammar::{Grammar, Words};
use ringmaster_tests::peer::RedisServer;
use ringmaster_tests::sequences::{script, transaction, wait};
use ringmaster_tests::wire::{Wire, encoded, text};

/// Commands of one seed; each seed starts with empty databases.
const COMMANDS_A_SEED: usize = 2000;

/// Commands sent before their replies are read.
const PIPELINE: usize = 50;

/// Commands that cannot be compared like this, and why.
const LEFT_OUT: [&str; 19] = [
    "cluster|countkeysinslot", // a Redis outside a cluster refuses them
    "cluster|getkeysinslot",
    "spop",    // random, and changes the state: the family tests hold it
    "scan",    // cursors differ
    "debug",   // our answers are our own
    "pfdebug", // for developers of the sketch
    "pfselftest",
    "memory|usage", // as are our sizes
    "dump",         // tables have orders of their own: the family tests hold it
    "object|freq",  // counters of an eviction policy
    "object|idletime",
    "object|encoding", // the family tests hold it
    "object|refcount",
    "sort", // patterns touch other slots
    "sort_ro",
    "flushall", // drawn below, rarely
    "flushdb",
    "swapdb", // not through a proxy
    "lcs",    // ties may be broken differently
];

/// What the node carries out and Redis 7.0 knows.
fn specs() -> Vec<&'static Spec> {
    let engine = Engine::new(Store::new(None));
    // Those that wait or publish are held by conversations of several clients; streams, whose ids are times, by the
    // family tests.
    let elsewhere = [Group::Pubsub, Group::Stream];
    let alone = |spec: &Spec| !spec.flags.contains(Flags::BLOCKING) && !elsewhere.contains(&spec.group);
    let known = |spec: &&Spec| spec.source == Source::Redis70 && engine.carries_out(spec) && alone(spec);
    command::all().iter().filter(known).filter(|spec| !LEFT_OUT.contains(&spec.name)).collect()
}

/// One command and how its replies are compared.
struct Step {
    name: &'static str,
    words: Words,
}

fn steps(seed: u64) -> Vec<Step> {
    let mut grammar = Grammar::new(seed, specs());
    let mut steps = Vec::with_capacity(COMMANDS_A_SEED);
    while steps.len() < COMMANDS_A_SEED {
        let more = match grammar.below(200) {
            0 => vec![("select", vec![b"SELECT".to_vec(), grammar.below(2).to_string().into()])],
            1 if grammar.below(5) == 0 => vec![("flushall", vec![b"FLUSHALL".to_vec()])],
            2 => vec![("dbsize", vec![b"DBSIZE".to_vec()])],
            3..9 => transaction(&mut grammar),
            9..19 => vec![script(&mut grammar)],
            19..23 => vec![wait(&mut grammar)],
            _ => {
                let (spec, words) = grammar.command();
                vec![(spec.name, words)]
            }
        };
        steps.extend(more.into_iter().map(|(name, words)| Step { name, words }));
    }
    steps
}

/// The replies of `address` to `steps` from an empty start.
fn replies(address: SocketAddr, protocol: u8, steps: &[&Step]) -> Vec<Vec<u8>> {
    let mut wire = Wire::connect(address);
    wire.command(&[b"HELLO", protocol.to_string().as_bytes()]);
    wire.reply().expect("HELLO is answered");
    wire.command(&[b"FLUSHALL"]);
    wire.reply().expect("FLUSHALL is answered");
    let mut all = Vec::with_capacity(steps.len());
    for batch in steps.chunks(PIPELINE) {
        let words = |step: &&Step| encoded(&step.words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        wire.send(&batch.iter().flat_map(words).collect::<Vec<u8>>());
        all.extend(batch.iter().map(|_| wire.reply().expect("each command is answered")));
    }
    all
}

/// The first step whose replies differ.
fn difference(
    (ours, theirs): (SocketAddr, SocketAddr),
    protocol: u8,
    steps: &[&Step],
) -> Option<(usize, String, String)> {
    let (ours, theirs) = (replies(ours, protocol, steps), replies(theirs, protocol, steps));
    // How the replies of a transaction's commands are compared, since its MULTI.
    let mut queued: Vec<Sameness> = Vec::new();
    let differs = |at: &usize| {
        let Step { name, words } = steps[*at];
        let how = sameness(name, words);
        match *name {
            "multi" => queued.clear(),
            "exec" => return !same_elements(&queued, &ours[*at], &theirs[*at]),
            _ if theirs[*at] == b"+QUEUED\r\n" => queued.push(how),
            _ => {}
        }
        !same(how, &ours[*at], &theirs[*at])
    };
    (0..steps.len()).find(differs).map(|at| (at, text(&ours[at]), text(&theirs[at])))
}

/// Leaves out whatever the difference does not need: halves, quarters, … single steps.
fn shrink(targets: (SocketAddr, SocketAddr), protocol: u8, mut steps: Vec<&Step>) -> Vec<&Step> {
    let mut chunk = steps.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        while at < steps.len() {
            let end = (at + chunk).min(steps.len());
            let fewer: Vec<&Step> = [&steps[..at], &steps[end..]].concat();
            match difference(targets, protocol, &fewer) {
                Some((last, ..)) => steps = fewer[..=last].to_vec(),
                None => at = end,
            }
        }
        chunk /= 2;
    }
    steps
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Sends the same commands to `ours` and to a redis-server.
fn duel(target: &str, ours: SocketAddr) {
    let Some(redis) = RedisServer::start() else { return };
    let commands = number("DIFFERENTIAL_COMMANDS", 100_000);
    let first = number("DIFFERENTIAL_SEED", 1);
    let seeds = commands.div_ceil(COMMANDS_A_SEED as u64);
    for seed in first..first + seeds {
        let steps = steps(seed);
        let all: Vec<&Step> = steps.iter().collect();
        let protocol = if seed % 2 == 0 { 3 } else { 2 };
        let targets = (ours, redis.address());
        let Some((at, ours, theirs)) = difference(targets, protocol, &all) else { continue };
        let shortest = shrink(targets, protocol, all[..=at].to_vec());
        // A difference that does not come again is shown as it was seen.
        let (_, ours, theirs) = difference(targets, protocol, &shortest).unwrap_or((at, ours, theirs));
        let list: Vec<String> = shortest.iter().map(|step| shown(&step.words)).collect();
        panic!(
            "{target} differs from redis-server (DIFFERENTIAL_SEED={seed}, RESP{protocol}) after\n  {}\nours:   {ours}\ntheirs: {theirs}",
            list.join("\n  ")
        );
    }
}

fn shown(words: &Words) -> String {
    words.iter().map(|word| format!("\"{}\"", word.escape_ascii())).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_node_answers_as_redis_does() {
    let cluster = Cluster::builder().nodes(1).start();
    duel("node", cluster.nodes()[0].address());
}

#[test]
fn a_proxy_with_three_nodes_answers_as_redis_does() {
    let cluster = Cluster::builder().start();
    duel("proxy", cluster.address());
}
