//! The node as a member of a cluster: what it has promised about views.

pub mod acceptor;
