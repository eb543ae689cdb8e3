//! Transactions.

use crate::command::{
    key::range,
    policy::{Replay, Split},
    row::{Row, command},
};

pub(super) const ROWS: &[Row] = &[
    command("discard", 1)
        .flags("noscript loading stale fast allow_busy")
        .categories("transaction")
        .split(Split::Conversation)
        .about(
            "2.0.0",
            "O(N), when N is the number of queued commands",
            "Discard all commands issued after MULTI",
        ),
    command("exec", 1)
        .flags("noscript loading stale skip_slowlog")
        .categories("transaction")
        .split(Split::Conversation)
        .replay(Replay::Effect)
        .about("1.2.0", "Depends on commands in the transaction", "Execute all commands issued after MULTI"),
    command("multi", 1)
        .flags("noscript loading stale fast allow_busy")
        .categories("transaction")
        .split(Split::Conversation)
        .about("1.2.0", "O(1)", "Mark the start of a transaction block"),
    command("unwatch", 1)
        .flags("noscript loading stale fast allow_busy")
        .categories("transaction")
        .split(Split::Conversation)
        .about("2.2.0", "O(1)", "Forget about all watched keys"),
    command("watch", -2)
        .flags("noscript loading stale fast allow_busy")
        .categories("transaction")
        .keys(&[range(1, -1, 1, "RO")])
        .split(Split::Conversation)
        .about(
            "2.2.0",
            "O(1) for every key.",
            "Watch the given keys to determine execution of the MULTI/EXEC block",
        )
        .arguments("key:key@0*"),
];
