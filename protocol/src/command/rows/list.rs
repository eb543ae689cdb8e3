//! Lists.

use crate::command::{
    key::{at, counted, range},
    policy::{Replay, Split},
    row::{Row, command},
};

pub(super) const ROWS: &[Row] = &[
    command("blmove", 6)
        .flags("write denyoom noscript blocking")
        .categories("list")
        .keys(&[at(1, "RW access delete"), at(2, "RW insert")])
        .split(Split::Conversation)
        .replay(Replay::Effect)
        .about(
            "6.2.0",
            "O(1)",
            "Pop an element from a list, push it to another list and return it; or block until one is \
            available",
        )
        .arguments(
            "source:key@0 destination:key@1 wherefrom:oneof(left:pure-token=LEFT right:pure-token=RIGHT) \
            whereto:oneof(left:pure-token=LEFT right:pure-token=RIGHT) timeout:double",
        ),
    command("blmpop", -5)
        .flags("write blocking")
        .categories("list")
        .keys(&[counted(2, "RW access delete")])
        .split(Split::Conversation)
        .replay(Replay::Effect)
        .about(
            "7.0.0",
            "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
            "Pop elements from a list, or block until one is available",
        )
        .arguments(
            "timeout:double numkeys:integer key:key@0* where:oneof(left:pure-token=LEFT \
            right:pure-token=RIGHT) count:integer=COUNT?",
        ),
    command("blpop", -3)
        .flags("write noscript blocking")
        .categories("list")
        .keys(&[range(1, -2, 1, "RW access delete")])
        .split(Split::Conversation)
        .replay(Replay::Effect)
        .about(
            "2.0.0",
            "O(N) where N is the number of provided keys.",
            "Remove and get the first element in a list, or block until one is available",
        )
        .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")])
        .arguments("key:key@0* timeout:double"),
    command("brpop", -3)
        .flags("write noscript blocking")
        .categories("list")
        .keys(&[range(1, -2, 1, "RW access delete")])
        .split(Split::Conversation)
        .replay(Replay::Effect)
        .about(
            "2.0.0",
            "O(N) where N is the number of provided keys.",
            "Remove and get the last element in a list, or block until one is available",
        )
        .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")])
        .arguments("key:key@0* timeout:double"),
    command("brpoplpush", 4)
        .flags("write denyoom noscript blocking")
        .categories("list")
        .keys(&[at(1, "RW access delete"), at(2, "RW insert")])
        .split(Split::Conversation)
        .replay(Replay::Effect)
        .about(
            "2.2.0",
            "O(1)",
            "Pop an element from a list, push it to another list and return it; or block until one is \
            available",
        )
        .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")
        .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")])
        .arguments("source:key@0 destination:key@1 timeout:double"),
    command("lindex", 3)
        .flags("readonly")
        .categories("list")
        .keys(&[at(1, "RO access")])
        .about(
            "1.0.0",
            "O(N) where N is the number of elements to traverse to get to the element at index. This \
            makes asking for the first or the last element of the list O(1).",
            "Get an element from a list by its index",
        )
        .arguments("key:key@0 index:integer"),
    command("linsert", 5)
        .flags("write denyoom")
        .categories("list")
        .keys(&[at(1, "RW insert")])
        .replay(Replay::Exact)
        .about(
            "2.2.0",
            "O(N) where N is the number of elements to traverse before seeing the value pivot. This \
            means that inserting somewhere on the left end on the list (head) can be considered O(1) \
            and inserting somewhere on the right end (tail) is O(N).",
            "Insert an element before or after another element in a list",
        )
        .arguments(
            "key:key@0 where:oneof(before:pure-token=BEFORE after:pure-token=AFTER) pivot:string \
            element:string",
        ),
    command("llen", 2)
        .flags("readonly fast")
        .categories("list")
        .keys(&[at(1, "RO")])
        .about("1.0.0", "O(1)", "Get the length of a list")
        .arguments("key:key@0"),
    command("lmove", 5)
        .flags("write denyoom")
        .categories("list")
        .keys(&[at(1, "RW access delete"), at(2, "RW insert")])
        .replay(Replay::Exact)
        .about("6.2.0", "O(1)", "Pop an element from a list, push it to another list and return it")
        .arguments(
            "source:key@0 destination:key@1 wherefrom:oneof(left:pure-token=LEFT right:pure-token=RIGHT) \
            whereto:oneof(left:pure-token=LEFT right:pure-token=RIGHT)",
        ),
    command("lmpop", -4)
        .flags("write")
        .categories("list")
        .keys(&[counted(1, "RW access delete")])
        .replay(Replay::Exact)
        .about(
            "7.0.0",
            "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
            "Pop elements from a list",
        )
        .arguments(
            "numkeys:integer key:key@0* where:oneof(left:pure-token=LEFT right:pure-token=RIGHT) \
            count:integer=COUNT?",
        ),
    command("lpop", -2)
        .flags("write fast")
        .categories("list")
        .keys(&[at(1, "RW access delete")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N) where N is the number of elements returned",
            "Remove and get the first elements in a list",
        )
        .history(&[("6.2.0", "Added the `count` argument.")])
        .arguments("key:key@0 count:integer^6.2.0?"),
    command("lpos", -3)
        .flags("readonly")
        .categories("list")
        .keys(&[at(1, "RO access")])
        .about(
            "6.0.6",
            "O(N) where N is the number of elements in the list, for the average case. When searching \
            for elements near the head or the tail of the list, or when the MAXLEN option is provided, \
            the command may run in constant time.",
            "Return the index of matching elements on a list",
        )
        .arguments(
            "key:key@0 element:string rank:integer=RANK? num-matches:integer=COUNT? len:integer=MAXLEN?",
        ),
    command("lpush", -3)
        .flags("write denyoom fast")
        .categories("list")
        .keys(&[at(1, "RW insert")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(1) for each element added, so O(N) to add N elements when the command is called with \
            multiple arguments.",
            "Prepend one or multiple elements to a list",
        )
        .history(&[("2.4.0", "Accepts multiple `element` arguments.")])
        .arguments("key:key@0 element:string*"),
    command("lpushx", -3)
        .flags("write denyoom fast")
        .categories("list")
        .keys(&[at(1, "RW insert")])
        .replay(Replay::Exact)
        .about(
            "2.2.0",
            "O(1) for each element added, so O(N) to add N elements when the command is called with \
            multiple arguments.",
            "Prepend an element to a list, only if the list exists",
        )
        .history(&[("4.0.0", "Accepts multiple `element` arguments.")])
        .arguments("key:key@0 element:string*"),
    command("lrange", 4)
        .flags("readonly")
        .categories("list")
        .keys(&[at(1, "RO access")])
        .about(
            "1.0.0",
            "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end \
            (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.",
            "Get a range of elements from a list",
        )
        .arguments("key:key@0 start:integer stop:integer"),
    command("lrem", 4)
        .flags("write")
        .categories("list")
        .keys(&[at(1, "RW delete")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N+M) where N is the length of the list and M is the number of elements removed.",
            "Remove elements from a list",
        )
        .arguments("key:key@0 count:integer element:string"),
    command("lset", 4)
        .flags("write denyoom")
        .categories("list")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N) where N is the length of the list. Setting either the first or the last element of the \
            list is O(1).",
            "Set the value of an element in a list by its index",
        )
        .arguments("key:key@0 index:integer element:string"),
    command("ltrim", 4)
        .flags("write")
        .categories("list")
        .keys(&[at(1, "RW delete")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N) where N is the number of elements to be removed by the operation.",
            "Trim a list to the specified range",
        )
        .arguments("key:key@0 start:integer stop:integer"),
    command("rpop", -2)
        .flags("write fast")
        .categories("list")
        .keys(&[at(1, "RW access delete")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(N) where N is the number of elements returned",
            "Remove and get the last elements in a list",
        )
        .history(&[("6.2.0", "Added the `count` argument.")])
        .arguments("key:key@0 count:integer^6.2.0?"),
    command("rpoplpush", 3)
        .flags("write denyoom")
        .categories("list")
        .keys(&[at(1, "RW access delete"), at(2, "RW insert")])
        .replay(Replay::Exact)
        .about("1.2.0", "O(1)", "Remove the last element in a list, prepend it to another list and return it")
        .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")
        .arguments("source:key@0 destination:key@1"),
    command("rpush", -3)
        .flags("write denyoom fast")
        .categories("list")
        .keys(&[at(1, "RW insert")])
        .replay(Replay::Exact)
        .about(
            "1.0.0",
            "O(1) for each element added, so O(N) to add N elements when the command is called with \
            multiple arguments.",
            "Append one or multiple elements to a list",
        )
        .history(&[("2.4.0", "Accepts multiple `element` arguments.")])
        .arguments("key:key@0 element:string*"),
    command("rpushx", -3)
        .flags("write denyoom fast")
        .categories("list")
        .keys(&[at(1, "RW insert")])
        .replay(Replay::Exact)
        .about(
            "2.2.0",
            "O(1) for each element added, so O(N) to add N elements when the command is called with \
            multiple arguments.",
            "Append an element to a list, only if the list exists",
        )
        .history(&[("4.0.0", "Accepts multiple `element` arguments.")])
        .arguments("key:key@0 element:string*"),
];
