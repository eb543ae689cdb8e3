//! A node that is stopped and started again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ringmaster_node::config::Persistence;
use ringmaster_node::log::Fsync;
use ringmaster_node::log::disk::RealDisk;
use ringmaster_node::{Config, Node, log};
use tempfile::TempDir;

use crate::client::Client;

fn config(directory: &Path, fsync: Fsync) -> Config {
    let free = ([127, 0, 0, 1], 0).into();
    let data_dir = directory.to_owned();
    Config {
        listen: free,
        admin: free,
        threads: 2,
        persistence: Persistence::Wal,
        fsync,
        data_dir,
        ..Config::default()
    }
}

pub(crate) fn start(directory: &Path, fsync: Fsync) -> (Node, Client) {
    let node = Node::start(config(directory, fsync)).unwrap();
    let client = Client::connect(node.address()).unwrap();
    (node, client)
}

/// All keys of two databases with their values and deadlines.
pub(crate) fn contents(client: &mut Client) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for database in 0..2 {
        client.call(&format!("SELECT {database}"));
        let keys = client.call("KEYS *");
        for key in keys.trim_matches(['[', ']']).split(' ').filter(|key| !key.is_empty()) {
            let value = [client.call(&format!("DUMP {key}")), client.call(&format!("PEXPIRETIME {key}"))];
            all.insert(format!("{database} {key}"), value.join(" "));
        }
    }
    client.call("SELECT 0");
    all
}

pub(crate) const COMMANDS: &[&str] = &[
    "SET string one",
    "APPEND string two",
    "SETRANGE string 20 x",
    "SETBIT bits 77 1",
    "INCR number",
    "MSET a 1 b 2 c 3",
    "RENAME a d",
    "COPY b e",
    "MOVE c 1",
    "SET soon 1 PX 600000",
    "PERSIST soon",
    "SET later 1 EX 5000",
    "RPUSH list a b c d",
    "LPOP list",
    "LMOVE list list2 LEFT RIGHT",
    "HSET hash f 1 g 2",
    "HDEL hash f",
    "HINCRBYFLOAT hash h 0.5",
    "SADD set a b c d",
    "SPOP set 2",
    "ZADD sorted 1 a 2 b 3 c",
    "ZUNIONSTORE union 2 sorted sorted",
    "XADD stream * f v",
    "XGROUP CREATE stream group 0",
    "XREADGROUP GROUP group me COUNT 1 STREAMS stream >",
    "PFADD sketch a b c",
    "GEOADD places 13.361389 38.115556 Palermo",
    "SET gone 1",
    "DEL gone",
    "SELECT 1",
    "SET other 1",
    "SELECT 0",
    "MULTI",
    "SET in-transaction 1",
    "RPUSH also-in-transaction 1",
    "EXEC",
    "EVAL redis.call('set',KEYS[1],ARGV[1]);return(1) 1 scripted value",
];

#[test]
fn everything_is_there_after_a_restart() {
    for fsync in [Fsync::Always, Fsync::Everysec, Fsync::No] {
        let directory = TempDir::new().unwrap();
        let (node, mut client) = start(directory.path(), fsync);
        for line in COMMANDS {
            let reply = client.call(line);
            assert!(!reply.starts_with('-'), "{line}: {reply}");
        }
        let before = contents(&mut client);
        assert!(before.len() > 20, "{before:?}");
        drop(client);
        node.stop();
        for _ in 0..2 {
            let (node, mut client) = start(directory.path(), fsync);
            assert_eq!(contents(&mut client), before, "{fsync:?}");
            drop(client);
            node.stop();
        }
        let (node, mut client) = start(directory.path(), fsync);
        client.call("SWAPDB 0 1");
        assert_eq!(client.call("GET other"), "1");
        client.call("FLUSHALL");
        client.call("SET last 1");
        node.stop();
        let (node, mut client) = start(directory.path(), fsync);
        assert_eq!(client.call("KEYS *"), "[last]");
        node.stop();
    }
}

