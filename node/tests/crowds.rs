//! Many clients at once on a node of several threads: nothing is lost, nothing is there twice, nobody waits for ever.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use ringmaster_node::Node;
use ringmaster_node::config::Config;

/// Longest wait for a reply.
const PATIENCE: Duration = Duration::from_secs(60);

struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    fn send(&mut self, lines: &str) {
        self.reader.get_mut().write_all(lines.as_bytes()).unwrap();
    }

    /// The next reply: its elements as text, nulls as "nil".
    fn reply(&mut self) -> Vec<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "*" if rest == "-1" => vec!["nil".to_owned()],
            "*" => (0..rest.parse().unwrap()).flat_map(|_| self.reply()).collect(),
            "$" if rest == "-1" => vec!["nil".to_owned()],
            "$" => {
                let mut bytes = vec![0; rest.parse::<usize>().unwrap() + 2];
                self.reader.read_exact(&mut bytes).unwrap();
                vec![String::from_utf8(bytes[..bytes.len() - 2].to_vec()).unwrap()]
            }
            "-" => panic!("an error: {rest}"),
            _ => vec![rest.to_owned()],
        }
    }

    fn call(&mut self, line: &str) -> Vec<String> {
        self.send(&format!("{line}\r\n"));
        self.reply()
    }
}

fn node() -> Node {
    let free = ([127, 0, 0, 1], 0).into();
    Node::start(Config { listen: free, admin: free, threads: 3, ..Config::default() }).unwrap()
}

/// Runs `job` for each of `0..count` in a thread of its own; their results in order.
fn all<T: Send>(count: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let job = &job;
        let threads: Vec<_> = (0..count).map(|index| scope.spawn(move || job(index))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn every_item_that_is_pushed_is_popped_by_one_waiter() {
    const ITEMS: usize = 3000;
    const WORKERS: usize = 4;
    let node = node();
    let address = node.address();
    // Half of the workers move items over a second queue, in another slot than the first.
    let popped = all(3 * WORKERS, |index| {
        let mut client = Client::connect(address);
        match index / WORKERS {
            0 => {
                for item in (index..ITEMS).step_by(WORKERS) {
                    client.call(&format!("RPUSH queue{} {item}", item % 3));
                }
                Vec::new()
            }
            1 => {
                let mut moved = 0;
                while client.call("BLMOVE queue0 second RIGHT LEFT 0.5") != ["nil"] {
                    moved += 1;
                }
                vec![format!("moved {moved}")]
            }
            _ => {
                let mut items = Vec::new();
                loop {
                    let reply = client.call("BLPOP second queue1 queue2 2");
                    match &reply[..] {
                        [_, item] => items.push(item.clone()),
                        _ => return items,
                    }
                }
            }
        }
    });
    let items: Vec<String> = popped.concat().into_iter().filter(|item| !item.starts_with("moved")).collect();
    let distinct: BTreeSet<&String> = items.iter().collect();
    assert_eq!((items.len(), distinct.len()), (ITEMS, ITEMS));
    assert_eq!(
        Client::connect(address).call("INFO clients").concat().matches("blocked_clients:0").count(),
        1
    );
    node.stop();
}

#[test]
fn transactions_over_many_slots_keep_a_sum() {
    const ACCOUNTS: usize = 8;
    let node = node();
    let address = node.address();
    all(6, |index| {
        let mut client = Client::connect(address);
        for round in 0..300 {
            let (from, to) = ((index + round) % ACCOUNTS, (index * 5 + round * 3 + 1) % ACCOUNTS);
            client.send(&format!("MULTI\r\nDECRBY account{from} 7\r\nINCRBY account{to} 7\r\nEXEC\r\n"));
            (0..4).for_each(|_| drop(client.reply()));
            let all: Vec<String> = (0..ACCOUNTS).map(|account| format!("account{account}")).collect();
            let sum: i64 = client
                .call(&format!("MGET {}", all.join(" ")))
                .iter()
                .filter_map(|text| text.parse::<i64>().ok())
                .sum();
            assert_eq!(sum, 0);
        }
    });
    node.stop();
}

#[test]
fn watched_counters_lose_no_step() {
    const STEPS: usize = 150;
    let node = node();
    let address = node.address();
    all(4, |_| {
        let mut client = Client::connect(address);
        let mut done = 0;
        while done < STEPS {
            client.call("WATCH a b");
            let a: u64 = client.call("GET a")[0].parse().unwrap_or_default();
            client.send(&format!("MULTI\r\nSET a {}\r\nINCR b\r\nEXEC\r\n", a + 1));
            let replies: Vec<Vec<String>> = (0..4).map(|_| client.reply()).collect();
            done += usize::from(replies[3] != ["nil"]);
        }
    });
    let mut client = Client::connect(address);
    assert_eq!(client.call("MGET a b"), [(4 * STEPS).to_string(), (4 * STEPS).to_string()]);
    node.stop();
}

#[test]
fn transactions_over_all_slots_meet_writers() {
    let node = node();
    let address = node.address();
    all(4, |index| {
        let mut client = Client::connect(address);
        for round in 0..60 {
            if index == 0 {
                client.send("MULTI\r\nDBSIZE\r\nFLUSHALL\r\nDBSIZE\r\nINFO keyspace\r\nEXEC\r\n");
                let replies: Vec<Vec<String>> = (0..6).map(|_| client.reply()).collect();
                assert_eq!(replies[5][2], "0", "{replies:?}");
            } else {
                (0..50).for_each(|key| drop(client.call(&format!("SET key{key}-{index} {round}"))));
            }
        }
    });
    node.stop();
}
