//! Keys of any type.

use crate::command::{
    key::{REST, after, at, range, unknown},
    policy::{Merge, Replay, Source, Split},
    row::{Row, command, subcommand},
};

pub(super) const ROWS: &[Row] = &[
    command("copy", -3)
        .flags("write denyoom")
        .categories("keyspace")
        .keys(&[at(1, "RO access"), at(2, "OW update")])
        .replay(Replay::Exact)
        .about(
            "6.2.0",
            "O(N) worst case for collections, where N is the number of nested items. O(1) for string \
            values.",
            "Copy a key",
        )
        .arguments("source:key@0 destination:key@1 destination-db:integer=DB? replace:pure-token=REPLACE?"),
    command("del", -2)
        .flags("write")
        .categories("keyspace")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[range(1, -1, 1, "RM delete")])
        .split(Split::PerKey(Merge::Sum))
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N) where N is the number of keys that will be removed. When a key to remove holds a value \
            other than a string, the individual complexity for this key is O(M) where M is the number \
            of elements in the list, set, sorted set or hash. Removing a single key that holds a string \
            value is O(1).",
            "Delete a key",
        )
        .arguments("key:key@0*"),
    command("dump", 2)
        .flags("readonly")
        .categories("keyspace")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .about(
            "2.6.0",
            "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of \
            Redis objects composing the value and M their average size. For small string values the \
            time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
            "Return a serialized version of the value stored at the specified key.",
        )
        .arguments("key:key@0"),
    command("exists", -2)
        .flags("readonly fast")
        .categories("keyspace")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[range(1, -1, 1, "RO")])
        .split(Split::PerKey(Merge::Sum))
        .about("1.0.0", "O(N) where N is the number of keys to check.", "Determine if a key exists")
        .history(&[("3.0.3", "Accepts multiple `key` arguments.")])
        .arguments("key:key@0*"),
    command("expire", -3)
        .flags("write fast")
        .categories("keyspace")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Timed)
        .about("1.0.0", "O(1)", "Set a key's time to live in seconds")
        .history(&[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")])
        .arguments(
            "key:key@0 seconds:integer condition:oneof^7.0.0?(nx:pure-token=NX xx:pure-token=XX \
            gt:pure-token=GT lt:pure-token=LT)",
        ),
    command("expireat", -3)
        .flags("write fast")
        .categories("keyspace")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .about("1.2.0", "O(1)", "Set the expiration for a key as a UNIX timestamp")
        .history(&[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")])
        .arguments(
            "key:key@0 unix-time-seconds:unix-time condition:oneof^7.0.0?(nx:pure-token=NX \
            xx:pure-token=XX gt:pure-token=GT lt:pure-token=LT)",
        ),
    command("expiretime", 2)
        .flags("readonly fast")
        .categories("keyspace")
        .keys(&[at(1, "RO access")])
        .about("7.0.0", "O(1)", "Get the expiration Unix timestamp for a key")
        .arguments("key:key@0"),
    command("keys", 2)
        .flags("readonly")
        .categories("keyspace dangerous")
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .split(Split::Nodes(Merge::Concat))
        .about(
            "1.0.0",
            "O(N) with N being the number of keys in the database, under the assumption that the key \
            names in the database and the given pattern have limited length.",
            "Find all keys matching the given pattern",
        )
        .arguments("pattern:pattern"),
    command("migrate", -6)
        .flags("write")
        .categories("keyspace dangerous")
        .tips(&["nondeterministic_output"])
        .keys(&[at(3, "RW access delete"), after("KEYS", -2, REST, "RW access delete incomplete")])
        .split(Split::Refused)
        .replay(Replay::Effect)
        .about(
            "2.6.0",
            "This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the \
            target instance. See the pages of these commands for time complexity. Also an O(N) data \
            transfer between the two instances is performed.",
            "Atomically transfer a key from a Redis instance to another one.",
        )
        .history(&[
            ("3.0.0", "Added the `COPY` and `REPLACE` options."),
            ("3.0.6", "Added the `KEYS` option."),
            ("4.0.7", "Added the `AUTH` option."),
            ("6.0.0", "Added the `AUTH2` option."),
        ])
        .arguments(
            "host:string port:integer key_or_empty_string:oneof(key:key@0 empty_string:pure-token='') \
            destination-db:integer timeout:integer copy:pure-token=COPY^3.0.0? \
            replace:pure-token=REPLACE^3.0.0? authentication:oneof?(password:string=AUTH^4.0.7? \
            username_password:block=AUTH2^6.0.0?(username:string password:string)) \
            key:key@1=KEYS^3.0.6?*",
        ),
    command("move", 3)
        .flags("write fast")
        .categories("keyspace")
        .keys(&[at(1, "RW access update")])
        .replay(Replay::Exact)
        .about("1.0.0", "O(1)", "Move a key to another database")
        .arguments("key:key@0 db:integer"),
    command("object", -2)
        .split(Split::Local)
        .about("2.2.3", "Depends on subcommand.", "A container for object introspection commands")
        .subcommands(&[
            subcommand("object|encoding", 3)
                .flags("readonly")
                .categories("keyspace")
                .tips(&["nondeterministic_output"])
                .keys(&[at(2, "RO")])
                .about("2.2.3", "O(1)", "Inspect the internal encoding of a Redis object")
                .arguments("key:key@0"),
            subcommand("object|freq", 3)
                .flags("readonly")
                .categories("keyspace")
                .tips(&["nondeterministic_output"])
                .keys(&[at(2, "RO")])
                .about("4.0.0", "O(1)", "Get the logarithmic access frequency counter of a Redis object")
                .arguments("key:key@0"),
            subcommand("object|help", 2)
                .flags("loading stale")
                .categories("keyspace")
                .split(Split::Local)
                .about("6.2.0", "O(1)", "Show helpful text about the different subcommands"),
            subcommand("object|idletime", 3)
                .flags("readonly")
                .categories("keyspace")
                .tips(&["nondeterministic_output"])
                .keys(&[at(2, "RO")])
                .about("2.2.3", "O(1)", "Get the time since a Redis object was last accessed")
                .arguments("key:key@0"),
            subcommand("object|refcount", 3)
                .flags("readonly")
                .categories("keyspace")
                .tips(&["nondeterministic_output"])
                .keys(&[at(2, "RO")])
                .about("2.2.3", "O(1)", "Get the number of references to the value of the key")
                .arguments("key:key@0"),
        ]),
    command("persist", 2)
        .flags("write fast")
        .categories("keyspace")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .about("2.2.0", "O(1)", "Remove the expiration from a key")
        .arguments("key:key@0"),
    command("pexpire", -3)
        .flags("write fast")
        .categories("keyspace")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Timed)
        .about("2.6.0", "O(1)", "Set a key's time to live in milliseconds")
        .history(&[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")])
        .arguments(
            "key:key@0 milliseconds:integer condition:oneof^7.0.0?(nx:pure-token=NX xx:pure-token=XX \
            gt:pure-token=GT lt:pure-token=LT)",
        ),
    command("pexpireat", -3)
        .flags("write fast")
        .categories("keyspace")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .about("2.6.0", "O(1)", "Set the expiration for a key as a UNIX timestamp specified in milliseconds")
        .history(&[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")])
        .arguments(
            "key:key@0 unix-time-milliseconds:unix-time condition:oneof^7.0.0?(nx:pure-token=NX \
            xx:pure-token=XX gt:pure-token=GT lt:pure-token=LT)",
        ),
    command("pexpiretime", 2)
        .flags("readonly fast")
        .categories("keyspace")
        .keys(&[at(1, "RO access")])
        .about("7.0.0", "O(1)", "Get the expiration Unix timestamp for a key in milliseconds")
        .arguments("key:key@0"),
    command("pttl", 2)
        .flags("readonly fast")
        .categories("keyspace")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .about("2.6.0", "O(1)", "Get the time to live for a key in milliseconds")
        .history(&[("2.8.0", "Added the -2 reply.")])
        .arguments("key:key@0"),
    command("randomkey", 1)
        .flags("readonly")
        .categories("keyspace")
        .tips(&["request_policy:all_shards", "nondeterministic_output"])
        .split(Split::Nodes(Merge::AnyOne))
        .about("1.0.0", "O(1)", "Return a random key from the keyspace"),
    command("rename", 3)
        .flags("write")
        .categories("keyspace")
        .keys(&[at(1, "RW access delete"), at(2, "OW update")])
        .replay(Replay::Exact)
        .about("1.0.0", "O(1)", "Rename a key")
        .arguments("key:key@0 newkey:key@1"),
    command("renamenx", 3)
        .flags("write fast")
        .categories("keyspace")
        .keys(&[at(1, "RW access delete"), at(2, "OW insert")])
        .replay(Replay::Exact)
        .about("1.0.0", "O(1)", "Rename a key, only if the new key does not exist")
        .history(&[(
            "3.2.0",
            "The command no longer returns an error when source and destination names are the same.",
        )])
        .arguments("key:key@0 newkey:key@1"),
    command("restore", -4)
        .flags("write denyoom")
        .categories("keyspace dangerous")
        .keys(&[at(1, "OW update")])
        .replay(Replay::Timed)
        .about(
            "2.6.0",
            "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where \
            N is the number of Redis objects composing the value and M their average size. For small \
            string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). \
            However for sorted set values the complexity is O(N*M*log(N)) because inserting values into \
            sorted sets is O(log(N)).",
            "Create a key using the provided serialized value, previously obtained using DUMP.",
        )
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
    command("rm.explain", -2)
        .flags("readonly noscript no_multi")
        .categories("keyspace")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO")])
        .split(Split::Conversation)
        .source(Source::Ringmaster)
        .about("0.1.0", "O(1)", "Tell where a key is, who serves it and what bounds its commands")
        .arguments("key:key@0 json:pure-token=JSON?"),
    command("scan", -2)
        .flags("readonly")
        .categories("keyspace")
        .tips(&["nondeterministic_output", "request_policy:special"])
        .split(Split::Nodes(Merge::Cursor))
        .about(
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command calls for the \
            cursor to return back to 0. N is the number of elements inside the collection.",
            "Incrementally iterate the keys space",
        )
        .history(&[("6.0.0", "Added the `TYPE` subcommand.")])
        .arguments("cursor:integer pattern:pattern=MATCH? count:integer=COUNT? type:string=TYPE^6.0.0?"),
    command("sort", -2)
        .flags("write denyoom")
        .categories("set sortedset list dangerous")
        .keys(&[
            at(1, "RO access"),
            unknown("RO access").noted(
                "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive \
                from the content of the key we sort",
            ),
            unknown("OW update").noted(
                "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear \
                anywhere in the argument array",
            ),
        ])
        .replay(Replay::Effect)
        .about(
            "1.0.0",
            "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the \
            number of returned elements. When the elements are not sorted, complexity is O(N).",
            "Sort the elements in a list, set or sorted set",
        )
        .arguments(
            "key:key@0 pattern:pattern@1=BY? offset_count:block=LIMIT?(offset:integer count:integer) \
            pattern:pattern@1=GET?*+ order:oneof?(asc:pure-token=ASC desc:pure-token=DESC) \
            sorting:pure-token=ALPHA? destination:key@2=STORE?",
        ),
    command("sort_ro", -2)
        .flags("readonly")
        .categories("set sortedset list dangerous")
        .keys(&[
            at(1, "RO access"),
            unknown("RO access").noted(
                "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive \
                from the content of the key we sort",
            ),
        ])
        .about(
            "7.0.0",
            "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the \
            number of returned elements. When the elements are not sorted, complexity is O(N).",
            "Sort the elements in a list, set or sorted set. Read-only variant of SORT.",
        )
        .arguments(
            "key:key@0 pattern:pattern@1=BY? offset_count:block=LIMIT?(offset:integer count:integer) \
            pattern:pattern@1=GET?*+ order:oneof?(asc:pure-token=ASC desc:pure-token=DESC) \
            sorting:pure-token=ALPHA?",
        ),
    command("touch", -2)
        .flags("readonly fast")
        .categories("keyspace")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[range(1, -1, 1, "RO")])
        .split(Split::PerKey(Merge::Sum))
        .about(
            "3.2.1",
            "O(N) where N is the number of keys that will be touched.",
            "Alters the last access time of a key(s). Returns the number of existing keys specified.",
        )
        .arguments("key:key@0*"),
    command("ttl", 2)
        .flags("readonly fast")
        .categories("keyspace")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .about("1.0.0", "O(1)", "Get the time to live for a key in seconds")
        .history(&[("2.8.0", "Added the -2 reply.")])
        .arguments("key:key@0"),
    command("type", 2)
        .flags("readonly fast")
        .categories("keyspace")
        .keys(&[at(1, "RO")])
        .about("1.0.0", "O(1)", "Determine the type stored at key")
        .arguments("key:key@0"),
    command("unlink", -2)
        .flags("write fast")
        .categories("keyspace")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[range(1, -1, 1, "RM delete")])
        .split(Split::PerKey(Merge::Sum))
        .replay(Replay::Exact)
        .about(
            "4.0.0",
            "O(1) for each key removed regardless of its size. Then the command does O(N) work in a \
            different thread in order to reclaim memory, where N is the number of allocations the \
            deleted objects where composed of.",
            "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non blocking.",
        )
        .arguments("key:key@0*"),
    command("wait", 3)
        .flags("noscript")
        .categories("connection")
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .split(Split::Conversation)
        .about(
            "3.0.0",
            "O(1)",
            "Wait for the synchronous replication of all the write commands sent in the context of the \
            current connection",
        )
        .arguments("numreplicas:integer timeout:integer"),
    command("waitaof", 4)
        .flags("noscript")
        .categories("connection")
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .split(Split::Refused)
        .source(Source::Redis72)
        .about("7.2.0", "O(1)", "Wait until earlier writes of this connection are in append-only files")
        .arguments("numlocal:integer numreplicas:integer timeout:integer"),
];
