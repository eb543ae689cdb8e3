//! The rows, one file a group.

use super::{policy::Group, row::Row};

mod bitmap;
mod cluster;
mod connection;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod pubsub;
mod scripting;
mod server;
mod server_acl;
mod server_containers;
mod server_latency;
mod set;
mod sorted_set;
mod stream;
mod string;
mod transactions;

/// All rows with their groups. A group may have several files.
pub(super) const GROUPS: &[(Group, &[Row])] = &[
    (Group::Bitmap, bitmap::ROWS),
    (Group::Cluster, cluster::ROWS),
    (Group::Connection, connection::ROWS),
    (Group::Generic, generic::ROWS),
    (Group::Geo, geo::ROWS),
    (Group::Hash, hash::ROWS),
    (Group::Hyperloglog, hyperloglog::ROWS),
    (Group::List, list::ROWS),
    (Group::Pubsub, pubsub::ROWS),
    (Group::Scripting, scripting::ROWS),
    (Group::Server, server::ROWS),
    (Group::Server, server_acl::ROWS),
    (Group::Server, server_containers::ROWS),
    (Group::Server, server_latency::ROWS),
    (Group::Set, set::ROWS),
    (Group::SortedSet, sorted_set::ROWS),
    (Group::Stream, stream::ROWS),
    (Group::String, string::ROWS),
    (Group::Transactions, transactions::ROWS),
];
