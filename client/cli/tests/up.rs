//! `ringmaster up` as a user runs it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

const RINGMASTER: &str = env!("CARGO_BIN_EXE_ringmaster");

/// Killed when dropped, unless it was stopped before.
struct Up {
    process: Child,
    output: BufReader<ChildStdout>,
    lines: Vec<String>,
}

impl Up {
    /// Starts on free ports and waits until it says that it is up.
    fn start(flags: &[&str]) -> Up {
        let mut process = Command::new(RINGMASTER)
            .args(["up", "--port", "0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let output = BufReader::new(process.stdout.take().expect("piped"));
        let mut up = Up { process, output, lines: Vec::new() };
        while !up.lines.last().is_some_and(|line| line.starts_with("Ctrl-C")) {
            let mut line = String::new();
            assert!(up.output.read_line(&mut line).expect("text") > 0, "it ended: {:?}", up.lines);
            up.lines.push(line.trim_end().to_owned());
        }
        up
    }

    /// The second word of the line that begins with `name`.
    fn word_of(&self, name: &str) -> &str {
        let mut lines = self.lines.iter().map(|line| line.split_whitespace());
        lines.find_map(|mut words| (words.next() == Some(name)).then(|| words.next())).flatten().expect(name)
    }

    fn connect(&self, name: &str) -> TcpStream {
        let stream = TcpStream::connect(self.word_of(name)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        stream
    }

    /// Sends SIGTERM; what it printed since, what it ever warned of, and whether it ended well.
    fn stop(&mut self) -> (String, String, bool) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        let (mut rest, mut warned) = (String::new(), String::new());
        self.output.read_to_string(&mut rest).expect("text");
        self.process.stderr.take().expect("piped").read_to_string(&mut warned).expect("text");
        (rest, warned, self.process.wait().expect("it ends").success())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ask(stream: &mut TcpStream, request: &str, reply: &str) {
    stream.write_all(request.as_bytes()).expect("sent");
    let mut got = vec![0; reply.len()];
    stream.read_exact(&mut got).expect("a reply");
    assert_eq!(String::from_utf8_lossy(&got), reply);
}

/// The status of a page of the admin port of `name`.
fn status(up: &Up, name: &str, path: &str) -> String {
    let line = up.lines.iter().find(|line| line.split_whitespace().next() == Some(name)).expect(name);
    let admin = line.rsplit_once("http://").expect("an address").1.trim_end_matches("/metrics");
    let mut stream = TcpStream::connect(admin).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).expect("a reply");
    let head = String::from_utf8_lossy(&reply);
    head.split_whitespace().nth(1).expect("a status").to_owned()
}

fn fails(flags: &[&str]) -> String {
    let Output { status, stderr, .. } =
        Command::new(RINGMASTER).arg("up").args(flags).output().expect("it runs");
    assert!(!status.success(), "{flags:?}");
    String::from_utf8(stderr).expect("text")
}

#[test]
fn a_cluster_is_up_in_under_a_second_serves_keys_and_stops_cleanly() {
    let begin = Instant::now();
    let mut up = Up::start(&["--proxies", "2"]);
    let took = begin.elapsed();
    ask(&mut up.connect("proxy-1"), "SET hello world\r\n", "+OK\r\n");
    ask(&mut up.connect("proxy-2"), "GET hello\r\n", "$5\r\nworld\r\n");
    for node in ["node-1", "node-2", "node-3"] {
        ask(&mut up.connect(node), "PING\r\n", "+PONG\r\n");
    }
    let file = PathBuf::from(up.word_of("file"));
    let text = std::fs::read_to_string(&file).expect("cluster.yaml");
    assert!(text.contains(up.word_of("node-3")) && text.contains("replicas: 2"), "{text}");
    let (rest, warned, well) = up.stop();
    assert!(well && rest.starts_with("Stopping"), "{rest}");
    assert!(!file.exists(), "the temporary directory is removed");
    assert!(took < Duration::from_secs(5), "{took:?}: a second on a quiet machine");
    // That no node has answered yet is no news before a second is over.
    assert!(warned.is_empty() || took > Duration::from_secs(1), "{warned}");
}

#[test]
fn one_node_alone_is_up_with_single_copies() {
    let up = Up::start(&["--nodes", "1"]);
    let text = std::fs::read_to_string(up.word_of("file")).expect("cluster.yaml");
    assert!(text.contains("replicas: 1"), "{text}");
    ask(&mut up.connect("proxy-1"), "SET hello world\r\n", "+OK\r\n");
}

#[test]
fn profiles_are_taken_at_every_admin_port_with_the_flag_and_at_none_without() {
    for (flags, wanted) in [(&["--nodes", "1"][..], "403"), (&["--nodes", "1", "--profiling"], "200")] {
        let mut up = Up::start(flags);
        for member in ["proxy-1", "node-1"] {
            let got = status(&up, member, "/debug/pprof/flamegraph?seconds=1");
            assert_eq!(got, wanted, "{member} with {flags:?}");
        }
        let (_, warned, well) = up.stop();
        assert!(well, "{warned}");
    }
}

#[test]
fn the_proxy_follows_an_edit_of_the_generated_file() {
    let directory = tempfile::tempdir().expect("a directory");
    // With single copies, as nodes answer to others than proxies then.
    let data_dir = directory.path().to_str().expect("text");
    let up = Up::start(&["--replicas", "1", "--data-dir", data_dir]);
    let file = directory.path().join("cluster.yaml");
    let text = std::fs::read_to_string(&file).expect("cluster.yaml");
    // Only the first node is left.
    let cut = text.find("  - name: node-2").expect("three nodes");
    std::fs::write(&file, &text[..cut]).expect("written");
    let mut proxy = up.connect("proxy-1");
    let mut first = up.connect("node-1");
    let begin = Instant::now();
    for number in 0.. {
        // Every key goes to the first node in the end; before, a third of them.
        let mut landed = 0;
        for key in 0..20 {
            let key = format!("{number}:{key}");
            ask(&mut proxy, &format!("SET {key} x\r\n"), "+OK\r\n");
            first.write_all(format!("STRLEN {key}\r\n").as_bytes()).expect("sent");
            let mut reply = [0; ":1\r\n".len()];
            first.read_exact(&mut reply).expect("a reply");
            landed += usize::from(&reply == b":1\r\n");
        }
        if landed == 20 {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "the proxy does not follow");
    }
}

#[test]
fn a_taken_port_says_so_and_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let text = fails(&["--port", &port]);
    assert!(text.contains(&format!("port {port} is taken")) && text.contains("--port"), "{text}");
}

#[test]
fn more_copies_than_nodes_are_refused_with_the_reason() {
    let text = fails(&["--port", "0", "--replicas", "4"]);
    assert!(text.contains("replicas") && text.contains("there are 3"), "{text}");
}

#[test]
fn counts_out_of_range_are_refused() {
    for flags in [["--nodes", "0"], ["--proxies", "65"], ["--threads", "0"]] {
        fails(&[&flags[..], &["--port", "0"]].concat());
    }
}
