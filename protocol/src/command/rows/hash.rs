//! Hashes.

use crate::command::{
    key::at,
    policy::{Replay, Source},
    row::{Row, command},
};

pub(super) const ROWS: &[Row] = &[
    command("hdel", -3)
        .flags("write fast")
        .categories("hash")
        .keys(&[at(1, "RW delete")])
        .replay(Replay::Exact)
        .about(
            "2.0.0",
            "O(N) where N is the number of fields to be removed.",
            "Delete one or more hash fields",
        )
        .history(&[("2.4.0", "Accepts multiple `field` arguments.")])
        .arguments("key:key@0 field:string*"),
    command("hexists", 3)
        .flags("readonly fast")
        .categories("hash")
        .keys(&[at(1, "RO")])
        .about("2.0.0", "O(1)", "Determine if a hash field exists")
        .arguments("key:key@0 field:string"),
    command("hexpire", -6)
        .flags("write denyoom fast")
        .categories("hash")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Timed)
        .source(Source::Redis74)
        .about(
            "7.4.0",
            "O(N) where N is the number of given fields",
            "Let fields of a hash expire after a number of seconds",
        )
        .arguments(
            "key:key@0 seconds:integer condition:oneof?(nx:pure-token=NX xx:pure-token=XX \
            gt:pure-token=GT lt:pure-token=LT) fields:block=FIELDS(numfields:integer field:string*)",
        ),
    command("hexpireat", -6)
        .flags("write denyoom fast")
        .categories("hash")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .source(Source::Redis74)
        .about(
            "7.4.0",
            "O(N) where N is the number of given fields",
            "Let fields of a hash expire at a Unix time in seconds",
        )
        .arguments(
            "key:key@0 unix-time-seconds:unix-time condition:oneof?(nx:pure-token=NX xx:pure-token=XX \
            gt:pure-token=GT lt:pure-token=LT) fields:block=FIELDS(numfields:integer field:string*)",
        ),
    command("hexpiretime", -5)
        .flags("readonly fast")
        .categories("hash")
        .keys(&[at(1, "RO access")])
        .source(Source::Redis74)
        .about(
            "7.4.0",
            "O(N) where N is the number of given fields",
            "Get the Unix time in seconds at which fields of a hash expire",
        )
        .arguments("key:key@0 fields:block=FIELDS(numfields:integer field:string*)"),
    command("hget", 3)
        .flags("readonly fast")
        .categories("hash")
        .keys(&[at(1, "RO access")])
        .about("2.0.0", "O(1)", "Get the value of a hash field")
        .arguments("key:key@0 field:string"),
    command("hgetall", 2)
        .flags("readonly")
        .categories("hash")
        .tips(&["nondeterministic_output_order"])
        .keys(&[at(1, "RO access")])
        .about("2.0.0", "O(N) where N is the size of the hash.", "Get all the fields and values in a hash")
        .arguments("key:key@0"),
    command("hgetdel", -5)
        .flags("write fast")
        .categories("hash")
        .keys(&[at(1, "RW access delete")])
        .replay(Replay::Exact)
        .source(Source::Redis80)
        .about("8.0.0", "O(N) where N is the number of given fields", "Get fields of a hash and delete them")
        .arguments("key:key@0 fields:block=FIELDS(numfields:integer field:string*)"),
    command("hgetex", -5)
        .flags("write fast")
        .categories("hash")
        .keys(&[at(1, "RW access update").noted("RW and UPDATE because it changes the TTL")])
        .replay(Replay::Timed)
        .source(Source::Redis80)
        .about(
            "8.0.0",
            "O(N) where N is the number of given fields",
            "Get fields of a hash and optionally change when they expire",
        )
        .arguments(
            "key:key@0 expiration:oneof?(seconds:integer=EX milliseconds:integer=PX \
            unix-time-seconds:unix-time=EXAT unix-time-milliseconds:unix-time=PXAT \
            persist:pure-token=PERSIST) fields:block=FIELDS(numfields:integer field:string*)",
        ),
    command("hincrby", 4)
        .flags("write denyoom fast")
        .categories("hash")
        .keys(&[at(1, "RW access update")])
        .replay(Replay::Exact)
        .about("2.0.0", "O(1)", "Increment the integer value of a hash field by the given number")
        .arguments("key:key@0 field:string increment:integer"),
    command("hincrbyfloat", 4)
        .flags("write denyoom fast")
        .categories("hash")
        .keys(&[at(1, "RW access update")])
        .replay(Replay::Effect)
        .about("2.6.0", "O(1)", "Increment the float value of a hash field by the given amount")
        .arguments("key:key@0 field:string increment:double"),
    command("hkeys", 2)
        .flags("readonly")
        .categories("hash")
        .tips(&["nondeterministic_output_order"])
        .keys(&[at(1, "RO access")])
        .about("2.0.0", "O(N) where N is the size of the hash.", "Get all the fields in a hash")
        .arguments("key:key@0"),
    command("hlen", 2)
        .flags("readonly fast")
        .categories("hash")
        .keys(&[at(1, "RO")])
        .about("2.0.0", "O(1)", "Get the number of fields in a hash")
        .arguments("key:key@0"),
    command("hmget", -3)
        .flags("readonly fast")
        .categories("hash")
        .keys(&[at(1, "RO access")])
        .about(
            "2.0.0",
            "O(N) where N is the number of fields being requested.",
            "Get the values of all the given hash fields",
        )
        .arguments("key:key@0 field:string*"),
    command("hmset", -4)
        .flags("write denyoom fast")
        .categories("hash")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .about(
            "2.0.0",
            "O(N) where N is the number of fields being set.",
            "Set multiple hash fields to multiple values",
        )
        .deprecated("4.0.0", "`HSET` with multiple field-value pairs")
        .arguments("key:key@0 field_value:block*(field:string value:string)"),
    command("hpersist", -5)
        .flags("write fast")
        .categories("hash")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .source(Source::Redis74)
        .about("7.4.0", "O(N) where N is the number of given fields", "Let fields of a hash no longer expire")
        .arguments("key:key@0 fields:block=FIELDS(numfields:integer field:string*)"),
    command("hpexpire", -6)
        .flags("write denyoom fast")
        .categories("hash")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Timed)
        .source(Source::Redis74)
        .about(
            "7.4.0",
            "O(N) where N is the number of given fields",
            "Let fields of a hash expire after a number of milliseconds",
        )
        .arguments(
            "key:key@0 milliseconds:integer condition:oneof?(nx:pure-token=NX xx:pure-token=XX \
            gt:pure-token=GT lt:pure-token=LT) fields:block=FIELDS(numfields:integer field:string*)",
        ),
    command("hpexpireat", -6)
        .flags("write denyoom fast")
        .categories("hash")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .source(Source::Redis74)
        .about(
            "7.4.0",
            "O(N) where N is the number of given fields",
            "Let fields of a hash expire at a Unix time in milliseconds",
        )
        .arguments(
            "key:key@0 unix-time-milliseconds:unix-time condition:oneof?(nx:pure-token=NX \
            xx:pure-token=XX gt:pure-token=GT lt:pure-token=LT) fields:block=FIELDS(numfields:integer \
            field:string*)",
        ),
    command("hpexpiretime", -5)
        .flags("readonly fast")
        .categories("hash")
        .keys(&[at(1, "RO access")])
        .source(Source::Redis74)
        .about(
            "7.4.0",
            "O(N) where N is the number of given fields",
            "Get the Unix time in milliseconds at which fields of a hash expire",
        )
        .arguments("key:key@0 fields:block=FIELDS(numfields:integer field:string*)"),
    command("hpttl", -5)
        .flags("readonly fast")
        .categories("hash")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .source(Source::Redis74)
        .about(
            "7.4.0",
            "O(N) where N is the number of given fields",
            "Get the milliseconds that fields of a hash have left",
        )
        .arguments("key:key@0 fields:block=FIELDS(numfields:integer field:string*)"),
    command("hrandfield", -2)
        .flags("readonly")
        .categories("hash")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .about(
            "6.2.0",
            "O(N) where N is the number of fields returned",
            "Get one or multiple random fields from a hash",
        )
        .arguments("key:key@0 options:block?(count:integer withvalues:pure-token=WITHVALUES?)"),
    command("hscan", -3)
        .flags("readonly")
        .categories("hash")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .about(
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command calls for the \
            cursor to return back to 0. N is the number of elements inside the collection..",
            "Incrementally iterate hash fields and associated values",
        )
        .arguments("key:key@0 cursor:integer pattern:pattern=MATCH? count:integer=COUNT?"),
    command("hset", -4)
        .flags("write denyoom fast")
        .categories("hash")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .about(
            "2.0.0",
            "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command \
            is called with multiple field/value pairs.",
            "Set the string value of a hash field",
        )
        .history(&[("4.0.0", "Accepts multiple `field` and `value` arguments.")])
        .arguments("key:key@0 field_value:block*(field:string value:string)"),
    command("hsetex", -6)
        .flags("write denyoom fast")
        .categories("hash")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Timed)
        .source(Source::Redis80)
        .about(
            "8.0.0",
            "O(N) where N is the number of given fields",
            "Set fields of a hash and optionally when they expire",
        )
        .arguments(
            "key:key@0 condition:oneof?(fnx:pure-token=FNX fxx:pure-token=FXX) \
            expiration:oneof?(seconds:integer=EX milliseconds:integer=PX \
            unix-time-seconds:unix-time=EXAT unix-time-milliseconds:unix-time=PXAT \
            keepttl:pure-token=KEEPTTL) fields:block=FIELDS(numfields:integer data:block*(field:string \
            value:string))",
        ),
    command("hsetnx", 4)
        .flags("write denyoom fast")
        .categories("hash")
        .keys(&[at(1, "RW insert")])
        .replay(Replay::Exact)
        .about("2.0.0", "O(1)", "Set the value of a hash field, only if the field does not exist")
        .arguments("key:key@0 field:string value:string"),
    command("hstrlen", 3)
        .flags("readonly fast")
        .categories("hash")
        .keys(&[at(1, "RO")])
        .about("3.2.0", "O(1)", "Get the length of the value of a hash field")
        .arguments("key:key@0 field:string"),
    command("httl", -5)
        .flags("readonly fast")
        .categories("hash")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .source(Source::Redis74)
        .about(
            "7.4.0",
            "O(N) where N is the number of given fields",
            "Get the seconds that fields of a hash have left",
        )
        .arguments("key:key@0 fields:block=FIELDS(numfields:integer field:string*)"),
    command("hvals", 2)
        .flags("readonly")
        .categories("hash")
        .tips(&["nondeterministic_output_order"])
        .keys(&[at(1, "RO access")])
        .about("2.0.0", "O(N) where N is the size of the hash.", "Get all the values in a hash")
        .arguments("key:key@0"),
];
