//! Typed commands, one file a family. Each is [`Client::command`](crate::Client::command) with the reply
//! converted: its errors and its cancel safety are the same, and [`Error::Protocol`](crate::Error::Protocol)
//! means in addition that the reply was of another type.

mod hashes;
mod keys;
mod lists;
mod server;
mod sets;
mod sorted_sets;
mod strings;

pub use keys::Ttl;
pub use strings::{Condition, Expiry, SetOptions};
