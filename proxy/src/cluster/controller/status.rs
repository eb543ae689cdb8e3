//! How things stand, for people: `ringmaster cluster status`.

use std::time::Duration;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::view::Epoch;

/// What is wrong with a node, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The node; none where it concerns the cluster.
    pub node: Option<NodeName>,
    /// In a sentence.
    pub text: String,
}

/// How things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Epoch of the view that is held, 0 before there is one.
    pub epoch: Epoch,
    /// Slots that are looked after.
    pub slots: usize,
    /// Of these, those that have not all the copies that the cluster.yaml wants where it wants them.
    pub slots_to_do: usize,
    /// Of these, those that no node serves.
    pub slots_lost: usize,
    /// Slots that are being copied.
    pub copies: usize,
    /// Bytes that were copied since the process started.
    pub copied_bytes: u64,
    /// Bytes a second that were copied lately.
    pub bytes_per_second: u64,
    /// How long the rest will take at the rate so far; none where that is not known.
    pub estimate: Option<Duration>,
    /// Whether this proxy is the one that moves slots.
    pub moves_slots: bool,
    /// What hinders.
    pub problems: Vec<Problem>,
}
