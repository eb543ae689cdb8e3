//! What a proxy does with each command: as the table says, as docs/COMMANDS.md prints it, and as proxies do it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ringmaster_protocol::command::introspect::arguments::{Argument, parse};
use ringmaster_protocol::command::{self, Behaviour, Source, Spec};
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::peer::RedisServer;
use ringmaster_tests::wire::{Wire, text};

const BEGIN: &str = "<!-- made from the table of commands; COMMANDS_PAGE=write makes it anew -->\n";
const END: &str = "<!-- end of what is made from the table -->\n";

/// Commands that one redis-server answers with another kind of reply, and why.
const OTHERWISE: [(&str, &str); 16] = [
    ("asking", "a redis-server that is no cluster refuses what is for clusters"),
    ("bgrewriteaof", "nodes without a log have nothing to rewrite"),
    ("bgsave", "nodes without a log have nowhere to save to"),
    ("cluster|count-failure-reports", "as ASKING"),
    ("cluster|countkeysinslot", "as ASKING"),
    ("cluster|getkeysinslot", "as ASKING"),
    ("cluster|info", "as ASKING"),
    ("cluster|keyslot", "as ASKING"),
    ("cluster|links", "as ASKING"),
    ("cluster|myid", "as ASKING"),
    ("cluster|nodes", "as ASKING"),
    ("cluster|shards", "as ASKING"),
    ("cluster|slots", "as ASKING"),
    ("readonly", "as ASKING"),
    ("readwrite", "as ASKING"),
    ("save", "nodes without a log have nowhere to save to"),
];

/// Commands that are not sent: their replies cannot be told from silence, or they end the connection first.
const NOT_SENT: [&str; 2] = ["client|reply", "quit"];

/// The rows that are commands: a container is not one.
fn commands() -> impl Iterator<Item = &'static Spec> {
    let all = command::all().iter();
    let containers: BTreeSet<&str> =
        command::all().iter().filter_map(|spec| spec.name.split_once('|')).map(|(of, _)| of).collect();
    all.filter(move |spec| {
        spec.name.contains('|') || !containers.contains(spec.name) || spec.name == "command"
    })
}

/// Name of a command as people write it.
fn shown(spec: &Spec) -> String {
    spec.name.replace('|', " ").to_uppercase()
}

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/COMMANDS.md")
}

/// The part of the page that is made from the table.
fn made() -> String {
    let mut groups: BTreeMap<&str, BTreeMap<Behaviour, Vec<String>>> = BTreeMap::new();
    for spec in commands() {
        let group = groups.entry(spec.group.name()).or_default();
        group.entry(spec.through_a_proxy()).or_default().push(shown(spec));
    }
    let mut text = String::from("| group | through a proxy | commands |\n| --- | --- | --- |\n");
    for (group, behaviours) in groups {
        for (behaviour, mut names) in behaviours {
            names.sort_unstable();
            text.push_str(&format!("| {group} | {behaviour} | {} |\n", names.join(", ")));
        }
    }
    text
}

#[test]
fn the_page_says_what_the_table_says() {
    let page = page();
    let text = std::fs::read_to_string(&page).expect("the page can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the page has the mark where the table begins");
    let (stands, after) = rest.split_once(END).expect("the page has the mark where the table ends");
    if std::env::var("COMMANDS_PAGE").is_ok_and(|what| what == "write") {
        let text = [before, BEGIN, &made(), END, after].concat();
        return std::fs::write(page, text).expect("the page can be written");
    }
    assert_eq!(stands, made(), "run this test with COMMANDS_PAGE=write, and look at what has changed");
}

#[test]
fn every_refusal_says_why() {
    for spec in commands() {
        assert_ne!(spec.through_a_proxy(), Behaviour::Refused(""), "{}", spec.name);
    }
}

/// The command with its least arguments.
fn least(spec: &Spec) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = spec.name.split('|').map(|word| word.as_bytes().to_vec()).collect();
    parse(spec.docs.arguments).iter().for_each(|argument| put(argument, &mut words));
    // Some say less than they need.
    let fewest = usize::from(spec.arity.unsigned_abs());
    words.resize(words.len().max(fewest), b"x".to_vec());
    words
}

fn put(argument: &Argument<'_>, words: &mut Vec<Vec<u8>>) {
    if argument.optional {
        return;
    }
    words.extend(argument.token.map(|token| token.trim_matches('\'').as_bytes().to_vec()));
    let word = match argument.kind {
        "pure-token" => return,
        "oneof" => return argument.children.first().into_iter().for_each(|child| put(child, words)),
        "block" => return argument.children.iter().for_each(|child| put(child, words)),
        "key" => "k",
        "integer" if argument.name == "cursor" => "0",
        "integer" => "1",
        "unix-time" => "33177117421",
        "double" if argument.name == "timeout" => "0.01",
        "double" => "1",
        "pattern" => "*",
        _ => "x",
    };
    words.push(word.into());
}

/// The reply of a connection of its own.
fn reply(address: std::net::SocketAddr, words: &[Vec<u8>]) -> String {
    let mut wire = Wire::connect(address);
    wire.ask("FLUSHALL");
    wire.command(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
    text(&wire.reply().unwrap_or_default())
}

/// What kind of reply it is: its type, and of an error its code. Nulls are of the type of what is missing.
fn kind(reply: &str) -> String {
    if reply.starts_with('-') {
        return reply.split(' ').next().unwrap_or_default().to_owned();
    }
    reply.chars().take(1).collect()
}

#[test]
fn proxies_do_what_the_table_says() {
    let Some(redis) = RedisServer::start() else { return };
    let cluster = Cluster::builder().start();
    let mut wrong = Vec::new();
    for spec in commands().filter(|spec| !NOT_SENT.contains(&spec.name)) {
        let words = least(spec);
        let ours = reply(cluster.address(), &words);
        let is_as_stated = match spec.through_a_proxy() {
            Behaviour::Refused(why) => ours.starts_with("-ERR ") && ours.contains(why),
            _ if ours.is_empty() || ours.contains("the proxy yet") => false,
            _ if OTHERWISE.iter().any(|(name, _)| *name == spec.name) => true,
            _ if spec.source != Source::Redis70 => !ours.starts_with("-ERR unknown"),
            _ => kind(&ours) == kind(&reply(redis.address(), &words)),
        };
        if !is_as_stated {
            let theirs = if matches!(spec.through_a_proxy(), Behaviour::Refused(_)) {
                String::new()
            } else {
                reply(redis.address(), &words)
            };
            wrong.push(format!("{}: {ours:.200} (redis-server: {theirs:.100})", shown(spec)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
