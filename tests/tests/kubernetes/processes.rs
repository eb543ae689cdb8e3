//! What the manifests rely on, with processes: a ConfigMap that is swapped under a proxy, and SIGTERM.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ringmaster_tests::peer::free_port;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, encoded};
use tempfile::TempDir;

/// One node or proxy as a process.
const PROGRAM: &str = env!("CARGO_BIN_EXE_member");

/// Commands that are under way when the proxy is told to stop.
const UNDER_WAY: usize = 200;

/// A process that is ended with the test.
struct Member(Child, SocketAddr);

impl Member {
    fn start(words: &[&str], port: u16) -> Self {
        let mut child = Command::new(PROGRAM).args(words).stdout(Stdio::piped()).spawn().expect("it runs");
        let mut line = String::new();
        let output = child.stdout.take().expect("piped");
        let member = Self(child, (Ipv4Addr::LOCALHOST, port).into());
        BufReader::new(output).read_line(&mut line).expect("it prints text");
        assert!(line.starts_with("serves"), "{words:?}: {line}");
        member
    }

    fn node() -> Self {
        let port = free_port();
        Self::start(&["node", &port.to_string()], port)
    }

    fn proxy(file: &Path) -> Self {
        let port = free_port();
        Self::start(&["proxy", &port.to_string(), file.to_str().expect("a path of letters")], port)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The volume of a ConfigMap, as the kubelet keeps it.
struct ConfigMap(TempDir);

impl ConfigMap {
    fn new(text: &str) -> Self {
        let map = Self(TempDir::new().expect("a directory can be made"));
        map.swap(0, text);
        symlink("..data/cluster.yaml", map.file()).expect("a link can be made");
        map
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join("cluster.yaml")
    }

    /// Puts another version in place at once, and takes the one before away.
    fn swap(&self, version: usize, text: &str) {
        let at = |name: &str| self.0.path().join(name);
        let name = format!("..2026_{version}");
        fs::create_dir(at(&name)).expect("a directory can be made");
        fs::write(at(&name).join("cluster.yaml"), text).expect("a file can be written");
        symlink(&name, at("..data_tmp")).expect("a link can be made");
        fs::rename(at("..data_tmp"), at("..data")).expect("a link can be renamed");
        if version > 0 {
            fs::remove_dir_all(at(&format!("..2026_{}", version - 1))).expect("it is ours");
        }
    }
}

fn cluster(node: &Member, users: &str) -> String {
    format!(
        "users: [{{name: default, rules: 'on nopass ~* &* +@all'}}{users}]\nnodes: [{{name: a, address: '{}'}}]\n",
        node.1
    )
}

#[test]
fn each_swap_of_a_config_map_reaches_a_running_proxy_and_no_client_is_dropped() {
    let node = Member::node();
    let map = ConfigMap::new(&cluster(&node, ""));
    let proxy = Member::proxy(&map.file());
    let mut client = Wire::connect(proxy.1);
    assert_eq!(client.ask("SET k v"), r"+OK\r\n");
    for version in 1..=3 {
        map.swap(version, &cluster(&node, &format!(", {{name: user-{version}, rules: 'off'}}")));
        let name = format!("user-{version}");
        eventually("the swap is seen", || client.ask("ACL USERS").contains(&name));
    }
    assert_eq!(client.ask("GET k"), r"$1\r\nv\r\n");
}

#[test]
fn a_proxy_that_gets_sigterm_answers_what_it_has_read_and_ends_well() {
    let node = Member::node();
    let map = ConfigMap::new(&cluster(&node, ""));
    let mut proxy = Member::proxy(&map.file());
    let mut client = Wire::connect(proxy.1);
    client.send(&encoded(&[b"INCR", b"n"]).repeat(UNDER_WAY));
    assert_eq!(client.reply().as_deref(), Some(&b":1\r\n"[..]));
    let id = proxy.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill is there").success());
    for number in 2..=UNDER_WAY {
        assert_eq!(client.reply(), Some(format!(":{number}\r\n").into_bytes()));
    }
    assert_eq!(client.reply(), None, "then it closes");
    assert!(proxy.0.wait().expect("it is ours").success());
}
