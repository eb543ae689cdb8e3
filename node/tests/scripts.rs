//! Scripts that run for long, take much, or want more than they said: nobody else is harmed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use ringmaster_node::Node;
use ringmaster_node::config::Config;

fn node(threads: usize) -> Node {
    let free = ([127, 0, 0, 1], 0).into();
    Node::start(Config { listen: free, admin: free, threads, ..Config::default() }).unwrap()
}

/// A client that speaks RESP2.
struct Client(BufReader<TcpStream>);

impl Client {
    fn new(node: &Node) -> Self {
        let stream = TcpStream::connect(node.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, words: &[&str]) {
        let mut request = format!("*{}\r\n", words.len());
        words.iter().for_each(|word| request.push_str(&format!("${}\r\n{word}\r\n", word.len())));
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
    }

    /// A reply as one text: elements in brackets.
    fn reply(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let line = line.trim_end();
        let len = || line[1..].parse::<usize>().ok();
        match line.as_bytes()[0] {
            b'$' if len().is_some() => {
                let mut bytes = vec![0; len().unwrap() + 2];
                self.0.read_exact(&mut bytes).unwrap();
                String::from_utf8_lossy(&bytes[..bytes.len() - 2]).into_owned()
            }
            b'*' if len().is_some() => {
                let parts: Vec<String> = (0..len().unwrap()).map(|_| self.reply()).collect();
                format!("[{}]", parts.join(" "))
            }
            _ => line.to_owned(),
        }
    }

    fn call(&mut self, words: &[&str]) -> String {
        self.send(words);
        self.reply()
    }
}

const BUSY: &str = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

/// Runs `script` on the key `held` until it is killed: others are served meanwhile, and those who want its key are
/// told. Returns its reply.
fn killed(node: &Node, script: &str) -> String {
    let (mut other, mut runner) = (Client::new(node), Client::new(node));
    other.call(&["CONFIG", "SET", "busy-reply-threshold", "50"]);
    runner.send(&["EVAL", script, "1", "held"]);
    while other.call(&["GET", "held"]) != BUSY {}
    assert_eq!(other.call(&["SET", "other", "1"]), "+OK");
    assert_eq!(other.call(&["SCRIPT", "KILL"]), "+OK");
    let reply = runner.reply();
    assert_eq!(other.call(&["GET", "held"]), "$-1", "{script}");
    assert_eq!(runner.call(&["PING"]), "+PONG");
    reply
}

#[test]
fn a_script_without_an_end_is_killed_wherever_it_stands() {
    let node = node(1);
    for script in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(error) end",
        "while true do xpcall(error, function() while true do end end) end",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "while true do redis.call('get', KEYS[1]) end",
        "while true do redis.pcall('nocommand') end",
        "return string.find(string.rep('a', 60000), string.rep('a*', 30) .. 'b')",
        "local s = ('a'):rep(1e6) while true do s:find(('a'):rep(5e5) .. 'b', 1, true) end",
        "local t = {} for i = 1, 1e6 do t[i] = i end while true do table.sort(t) end",
        "table.sort({3, 2, 1, 5, 4}, function() while true do end end)",
        "while true do ('x'):rep(1000):gsub('.', function(c) return c end) end",
        "local t = {} for i = 1, 1e5 do t[i] = 'x' end while true do cjson.decode(cjson.encode(t)) end",
        "local t = {} for i = 1, 1e5 do t[i] = 'x' end while true do cmsgpack.unpack(cmsgpack.pack(t)) end",
    ] {
        let reply = killed(&node, script);
        assert!(reply.starts_with("-ERR Script killed by user with SCRIPT KILL..."), "{script}: {reply}");
    }
    assert!(Client::new(&node).call(&["SCRIPT", "KILL"]).starts_with("-NOTBUSY"));
    node.stop();
}

#[test]
fn a_script_that_has_written_is_not_killed_and_ends_by_itself() {
    let node = node(1);
    let (mut other, mut runner) = (Client::new(&node), Client::new(&node));
    other.call(&["CONFIG", "SET", "busy-reply-threshold", "20"]);
    let loops = "redis.call('set', KEYS[1], 'x') local n = 0 repeat n = n + 1 until n > 2e8 return 'done'";
    runner.send(&["EVAL", loops, "1", "held"]);
    while other.call(&["GET", "held"]) != BUSY {}
    assert!(other.call(&["SCRIPT", "KILL"]).starts_with("-UNKILLABLE"));
    assert!(other.call(&["EVAL", "return redis.call('get', KEYS[1])", "1", "held"]).starts_with("-BUSY"));
    assert_eq!(other.call(&["MULTI"]), "+OK");
    other.call(&["GET", "held"]);
    assert!(other.call(&["EXEC"]).starts_with("-EXECABORT Transaction discarded because of: BUSY"));
    assert_eq!(runner.reply(), "done");
    assert_eq!(other.call(&["GET", "held"]), "x");
    node.stop();
}

