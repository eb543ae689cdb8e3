//! Sorted sets.

use crate::command::{
    key::{at, counted, range},
    policy::{Replay, Split},
    row::{Row, command},
};

pub(super) const ROWS: &[Row] = &[
    command("bzmpop", -5)
        .flags("write blocking")
        .categories("sortedset")
        .keys(&[counted(2, "RW access delete")])
        .split(Split::Conversation)
        .replay(Replay::Effect)
        .about(
            "7.0.0",
            "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements \
            in the sorted set, and M being the number of elements popped.",
            "Remove and return members with scores in a sorted set or block until one is available",
        )
        .arguments(
            "timeout:double numkeys:integer key:key@0* where:oneof(min:pure-token=MIN \
            max:pure-token=MAX) count:integer=COUNT?",
        ),
    command("bzpopmax", -3)
        .flags("write noscript blocking fast")
        .categories("sortedset")
        .keys(&[range(1, -2, 1, "RW access delete")])
        .split(Split::Conversation)
        .replay(Replay::Effect)
        .about(
            "5.0.0",
            "O(log(N)) with N being the number of elements in the sorted set.",
            "Remove and return the member with the highest score from one or more sorted sets, or block \
            until one is available",
        )
        .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")])
        .arguments("key:key@0* timeout:double"),
    command("bzpopmin", -3)
        .flags("write noscript blocking fast")
        .categories("sortedset")
        .keys(&[range(1, -2, 1, "RW access delete")])
        .split(Split::Conversation)
        .replay(Replay::Effect)
        .about(
            "5.0.0",
            "O(log(N)) with N being the number of elements in the sorted set.",
            "Remove and return the member with the lowest score from one or more sorted sets, or block \
            until one is available",
        )
        .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")])
        .arguments("key:key@0* timeout:double"),
    command("zadd", -4)
        .flags("write denyoom fast")
        .categories("sortedset")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .about(
            "1.2.0",
            "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
            "Add one or more members to a sorted set, or update its score if it already exists",
        )
        .history(&[
            ("2.4.0", "Accepts multiple elements."),
            ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
            ("6.2.0", "Added the `GT` and `LT` options."),
        ])
        .arguments(
            "key:key@0 condition:oneof^3.0.2?(nx:pure-token=NX xx:pure-token=XX) \
            comparison:oneof^6.2.0?(gt:pure-token=GT lt:pure-token=LT) change:pure-token=CH^3.0.2? \
            increment:pure-token=INCR^3.0.2? score_member:block*(score:double member:string)",
        ),
    command("zcard", 2)
        .flags("readonly fast")
        .categories("sortedset")
        .keys(&[at(1, "RO")])
        .about("1.2.0", "O(1)", "Get the number of members in a sorted set")
        .arguments("key:key@0"),
    command("zcount", 4)
        .flags("readonly fast")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about(
            "2.0.0",
            "O(log(N)) with N being the number of elements in the sorted set.",
            "Count the members in a sorted set with scores within the given values",
        )
        .arguments("key:key@0 min:double max:double"),
    command("zdiff", -3)
        .flags("readonly")
        .categories("sortedset")
        .keys(&[counted(1, "RO access")])
        .about(
            "6.2.0",
            "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is \
            the size of the first set, and K is the size of the result set.",
            "Subtract multiple sorted sets",
        )
        .arguments("numkeys:integer key:key@0* withscores:pure-token=WITHSCORES?"),
    command("zdiffstore", -4)
        .flags("write denyoom")
        .categories("sortedset")
        .keys(&[at(1, "OW update"), counted(2, "RO access")])
        .replay(Replay::Exact)
        .about(
            "6.2.0",
            "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is \
            the size of the first set, and K is the size of the result set.",
            "Subtract multiple sorted sets and store the resulting sorted set in a new key",
        )
        .arguments("destination:key@0 numkeys:integer key:key@1*"),
    command("zincrby", 4)
        .flags("write denyoom fast")
        .categories("sortedset")
        .keys(&[at(1, "RW access update")])
        .replay(Replay::Exact)
        .about(
            "1.2.0",
            "O(log(N)) where N is the number of elements in the sorted set.",
            "Increment the score of a member in a sorted set",
        )
        .arguments("key:key@0 increment:integer member:string"),
    command("zinter", -3)
        .flags("readonly")
        .categories("sortedset")
        .keys(&[counted(1, "RO access")])
        .about(
            "6.2.0",
            "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the \
            number of input sorted sets and M being the number of elements in the resulting sorted set.",
            "Intersect multiple sorted sets",
        )
        .arguments(
            "numkeys:integer key:key@0* weight:integer=WEIGHTS?* \
            aggregate:oneof=AGGREGATE?(sum:pure-token=SUM min:pure-token=MIN max:pure-token=MAX) \
            withscores:pure-token=WITHSCORES?",
        ),
    command("zintercard", -3)
        .flags("readonly")
        .categories("sortedset")
        .keys(&[counted(1, "RO access")])
        .about(
            "7.0.0",
            "O(N*K) worst case with N being the smallest input sorted set, K being the number of input \
            sorted sets.",
            "Intersect multiple sorted sets and return the cardinality of the result",
        )
        .arguments("numkeys:integer key:key@0* limit:integer=LIMIT?"),
    command("zinterstore", -4)
        .flags("write denyoom")
        .categories("sortedset")
        .keys(&[at(1, "OW update"), counted(2, "RO access")])
        .replay(Replay::Exact)
        .about(
            "2.0.0",
            "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the \
            number of input sorted sets and M being the number of elements in the resulting sorted set.",
            "Intersect multiple sorted sets and store the resulting sorted set in a new key",
        )
        .arguments(
            "destination:key@0 numkeys:integer key:key@1* weight:integer=WEIGHTS?* \
            aggregate:oneof=AGGREGATE?(sum:pure-token=SUM min:pure-token=MIN max:pure-token=MAX)",
        ),
    command("zlexcount", 4)
        .flags("readonly fast")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about(
            "2.8.9",
            "O(log(N)) with N being the number of elements in the sorted set.",
            "Count the number of members in a sorted set between a given lexicographical range",
        )
        .arguments("key:key@0 min:string max:string"),
    command("zmpop", -4)
        .flags("write")
        .categories("sortedset")
        .keys(&[counted(1, "RW access delete")])
        .replay(Replay::Exact)
        .about(
            "7.0.0",
            "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements \
            in the sorted set, and M being the number of elements popped.",
            "Remove and return members with scores in a sorted set",
        )
        .arguments(
            "numkeys:integer key:key@0* where:oneof(min:pure-token=MIN max:pure-token=MAX) \
            count:integer=COUNT?",
        ),
    command("zmscore", -3)
        .flags("readonly fast")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about(
            "6.2.0",
            "O(N) where N is the number of members being requested.",
            "Get the score associated with the given members in a sorted set",
        )
        .arguments("key:key@0 member:string*"),
    command("zpopmax", -2)
        .flags("write fast")
        .categories("sortedset")
        .keys(&[at(1, "RW access delete")])
        .replay(Replay::Exact)
        .about(
            "5.0.0",
            "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number \
            of elements popped.",
            "Remove and return members with the highest scores in a sorted set",
        )
        .arguments("key:key@0 count:integer?"),
    command("zpopmin", -2)
        .flags("write fast")
        .categories("sortedset")
        .keys(&[at(1, "RW access delete")])
        .replay(Replay::Exact)
        .about(
            "5.0.0",
            "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number \
            of elements popped.",
            "Remove and return members with the lowest scores in a sorted set",
        )
        .arguments("key:key@0 count:integer?"),
    command("zrandmember", -2)
        .flags("readonly")
        .categories("sortedset")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .about(
            "6.2.0",
            "O(N) where N is the number of elements returned",
            "Get one or multiple random elements from a sorted set",
        )
        .arguments("key:key@0 options:block?(count:integer withscores:pure-token=WITHSCORES?)"),
    command("zrange", -4)
        .flags("readonly")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about(
            "1.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements returned.",
            "Return a range of members in a sorted set",
        )
        .history(&[("6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.")])
        .arguments(
            "key:key@0 start:string stop:string sortby:oneof^6.2.0?(byscore:pure-token=BYSCORE \
            bylex:pure-token=BYLEX) rev:pure-token=REV^6.2.0? \
            offset_count:block=LIMIT^6.2.0?(offset:integer count:integer) \
            withscores:pure-token=WITHSCORES?",
        ),
    command("zrangebylex", -4)
        .flags("readonly")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about(
            "2.8.9",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements being returned. If M is constant (e.g. always asking for the first 10 elements \
            with LIMIT), you can consider it O(log(N)).",
            "Return a range of members in a sorted set, by lexicographical range",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument")
        .arguments("key:key@0 min:string max:string offset_count:block=LIMIT?(offset:integer count:integer)"),
    command("zrangebyscore", -4)
        .flags("readonly")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about(
            "1.0.5",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements being returned. If M is constant (e.g. always asking for the first 10 elements \
            with LIMIT), you can consider it O(log(N)).",
            "Return a range of members in a sorted set, by score",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument")
        .history(&[("2.0.0", "Added the `WITHSCORES` modifier.")])
        .arguments(
            "key:key@0 min:double max:double withscores:pure-token=WITHSCORES^2.0.0? \
            offset_count:block=LIMIT?(offset:integer count:integer)",
        ),
    command("zrangestore", -5)
        .flags("write denyoom")
        .categories("sortedset")
        .keys(&[at(1, "OW update"), at(2, "RO access")])
        .replay(Replay::Exact)
        .about(
            "6.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements stored into the destination key.",
            "Store a range of members from sorted set into another key",
        )
        .arguments(
            "dst:key@0 src:key@1 min:string max:string sortby:oneof?(byscore:pure-token=BYSCORE \
            bylex:pure-token=BYLEX) rev:pure-token=REV? offset_count:block=LIMIT?(offset:integer \
            count:integer)",
        ),
    // Redis 7.2 has the option WITHSCORE.
    command("zrank", 3)
        .later_arguments(1)
        .flags("readonly fast")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about("2.0.0", "O(log(N))", "Determine the index of a member in a sorted set")
        .arguments("key:key@0 member:string"),
    command("zrem", -3)
        .flags("write fast")
        .categories("sortedset")
        .keys(&[at(1, "RW delete")])
        .replay(Replay::Exact)
        .about(
            "1.2.0",
            "O(M*log(N)) with N being the number of elements in the sorted set and M the number of \
            elements to be removed.",
            "Remove one or more members from a sorted set",
        )
        .history(&[("2.4.0", "Accepts multiple elements.")])
        .arguments("key:key@0 member:string*"),
    command("zremrangebylex", 4)
        .flags("write")
        .categories("sortedset")
        .keys(&[at(1, "RW delete")])
        .replay(Replay::Exact)
        .about(
            "2.8.9",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements removed by the operation.",
            "Remove all members in a sorted set between the given lexicographical range",
        )
        .arguments("key:key@0 min:string max:string"),
    command("zremrangebyrank", 4)
        .flags("write")
        .categories("sortedset")
        .keys(&[at(1, "RW delete")])
        .replay(Replay::Exact)
        .about(
            "2.0.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements removed by the operation.",
            "Remove all members in a sorted set within the given indexes",
        )
        .arguments("key:key@0 start:integer stop:integer"),
    command("zremrangebyscore", 4)
        .flags("write")
        .categories("sortedset")
        .keys(&[at(1, "RW delete")])
        .replay(Replay::Exact)
        .about(
            "1.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements removed by the operation.",
            "Remove all members in a sorted set within the given scores",
        )
        .arguments("key:key@0 min:double max:double"),
    command("zrevrange", -4)
        .flags("readonly")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about(
            "1.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements returned.",
            "Return a range of members in a sorted set, by index, with scores ordered from high to low",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` argument")
        .arguments("key:key@0 start:integer stop:integer withscores:pure-token=WITHSCORES?"),
    command("zrevrangebylex", -4)
        .flags("readonly")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about(
            "2.8.9",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements being returned. If M is constant (e.g. always asking for the first 10 elements \
            with LIMIT), you can consider it O(log(N)).",
            "Return a range of members in a sorted set, by lexicographical range, ordered from higher to \
            lower strings.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")
        .arguments("key:key@0 max:string min:string offset_count:block=LIMIT?(offset:integer count:integer)"),
    command("zrevrangebyscore", -4)
        .flags("readonly")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about(
            "2.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements being returned. If M is constant (e.g. always asking for the first 10 elements \
            with LIMIT), you can consider it O(log(N)).",
            "Return a range of members in a sorted set, by score, with scores ordered from high to low",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")
        .history(&[("2.1.6", "`min` and `max` can be exclusive.")])
        .arguments(
            "key:key@0 max:double min:double withscores:pure-token=WITHSCORES? \
            offset_count:block=LIMIT?(offset:integer count:integer)",
        ),
    // Redis 7.2 has the option WITHSCORE.
    command("zrevrank", 3)
        .later_arguments(1)
        .flags("readonly fast")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about(
            "2.0.0",
            "O(log(N))",
            "Determine the index of a member in a sorted set, with scores ordered from high to low",
        )
        .arguments("key:key@0 member:string"),
    command("zscan", -3)
        .flags("readonly")
        .categories("sortedset")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .about(
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command calls for the \
            cursor to return back to 0. N is the number of elements inside the collection..",
            "Incrementally iterate sorted sets elements and associated scores",
        )
        .arguments("key:key@0 cursor:integer pattern:pattern=MATCH? count:integer=COUNT?"),
    command("zscore", 3)
        .flags("readonly fast")
        .categories("sortedset")
        .keys(&[at(1, "RO access")])
        .about("1.2.0", "O(1)", "Get the score associated with the given member in a sorted set")
        .arguments("key:key@0 member:string"),
    command("zunion", -3)
        .flags("readonly")
        .categories("sortedset")
        .keys(&[counted(1, "RO access")])
        .about(
            "6.2.0",
            "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being \
            the number of elements in the resulting sorted set.",
            "Add multiple sorted sets",
        )
        .arguments(
            "numkeys:integer key:key@0* weight:integer=WEIGHTS?* \
            aggregate:oneof=AGGREGATE?(sum:pure-token=SUM min:pure-token=MIN max:pure-token=MAX) \
            withscores:pure-token=WITHSCORES?",
        ),
    command("zunionstore", -4)
        .flags("write denyoom")
        .categories("sortedset")
        .keys(&[at(1, "OW update"), counted(2, "RO access")])
        .replay(Replay::Exact)
        .about(
            "2.0.0",
            "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being \
            the number of elements in the resulting sorted set.",
            "Add multiple sorted sets and store the resulting sorted set in a new key",
        )
        .arguments(
            "destination:key@0 numkeys:integer key:key@1* weight:integer=WEIGHTS?* \
            aggregate:oneof=AGGREGATE?(sum:pure-token=SUM min:pure-token=MIN max:pure-token=MAX)",
        ),
];
