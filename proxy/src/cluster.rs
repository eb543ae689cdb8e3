//! The cluster as this proxy sees it: the ring that places slots, and the topology made from a cluster.yaml.
//!
//! This room is the only writer of the view; all others read it.

pub mod controller;
pub mod detector;
pub mod lease;
pub mod membership;
pub mod moves;
pub mod nodes;
pub mod post;
pub mod proposer;
pub mod rebalancer;
pub mod recovery;
pub mod ring;
pub mod standing;
pub mod successor;
pub mod target;
#[cfg(test)]
pub(crate) mod testing;
mod topology;
pub mod world;

pub use topology::{NodeId, NodeIndex, NodeInfo, Topology, TopologyError};
