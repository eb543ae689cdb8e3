//! The account of memory agrees with what the kernel says that the process has, and its parts with what is there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Keys of each type.
const KEYS: usize = 40_000;

/// Commands that go out before their replies are read.
const BATCH: usize = 500;

/// A node as a process of its own.
struct Process(Child, SocketAddr);

impl Process {
    fn start() -> Self {
        // The port is free again when the node is told of it.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringmaster-node"));
        command.args([
            "--listen",
            &address.to_string(),
            "--threads",
            "2",
            "--maxmemory",
            "4gb",
            "--log",
            "error",
        ]);
        Self(command.stdout(Stdio::null()).spawn().unwrap(), address)
    }

    fn client(&self) -> Client {
        let began = Instant::now();
        loop {
            match TcpStream::connect(self.1) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                    return Client(BufReader::new(stream));
                }
                Err(error) => assert!(began.elapsed() < Duration::from_secs(30), "{error}"),
            }
        }
    }

    /// Resident bytes as the kernel tells them, but for pages of files: those are the program's own text.
    fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).unwrap();
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    /// Sends lines and reads their replies, each of a line or a text.
    fn ask_all(&mut self, lines: impl Iterator<Item = String>) {
        for batch in lines.collect::<Vec<_>>().chunks(BATCH) {
            self.0.get_mut().write_all((batch.join("\r\n") + "\r\n").as_bytes()).unwrap();
            for line in batch {
                let mut reply = String::new();
                self.0.read_line(&mut reply).unwrap();
                assert!(!reply.starts_with('-'), "{line}: {reply}");
                if reply.starts_with('$') {
                    self.0.read_line(&mut reply).unwrap();
                }
            }
        }
    }

    fn figure(&mut self, name: &str) -> u64 {
        self.0.get_mut().write_all(b"INFO memory\r\n").unwrap();
        let mut header = String::new();
        self.0.read_line(&mut header).unwrap();
        let mut text = vec![0; header[1..].trim_end().parse::<usize>().unwrap() + 2];
        self.0.read_exact(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("INFO has {name}")).parse().unwrap()
    }

    /// Waits until used and resident memory differ by no more than a tenth.
    fn agrees_with(&mut self, process: &Process, when: &str) {
        let began = Instant::now();
        loop {
            let (used, resident) = (self.figure("used_memory"), process.resident_bytes());
            if used.abs_diff(resident) <= resident / 10 {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(15), "{when}: {used} used, {resident} resident");
        }
    }
}

/// A key of each type, the `n`th.
fn fill(n: usize) -> [String; 6] {
    let text = "v".repeat(300 + n % 200);
    [
        format!("SET string:{n} {text} EX 100000"),
        format!("RPUSH list:{n} {text} {text} {n}"),
        format!("HSET hash:{n} field {text} other {n}"),
        format!("SADD set:{n} 1 2 3 {n} {text}"),
        format!("ZADD zset:{n} 1 {text} 2 {n}"),
        format!("XADD stream:{n} 1-1 field {text}"),
    ]
}

#[test]
fn used_memory_is_within_a_tenth_of_what_is_resident() {
    let process = Process::start();
    let mut client = process.client();
    client.ask_all((0..KEYS).flat_map(fill));
    client.agrees_with(&process, "full");
    let tables = client.figure("ringmaster_memory_tables");
    assert!((6 * KEYS as u64 * 8..6 * KEYS as u64 * 24).contains(&tables), "{tables}");
    let (used, dataset) = (client.figure("used_memory"), client.figure("used_memory_dataset"));
    assert!(dataset < used && dataset > used / 10 * 8, "{dataset} of {used}");

    let before = client.figure("mem_clients_normal");
    let mut idlers: Vec<Client> = (0..4).map(|_| process.client()).collect();
    for idler in &mut idlers {
        let (len, value) = (20 << 20, "q".repeat(20 << 20));
        let request = format!("MULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nx\r\n${len}\r\n{value}\r\n");
        idler.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        idler.0.read_line(&mut reply).unwrap();
        idler.0.read_line(&mut reply).unwrap();
        assert_eq!(reply, "+OK\r\n+QUEUED\r\n");
    }
    // A buffer is given back after its reply.
    let began = Instant::now();
    while client.figure("mem_clients_normal") - before > 100 << 20
        && began.elapsed() < Duration::from_secs(15)
    {}
    let held = client.figure("mem_clients_normal") - before;
    assert!((80 << 20..100 << 20).contains(&held), "{held}");
    client.agrees_with(&process, "with clients' buffers");
    drop(idlers);

    // The older half: of every other key the allocator's pages would be half empty, and stay.
    let older = 0..KEYS / 2;
    let names = ["string", "list", "hash", "set", "zset", "stream"];
    client.ask_all(older.flat_map(|n| names.map(|name| format!("DEL {name}:{n}"))));
    client.agrees_with(&process, "half deleted");
}
