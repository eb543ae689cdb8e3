//! A proxy between scripted nodes and scripted clients, byte by byte.
//!
//! The nodes are played by the test ([`node`]): what a real node would never do can be done here. Nothing sleeps to
//! wait; every read has a deadline after which the test fails.

mod client;
mod node;
mod place;

mod broken_clients;
mod broken_nodes;
mod large;
mod listening;
mod order;
mod reload;
mod sessions;
mod slow;
mod split;
