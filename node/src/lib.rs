//! A node: the dumb tier. It stores keys, expires and evicts them, and knows no other node.

pub mod cluster;
pub mod command;
pub mod config;
pub mod dump_file;
pub mod engine;
pub mod log;
pub mod machine;
pub mod mail;
pub mod offline;
pub mod pubsub;
mod script;
mod server;
pub mod store;
pub mod tracking;
pub mod waiting;

pub use config::Config;
pub use server::{Node, metric_families};
