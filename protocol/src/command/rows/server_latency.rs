//! The server: LATENCY.

use crate::command::{
    policy::{Merge, Split},
    row::{Row, command, subcommand},
};

pub(super) const ROWS: &[Row] = &[command("latency", -2)
    .split(Split::Local)
    .about("2.8.13", "Depends on subcommand.", "A container for latency diagnostics commands")
    .subcommands(&[
        subcommand("latency|doctor", 2)
            .flags("admin noscript loading stale")
            .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
            .split(Split::Local)
            .about("2.8.13", "O(1)", "Return a human readable latency analysis report."),
        subcommand("latency|graph", 3)
            .flags("admin noscript loading stale")
            .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
            .split(Split::Local)
            .about("2.8.13", "O(1)", "Return a latency graph for the event.")
            .arguments("event:string"),
        subcommand("latency|help", 2).flags("loading stale").split(Split::Local).about(
            "2.8.13",
            "O(1)",
            "Show helpful text about the different subcommands.",
        ),
        subcommand("latency|histogram", -2)
            .flags("admin noscript loading stale")
            .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
            .split(Split::Local)
            .about(
                "7.0.0",
                "O(N) where N is the number of commands with latency information being retrieved.",
                "Return the cumulative distribution of latencies of a subset of commands or all.",
            )
            .arguments("command:string?*"),
        subcommand("latency|history", 3)
            .flags("admin noscript loading stale")
            .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
            .split(Split::Nodes(Merge::Concat))
            .about("2.8.13", "O(1)", "Return timestamp-latency samples for the event.")
            .arguments("event:string"),
        subcommand("latency|latest", 2)
            .flags("admin noscript loading stale")
            .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
            .split(Split::Nodes(Merge::Concat))
            .about("2.8.13", "O(1)", "Return the latest latency samples for all events."),
        subcommand("latency|reset", -2)
            .flags("admin noscript loading stale")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
            .split(Split::Nodes(Merge::Sum))
            .about("2.8.13", "O(1)", "Reset latency data for one or more events.")
            .arguments("event:string?*"),
    ])];
