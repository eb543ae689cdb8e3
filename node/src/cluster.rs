//! What a node is to its cluster: an acceptor of views, and an entry of the chains of slots.
//!
//! Everything here is without I/O and without a clock. [`replica`] is one slot's place in its chain; [`acceptor`] what
//! the node has promised and accepted; [`row`] what a committed view says of this node.

pub mod acceptor;
pub mod askers;
mod backlog;
mod budget;
pub mod claims;
mod full;
mod held;
pub(crate) mod member;
pub mod posts;
mod recent;
pub mod replica;
pub mod row;

pub use backlog::Backlog;
pub use budget::Budget;
pub use held::Ticket;