#[test]
fn functions_are_there_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::Always);
    let library = |name: &str, value: u8| {
        format!("#!lua name={name}\nredis.register_function('{name}', function() return {value} end)")
    };
    for (name, value) in [("kept", 1), ("deleted", 2), ("replaced", 3)] {
        assert_eq!(client.try_call(&["FUNCTION", "LOAD", &library(name, value)]).unwrap(), name);
    }
    client.call("FUNCTION DELETE deleted");
    client.try_call(&["FUNCTION", "LOAD", "REPLACE", &library("replaced", 4)]).unwrap();
    node.stop();
    let (node, mut client) = start(directory.path(), Fsync::Always);
    assert_eq!(client.call("FCALL kept 0"), ":1");
    assert_eq!(client.call("FCALL replaced 0"), ":4");
    assert!(client.call("FCALL deleted 0").starts_with("-ERR Function not found"));
    client.call("FUNCTION FLUSH");
    node.stop();
    let (node, mut client) = start(directory.path(), Fsync::Always);
    assert_eq!(client.call("FUNCTION LIST"), "[]");
    node.stop();
}

#[test]
fn keys_that_expire_are_gone_and_stay_gone() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::Everysec);
    client.call("SET short 1 PX 1");
    client.call("SET long 1 PX 100000");
    let give_up = Instant::now() + Duration::from_secs(10);
    while client.call("DBSIZE") != ":1" {
        assert!(Instant::now() < give_up);
    }
    node.stop();
    let (node, mut client) = start(directory.path(), Fsync::Everysec);
    assert_eq!(client.call("KEYS *"), "[long]");
    node.stop();
}

#[test]
fn while_the_log_is_read_commands_are_told_so() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::No);
    for number in 0..20_000 {
        client.call(&format!("SET key:{} {number}", number % 500));
    }
    let address = node.address();
    node.stop();
    let path = directory.path().to_owned();
    let starting =
        std::thread::spawn(move || Node::start(Config { listen: address, ..config(&path, Fsync::No) }));
    let mut told = 0;
    let reply = loop {
        let Ok(mut client) = Client::connect(address) else { continue };
        let reply = client.try_call(&["GET", "key:499"]);
        match reply.as_deref() {
            Ok("-LOADING Redis is loading the dataset in memory") => {
                told += 1;
                assert!(client.call("HELLO").starts_with('['), "HELLO is for all times");
                let info = client.call("INFO persistence");
                let is_over = info.contains("loading:0");
                assert!(is_over || info.contains("loading_eta_seconds:"), "{info}");
            }
            Ok(other) => break other.to_owned(),
            Err(_) => {}
        }
    };
    assert_eq!(reply, "19999", "after {told} refusals");
    starting.join().unwrap().unwrap().stop();
}

#[test]
fn a_damaged_log_is_refused_and_nothing_is_changed() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::Always);
    (0..20).for_each(|number| drop(client.call(&format!("SET key {number}"))));
    node.stop();
    let file = directory.path().join("wal-0000000000000001.log");
    let mut bytes = fs::read(&file).unwrap();
    bytes[200] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let said = Node::start(config(directory.path(), Fsync::Always)).err().unwrap().to_string();
    for part in ["wal-0000000000000001.log at byte ", "checksum", "ringmaster-node repair DIR --cut"] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(fs::read(&file).unwrap(), bytes);
    let disk = RealDisk::existing(directory.path()).unwrap();
    assert!(log::check::repair(&disk).unwrap().is_some());
    let (node, mut client) = start(directory.path(), Fsync::Always);
    let kept: u32 = client.call("GET key").parse().unwrap();
    assert!((1..19).contains(&kept), "{kept}");
    node.stop();
}

#[test]
fn two_nodes_do_not_share_a_directory() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::Everysec);
    let said = Node::start(config(directory.path(), Fsync::Everysec)).err().unwrap().to_string();
    assert!(said.contains("another process uses it"), "{said}");
    assert_eq!(client.call("SET key 1"), "+OK");
    node.stop();
}

#[test]
fn the_settings_are_shown() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::Always);
    assert_eq!(client.call("CONFIG GET appendonly"), "[appendonly yes]");
    assert_eq!(client.call("CONFIG GET appendfsync"), "[appendfsync always]");
    assert_eq!(client.call("CONFIG SET appendfsync always"), "+OK");
    assert!(client.call("CONFIG SET appendfsync no").starts_with("-ERR"));
    assert_eq!(client.call("CONFIG GET dir"), format!("[dir {}]", directory.path().display()));
    let info = client.call("INFO persistence");
    for part in
        ["loading:0", "aof_enabled:1", "aof_last_write_status:ok", "aof_current_size:", "aof_delayed_fsync:0"]
    {
        assert!(info.contains(part), "{part}: {info}");
    }
    node.stop();
}

/// Why no node starts in `directory`.
pub(crate) fn refused(directory: &Path) -> String {
    Node::start(config(directory, Fsync::No)).err().expect("the node started").to_string()
}
