//! A redis-server of its own for a test, and answers read as they come.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use ringmaster_protocol::resp::Protocol;
use tempfile::TempDir;

/// Longest wait for the server to answer its port.
const START_MAX: Duration = Duration::from_secs(10);

/// A running server with a connection of each protocol. Ends with the value.
pub(crate) struct Redis {
    resp2: BufReader<TcpStream>,
    resp3: BufReader<TcpStream>,
    _server: Server,
}

/// The process in a directory of its own; both end with the value, also when a test fails.
struct Server(Child, #[expect(dead_code, reason = "removed when dropped")] TempDir);

impl Redis {
    /// A fresh server on a free port of 127.0.0.1; `None`, and a loud line, only if redis-server is not installed.
    pub(crate) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = TempDir::new().unwrap();
        let started = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn();
        let server = match started {
            Ok(server) => Server(server, directory),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("\n*** NOT TESTED: redis-server is not installed ***\n");
                return None;
            }
            Err(error) => panic!("redis-server does not start: {error}"),
        };
        let (resp2, mut resp3) = (connect(port), connect(port));
        send(&mut resp3, &["HELLO", "3"]);
        frame(&mut resp3);
        Some(Self { resp2, resp3, _server: server })
    }

    /// The bytes of the answer to `request`.
    pub(crate) fn ask(&mut self, protocol: Protocol, request: &[&str]) -> Vec<u8> {
        let connection = match protocol {
            Protocol::Resp2 => &mut self.resp2,
            Protocol::Resp3 => &mut self.resp3,
        };
        send(connection, request);
        frame(connection)
    }

    /// The words of an answer that is an array of bulk strings.
    pub(crate) fn words(&mut self, request: &[&str]) -> Vec<String> {
        words(&self.ask(Protocol::Resp2, request))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn connect(port: u16) -> BufReader<TcpStream> {
    let deadline = Instant::now() + START_MAX;
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return BufReader::new(stream),
            Err(error) => assert!(Instant::now() < deadline, "redis-server does not answer: {error}"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn send(connection: &mut BufReader<TcpStream>, request: &[&str]) {
    let mut bytes = format!("*{}\r\n", request.len()).into_bytes();
    for argument in request {
        bytes.extend(format!("${}\r\n{argument}\r\n", argument.len()).bytes());
    }
    connection.get_mut().write_all(&bytes).unwrap();
}

/// Reads one whole frame.
fn frame(from: &mut impl BufRead) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut elements = 1;
    while elements > 0 {
        let start = bytes.len();
        from.read_until(b'\n', &mut bytes).unwrap();
        let header = Header::of(&bytes[start..]);
        elements = elements + header.elements - 1;
        let body = bytes.len();
        bytes.resize(body + header.body, 0);
        from.read_exact(&mut bytes[body..]).unwrap();
    }
    bytes
}

/// What the line of a frame announces.
struct Header {
    /// Elements that follow.
    elements: usize,
    /// Bytes that follow, CR LF included.
    body: usize,
}

impl Header {
    fn of(line: &[u8]) -> Self {
        let number = || std::str::from_utf8(&line[1..line.len() - 2]).unwrap().parse().unwrap_or(0);
        match line[0] {
            b'*' | b'~' => Self { elements: number(), body: 0 },
            b'%' => Self { elements: 2 * number(), body: 0 },
            b'$' if line != b"$-1\r\n" => Self { elements: 0, body: number() + 2 },
            _ => Self { elements: 0, body: 0 },
        }
    }
}

/// The words of an array of bulk strings.
pub(crate) fn words(answer: &[u8]) -> Vec<String> {
    let lines = std::str::from_utf8(answer).unwrap().lines();
    lines.filter(|line| !line.starts_with(['*', '$'])).map(String::from).collect()
}

/// One frame, its elements as frames.
struct Tree {
    head: Vec<u8>,
    elements: Vec<Tree>,
}

impl Tree {
    fn read(from: &mut &[u8]) -> Self {
        let mut head = Vec::new();
        from.read_until(b'\n', &mut head).unwrap();
        let header = Header::of(&head);
        let line = head.len();
        head.resize(line + header.body, 0);
        from.read_exact(&mut head[line..]).unwrap();
        Self { elements: (0..header.elements).map(|_| Self::read(from)).collect(), head }
    }

    fn write(&self, out: &mut String) {
        out.push_str(&self.head.escape_ascii().to_string());
        self.elements.iter().for_each(|element| element.write(out));
    }

    fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// The full name of a subcommand, if the frame is this name or is its row of COMMAND INFO.
    fn subcommand(&self) -> Option<&str> {
        let name = match self.elements.as_slice() {
            [] => self,
            [name, arity, ..] if arity.head.starts_with(b":") => name,
            _ => return None,
        };
        let name = std::str::from_utf8(&name.head).ok()?.split("\r\n").nth(1)?;
        (name.contains('|') && !name.contains(' ')).then_some(name)
    }
}

/// The answer to `COMMAND INFO name` or `COMMAND DOCS name` as text, line by line: first the command without its
/// subcommands, then each subcommand in the order of the names, without those in `left_out`.
pub(crate) fn canonical(answer: &[u8], left_out: &[&str]) -> Vec<String> {
    let root = Tree::read(&mut &answer[..]);
    let (mut command, mut subcommands) = (Vec::new(), Vec::new());
    collect(&root, &mut command, &mut subcommands);
    subcommands.sort();
    subcommands.retain(|(name, _)| !left_out.contains(&name.as_str()));
    command.push(format!("{} subcommands", subcommands.len()));
    command.extend(subcommands.into_iter().map(|(_, text)| text));
    command
}

fn collect(tree: &Tree, command: &mut Vec<String>, subcommands: &mut Vec<(String, String)>) {
    // The header of the list of subcommands counts them, so only its type is kept.
    let holds_subcommands = tree.elements.first().is_some_and(|first| first.subcommand().is_some());
    let head = if holds_subcommands { &tree.head[..1] } else { &tree.head };
    command.push(head.escape_ascii().to_string());
    let mut elements = tree.elements.iter();
    while let Some(element) = elements.next() {
        match element.subcommand() {
            None => collect(element, command, subcommands),
            // In COMMAND INFO a subcommand is an array; in COMMAND DOCS its name and a document stand side by side.
            Some(name) if element.elements.is_empty() => {
                let document = elements.next().map_or(String::new(), Tree::text);
                subcommands.push((name.to_string(), document));
            }
            Some(name) => subcommands.push((name.to_string(), element.text())),
        }
    }
}
