//! The server: COMMAND, CONFIG, MEMORY, MODULE, SLOWLOG.

use crate::command::{
    key::at,
    policy::{Merge, Split},
    row::{Row, command, subcommand},
};

pub(super) const ROWS: &[Row] = &[
    command("command", -1)
        .flags("loading stale")
        .categories("connection")
        .tips(&["nondeterministic_output_order"])
        .split(Split::Local)
        .about(
            "2.8.13",
            "O(N) where N is the total number of Redis commands",
            "Get array of Redis command details",
        )
        .subcommands(&[
            subcommand("command|count", 2)
                .flags("loading stale")
                .categories("connection")
                .split(Split::Local)
                .about("2.8.13", "O(1)", "Get total number of Redis commands"),
            subcommand("command|docs", -2)
                .flags("loading stale")
                .categories("connection")
                .tips(&["nondeterministic_output_order"])
                .split(Split::Local)
                .about(
                    "7.0.0",
                    "O(N) where N is the number of commands to look up",
                    "Get array of specific Redis command documentation",
                )
                .arguments("command-name:string?*"),
            subcommand("command|getkeys", -4)
                .flags("loading stale")
                .categories("connection")
                .split(Split::Local)
                .about(
                    "2.8.13",
                    "O(N) where N is the number of arguments to the command",
                    "Extract keys given a full Redis command",
                ),
            subcommand("command|getkeysandflags", -4)
                .flags("loading stale")
                .categories("connection")
                .split(Split::Local)
                .about(
                    "7.0.0",
                    "O(N) where N is the number of arguments to the command",
                    "Extract keys and access flags given a full Redis command",
                ),
            subcommand("command|help", 2)
                .flags("loading stale")
                .categories("connection")
                .split(Split::Local)
                .about("5.0.0", "O(1)", "Show helpful text about the different subcommands"),
            subcommand("command|info", -2)
                .flags("loading stale")
                .categories("connection")
                .tips(&["nondeterministic_output_order"])
                .split(Split::Local)
                .about(
                    "2.8.13",
                    "O(N) where N is the number of commands to look up",
                    "Get array of specific Redis command details, or all when no argument is given.",
                )
                .history(&[("7.0.0", "Allowed to be called with no argument to get info on all commands.")])
                .arguments("command-name:string?*"),
            subcommand("command|list", -2)
                .flags("loading stale")
                .categories("connection")
                .tips(&["nondeterministic_output_order"])
                .split(Split::Local)
                .about(
                    "7.0.0",
                    "O(N) where N is the total number of Redis commands",
                    "Get an array of Redis command names",
                )
                .arguments(
                    "filterby:oneof=FILTERBY?(module-name:string=MODULE category:string=ACLCAT \
                    pattern:pattern=PATTERN)",
                ),
        ]),
    command("config", -2)
        .split(Split::Local)
        .about("2.0.0", "Depends on subcommand.", "A container for server configuration commands")
        .subcommands(&[
            subcommand("config|get", -3)
                .flags("admin noscript loading stale")
                .split(Split::Conversation)
                .about(
                    "2.0.0",
                    "O(N) when N is the number of configuration parameters provided",
                    "Get the values of configuration parameters",
                )
                .history(&[("7.0.0", "Added the ability to pass multiple pattern parameters in one call")])
                .arguments("parameter:block*(parameter:string)"),
            subcommand("config|help", 2).flags("loading stale").split(Split::Local).about(
                "5.0.0",
                "O(1)",
                "Show helpful text about the different subcommands",
            ),
            subcommand("config|resetstat", 2)
                .flags("admin noscript loading stale")
                .split(Split::Conversation)
                .about("2.0.0", "O(1)", "Reset the stats returned by INFO"),
            subcommand("config|rewrite", 2)
                .flags("admin noscript loading stale")
                .split(Split::Refused)
                .about("2.8.0", "O(1)", "Rewrite the configuration file with the in memory configuration"),
            subcommand("config|set", -4)
                .flags("admin noscript loading stale")
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .split(Split::Conversation)
                .about(
                    "2.0.0",
                    "O(N) when N is the number of configuration parameters provided",
                    "Set configuration parameters to the given values",
                )
                .history(&[("7.0.0", "Added the ability to set multiple parameters in one call.")])
                .arguments("parameter_value:block*(parameter:string value:string)"),
        ]),
    command("memory", -2)
        .split(Split::Local)
        .about("4.0.0", "Depends on subcommand.", "A container for memory diagnostics commands")
        .subcommands(&[
            subcommand("memory|doctor", 2)
                .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
                .split(Split::Local)
                .about("4.0.0", "O(1)", "Outputs memory problems report"),
            subcommand("memory|help", 2).flags("loading stale").split(Split::Local).about(
                "4.0.0",
                "O(1)",
                "Show helpful text about the different subcommands",
            ),
            subcommand("memory|malloc-stats", 2)
                .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
                .split(Split::Local)
                .about(
                    "4.0.0",
                    "Depends on how much memory is allocated, could be slow",
                    "Show allocator internal stats",
                ),
            subcommand("memory|purge", 2)
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .split(Split::Local)
                .about(
                    "4.0.0",
                    "Depends on how much memory is allocated, could be slow",
                    "Ask the allocator to release memory",
                ),
            subcommand("memory|stats", 2)
                .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
                .split(Split::Local)
                .about("4.0.0", "O(1)", "Show memory usage details"),
            subcommand("memory|usage", -3)
                .flags("readonly")
                .keys(&[at(2, "RO")])
                .about(
                    "4.0.0",
                    "O(N) where N is the number of samples.",
                    "Estimate the memory usage of a key",
                )
                .arguments("key:key@0 count:integer=SAMPLES?"),
        ]),
    command("module", -2)
        .split(Split::Local)
        .about("4.0.0", "Depends on subcommand.", "A container for module commands")
        .subcommands(&[
            subcommand("module|help", 2).flags("loading stale").split(Split::Local).about(
                "5.0.0",
                "O(1)",
                "Show helpful text about the different subcommands",
            ),
            subcommand("module|list", 2)
                .flags("admin noscript")
                .tips(&["nondeterministic_output_order"])
                .split(Split::Local)
                .about(
                    "4.0.0",
                    "O(N) where N is the number of loaded modules.",
                    "List all modules loaded by the server",
                ),
            subcommand("module|load", -3)
                .flags("admin noscript no_async_loading")
                .split(Split::Local)
                .about("4.0.0", "O(1)", "Load a module")
                .arguments("path:string arg:string?*"),
            subcommand("module|loadex", -3)
                .flags("admin noscript no_async_loading")
                .split(Split::Local)
                .about("7.0.0", "O(1)", "Load a module with extended parameters")
                .arguments(
                    "path:string configs:block=CONFIG?*+(name:string value:string) \
                    args:block=ARGS?*(arg:string)",
                ),
            subcommand("module|unload", 3)
                .flags("admin noscript no_async_loading")
                .split(Split::Local)
                .about("4.0.0", "O(1)", "Unload a module")
                .arguments("name:string"),
        ]),
    command("slowlog", -2)
        .split(Split::Local)
        .about("2.2.12", "Depends on subcommand.", "A container for slow log commands")
        .subcommands(&[
            subcommand("slowlog|get", -2)
                .flags("admin loading stale")
                .tips(&["request_policy:all_nodes", "nondeterministic_output"])
                .split(Split::Conversation)
                .about(
                    "2.2.12",
                    "O(N) where N is the number of entries returned",
                    "Get the slow log's entries",
                )
                .history(&[("4.0.0", "Added client IP address, port and name to the reply.")])
                .arguments("count:integer?"),
            subcommand("slowlog|help", 2).flags("loading stale").split(Split::Local).about(
                "6.2.0",
                "O(1)",
                "Show helpful text about the different subcommands",
            ),
            subcommand("slowlog|len", 2)
                .flags("admin loading stale")
                .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
                .split(Split::Nodes(Merge::Sum))
                .about("2.2.12", "O(1)", "Get the slow log's length"),
            subcommand("slowlog|reset", 2)
                .flags("admin loading stale")
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .split(Split::Nodes(Merge::AllOk))
                .about(
                    "2.2.12",
                    "O(N) where N is the number of entries in the slowlog",
                    "Clear all entries from the slow log",
                ),
        ]),
];
