//! What becomes of a command that a client sends to a proxy: derived from its row, printed in docs/COMMANDS.md, and held
//! against running proxies by a test.

use std::fmt;

use super::Spec;
use super::policy::Split;

/// What a proxy does with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// Sent on to the slot of its keys.
    OneSlot,
    /// Sent on to the slot of its channel.
    Channel,
    /// Split by its keys.
    ByKey,
    /// Asked of all nodes, and one reply made.
    AllNodes,
    /// Answered by the proxy.
    Proxy,
    /// Carried out by the proxy and nodes together, over several commands or some time.
    Conversation,
    /// Refused, and why.
    Refused(&'static str),
}

const FILE: &str = "slots and nodes are what cluster.yaml says";
const COPIES: &str = "copies are what cluster.yaml says, and made by the proxies";
const USERS: &str = "the users of a cluster stand in cluster.yaml: edit that file, it takes effect at once";
const ONE_PROCESS: &str = "it looks into one process: connect to a node";

/// Why commands are refused, by name or by the name of their container.
const WHY: [(&str, &str); 19] = [
    ("acl|deluser", USERS),
    ("acl|load", USERS),
    ("acl|save", USERS),
    ("acl|setuser", USERS),
    ("cluster", FILE),
    ("config|rewrite", "settings stand in cluster.yaml and in the nodes' own files"),
    ("debug", ONE_PROCESS),
    ("failover", COPIES),
    ("migrate", "keys move with their slots, by themselves"),
    ("pfdebug", ONE_PROCESS),
    ("psync", COPIES),
    ("replconf", COPIES),
    ("replicaof", COPIES),
    ("restore-asking", "keys move with their slots, by themselves"),
    ("script|debug", "there is no debugger"),
    ("shutdown", "who started the proxy and the nodes stops them"),
    ("slaveof", COPIES),
    ("sync", COPIES),
    ("waitaof", "what is durable when a command is answered is what `fsync` in node.yaml says"),
];

impl Spec {
    /// What a proxy does with it.
    #[must_use]
    pub fn through_a_proxy(&self) -> Behaviour {
        match self.split {
            Split::Slot => Behaviour::OneSlot,
            Split::Channel => Behaviour::Channel,
            Split::PerKey(_) => Behaviour::ByKey,
            Split::Nodes(_) => Behaviour::AllNodes,
            Split::Local => Behaviour::Proxy,
            Split::Conversation => Behaviour::Conversation,
            Split::Refused => Behaviour::Refused(why(self.name)),
        }
    }
}

fn why(name: &str) -> &'static str {
    let container = name.split('|').next().unwrap_or(name);
    let of = |name: &str| WHY.iter().find(|(of, _)| *of == name).map(|(_, why)| *why);
    of(name).or_else(|| of(container)).unwrap_or_default()
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneSlot => f.write_str("one slot"),
            Self::Channel => f.write_str("one slot, the channel's"),
            Self::ByKey => f.write_str("by key"),
            Self::AllNodes => f.write_str("all nodes"),
            Self::Proxy => f.write_str("the proxy"),
            Self::Conversation => f.write_str("conversation"),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}
