//! Snapshots of a running node: on demand, by growth of the log, and read back at the start.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ringmaster_node::log::Fsync;
use tempfile::TempDir;

use crate::client::Client;
use crate::restart::{COMMANDS, contents, start};

/// Files of the directory whose names begin so.
fn files(directory: &Path, prefix: &str) -> Vec<String> {
    let names =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_unstable();
    names
}

fn field(client: &mut Client, name: &str) -> String {
    let info = client.call("INFO persistence");
    let start = info.find(name).unwrap_or_else(|| panic!("{name} is not in {info}")) + name.len() + 1;
    info[start..].split("\\r").next().unwrap().to_owned()
}

/// Waits until `is_so`.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never was so");
        thread::yield_now();
    }
}

#[test]
fn a_node_starts_from_its_snapshot_and_the_log_behind_it() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::Everysec);
    for line in COMMANDS {
        client.call(line);
    }
    let library = ["FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 7 end)"];
    client.try_call(&library).unwrap();
    assert_eq!(client.call("SAVE"), "+OK");
    client.call("SET behind 1");
    client.call("RPUSH list behind");
    let before = contents(&mut client);
    node.stop();
    assert_eq!(files(directory.path(), "snap-").len(), 1);
    for round in 0..2 {
        let (node, mut client) = start(directory.path(), Fsync::Everysec);
        assert_eq!(contents(&mut client), before);
        assert_eq!(client.call("FCALL f 0"), ":7");
        if round == 0 {
            // From now on the log before the snapshot is gone.
            assert_eq!(client.call("SAVE"), "+OK");
        }
        node.stop();
    }
    assert_eq!(files(directory.path(), "snap-").len(), 1);
    let segments = files(directory.path(), "wal-");
    assert!(!segments.contains(&"wal-0000000000000001.log".to_owned()), "{segments:?}");
}

#[test]
fn a_snapshot_is_taken_when_the_log_has_grown() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::No);
    assert_eq!(client.call("CONFIG SET auto-aof-rewrite-min-size 100kb"), "+OK");
    let value = "v".repeat(10_000);
    (0..30).for_each(|n| assert_eq!(client.call(&format!("SET key{n} {value}")), "+OK"));
    wait_until(|| field(&mut client, "rdb_changes_since_last_save") == "0");
    wait_until(|| files(directory.path(), "snap-").len() == 1);
    wait_until(|| field(&mut client, "rdb_bgsave_in_progress") == "0");
    assert_eq!(field(&mut client, "rdb_last_bgsave_status"), "ok");
    node.stop();
    let (node, mut client) = start(directory.path(), Fsync::No);
    assert_eq!(client.call("DBSIZE"), ":30");
    node.stop();
}

#[test]
fn snapshots_on_demand_answer_as_in_redis() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::No);
    let since: u64 = client.call("LASTSAVE")[1..].parse().unwrap();
    assert!(since > 1_600_000_000);
    assert_eq!(client.call("BGSAVE"), "+Background saving started");
    wait_until(|| field(&mut client, "rdb_last_bgsave_time_sec") != "-1");
    assert_eq!(client.call("BGREWRITEAOF"), "+Background append only file rewriting started");
    wait_until(|| client.call("SAVE") == "+OK");
    assert!(client.call("LASTSAVE")[1..].parse::<u64>().unwrap() >= since);
    assert_eq!(client.call("BGSAVE LATER"), "-ERR syntax error");
    assert_eq!(field(&mut client, "rdb_last_bgsave_status"), "ok");
    node.stop();
}

#[test]
fn a_snapshot_in_a_transaction_is_taken_behind_it() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::No);
    for line in ["MULTI", "SET k v", "BGSAVE", "LASTSAVE"] {
        client.call(line);
    }
    let replies = client.call("EXEC");
    assert!(replies.starts_with("[+OK +Background saving scheduled :"), "{replies}");
    wait_until(|| field(&mut client, "rdb_last_bgsave_time_sec") != "-1");
    assert_eq!(field(&mut client, "rdb_last_bgsave_status"), "ok");
    client.call("MULTI");
    client.call("BGREWRITEAOF");
    assert_eq!(client.call("EXEC"), "[+Background append only file rewriting scheduled]");
    wait_until(|| client.call("SAVE") == "+OK");
    client.call("MULTI");
    assert_eq!(client.call("SAVE"), "-ERR Command not allowed inside a transaction");
    node.stop();
}

#[test]
fn a_reload_takes_a_snapshot_and_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::Everysec);
    COMMANDS.iter().for_each(|line| drop(client.call(line)));
    let (before, digest) = (contents(&mut client), client.call("DEBUG DIGEST"));
    assert_eq!(client.call("DEBUG RELOAD"), "+OK");
    assert_eq!(files(directory.path(), "snap-").len(), 1);
    assert_eq!((contents(&mut client), client.call("DEBUG DIGEST")), (before.clone(), digest));
    node.stop();
    let (node, mut client) = start(directory.path(), Fsync::Everysec);
    assert_eq!(contents(&mut client), before);
    node.stop();
}

#[test]
fn a_snapshot_while_threads_write_is_what_they_wrote() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::Everysec);
    let address = node.address();
    thread::scope(|scope| {
        for writer in 0..3 {
            scope.spawn(move || {
                let mut client = Client::connect(address).unwrap();
                for n in 0..1500 {
                    let reply = match n % 4 {
                        0 => client.call(&format!("SET w{writer}:{} {n}", n % 97)),
                        1 => client.call(&format!("RPUSH {{w}}list{} {n}", n % 7)),
                        2 => client.call(&format!("MSET a{} {writer}.{n} b{} {n}", n % 31, n % 37)),
                        _ => client.call(&format!("DEL w{writer}:{}", n % 89)),
                    };
                    assert!(!reply.starts_with('-'), "{reply}");
                }
            });
        }
        scope.spawn(move || {
            let mut client = Client::connect(address).unwrap();
            (0..5).for_each(|_| assert_eq!(client.call("SAVE"), "+OK"));
        });
    });
    let before = contents(&mut client);
    node.stop();
    let (node, mut client) = start(directory.path(), Fsync::Everysec);
    assert_eq!(contents(&mut client), before);
    node.stop();
}

#[test]
fn a_damaged_snapshot_is_not_started_from() {
    let directory = TempDir::new().unwrap();
    let (node, mut client) = start(directory.path(), Fsync::No);
    client.call("SET a 1");
    assert_eq!(client.call("SAVE"), "+OK");
    node.stop();
    let file = directory.path().join(&files(directory.path(), "snap-")[0]);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let error = crate::restart::refused(directory.path());
    assert!(error.contains("snap-"), "{error}");
    assert!(error.contains("repair DIR --cut"), "{error}");
}
