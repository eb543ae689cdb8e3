//! Typed commands, one file a family. Each is [`Client::command`](crate::Client::command) with the reply
//! converted: its errors and its cancel safety are the same, and [`Error::Protocol`](crate::Error::Protocol)
//! means in addition that the reply was of another type.

mod bitmaps;
mod blocking;
mod channels;
mod geo;
mod hashes;
mod keys;
mod lists;
mod server;
mod sets;
mod sketches;
mod sorted_sets;
mod streams;
mod strings;

pub use geo::Place;
pub use keys::Ttl;
pub use lists::Side;
pub use streams::{Consumer, Entry};
pub use strings::{Condition, Expiry, SetOptions};
