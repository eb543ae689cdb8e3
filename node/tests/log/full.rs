//! A running node whose disk is full, as far as a limit on the size of its files is one.

use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::Client;
use crate::process::Process;

/// Bytes that a file may have.
const FILE_BYTES: u64 = 400 << 10;

/// Waits until `is_so`.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never was so");
        thread::yield_now();
    }
}

/// Sets keys until one is refused; returns how many were acknowledged.
fn fill(client: &mut Client) -> usize {
    let value = "v".repeat(10_000);
    for number in 0..10_000 {
        let reply = client.call(&format!("SET key{number} {value}"));
        if reply.starts_with("-MISCONF Errors writing to the log: ") {
            assert!(reply.contains("tried each second") && reply.contains("reads are served"), "{reply}");
            return number;
        }
        assert_eq!(reply, "+OK");
    }
    panic!("the disk is never full");
}

fn is_good(client: &mut Client) -> bool {
    client.call("INFO persistence").contains("aof_last_write_status:ok")
}

#[test]
fn writes_are_refused_and_reads_served_until_there_is_room() {
    let directory = TempDir::new().unwrap();
    let process = Process::start_with_files_of(FILE_BYTES, directory.path(), "everysec");
    let mut client = Client::connect(process.address).unwrap();
    let acknowledged = fill(&mut client);
    assert!(acknowledged > 20, "{acknowledged}");
    assert_eq!(client.call("STRLEN key0"), ":10000");
    assert_eq!(client.call(&format!("STRLEN key{}", acknowledged - 1)), ":10000");
    assert!(!is_good(&mut client));
    assert!(client.call("DEL key0").starts_with("-MISCONF"));
    process.make_room();
    wait_until(|| is_good(&mut client));
    assert_eq!(client.call("SET after 1"), "+OK");
    assert_eq!(client.call("SAVE"), "+OK");
    process.kill();
    let process = Process::start(directory.path(), "everysec");
    let mut client = Client::connect(process.address).unwrap();
    assert_eq!(client.call("DBSIZE"), format!(":{}", acknowledged + 1));
    process.kill();
}

/// Keys that together do not fit.
const KEYS: usize = 60;

#[test]
fn a_client_that_leaves_while_its_reply_waits_for_the_disk_is_forgotten() {
    let directory = TempDir::new().unwrap();
    let process = Process::start_with_files_of(FILE_BYTES, directory.path(), "always");
    let mut control = Client::connect(process.address).unwrap();
    let keys: Vec<String> = (0..KEYS).map(|number| format!("key{number}")).collect();
    let mut leaves = Client::connect(process.address).unwrap();
    let value = "v".repeat(10_000);
    keys.iter().for_each(|key| leaves.send(&["SET", key, &value]).unwrap());
    wait_until(|| !is_good(&mut control));
    // It sees what is not durable.
    let mut stays = Client::connect(process.address).unwrap();
    let words: Vec<&str> = std::iter::once("EXISTS").chain(keys.iter().map(String::as_str)).collect();
    stays.send(&words).unwrap();
    drop(leaves);
    wait_until(|| control.call("INFO clients").contains("connected_clients:2\\r"));
    process.make_room();
    let found: usize = stays.reply().unwrap()[1..].parse().unwrap();
    assert!((20..KEYS).contains(&found), "{found}");
    wait_until(|| is_good(&mut control));
    assert_eq!(control.call("SET after 1"), "+OK");
    process.kill();
    let process = Process::start(directory.path(), "always");
    let mut client = Client::connect(process.address).unwrap();
    assert_eq!(client.call("DBSIZE"), format!(":{}", found + 1));
    process.kill();
}
