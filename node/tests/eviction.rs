//! A full node evicts, with the allocator that the node's binary has.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ringmaster_node::store::eviction::Policy;
use ringmaster_node::{Config, Node};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The bound of the node.
const BOUND: u64 = 64 << 20;

/// Keys that are written: about twice what fits.
const KEYS: usize = 100_000;

/// Commands that go out before their replies are read.
const BATCH: usize = 500;

struct Client(BufReader<TcpStream>);

impl Client {
    fn of(node: &Node) -> Self {
        let stream = TcpStream::connect(node.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends lines and returns the first line of each reply, which has no more than one.
    fn ask_all(&mut self, lines: &[String]) -> Vec<String> {
        self.0.get_mut().write_all((lines.join("\r\n") + "\r\n").as_bytes()).unwrap();
        lines.iter().map(|_| self.line()).collect()
    }

    fn ask(&mut self, line: &str) -> String {
        self.ask_all(&[line.to_owned()]).remove(0)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The figure `name` of `INFO`.
    fn figure(&mut self, name: &str) -> u64 {
        let len: usize = self.ask("INFO all")[1..].parse().unwrap();
        let mut text = vec![0; len + 2];
        self.0.read_exact(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("INFO has {name}")).parse().unwrap()
    }

    /// Writes keys of a kilobyte, by `line`; counts the refused.
    fn fill(&mut self, line: impl Fn(usize, &str) -> String) -> usize {
        let value = "v".repeat(1000);
        let mut refused = 0;
        for batch in (0..KEYS).collect::<Vec<_>>().chunks(BATCH) {
            let lines: Vec<String> = batch.iter().map(|n| line(*n, &value)).collect();
            refused += self.ask_all(&lines).iter().filter(|reply| reply.starts_with("-OOM")).count();
        }
        refused
    }
}

fn node(eviction: Policy) -> Node {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let config =
        Config { listen: free, admin: free, threads: 2, maxmemory: BOUND, eviction, ..Config::default() };
    Node::start(config).unwrap()
}

/// One test, because the account is that of the process.
#[test]
fn a_full_node_evicts_what_its_policy_names_and_keeps_within_its_bound() {
    for policy in Policy::ALL {
        let node = node(policy);
        let mut client = Client::of(&node);
        let refused = client.fill(|n, value| match n % 3 {
            0 => format!("SET fixed:{n} {value}"),
            _ => format!("SET volatile:{n} {value} EX {}", 10_000 + n),
        });
        let (used, keys) = (client.figure("used_memory"), client.ask("DBSIZE")[1..].parse::<u64>().unwrap());
        assert!(used < BOUND + (BOUND >> 6), "{policy:?}: {used}");
        assert!(used > BOUND / 10 * 8, "{policy:?}: {used} of {keys} keys");
        let evicted = client.figure("evicted_keys");
        assert_eq!(keys + evicted + refused as u64, KEYS as u64, "{policy:?}");
        assert_eq!(evicted == 0, policy == Policy::NoEviction, "{policy:?}");
        if policy.is_volatile() {
            let fixed =
                client.ask_all(&(0..30).map(|n| format!("EXISTS fixed:{}", n * 3)).collect::<Vec<_>>());
            assert!(fixed.iter().all(|reply| reply == ":1"), "{policy:?}");
        }
        if !policy.is_volatile() && policy != Policy::NoEviction {
            assert_eq!(refused, 0, "{policy:?}");
        }
        if policy == Policy::VolatileTtl {
            assert_eq!(client.ask("EXISTS volatile:1"), ":0");
        }
        assert_eq!(client.ask("FLUSHALL"), "+OK");
        drop(client);
        node.stop();
    }
}
