//! `ringmaster explain` as a user runs it, against a node and a proxy of this process.

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ringmaster_node::Node;
use ringmaster_proxy::Proxy;
use tempfile::TempDir;

const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Of the password `password`.
const HASH: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

/// A node behind a proxy with a user `default`, who may all, and `reader`, who may only GET.
struct Place {
    node: Option<Node>,
    proxy: Option<Proxy>,
    _directory: TempDir,
}

impl Place {
    fn start() -> Self {
        let node = ringmaster_node::Config {
            listen: FREE,
            admin: FREE,
            threads: 1,
            ..ringmaster_node::Config::default()
        };
        let node = Node::start(node).expect("a node starts");
        let directory = TempDir::new().expect("a directory");
        let cluster = directory.path().join("cluster.yaml");
        let text = format!(
            "nodes: [{{name: a, address: '{}'}}]\nusers:\n  - {{name: default, rules: 'on #{HASH} ~* &* +@all'}}\n  \
             - {{name: reader, rules: 'on #{HASH} ~* +get'}}\n",
            node.address()
        );
        std::fs::write(&cluster, text).expect("written");
        let config = ringmaster_proxy::Config {
            listen: FREE,
            admin: FREE,
            threads: 1,
            cluster,
            ..ringmaster_proxy::Config::default()
        };
        let proxy = Proxy::start(config).expect("a proxy starts");
        Self { node: Some(node), proxy: Some(proxy), _directory: directory }
    }

    fn proxy(&self) -> String {
        self.proxy.as_ref().expect("it runs").address().to_string()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.proxy.take().into_iter().for_each(Proxy::stop);
        self.node.take().into_iter().for_each(Node::stop);
    }
}

/// What is printed on each stream, and the exit code.
fn explain(server: &str, password: Option<&str>, words: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringmaster"));
    command
        .arg("explain")
        .args(["-s", server])
        .args(words)
        .stdin(Stdio::null())
        .env_remove("RINGMASTER_PASSWORD");
    if let Some(password) = password {
        command.env("RINGMASTER_PASSWORD", password);
    }
    let output = command.output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn a_key_is_explained_as_text_and_as_json() {
    let place = Place::start();
    let (text, errors, code) = explain(&place.proxy(), Some("password"), &["user:{42}"]);
    assert_eq!((code, &*errors), (Some(0), ""), "{text}");
    for part in ["by the hash tag 42", "head and tail: a", "writes"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (text, errors, code) = explain(&place.proxy(), Some("password"), &["--json", "--", "-k"]);
    assert_eq!((code, &*errors), (Some(0), ""), "{text}");
    let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&told["key"], &told["writes_to"]), (&"-k".into(), &"a".into()), "{told}");
    assert!(told["chain"].is_array() && told["limits"].is_object(), "{told}");
}

/// The one line that says what is wrong and what to do.
#[track_caller]
fn fails(server: &str, password: Option<&str>, words: &[&str], parts: &[&str]) {
    let (text, errors, code) = explain(server, password, words);
    assert_eq!((code, &*text), (Some(1), ""), "{errors}");
    assert!(errors.starts_with("ringmaster: ") && errors.trim_end().lines().count() == 1, "{errors}");
    for part in parts {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    assert!(!errors.contains("hunter2"), "no password is told: {errors}");
}

#[test]
fn who_may_not_is_told_what_to_do() {
    let place = Place::start();
    let server = place.proxy();
    let login = ["cannot ask", &server, "RINGMASTER_PASSWORD"];
    fails(&server, Some("hunter2"), &["k"], &[&login[..], &["WRONGPASS"]].concat());
    fails(&server, Some("hunter2"), &["k", "--user", "nobody", "--json"], &login);
    fails(&server, None, &["k"], &[&login[..], &["NOAUTH"]].concat());
    fails(&server, Some("password"), &["k", "--user", "reader"], &["NOPERM", "+rm.explain"]);
}

#[test]
fn what_is_no_proxy_or_not_there_is_told_and_soon() {
    let place = Place::start();
    let node = place.node.as_ref().expect("it runs").address().to_string();
    fails(&node, None, &["k"], &[&node, "is no Ringmaster proxy"]);
    let dead = TcpListener::bind(FREE).expect("a port").local_addr().expect("an address").to_string();
    let began = Instant::now();
    fails(&dead, None, &["k"], &["cannot ask", &dead, "-s HOST:PORT"]);
    // One that takes the connection and closes it.
    let closing = TcpListener::bind(FREE).expect("a port");
    let address = closing.local_addr().expect("an address").to_string();
    let closer = std::thread::spawn(move || drop(closing.accept()));
    fails(&address, None, &["k"], &["cannot ask", &address, "-s HOST:PORT"]);
    closer.join().expect("it ends");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    for wrong in ["", "nonsense", "127.0.0.1:99999"] {
        let (text, errors, code) = explain(wrong, None, &["k"]);
        assert!(
            code == Some(1) && text.is_empty() && errors.trim_end().lines().count() == 1,
            "{wrong}: {errors}"
        );
    }
}
