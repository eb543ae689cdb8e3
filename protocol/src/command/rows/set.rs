//! Sets.

use crate::command::{
    key::{at, counted, range},
    policy::Replay,
    row::{Row, command},
};

pub(super) const ROWS: &[Row] = &[
    command("sadd", -3)
        .flags("write denyoom fast")
        .categories("set")
        .keys(&[at(1, "RW insert")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(1) for each element added, so O(N) to add N elements when the command is called with \
            multiple arguments.",
            "Add one or more members to a set",
        )
        .history(&[("2.4.0", "Accepts multiple `member` arguments.")])
        .arguments("key:key@0 member:string*"),
    command("scard", 2)
        .flags("readonly fast")
        .categories("set")
        .keys(&[at(1, "RO")])
        .about("1.0.0", "O(1)", "Get the number of members in a set")
        .arguments("key:key@0"),
    command("sdiff", -2)
        .flags("readonly")
        .categories("set")
        .tips(&["nondeterministic_output_order"])
        .keys(&[range(1, -1, 1, "RO access")])
        .about(
            "1.0.0",
            "O(N) where N is the total number of elements in all given sets.",
            "Subtract multiple sets",
        )
        .arguments("key:key@0*"),
    command("sdiffstore", -3)
        .flags("write denyoom")
        .categories("set")
        .keys(&[at(1, "OW update"), range(2, -1, 1, "RO access")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N) where N is the total number of elements in all given sets.",
            "Subtract multiple sets and store the resulting set in a key",
        )
        .arguments("destination:key@0 key:key@1*"),
    command("sinter", -2)
        .flags("readonly")
        .categories("set")
        .tips(&["nondeterministic_output_order"])
        .keys(&[range(1, -1, 1, "RO access")])
        .about(
            "1.0.0",
            "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
            "Intersect multiple sets",
        )
        .arguments("key:key@0*"),
    command("sintercard", -3)
        .flags("readonly")
        .categories("set")
        .keys(&[counted(1, "RO access")])
        .about(
            "7.0.0",
            "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
            "Intersect multiple sets and return the cardinality of the result",
        )
        .arguments("numkeys:integer key:key@0* limit:integer=LIMIT?"),
    command("sinterstore", -3)
        .flags("write denyoom")
        .categories("set")
        .keys(&[at(1, "RW update"), range(2, -1, 1, "RO access")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
            "Intersect multiple sets and store the resulting set in a key",
        )
        .arguments("destination:key@0 key:key@1*"),
    command("sismember", 3)
        .flags("readonly fast")
        .categories("set")
        .keys(&[at(1, "RO")])
        .about("1.0.0", "O(1)", "Determine if a given value is a member of a set")
        .arguments("key:key@0 member:string"),
    command("smembers", 2)
        .flags("readonly")
        .categories("set")
        .tips(&["nondeterministic_output_order"])
        .keys(&[at(1, "RO access")])
        .about("1.0.0", "O(N) where N is the set cardinality.", "Get all the members in a set")
        .arguments("key:key@0"),
    command("smismember", -3)
        .flags("readonly fast")
        .categories("set")
        .keys(&[at(1, "RO access")])
        .about(
            "6.2.0",
            "O(N) where N is the number of elements being checked for membership",
            "Returns the membership associated with the given elements for a set",
        )
        .arguments("key:key@0 member:string*"),
    command("smove", 4)
        .flags("write fast")
        .categories("set")
        .keys(&[at(1, "RW access delete"), at(2, "RW insert")])
        .replay(Replay::Exact)
        .about("1.0.0", "O(1)", "Move a member from one set to another")
        .arguments("source:key@0 destination:key@1 member:string"),
    command("spop", -2)
        .flags("write fast")
        .categories("set")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RW access delete")])
        .replay(Replay::Effect)
        .about(
            "1.0.0",
            "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
            "Remove and return one or multiple random members from a set",
        )
        .history(&[("3.2.0", "Added the `count` argument.")])
        .arguments("key:key@0 count:integer^3.2.0?"),
    command("srandmember", -2)
        .flags("readonly")
        .categories("set")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .about(
            "1.0.0",
            "Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed \
            count.",
            "Get one or multiple random members from a set",
        )
        .history(&[("2.6.0", "Added the optional `count` argument.")])
        .arguments("key:key@0 count:integer^2.6.0?"),
    command("srem", -3)
        .flags("write fast")
        .categories("set")
        .keys(&[at(1, "RW delete")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N) where N is the number of members to be removed.",
            "Remove one or more members from a set",
        )
        .history(&[("2.4.0", "Accepts multiple `member` arguments.")])
        .arguments("key:key@0 member:string*"),
    command("sscan", -3)
        .flags("readonly")
        .categories("set")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .about(
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command calls for the \
            cursor to return back to 0. N is the number of elements inside the collection..",
            "Incrementally iterate Set elements",
        )
        .arguments("key:key@0 cursor:integer pattern:pattern=MATCH? count:integer=COUNT?"),
    command("sunion", -2)
        .flags("readonly")
        .categories("set")
        .tips(&["nondeterministic_output_order"])
        .keys(&[range(1, -1, 1, "RO access")])
        .about(
            "1.0.0",
            "O(N) where N is the total number of elements in all given sets.",
            "Add multiple sets",
        )
        .arguments("key:key@0*"),
    command("sunionstore", -3)
        .flags("write denyoom")
        .categories("set")
        .keys(&[at(1, "OW update"), range(2, -1, 1, "RO access")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N) where N is the total number of elements in all given sets.",
            "Add multiple sets and store the resulting set in a key",
        )
        .arguments("destination:key@0 key:key@1*"),
];
