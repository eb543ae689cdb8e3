//! A node: the dumb tier. It stores keys, expires and evicts them, and knows no other node.

pub mod command;
pub mod engine;
pub mod store;
