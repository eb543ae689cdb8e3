//! Async client library for Ringmaster, and for any server that speaks Redis's protocol.
//!
//! ```no_run
//! # async fn example() -> Result<(), ringmaster_client::Error> {
//! use ringmaster_client::{Client, SetOptions};
//! use std::time::Duration;
//!
//! let client = Client::connect("127.0.0.1:6379").await?;
//! client.set("greeting", "hello").await?;
//! client.set_with("session", "42", SetOptions::new().ex(Duration::from_secs(60))).await?;
//! let greeting = client.get("greeting").await?; // Some(b"hello")
//!
//! let replies = client.pipeline().command(&["INCR", "a"]).command(&["INCR", "b"]).execute().await;
//! # Ok(()) }
//! ```
//!
//! One [`Client`] is one connection to each of its servers. Any number of tasks share it by cloning the handle; their
//! commands are pipelined, without a lock and without waiting for one another.
//!
//! * **Commands**: typed methods of [`Client`], [`cmd`] with [`Client::query`] for all else, [`Pipeline`],
//!   [`Transaction`], [`Client::optimistic`], [`Script`].
//! * **What waits or listens** has connections of its own: [`Client::blpop`] and its kind, [`Client::subscribe`],
//!   [`Client::dedicated`].
//! * **Errors** say what the caller may do next: [`Error`]. What is safe to send again is sent again: [`Retry`].
//! * **Deadlines**: [`Options::request_timeout`], [`Client::within`], [`Client::until`].
//! * **Cancel safety** is written on each method; in short: a command that was not sent yet is never sent, one
//!   that was sent is applied, and the connection stays in order.
//! * **Limits**: queues, bytes in flight, connections, sizes of replies and timeouts are [`Options`]; nesting of
//!   replies is bounded by [`ringmaster_protocol::resp::scan::DEPTH_MAX`].
//! * **Not here**: `MONITOR`, and what a server pushes over a shared connection (it is dropped).

#![forbid(unsafe_code)]

mod address;
mod backoff;
mod client;
mod codec;
mod command;
mod commands;
mod connect;
mod connection;
mod dedicated;
mod driver;
mod effect;
mod endpoint;
mod error;
mod limit;
mod options;
mod pipeline;
mod pubsub;
mod request;
mod retry;
mod script;
mod target;
mod ticket;
mod tls;
mod transaction;
mod transport;
mod value;
mod watch;

pub use address::Address;
pub use client::Client;
pub use command::{ARGUMENTS_MAX, Command, cmd};
pub use commands::{Condition, Consumer, Entry, Expiry, Place, SetOptions, Side, Ttl};
pub use dedicated::Dedicated;
pub use error::{Error, ServerError};
pub use options::Options;
pub use pipeline::{PIPELINE_MAX, Pipeline};
pub use pubsub::{Event, Message, SUBSCRIBED_MAX, Subscription};
pub use request::Outcome;
pub use retry::Retry;
pub use ringmaster_protocol::resp::Protocol;
pub use rustls;
pub use script::Script;
pub use target::{ADDRESSES_MAX, Target};
pub use tls::{Tls, TlsFiles};
pub use transaction::Transaction;
pub use value::{FromValue, Value};
pub use watch::Watched;