#[test]
fn a_script_that_takes_all_memory_fails_alone() {
    let node = node(1);
    let mut client = Client::new(&node);
    for script in [
        "return #('x'):rep(1e9)",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do t[#t + 1] = {1} end",
        "local s = ('x'):rep(1e7) local t = {} for i = 1, 1000 do t[i] = s end return t",
        "local s = ('x'):rep(1e7) local t = {} for i = 1, 1000 do t[i] = s end return cmsgpack.pack(t)",
        "local s = ('x'):rep(1e8) return redis.call('set', KEYS[1], s, s, s)",
    ] {
        let reply = client.call(&["EVAL", script, "1", "k"]);
        let refused = reply.contains("not enough memory") || reply.contains("syntax error");
        assert!(refused, "{script}: {}", &reply[..reply.len().min(200)]);
        assert_eq!(client.call(&["EVAL", "return 'fine'", "0"]), "fine");
    }
    node.stop();
}

#[test]
fn deep_recursion_is_an_error() {
    let node = node(1);
    let mut client = Client::new(&node);
    for script in [
        "local function f(n) return f(n + 1) + 1 end return f(1)",
        "local function f() return (pcall(f)) end f() error('stack overflow')",
        "local t = setmetatable({}, {}) getmetatable(t).__tostring = function() return tostring(t) end return tostring(t)",
        "local function f(s) return (s:gsub('.', f)) end return f('x')",
        "local function f() return table.sort({2, 1, 3}, f) end f()",
        "local function f() return coroutine.wrap(f)() end return f()",
        "return assert(loadstring('return ' .. ('('):rep(1e5) .. '1' .. (')'):rep(1e5)))()",
        "return cjson.decode(('['):rep(1e5) .. (']'):rep(1e5))",
        "local t = {} t[1] = t return cjson.encode(t)",
        "return cmsgpack.unpack(('\\145'):rep(1e5))",
        "return ('a'):rep(1e5):find(('a?'):rep(1e5) .. 'b')",
    ] {
        let reply = client.call(&["EVAL", script, "0"]);
        assert!(reply.starts_with('-'), "{script}: {}", &reply[..reply.len().min(200)]);
        assert_eq!(client.call(&["PING"]), "+PONG");
    }
    assert!(
        client.call(&["EVAL", "local t = {} t[1] = t return t", "0"]).contains("reached lua stack limit")
    );
    node.stop();
}

#[test]
fn a_script_runs_within_a_transaction() {
    let node = node(1);
    let mut client = Client::new(&node);
    client.call(&["MULTI"]);
    client.call(&["SET", "a", "1"]);
    client.call(&["EVAL", "redis.call('incr', KEYS[1]) return redis.call('get', KEYS[1])", "1", "a"]);
    client.call(&["EVAL", "return redis.call('get', 'b')", "0"]);
    client.call(&["EVAL", "return redis.call('nocommand')", "0"]);
    let reply = client.call(&["EXEC"]);
    assert!(reply.starts_with("[+OK 2 $-1 -ERR Unknown Redis command called from script"), "{reply}");
    node.stop();
}

#[test]
fn scripts_that_do_not_declare_their_keys_lose_no_step() {
    const STEPS: usize = 300;
    let node = node(2);
    // Each moves one from a key to another, in opposite orders, and declares none or one of them.
    let move_one = |from: &str, to: &str| {
        format!(
            "redis.call('decr', '{from}') for i = 1, 50 do redis.call('get', '{to}') end redis.call('incr', '{to}')"
        )
    };
    let run = |from, to, keys: &[&str]| {
        let (script, count) = (move_one(from, to), keys.len().to_string());
        let command = [&["EVAL", &script, &count], keys].concat();
        let mut client = Client::new(&node);
        (0..STEPS).for_each(|_| assert_eq!(client.call(&command), "$-1"));
    };
    thread::scope(|scope| {
        scope.spawn(|| run("a", "b", &[]));
        scope.spawn(|| run("b", "a", &[]));
        scope.spawn(|| run("b", "c", &["c"]));
        scope.spawn(|| run("c", "a", &[]));
    });
    let mut client = Client::new(&node);
    let total: i64 =
        ["a", "b", "c"].iter().map(|key| client.call(&["GET", key]).parse::<i64>().unwrap()).sum();
    assert_eq!(total, 0);
    node.stop();
}

#[test]
fn commands_over_all_slots_work_within_scripts() {
    let node = node(2);
    let mut client = Client::new(&node);
    (0..50).for_each(|at| drop(client.call(&["SET", &format!("k{at}"), "x"])));
    assert_eq!(client.call(&["EVAL", "return #redis.call('keys', 'k*')", "0"]), ":50");
    assert_eq!(client.call(&["EVAL", "return redis.call('dbsize')", "0"]), ":50");
    assert_eq!(client.call(&["EVAL", "redis.call('flushall') return redis.call('dbsize')", "0"]), ":0");
    node.stop();
}

#[test]
fn a_client_that_leaves_does_not_stop_its_script_and_a_stop_does() {
    let node = node(1);
    let mut runner = Client::new(&node);
    runner.send(&["EVAL", "while true do end", "1", "held"]);
    let mut other = Client::new(&node);
    other.call(&["CONFIG", "SET", "busy-reply-threshold", "20"]);
    while other.call(&["GET", "held"]) != BUSY {}
    drop(runner);
    assert_eq!(other.call(&["GET", "held"]), BUSY);
    let began = Instant::now();
    drop(other);
    node.stop();
    assert!(began.elapsed() < Duration::from_secs(30));
}
