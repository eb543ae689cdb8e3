//! The smart tier of Ringmaster: a stateless proxy that owns the ring, routes, pipelines and merges.
//!
//! ```text
//! client ─► downstream ─► route ─► upstream ─► node        commands: raw bytes, appended to the node's queue
//! client ◄─────────── output ◄──── upstream ◄─ node        replies: raw bytes, in the order of the commands
//! ```
//!
//! | room | what |
//! | --- | --- |
//! | [`cluster`], [`config`] | the ring, and cluster.yaml loaded, watched and swapped |
//! | `downstream` | one client: reading, limits, the commands of its session |
//! | `route` | from a command to nodes; split and merge |
//! | `upstream` | pipelined connections to nodes, failures |
//! | [`chain`], `replicated` | commands of replicated slots: their way down a chain, and the I/O around it |
//! | `control` | the thread that keeps the view and the lease, with the controller of [`cluster`] |
//! | `dial` | how a connection to a node begins: it is reached, and this proxy proves itself |
//! | `link` | connections for what proxies and nodes say to each other |
//! | `pubsub` | what clients are subscribed to, and how messages come to them |
//! | `output` | the replies of one client, put in order |
//! | `attention` | who monitors, and a pause: what concerns all clients of the proxy, and seldom |
//! | `hot_keys` | which keys come so often that it is felt |
//! | `quota` | how much of it a user may have |
//! | `turn` | one write for all that was made ready together |
//! | `thread` | one data thread; everything above lives on one, without locks |
//! | `traces` | what became of single commands, told to a collector |
//! | `telemetry`, `admin` | counters; health and metrics pages |

#![forbid(unsafe_code)]

mod admin;
mod attention;
pub mod chain;
mod clock;
pub mod cluster;
pub mod config;
mod control;
mod dial;
mod downstream;
mod hot_keys;
mod link;
mod output;
mod proxy;
mod pubsub;
mod quota;
mod replicated;
mod route;
mod settings;
mod shared;
mod telemetry;
mod thread;
mod traces;
mod turn;
mod upstream;

pub use admin::metric_families;
pub use proxy::Proxy;
pub use settings::Config;
