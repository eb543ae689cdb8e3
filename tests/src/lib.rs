//! What the tests of the whole share: a cluster in this process, a raw connection, a real redis-server.

#![forbid(unsafe_code)]

pub mod browser;
pub mod chaos;
pub mod cluster;
pub mod collector;
pub mod compare;
pub mod grammar;
pub mod hit_ratio;
pub mod pages;
pub mod peer;
pub mod process;
pub mod sequences;
pub mod simulation;
pub mod tls;
pub mod wait;
pub mod wire;
