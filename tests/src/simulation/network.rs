//! Ordered connections between proxies and nodes, that are late, lost and cut.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::message::{ConnectionId, Down, NodeId, ProxyId, Up};
use super::proxy::{Class, Port};

/// A message on its way.
#[derive(Clone, Debug)]
pub enum Message {
    /// To the node.
    Up(Up),
    /// To the proxy.
    Down(Down),
}

/// Whether a message goes to the node.
#[must_use]
pub fn is_up(message: &Message) -> bool {
    matches!(message, Message::Up(_))
}

/// A connection, also one that is gone: packets of it may still be on their way.
#[derive(Debug)]
pub struct Connection {
    /// Whose.
    pub proxy: ProxyId,
    /// To whom, and what for.
    pub port: Port,
    /// Which of the proxy's processes it belongs to, and which of the node's.
    pub runs: (u64, u64),
    /// Whether packets arrive.
    pub is_open: bool,
    /// What is on its way when it is lost arrives so much later, or never.
    pub late: Option<Duration>,
    /// When the last packet of each direction arrives.
    pub last: [Duration; 2],
    /// What a cut keeps back, by direction.
    pub kept_back: [VecDeque<Message>; 2],
}

/// All connections.
#[derive(Debug, Default)]
pub struct Network {
    /// By number.
    pub connections: Vec<Connection>,
    open: BTreeMap<(ProxyId, NodeId, Class), ConnectionId>,
    /// Directions that are cut: of a proxy and a node, and whether it is the way to the node.
    pub cuts: BTreeSet<(ProxyId, NodeId, bool)>,
}

impl Network {
    /// The open connection of a proxy's port; where there is none, a new one.
    pub fn connect(&mut self, proxy: ProxyId, port: Port, runs: (u64, u64)) -> ConnectionId {
        let key = (proxy, port.0, port.1);
        if let Some(known) = self.open.get(&key) {
            return *known;
        }
        self.connections.push(Connection {
            proxy,
            port,
            runs,
            is_open: true,
            late: None,
            last: [Duration::ZERO; 2],
            kept_back: [VecDeque::new(), VecDeque::new()],
        });
        self.open.insert(key, self.connections.len() - 1);
        self.connections.len() - 1
    }

    /// The open connection of a proxy's port.
    #[must_use]
    pub fn open(&self, proxy: ProxyId, port: Port) -> Option<ConnectionId> {
        self.open.get(&(proxy, port.0, port.1)).copied()
    }

    /// All open connections.
    #[must_use]
    pub fn all_open(&self) -> Vec<ConnectionId> {
        self.open.values().copied().collect()
    }

    /// The connection is gone; what is on its way to the node arrives `late`, or never. Its proxy does not know yet.
    pub fn close(&mut self, id: ConnectionId, late: Option<Duration>) {
        let connection = &mut self.connections[id];
        connection.is_open = false;
        connection.late = late;
        connection.kept_back = [VecDeque::new(), VecDeque::new()];
    }

    /// Its proxy knows that the connection is gone.
    pub fn forget(&mut self, id: ConnectionId) {
        let Connection { proxy, port, .. } = self.connections[id];
        if self.open(proxy, port) == Some(id) {
            self.open.remove(&(proxy, port.0, port.1));
        }
    }

    /// Whether packets of this direction of a connection arrive.
    #[must_use]
    pub fn is_cut(&self, id: ConnectionId, to_node: bool) -> bool {
        let connection = &self.connections[id];
        self.cuts.contains(&(connection.proxy, connection.port.0, to_node))
    }
}
