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
//! One [`Client`] is one connection. Any number of tasks share it by cloning the handle; their commands are
//! pipelined, without a lock and without waiting for one another.
//!
//! * **Errors** say what the caller may do next: [`Error`].
//! * **Cancel safety** is written on each method; in short: a command that was not sent yet is never sent, one
//!   that was sent is applied, and the connection stays in order.
//! * **Limits**: queue, bytes in flight, sizes of replies and timeouts are [`Options`]; nesting of replies is
//!   bounded by [`ringmaster_protocol::resp::scan::DEPTH_MAX`].
//! * **Not here**: pub/sub, and messages that a server pushes (they are dropped).

#![forbid(unsafe_code)]

mod client;
mod codec;
mod command;
mod commands;
mod connect;
mod driver;
mod error;
mod options;
mod pipeline;
mod request;
mod ticket;
mod value;

pub use client::Client;
pub use command::{ARGUMENTS_MAX, Command};
pub use commands::{Condition, Expiry, SetOptions, Ttl};
pub use error::{Error, ServerError};
pub use options::Options;
pub use pipeline::{PIPELINE_MAX, Pipeline};
pub use ringmaster_protocol::resp::Protocol;
pub use value::{FromValue, Value};
