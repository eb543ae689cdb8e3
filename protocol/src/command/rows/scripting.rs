//! Scripts and functions.

use crate::command::{
    key::counted,
    policy::{Merge, Replay, Split},
    row::{Row, command, subcommand},
};

pub(super) const ROWS: &[Row] = &[
    command("eval", -3)
        .flags("noscript stale skip_monitor no_mandatory_keys")
        .categories("scripting")
        .keys(&[counted(2, "RW access update")
            .noted("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")])
        .replay(Replay::Effect)
        .about("2.6.0", "Depends on the script that is executed.", "Execute a Lua script server side")
        .arguments("script:string numkeys:integer key:key@0?* arg:string?*"),
    command("eval_ro", -3)
        .flags("readonly noscript stale skip_monitor no_mandatory_keys")
        .categories("scripting")
        .keys(&[counted(2, "RO access")
            .noted("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS")])
        .about(
            "7.0.0",
            "Depends on the script that is executed.",
            "Execute a read-only Lua script server side",
        )
        .arguments("script:string numkeys:integer key:key@0?* arg:string?*"),
    command("evalsha", -3)
        .flags("noscript stale skip_monitor no_mandatory_keys")
        .categories("scripting")
        .keys(&[counted(2, "RW access update")])
        .replay(Replay::Effect)
        .about("2.6.0", "Depends on the script that is executed.", "Execute a Lua script server side")
        .arguments("sha1:string numkeys:integer key:key@0?* arg:string?*"),
    command("evalsha_ro", -3)
        .flags("readonly noscript stale skip_monitor no_mandatory_keys")
        .categories("scripting")
        .keys(&[counted(2, "RO access")])
        .about(
            "7.0.0",
            "Depends on the script that is executed.",
            "Execute a read-only Lua script server side",
        )
        .arguments("sha1:string numkeys:integer key:key@0?* arg:string?*"),
    command("fcall", -3)
        .flags("noscript stale skip_monitor no_mandatory_keys")
        .categories("scripting")
        .keys(&[counted(2, "RW access update")
            .noted("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")])
        .replay(Replay::Effect)
        .about("7.0.0", "Depends on the function that is executed.", "Invoke a function")
        .arguments("function:string numkeys:integer key:key@0?* arg:string?*"),
    command("fcall_ro", -3)
        .flags("readonly noscript stale skip_monitor no_mandatory_keys")
        .categories("scripting")
        .keys(&[counted(2, "RO access")
            .noted("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS")])
        .about("7.0.0", "Depends on the function that is executed.", "Invoke a read-only function")
        .arguments("function:string numkeys:integer key:key@0?* arg:string?*"),
    command("function", -2)
        .split(Split::Local)
        .about("7.0.0", "Depends on subcommand.", "A container for function commands")
        .subcommands(&[
            subcommand("function|delete", 3)
                .flags("write noscript")
                .categories("scripting")
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .split(Split::Nodes(Merge::AllOk))
                .replay(Replay::Exact)
                .about("7.0.0", "O(1)", "Delete a function by name")
                .arguments("library-name:string"),
            subcommand("function|dump", 2)
                .flags("noscript")
                .categories("scripting")
                .split(Split::Nodes(Merge::AnyOne))
                .about(
                    "7.0.0",
                    "O(N) where N is the number of functions",
                    "Dump all functions into a serialized binary payload",
                ),
            subcommand("function|flush", -2)
                .flags("write noscript")
                .categories("scripting")
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .split(Split::Nodes(Merge::AllOk))
                .replay(Replay::Exact)
                .about("7.0.0", "O(N) where N is the number of functions deleted", "Deleting all functions")
                .arguments("async:oneof?(async:pure-token=ASYNC sync:pure-token=SYNC)"),
            subcommand("function|help", 2)
                .flags("loading stale")
                .categories("scripting")
                .split(Split::Local)
                .about("7.0.0", "O(1)", "Show helpful text about the different subcommands"),
            subcommand("function|kill", 2)
                .flags("noscript allow_busy")
                .categories("scripting")
                .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
                .split(Split::Nodes(Merge::AnyOk))
                .about("7.0.0", "O(1)", "Kill the function currently in execution."),
            subcommand("function|list", -2)
                .flags("noscript")
                .categories("scripting")
                .tips(&["nondeterministic_output_order"])
                .split(Split::Nodes(Merge::AnyOne))
                .about(
                    "7.0.0",
                    "O(N) where N is the number of functions",
                    "List information about all the functions",
                )
                .arguments("library-name-pattern:string=LIBRARYNAME? withcode:pure-token=WITHCODE?"),
            subcommand("function|load", -3)
                .flags("write denyoom noscript")
                .categories("scripting")
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .split(Split::Nodes(Merge::Same))
                .replay(Replay::Exact)
                .about(
                    "7.0.0",
                    "O(1) (considering compilation time is redundant)",
                    "Create a function with the given arguments (name, code, description)",
                )
                .arguments("replace:pure-token=REPLACE? function-code:string"),
            subcommand("function|restore", -3)
                .flags("write denyoom noscript")
                .categories("scripting")
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .split(Split::Nodes(Merge::AllOk))
                .replay(Replay::Exact)
                .about(
                    "7.0.0",
                    "O(N) where N is the number of functions on the payload",
                    "Restore all the functions on the given payload",
                )
                .arguments(
                    "serialized-value:string policy:oneof?(flush:pure-token=FLUSH \
                    append:pure-token=APPEND replace:pure-token=REPLACE)",
                ),
            subcommand("function|stats", 2)
                .flags("noscript allow_busy")
                .categories("scripting")
                .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
                .split(Split::Nodes(Merge::AnyOne))
                .about(
                    "7.0.0",
                    "O(1)",
                    "Return information about the function currently running (name, description, duration)",
                ),
        ]),
    command("script", -2)
        .split(Split::Local)
        .about("2.6.0", "Depends on subcommand.", "A container for Lua scripts management commands")
        .subcommands(&[
            subcommand("script|debug", 3)
                .flags("noscript")
                .categories("scripting")
                .split(Split::Refused)
                .about("3.2.0", "O(1)", "Set the debug mode for executed scripts.")
                .arguments("mode:oneof(yes:pure-token=YES sync:pure-token=SYNC no:pure-token=NO)"),
            subcommand("script|exists", -3)
                .flags("noscript")
                .categories("scripting")
                .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
                .split(Split::Nodes(Merge::And))
                .about(
                    "2.6.0",
                    "O(N) with N being the number of scripts to check (so checking a single script is an \
                    O(1) operation).",
                    "Check existence of scripts in the script cache.",
                )
                .arguments("sha1:string*"),
            subcommand("script|flush", -2)
                .flags("noscript")
                .categories("scripting")
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .split(Split::Nodes(Merge::AllOk))
                .about(
                    "2.6.0",
                    "O(N) with N being the number of scripts in cache",
                    "Remove all the scripts from the script cache.",
                )
                .history(&[("6.2.0", "Added the `ASYNC` and `SYNC` flushing mode modifiers.")])
                .arguments("async:oneof^6.2.0?(async:pure-token=ASYNC sync:pure-token=SYNC)"),
            subcommand("script|help", 2)
                .flags("loading stale")
                .categories("scripting")
                .split(Split::Local)
                .about("5.0.0", "O(1)", "Show helpful text about the different subcommands"),
            subcommand("script|kill", 2)
                .flags("noscript allow_busy")
                .categories("scripting")
                .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
                .split(Split::Nodes(Merge::AnyOk))
                .about("2.6.0", "O(1)", "Kill the script currently in execution."),
            subcommand("script|load", 3)
                .flags("noscript stale")
                .categories("scripting")
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .split(Split::Nodes(Merge::Same))
                .about(
                    "2.6.0",
                    "O(N) with N being the length in bytes of the script body.",
                    "Load the specified Lua script into the script cache.",
                )
                .arguments("script:string"),
        ]),
];
