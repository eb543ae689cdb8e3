//! Strings.

use crate::command::{
    key::{at, counted_pairs, range},
    policy::{Merge, Replay, Source, Split},
    row::{Row, command},
};

pub(super) const ROWS: &[Row] = &[
    command("append", 3)
        .flags("write denyoom fast")
        .categories("string")
        .keys(&[at(1, "RW insert")])
        .replay(Replay::Exact)
        .about(
            "2.0.0",
            "O(1). The amortized time complexity is O(1) assuming the appended value is small and the \
            already present value is of any size, since the dynamic string library used by Redis will \
            double the free space available on every reallocation.",
            "Append a value to a key",
        )
        .arguments("key:key@0 value:string"),
    command("decr", 2)
        .flags("write denyoom fast")
        .categories("string")
        .keys(&[at(1, "RW access update")])
        .replay(Replay::Exact)
        .about("1.0.0", "O(1)", "Decrement the integer value of a key by one")
        .arguments("key:key@0"),
    command("decrby", 3)
        .flags("write denyoom fast")
        .categories("string")
        .keys(&[at(1, "RW access update")])
        .replay(Replay::Exact)
        .about("1.0.0", "O(1)", "Decrement the integer value of a key by the given number")
        .arguments("key:key@0 decrement:integer"),
    command("delex", -2)
        .flags("write fast")
        .categories("string")
        .keys(&[at(1, "RW delete variable_flags")])
        .replay(Replay::Exact)
        .source(Source::Redis84)
        .about(
            "8.4.0",
            "O(1), for a comparison of digests O(N) where N is the length of the value",
            "Delete a key if its value, or the digest of it, compares as wanted",
        )
        .arguments(
            "key:key@0 condition:oneof?(ifeq-value:string=IFEQ ifne-value:string=IFNE \
            ifdeq-digest:string=IFDEQ ifdne-digest:string=IFDNE)",
        ),
    command("delifeq", 3)
        .flags("write")
        .categories("string")
        .keys(&[at(1, "RM access delete")])
        .replay(Replay::Exact)
        .source(Source::Valkey90)
        .about("9.0.0", "O(1)", "Delete a key if it has this value")
        .arguments("key:key@0 value:string"),
    command("digest", 2)
        .flags("readonly fast")
        .categories("string")
        .keys(&[at(1, "RO access")])
        .source(Source::Redis84)
        .about(
            "8.4.0",
            "O(N) where N is the length of the value",
            "Get the digest of a string as hexadecimal digits",
        )
        .arguments("key:key@0"),
    command("get", 2)
        .flags("readonly fast")
        .categories("string")
        .keys(&[at(1, "RO access")])
        .about("1.0.0", "O(1)", "Get the value of a key")
        .arguments("key:key@0"),
    command("getdel", 2)
        .flags("write fast")
        .categories("string")
        .keys(&[at(1, "RW access delete")])
        .replay(Replay::Exact)
        .about("6.2.0", "O(1)", "Get the value of a key and delete the key")
        .arguments("key:key@0"),
    command("getex", -2)
        .flags("write fast")
        .categories("string")
        .keys(&[at(1, "RW access update").noted("RW and UPDATE because it changes the TTL")])
        .replay(Replay::Timed)
        .about("6.2.0", "O(1)", "Get the value of a key and optionally set its expiration")
        .arguments(
            "key:key@0 expiration:oneof?(seconds:integer=EX milliseconds:integer=PX \
            unix-time-seconds:unix-time=EXAT unix-time-milliseconds:unix-time=PXAT \
            persist:pure-token=PERSIST)",
        ),
    command("getrange", 4)
        .flags("readonly")
        .categories("string")
        .keys(&[at(1, "RO access")])
        .about(
            "2.4.0",
            "O(N) where N is the length of the returned string. The complexity is ultimately determined \
            by the returned length, but because creating a substring from an existing string is very \
            cheap, it can be considered O(1) for small strings.",
            "Get a substring of the string stored at a key",
        )
        .arguments("key:key@0 start:integer end:integer"),
    command("getset", 3)
        .flags("write denyoom fast")
        .categories("string")
        .keys(&[at(1, "RW access update")])
        .replay(Replay::Exact)
        .about("1.0.0", "O(1)", "Set the string value of a key and return its old value")
        .deprecated("6.2.0", "`SET` with the `!GET` argument")
        .arguments("key:key@0 value:string"),
    command("incr", 2)
        .flags("write denyoom fast")
        .categories("string")
        .keys(&[at(1, "RW access update")])
        .replay(Replay::Exact)
        .about("1.0.0", "O(1)", "Increment the integer value of a key by one")
        .arguments("key:key@0"),
    command("incrby", 3)
        .flags("write denyoom fast")
        .categories("string")
        .keys(&[at(1, "RW access update")])
        .replay(Replay::Exact)
        .about("1.0.0", "O(1)", "Increment the integer value of a key by the given amount")
        .arguments("key:key@0 increment:integer"),
    command("incrbyfloat", 3)
        .flags("write denyoom fast")
        .categories("string")
        .keys(&[at(1, "RW access update")])
        .replay(Replay::Effect)
        .about("2.6.0", "O(1)", "Increment the float value of a key by the given amount")
        .arguments("key:key@0 increment:double"),
    command("lcs", -3)
        .flags("readonly")
        .categories("string")
        .keys(&[range(1, 1, 1, "RO access")])
        .about(
            "7.0.0",
            "O(N*M) where N and M are the lengths of s1 and s2, respectively",
            "Find longest common substring",
        )
        .arguments(
            "key1:key@0 key2:key@0 len:pure-token=LEN? idx:pure-token=IDX? len:integer=MINMATCHLEN? \
            withmatchlen:pure-token=WITHMATCHLEN?",
        ),
    command("mget", -2)
        .flags("readonly fast")
        .categories("string")
        .tips(&["request_policy:multi_shard"])
        .keys(&[range(1, -1, 1, "RO access")])
        .split(Split::PerKey(Merge::Positions))
        .about(
            "1.0.0",
            "O(N) where N is the number of keys to retrieve.",
            "Get the values of all the given keys",
        )
        .arguments("key:key@0*"),
    command("mset", -3)
        .flags("write denyoom")
        .categories("string")
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
        .keys(&[range(1, -1, 2, "OW update")])
        .split(Split::PerKey(Merge::AllOk))
        .replay(Replay::Exact)
        .about("1.0.1", "O(N) where N is the number of keys to set.", "Set multiple keys to multiple values")
        .arguments("key_value:block*(key:key@0 value:string)"),
    command("msetex", -4)
        .flags("write denyoom")
        .categories("string")
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
        .keys(&[counted_pairs(1, "OW update")])
        .replay(Replay::Timed)
        .source(Source::Redis84)
        .about(
            "8.4.0",
            "O(N) where N is the number of keys",
            "Set several keys at once and optionally when they expire",
        )
        .arguments(
            "numkeys:integer data:block*(key:key@0 value:string) condition:oneof?(nx:pure-token=NX \
            xx:pure-token=XX) expiration:oneof?(seconds:integer=EX milliseconds:integer=PX \
            unix-time-seconds:unix-time=EXAT unix-time-milliseconds:unix-time=PXAT \
            keepttl:pure-token=KEEPTTL)",
        ),
    command("msetnx", -3)
        .flags("write denyoom")
        .categories("string")
        .tips(&["request_policy:multi_shard", "response_policy:agg_min"])
        .keys(&[range(1, -1, 2, "OW insert")])
        .replay(Replay::Exact)
        .about(
            "1.0.1",
            "O(N) where N is the number of keys to set.",
            "Set multiple keys to multiple values, only if none of the keys exist",
        )
        .arguments("key_value:block*(key:key@0 value:string)"),
    command("psetex", 4)
        .flags("write denyoom")
        .categories("string")
        .keys(&[at(1, "OW update")])
        .replay(Replay::Timed)
        .about("2.6.0", "O(1)", "Set the value and expiration in milliseconds of a key")
        .arguments("key:key@0 milliseconds:integer value:string"),
    command("set", -3)
        .flags("write denyoom")
        .categories("string")
        .keys(&[at(1, "RW access update variable_flags")
            .noted("RW and ACCESS due to the optional `GET` argument")])
        .replay(Replay::Timed)
        .about("1.0.0", "O(1)", "Set the string value of a key")
        .history(&[
            ("2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."),
            ("6.0.0", "Added the `KEEPTTL` option."),
            ("6.2.0", "Added the `GET`, `EXAT` and `PXAT` option."),
            ("7.0.0", "Allowed the `NX` and `GET` options to be used together."),
        ])
        .arguments(
            "key:key@0 value:string condition:oneof^2.6.12?(nx:pure-token=NX xx:pure-token=XX) \
            get:pure-token=GET^6.2.0? expiration:oneof?(seconds:integer=EX^2.6.12 \
            milliseconds:integer=PX^2.6.12 unix-time-seconds:unix-time=EXAT^6.2.0 \
            unix-time-milliseconds:unix-time=PXAT^6.2.0 keepttl:pure-token=KEEPTTL^6.0.0)",
        ),
    command("setex", 4)
        .flags("write denyoom")
        .categories("string")
        .keys(&[at(1, "OW update")])
        .replay(Replay::Timed)
        .about("2.0.0", "O(1)", "Set the value and expiration of a key")
        .arguments("key:key@0 seconds:integer value:string"),
    command("setnx", 3)
        .flags("write denyoom fast")
        .categories("string")
        .keys(&[at(1, "OW insert")])
        .replay(Replay::Exact)
        .about("1.0.0", "O(1)", "Set the value of a key, only if the key does not exist")
        .arguments("key:key@0 value:string"),
    command("setrange", 4)
        .flags("write denyoom")
        .categories("string")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .about(
            "2.2.0",
            "O(1), not counting the time taken to copy the new string in place. Usually, this string is \
            very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being \
            the length of the value argument.",
            "Overwrite part of a string at key starting at the specified offset",
        )
        .arguments("key:key@0 offset:integer value:string"),
    command("strlen", 2)
        .flags("readonly fast")
        .categories("string")
        .keys(&[at(1, "RO")])
        .about("2.2.0", "O(1)", "Get the length of the value stored in a key")
        .arguments("key:key@0"),
    command("substr", 4)
        .flags("readonly")
        .categories("string")
        .keys(&[at(1, "RO access")])
        .about(
            "1.0.0",
            "O(N) where N is the length of the returned string. The complexity is ultimately determined \
            by the returned length, but because creating a substring from an existing string is very \
            cheap, it can be considered O(1) for small strings.",
            "Get a substring of the string stored at a key",
        )
        .deprecated("2.0.0", "`GETRANGE`")
        .arguments("key:key@0 start:integer end:integer"),
];
