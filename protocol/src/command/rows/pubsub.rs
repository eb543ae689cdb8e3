//! Publish and subscribe.

use crate::command::{
    key::{at, range},
    policy::{Merge, Split},
    row::{Row, command, subcommand},
};

pub(super) const ROWS: &[Row] = &[
    command("psubscribe", -2)
        .flags("pubsub noscript loading stale")
        .split(Split::Conversation)
        .about(
            "2.0.0",
            "O(N) where N is the number of patterns the client is already subscribed to.",
            "Listen for messages published to channels matching the given patterns",
        )
        .arguments("pattern:block*(pattern:pattern)"),
    command("publish", 3)
        .flags("pubsub loading stale fast")
        .split(Split::Channel)
        .about(
            "2.0.0",
            "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the \
            total number of subscribed patterns (by any client).",
            "Post a message to a channel",
        )
        .arguments("channel:string message:string"),
    command("pubsub", -2)
        .split(Split::Local)
        .about("2.8.0", "Depends on subcommand.", "A container for Pub/Sub commands")
        .subcommands(&[
            subcommand("pubsub|channels", -2)
                .flags("pubsub loading stale")
                .split(Split::Nodes(Merge::Union))
                .about(
                    "2.8.0",
                    "O(N) where N is the number of active channels, and assuming constant time pattern \
                    matching (relatively short channels and patterns)",
                    "List active channels",
                )
                .arguments("pattern:pattern?"),
            subcommand("pubsub|help", 2).flags("loading stale").split(Split::Local).about(
                "6.2.0",
                "O(1)",
                "Show helpful text about the different subcommands",
            ),
            subcommand("pubsub|numpat", 2)
                .flags("pubsub loading stale")
                .split(Split::Nodes(Merge::Most))
                .about("2.8.0", "O(1)", "Get the count of unique patterns pattern subscriptions"),
            subcommand("pubsub|numsub", -2)
                .flags("pubsub loading stale")
                .split(Split::Nodes(Merge::Most))
                .about(
                    "2.8.0",
                    "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
                    "Get the count of subscribers for channels",
                )
                .arguments("channel:string?*"),
            subcommand("pubsub|shardchannels", -2)
                .flags("pubsub loading stale")
                .split(Split::Nodes(Merge::Union))
                .about(
                    "7.0.0",
                    "O(N) where N is the number of active shard channels, and assuming constant time \
                    pattern matching (relatively short shard channels).",
                    "List active shard channels",
                )
                .arguments("pattern:pattern?"),
            subcommand("pubsub|shardnumsub", -2)
                .flags("pubsub loading stale")
                .split(Split::Nodes(Merge::Most))
                .about(
                    "7.0.0",
                    "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard \
                    channels",
                    "Get the count of subscribers for shard channels",
                )
                .arguments("shardchannel:string?*"),
        ]),
    command("punsubscribe", -1)
        .flags("pubsub noscript loading stale")
        .split(Split::Conversation)
        .about(
            "2.0.0",
            "O(N+M) where N is the number of patterns the client is already subscribed and M is the \
            number of total patterns subscribed in the system (by any client).",
            "Stop listening for messages posted to channels matching the given patterns",
        )
        .arguments("pattern:pattern?*"),
    command("spublish", 3)
        .flags("pubsub loading stale fast")
        .keys(&[at(1, "not_key")])
        .about(
            "7.0.0",
            "O(N) where N is the number of clients subscribed to the receiving shard channel.",
            "Post a message to a shard channel",
        )
        .arguments("shardchannel:string message:string"),
    command("ssubscribe", -2)
        .flags("pubsub noscript loading stale")
        .keys(&[range(1, -1, 1, "not_key")])
        .split(Split::Conversation)
        .about(
            "7.0.0",
            "O(N) where N is the number of shard channels to subscribe to.",
            "Listen for messages published to the given shard channels",
        )
        .arguments("shardchannel:string*"),
    command("subscribe", -2)
        .flags("pubsub noscript loading stale")
        .split(Split::Conversation)
        .about(
            "2.0.0",
            "O(N) where N is the number of channels to subscribe to.",
            "Listen for messages published to the given channels",
        )
        .arguments("channel:string*"),
    command("sunsubscribe", -1)
        .flags("pubsub noscript loading stale")
        .keys(&[range(1, -1, 1, "not_key")])
        .split(Split::Conversation)
        .about(
            "7.0.0",
            "O(N) where N is the number of clients already subscribed to a shard channel.",
            "Stop listening for messages posted to the given shard channels",
        )
        .arguments("shardchannel:string?*"),
    command("unsubscribe", -1)
        .flags("pubsub noscript loading stale")
        .split(Split::Conversation)
        .about(
            "2.0.0",
            "O(N) where N is the number of clients already subscribed to a channel.",
            "Stop listening for messages posted to the given channels",
        )
        .arguments("channel:string?*"),
];
