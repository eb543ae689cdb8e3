//! The cluster.yaml of a running proxy: load → check → watch → swap.
//!
//! ```text
//! cluster.yaml ──► text ──► ClusterFile ──► Topology ──► ArcSwap, read by all
//!      │ change       │ fault: nothing changes, it is counted, told once, and kept for INFO and metrics
//!      └── notify on its directory, and a look every five seconds
//! SRV records ──► nodes, where the file has `discovery` ──┘ (into the file, before the check)
//! ```

mod cluster_config;
mod discovery;
mod edited;
mod read;
mod status;
mod watch;

pub use cluster_config::ClusterConfig;
pub use discovery::with_found_nodes;
pub use status::ReloadStatus;
pub use watch::Watcher;
