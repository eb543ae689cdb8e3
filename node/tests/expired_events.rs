//! How late the event of an expired key comes, of keys that nobody touches.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringmaster_node::{Config, Node};

/// Keys, each with a deadline of its own.
const KEYS: u64 = 40;

/// Time between two deadlines.
const APART: Duration = Duration::from_millis(23);

/// The aim of the median; single ones wait for a machine that is busy with other tests.
const LATE_MAX: Duration = Duration::from_millis(100);

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// The key that the next message names.
fn next_key(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> String {
    lines.map(Result::unwrap).find(|line| line.starts_with("key:")).unwrap()
}

#[test]
fn the_event_of_a_key_comes_within_a_tenth_of_a_second_of_its_deadline() {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let node = Node::start(Config { listen: free, admin: free, threads: 1, ..Config::default() }).unwrap();
    let connect = || {
        let stream = TcpStream::connect(node.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    };
    let (mut writer, mut reader) = (connect(), connect());
    writer.write_all(b"CONFIG SET notify-keyspace-events Ex\r\n").unwrap();
    reader.write_all(b"SUBSCRIBE __keyevent@0__:expired\r\n").unwrap();
    let mut lines = BufReader::new(reader).lines();
    assert_eq!(lines.find(|line| line.as_ref().unwrap() == ":1").unwrap().unwrap(), ":1", "subscribed");
    let first = now() + Duration::from_millis(300);
    let deadline = |n: u64| first + APART * u32::try_from(n).unwrap();
    for n in 0..KEYS {
        writer.write_all(format!("SET key:{n} x PXAT {}\r\n", deadline(n).as_millis()).as_bytes()).unwrap();
    }
    let mut late: Vec<Duration> = (0..KEYS)
        .map(|_| {
            let key = next_key(&mut lines);
            let came = now();
            // Deadlines are whole milliseconds.
            let due = deadline(key["key:".len()..].parse().unwrap()) - Duration::from_millis(1);
            came.checked_sub(due).unwrap_or_else(|| panic!("{key} before its deadline"))
        })
        .collect();
    late.sort_unstable();
    assert!(late[late.len() / 2] <= LATE_MAX, "{late:?}");
    node.stop();
}
