//! A node that keeps its data: over a restart, over a kill, and with a log that cannot be used.

mod client;
mod full;
mod killed;
mod offline;
mod process;
mod restart;
mod snapshot;
