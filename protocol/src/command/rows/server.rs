//! The server.

use crate::command::{
    key::at,
    policy::{Merge, Replay, Split},
    row::{Row, command},
};

pub(super) const ROWS: &[Row] = &[
    command("bgrewriteaof", 1)
        .flags("admin noscript no_async_loading")
        .split(Split::Nodes(Merge::Same))
        .about("1.0.0", "O(1)", "Asynchronously rewrite the append-only file"),
    command("bgsave", -1)
        .flags("admin noscript no_async_loading")
        .split(Split::Nodes(Merge::Same))
        .about("1.0.0", "O(1)", "Asynchronously save the dataset to disk")
        .history(&[("3.2.2", "Added the `SCHEDULE` option.")])
        .arguments("schedule:pure-token=SCHEDULE^3.2.2?"),
    command("dbsize", 1)
        .flags("readonly fast")
        .categories("keyspace")
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
        .split(Split::Nodes(Merge::Sum))
        .about("1.0.0", "O(1)", "Return the number of keys in the selected database"),
    command("debug", -2)
        .flags("admin noscript loading stale")
        .split(Split::Refused)
        .replay(Replay::Effect)
        .about("1.0.0", "Depends on subcommand.", "A container for debugging commands")
        .internal(),
    command("failover", -1)
        .flags("admin noscript stale")
        .split(Split::Refused)
        .about("6.2.0", "O(1)", "Start a coordinated failover between this server and one of its replicas.")
        .arguments(
            "target:block=TO?(host:string port:integer force:pure-token=FORCE?) abort:pure-token=ABORT? \
            milliseconds:integer=TIMEOUT?",
        ),
    command("flushall", -1)
        .flags("write")
        .categories("keyspace dangerous")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .split(Split::Nodes(Merge::AllOk))
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N) where N is the total number of keys in all databases",
            "Remove all keys from all databases",
        )
        .history(&[
            ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
            ("6.2.0", "Added the `SYNC` flushing mode modifier."),
        ])
        .arguments("async:oneof?(async:pure-token=ASYNC^4.0.0 sync:pure-token=SYNC^6.2.0)"),
    command("flushdb", -1)
        .flags("write")
        .categories("keyspace dangerous")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .split(Split::Nodes(Merge::AllOk))
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N) where N is the number of keys in the selected database",
            "Remove all keys from the current database",
        )
        .history(&[
            ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
            ("6.2.0", "Added the `SYNC` flushing mode modifier."),
        ])
        .arguments("async:oneof?(async:pure-token=ASYNC^4.0.0 sync:pure-token=SYNC^6.2.0)"),
    command("info", -1)
        .flags("loading stale")
        .categories("dangerous")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .split(Split::Conversation)
        .about("1.0.0", "O(1)", "Get information and statistics about the server")
        .history(&[("7.0.0", "Added support for taking multiple section arguments.")])
        .arguments("section:string?*"),
    command("lastsave", 1)
        .flags("loading stale fast")
        .categories("admin dangerous")
        .tips(&["nondeterministic_output"])
        .split(Split::Nodes(Merge::Most))
        .about("1.0.0", "O(1)", "Get the UNIX time stamp of the last successful save to disk"),
    command("lolwut", -1)
        .flags("readonly fast")
        .split(Split::Local)
        .about("5.0.0", "", "Display some computer art and the Redis version")
        .arguments("version:integer=VERSION?"),
    command("monitor", 1).flags("admin noscript loading stale").split(Split::Conversation).about(
        "1.0.0",
        "",
        "Listen for all requests received by the server in real time",
    ),
    command("psync", -3)
        .flags("admin noscript no_async_loading no_multi")
        .split(Split::Refused)
        .about("2.8.0", "", "Internal command used for replication")
        .arguments("replicationid:string offset:integer"),
    command("replconf", -1)
        .flags("admin noscript loading stale allow_busy")
        .split(Split::Refused)
        .about("3.0.0", "O(1)", "An internal command for configuring the replication stream")
        .internal(),
    command("replicaof", 3)
        .flags("admin noscript stale no_async_loading")
        .split(Split::Refused)
        .about("5.0.0", "O(1)", "Make the server a replica of another instance, or promote it as master.")
        .arguments(
            "args:oneof(host-port:block(host:string port:integer) no-one:block(no:pure-token=NO \
            one:pure-token=ONE))",
        ),
    command("restore-asking", -4)
        .flags("write denyoom asking")
        .categories("keyspace dangerous")
        .keys(&[at(1, "OW update")])
        .split(Split::Refused)
        .replay(Replay::Effect)
        .about(
            "3.0.0",
            "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where \
            N is the number of Redis objects composing the value and M their average size. For small \
            string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). \
            However for sorted set values the complexity is O(N*M*log(N)) because inserting values into \
            sorted sets is O(log(N)).",
            "An internal command for migrating keys in a cluster",
        )
        .internal()
        .history(&[
            ("3.0.0", "Added the `REPLACE` modifier."),
            ("5.0.0", "Added the `ABSTTL` modifier."),
            ("5.0.0", "Added the `IDLETIME` and `FREQ` options."),
        ])
        .arguments(
            "key:key@0 ttl:integer serialized-value:string replace:pure-token=REPLACE^3.0.0? \
            absttl:pure-token=ABSTTL^5.0.0? seconds:integer=IDLETIME^5.0.0? \
            frequency:integer=FREQ^5.0.0?",
        ),
    command("role", 1)
        .flags("noscript loading stale fast")
        .categories("admin dangerous")
        .split(Split::Local)
        .about("2.8.12", "O(1)", "Return the role of the instance in the context of replication"),
    command("save", 1)
        .flags("admin noscript no_async_loading no_multi")
        .split(Split::Nodes(Merge::AllOk))
        .about(
            "1.0.0",
            "O(N) where N is the total number of keys in all databases",
            "Synchronously save the dataset to disk",
        ),
    command("shutdown", -1)
        .flags("admin noscript loading stale no_multi allow_busy")
        .split(Split::Refused)
        .about(
            "1.0.0",
            "O(N) when saving, where N is the total number of keys in all databases when saving data, \
            otherwise O(1)",
            "Synchronously save the dataset to disk and then shut down the server",
        )
        .history(&[("7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers.")])
        .arguments(
            "nosave_save:oneof?(nosave:pure-token=NOSAVE save:pure-token=SAVE) now:pure-token=NOW^7.0.0? \
            force:pure-token=FORCE^7.0.0? abort:pure-token=ABORT^7.0.0?",
        ),
    command("slaveof", 3)
        .flags("admin noscript stale no_async_loading")
        .split(Split::Refused)
        .about("1.0.0", "O(1)", "Make the server a replica of another instance, or promote it as master.")
        .deprecated("5.0.0", "`REPLICAOF`")
        .arguments(
            "args:oneof(host-port:block(host:string port:integer) no-one:block(no:pure-token=NO \
            one:pure-token=ONE))",
        ),
    command("swapdb", 3)
        .flags("write fast")
        .categories("keyspace dangerous")
        .split(Split::Nodes(Merge::AllOk))
        .replay(Replay::Exact)
        .about(
            "4.0.0",
            "O(N) where N is the count of clients watching or blocking on keys from both databases.",
            "Swaps two Redis databases",
        )
        .arguments("index1:integer index2:integer"),
    command("sync", 1).flags("admin noscript no_async_loading no_multi").split(Split::Refused).about(
        "1.0.0",
        "",
        "Internal command used for replication",
    ),
    command("time", 1)
        .flags("loading stale fast")
        .tips(&["nondeterministic_output"])
        .split(Split::Local)
        .about("2.6.0", "O(1)", "Return the current server time"),
];
