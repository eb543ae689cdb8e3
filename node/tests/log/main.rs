//! A node that keeps its data: over a restart, over a kill, and with a log that cannot be used.

mod client;
mod killed;
mod offline;
mod restart;
mod snapshot;
