//! What both tiers run on: one data thread a core, one acceptor that deals connections evenly, a control thread
//! with the admin port, logging, metrics, stop signals, and the files of secrets.
//!
//! It lives beside `protocol` because that crate stays pure; nodes and proxies never import each other, and
//! neither writes this twice.

#![forbid(unsafe_code)]

mod acceptor;
pub mod admin;
pub mod admission;
pub mod audit;
mod data_thread;
pub mod door;
pub mod exposure;
pub mod logging;
pub mod lookout;
pub mod metrics;
pub mod profile;
pub mod secret;
pub mod seldom;
pub mod service;
pub mod signal;
pub mod stream;
pub mod tls;
pub mod traces;

pub use acceptor::BACKLOG;
