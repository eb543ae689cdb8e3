//! Streams.

use crate::command::{
    key::{FIRST_HALF, after, at},
    policy::{Replay, Split},
    row::{Row, command, subcommand},
};

pub(super) const ROWS: &[Row] = &[
    command("xack", -4)
        .flags("write fast")
        .categories("stream")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .about(
            "5.0.0",
            "O(1) for each message ID processed.",
            "Marks a pending message as correctly processed, effectively removing it from the pending \
            entries list of the consumer group. Return value of the command is the number of messages \
            successfully acknowledged, that is, the IDs we were actually able to resolve in the PEL.",
        )
        .arguments("key:key@0 group:string id:string*"),
    command("xadd", -5)
        .flags("write denyoom fast")
        .categories("stream")
        .tips(&["nondeterministic_output"])
        .keys(
            &[at(1, "RW update").noted("UPDATE instead of INSERT because of the optional trimming feature")],
        )
        .replay(Replay::Effect)
        .about(
            "5.0.0",
            "O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.",
            "Appends a new entry to a stream",
        )
        .history(&[
            ("6.2.0", "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option."),
            ("7.0.0", "Added support for the `<ms>-*` explicit ID form."),
        ])
        .arguments(
            "key:key@0 nomkstream:pure-token=NOMKSTREAM^6.2.0? \
            trim:block?(strategy:oneof(maxlen:pure-token=MAXLEN minid:pure-token=MINID^6.2.0) \
            operator:oneof?(equal:pure-token='=' approximately:pure-token='~') threshold:string \
            count:integer=LIMIT^6.2.0?) id_or_auto:oneof(auto_id:pure-token='*' id:string) \
            field_value:block*(field:string value:string)",
        ),
    command("xautoclaim", -6)
        .flags("write fast")
        .categories("stream")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RW delete")])
        .replay(Replay::Timed)
        .about(
            "6.2.0",
            "O(1) if COUNT is small.",
            "Changes (or acquires) ownership of messages in a consumer group, as if the messages were \
            delivered to the specified consumer.",
        )
        .history(&[(
            "7.0.0",
            "Added an element to the reply array, containing deleted entries the command cleared \
                from the PEL",
        )])
        .arguments(
            "key:key@0 group:string consumer:string min-idle-time:string start:string \
            count:integer=COUNT? justid:pure-token=JUSTID?",
        ),
    command("xclaim", -6)
        .flags("write fast")
        .categories("stream")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RW update")])
        .replay(Replay::Timed)
        .about(
            "5.0.0",
            "O(log N) with N being the number of messages in the PEL of the consumer group.",
            "Changes (or acquires) ownership of a message in a consumer group, as if the message was \
            delivered to the specified consumer.",
        )
        .arguments(
            "key:key@0 group:string consumer:string min-idle-time:string id:string* ms:integer=IDLE? \
            unix-time-milliseconds:unix-time=TIME? count:integer=RETRYCOUNT? force:pure-token=FORCE? \
            justid:pure-token=JUSTID? id:string=LASTID?",
        ),
    command("xdel", -3)
        .flags("write fast")
        .categories("stream")
        .keys(&[at(1, "RW delete")])
        .replay(Replay::Exact)
        .about(
            "5.0.0",
            "O(1) for each single item to delete in the stream, regardless of the stream size.",
            "Removes the specified entries from the stream. Returns the number of items actually \
            deleted, that may be different from the number of IDs passed in case certain IDs do not \
            exist.",
        )
        .arguments("key:key@0 id:string*"),
    command("xgroup", -2)
        .split(Split::Local)
        .about("5.0.0", "Depends on subcommand.", "A container for consumer groups commands")
        .subcommands(&[
            subcommand("xgroup|create", -5)
                .flags("write denyoom")
                .categories("stream")
                .keys(&[at(2, "RW insert")])
                .replay(Replay::Exact)
                .about("5.0.0", "O(1)", "Create a consumer group.")
                .history(&[("7.0.0", "Added the `entries_read` named argument.")])
                .arguments(
                    "key:key@0 groupname:string id:oneof(id:string new_id:pure-token='$') \
                    mkstream:pure-token=MKSTREAM? entries_read:integer=ENTRIESREAD?",
                ),
            subcommand("xgroup|createconsumer", 5)
                .flags("write denyoom")
                .categories("stream")
                .keys(&[at(2, "RW insert")])
                .replay(Replay::Timed)
                .about("6.2.0", "O(1)", "Create a consumer in a consumer group.")
                .arguments("key:key@0 groupname:string consumername:string"),
            subcommand("xgroup|delconsumer", 5)
                .flags("write")
                .categories("stream")
                .keys(&[at(2, "RW delete")])
                .replay(Replay::Exact)
                .about("5.0.0", "O(1)", "Delete a consumer from a consumer group.")
                .arguments("key:key@0 groupname:string consumername:string"),
            subcommand("xgroup|destroy", 4)
                .flags("write")
                .categories("stream")
                .keys(&[at(2, "RW delete")])
                .replay(Replay::Exact)
                .about(
                    "5.0.0",
                    "O(N) where N is the number of entries in the group's pending entries list (PEL).",
                    "Destroy a consumer group.",
                )
                .arguments("key:key@0 groupname:string"),
            subcommand("xgroup|help", 2)
                .flags("loading stale")
                .categories("stream")
                .split(Split::Local)
                .about("5.0.0", "O(1)", "Show helpful text about the different subcommands"),
            subcommand("xgroup|setid", -5)
                .flags("write")
                .categories("stream")
                .keys(&[at(2, "RW update")])
                .replay(Replay::Exact)
                .about("5.0.0", "O(1)", "Set a consumer group to an arbitrary last delivered ID value.")
                .history(&[("7.0.0", "Added the optional `entries_read` argument.")])
                .arguments(
                    "key:key@0 groupname:string id:oneof(id:string new_id:pure-token='$') \
                    entries_read:integer=ENTRIESREAD?",
                ),
        ]),
    command("xinfo", -2)
        .split(Split::Local)
        .about("5.0.0", "Depends on subcommand.", "A container for stream introspection commands")
        .subcommands(&[
            subcommand("xinfo|consumers", 4)
                .flags("readonly")
                .categories("stream")
                .tips(&["nondeterministic_output"])
                .keys(&[at(2, "RO access")])
                .about("5.0.0", "O(1)", "List the consumers in a consumer group")
                .arguments("key:key@0 groupname:string"),
            subcommand("xinfo|groups", 3)
                .flags("readonly")
                .categories("stream")
                .keys(&[at(2, "RO access")])
                .about("5.0.0", "O(1)", "List the consumer groups of a stream")
                .history(&[("7.0.0", "Added the `entries-read` and `lag` fields")])
                .arguments("key:key@0"),
            subcommand("xinfo|help", 2)
                .flags("loading stale")
                .categories("stream")
                .split(Split::Local)
                .about("5.0.0", "O(1)", "Show helpful text about the different subcommands"),
            subcommand("xinfo|stream", -3)
                .flags("readonly")
                .categories("stream")
                .keys(&[at(2, "RO access")])
                .about("5.0.0", "O(1)", "Get information about a stream")
                .history(&[
                    ("6.0.0", "Added the `FULL` modifier."),
                    (
                        "7.0.0",
                        "Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, \
                        `entries-read` and `lag` fields",
                    ),
                ])
                .arguments("key:key@0 full:block=FULL?(count:integer=COUNT?)"),
        ]),
    command("xlen", 2)
        .flags("readonly fast")
        .categories("stream")
        .keys(&[at(1, "RO")])
        .about("5.0.0", "O(1)", "Return the number of entries in a stream")
        .arguments("key:key@0"),
    command("xpending", -3)
        .flags("readonly")
        .categories("stream")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RO access")])
        .about(
            "5.0.0",
            "O(N) with N being the number of elements returned, so asking for a small fixed number of \
            entries per call is O(1). O(M), where M is the total number of entries scanned when used \
            with the IDLE filter. When the command returns just the summary and the list of consumers \
            is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every \
            consumer.",
            "Return information and entries from a stream consumer group pending entries list, that are \
            messages fetched but never acknowledged.",
        )
        .history(&[("6.2.0", "Added the `IDLE` option and exclusive range intervals.")])
        .arguments(
            "key:key@0 group:string filters:block?(min-idle-time:integer=IDLE^6.2.0? start:string \
            end:string count:integer consumer:string?)",
        ),
    command("xrange", -4)
        .flags("readonly")
        .categories("stream")
        .keys(&[at(1, "RO access")])
        .about(
            "5.0.0",
            "O(N) with N being the number of elements being returned. If N is constant (e.g. always \
            asking for the first 10 elements with COUNT), you can consider it O(1).",
            "Return a range of elements in a stream, with IDs matching the specified IDs interval",
        )
        .history(&[("6.2.0", "Added exclusive ranges.")])
        .arguments("key:key@0 start:string end:string count:integer=COUNT?"),
    command("xread", -4)
        .flags("readonly blocking")
        .categories("stream")
        .keys(&[after("STREAMS", 1, FIRST_HALF, "RO access")])
        .split(Split::Conversation)
        .about(
            "5.0.0",
            "For each stream mentioned: O(N) with N being the number of elements being returned, it \
            means that XREAD-ing with a fixed COUNT is O(1). Note that when the BLOCK option is used, \
            XADD will pay O(M) time in order to serve the M clients blocked on the stream getting new \
            data.",
            "Return never seen elements in multiple streams, with IDs greater than the ones reported by \
            the caller for each stream. Can block.",
        )
        .arguments(
            "count:integer=COUNT? milliseconds:integer=BLOCK? streams:block=STREAMS(key:key@0* id:string*)",
        ),
    command("xreadgroup", -7)
        .flags("write blocking")
        .categories("stream")
        .keys(&[after("STREAMS", 4, FIRST_HALF, "RO access")])
        .split(Split::Conversation)
        .replay(Replay::Effect)
        .about(
            "5.0.0",
            "For each stream mentioned: O(M) with M being the number of elements returned. If M is \
            constant (e.g. always asking for the first 10 elements with COUNT), you can consider it \
            O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to \
            serve the N clients blocked on the stream getting new data.",
            "Return new entries from a stream using a consumer group, or access the history of the \
            pending entries for a given consumer. Can block.",
        )
        .arguments(
            "group_consumer:block=GROUP(group:string consumer:string) count:integer=COUNT? \
            milliseconds:integer=BLOCK? noack:pure-token=NOACK? streams:block=STREAMS(key:key@0* \
            id:string*)",
        ),
    command("xrevrange", -4)
        .flags("readonly")
        .categories("stream")
        .keys(&[at(1, "RO access")])
        .about(
            "5.0.0",
            "O(N) with N being the number of elements returned. If N is constant (e.g. always asking for \
            the first 10 elements with COUNT), you can consider it O(1).",
            "Return a range of elements in a stream, with IDs matching the specified IDs interval, in \
            reverse order (from greater to smaller IDs) compared to XRANGE",
        )
        .history(&[("6.2.0", "Added exclusive ranges.")])
        .arguments("key:key@0 end:string start:string count:integer=COUNT?"),
    command("xsetid", -3)
        .flags("write denyoom fast")
        .categories("stream")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .about("5.0.0", "O(1)", "An internal command for replicating stream values")
        .history(&[("7.0.0", "Added the `entries_added` and `max_deleted_entry_id` arguments.")])
        .arguments(
            "key:key@0 last-id:string entries_added:integer=ENTRIESADDED^7.0.0? \
            max_deleted_entry_id:string=MAXDELETEDID^7.0.0?",
        ),
    command("xtrim", -4)
        .flags("write")
        .categories("stream")
        .tips(&["nondeterministic_output"])
        .keys(&[at(1, "RW delete")])
        .replay(Replay::Effect)
        .about(
            "5.0.0",
            "O(N), with N being the number of evicted entries. Constant times are very small however, \
            since entries are organized in macro nodes containing multiple entries that can be released \
            with a single deallocation.",
            "Trims the stream to (approximately if '~' is passed) a certain size",
        )
        .history(&[("6.2.0", "Added the `MINID` trimming strategy and the `LIMIT` option.")])
        .arguments(
            "key:key@0 trim:block(strategy:oneof(maxlen:pure-token=MAXLEN minid:pure-token=MINID^6.2.0) \
            operator:oneof?(equal:pure-token='=' approximately:pure-token='~') threshold:string \
            count:integer=LIMIT^6.2.0?)",
        ),
];
