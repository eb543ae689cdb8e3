//! A proxy in front of given nodes, with its cluster.yaml.

use std::fs;
use std::net::SocketAddr;

use ringmaster_proxy::{Config, Proxy};
use tempfile::TempDir;

use crate::client::Peer;

/// A running proxy; stopped when dropped.
pub(crate) struct Place {
    proxy: Option<Proxy>,
    dir: TempDir,
    settings: String,
}

impl Place {
    /// A proxy of one thread in front of `nodes`, which are called a, b, c …; `settings` are lines of cluster.yaml.
    pub(crate) fn new(nodes: &[SocketAddr], settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut place = Self { proxy: None, dir, settings: settings.to_owned() };
        place.write(nodes);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let cluster = place.dir.path().join("cluster.yaml");
        let config = Config { listen: any, admin: any, threads: 1, cluster, ..Config::default() };
        place.proxy = Some(Proxy::start(config).unwrap());
        place
    }

    /// Writes cluster.yaml anew, as an editor does: beside, then renamed.
    pub(crate) fn write(&self, nodes: &[SocketAddr]) {
        let mut text = format!("{}nodes:\n", self.settings);
        for (node, name) in nodes.iter().zip('a'..) {
            text.push_str(&format!("  - {{name: {name}, address: '{node}'}}\n"));
        }
        self.write_text(&text);
    }

    pub(crate) fn write_text(&self, text: &str) {
        let new = self.dir.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, self.dir.path().join("cluster.yaml")).unwrap();
    }

    pub(crate) fn client(&self) -> Peer {
        Peer::connect(self.proxy.as_ref().unwrap().address())
    }

    /// The page at `path` of the admin port: status and body.
    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        let mut admin = Peer::connect(self.proxy.as_ref().unwrap().admin_address());
        admin.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
        let answer = String::from_utf8(admin.rest()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// A key of each node, by its name, of nodes that answer with their names ([`crate::node::named`]) or otherwise
    /// tell their name in the first letter of a one-line reply.
    pub(crate) fn keys_of(&self, nodes: &str) -> Vec<String> {
        let mut client = self.client();
        let mut key_of = |node: char| {
            let keys = (0..).map(|number| format!("key{number}"));
            let mut of_node =
                keys.filter(|key| client.ask(&format!("TYPE {key}")).starts_with(&format!("+{node}")));
            of_node.next().unwrap()
        };
        nodes.chars().map(&mut key_of).collect()
    }

    /// Stops the proxy and waits for its end.
    pub(crate) fn stop(&mut self) {
        if let Some(proxy) = self.proxy.take() {
            proxy.stop();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop();
    }
}
