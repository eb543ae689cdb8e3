//! The smart tier: stateless proxies that own the ring, route, pipeline and merge.

#![forbid(unsafe_code)]

pub mod cluster;
pub mod config;
