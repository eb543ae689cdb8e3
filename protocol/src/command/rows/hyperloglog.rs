//! HyperLogLogs.

use crate::command::{
    key::{at, range},
    policy::{Merge, Replay, Split},
    row::{Row, command},
};

pub(super) const ROWS: &[Row] = &[
    command("pfadd", -2)
        .flags("write denyoom fast")
        .categories("hyperloglog")
        .keys(&[at(1, "RW insert")])
        .replay(Replay::Exact)
        .about(
            "2.8.9",
            "O(1) to add every element.",
            "Adds the specified elements to the specified HyperLogLog.",
        )
        .arguments("key:key@0 element:string?*"),
    command("pfcount", -2)
        .flags("readonly")
        .categories("hyperloglog")
        .keys(&[range(1, -1, 1, "RW access").noted(
            "RW because it may change the internal representation of the key, and propagate to \
                replicas",
        )])
        .about(
            "2.8.9",
            "O(1) with a very small average constant time when called with a single key. O(N) with N \
            being the number of keys, and much bigger constant times, when called with multiple keys.",
            "Return the approximated cardinality of the set(s) observed by the HyperLogLog at key(s).",
        )
        .arguments("key:key@0*"),
    command("pfdebug", 3)
        .flags("write denyoom admin")
        .categories("hyperloglog")
        .keys(&[at(2, "RW access")])
        .split(Split::Refused)
        .replay(Replay::Effect)
        .about("2.8.9", "N/A", "Internal commands for debugging HyperLogLog values")
        .internal()
        .arguments("subcommand:string key:key@0"),
    command("pfmerge", -2)
        .flags("write denyoom")
        .categories("hyperloglog")
        .keys(&[at(1, "RW access insert"), range(2, -1, 1, "RO access")])
        .replay(Replay::Exact)
        .about(
            "2.8.9",
            "O(N) to merge N HyperLogLogs, but with high constant times.",
            "Merge N different HyperLogLogs into a single one.",
        )
        .arguments("destkey:key@0 sourcekey:key@1*"),
    command("pfselftest", 1)
        .flags("admin")
        .categories("hyperloglog")
        .split(Split::Nodes(Merge::AllOk))
        .about("2.8.9", "N/A", "An internal command for testing HyperLogLog values")
        .internal(),
];
