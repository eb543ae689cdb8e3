//! The connection.

use crate::command::{
    policy::{Source, Split},
    row::{Row, command, subcommand},
};

pub(super) const ROWS: &[Row] = &[
    command("auth", -2)
        .flags("noscript loading stale fast no_auth allow_busy")
        .categories("connection")
        .split(Split::Local)
        .about(
            "1.0.0",
            "O(N) where N is the number of passwords defined for the user",
            "Authenticate to the server",
        )
        .history(&[("6.0.0", "Added ACL style (username and password).")])
        .arguments("username:string^6.0.0? password:string"),
    command("client", -2)
        .split(Split::Local)
        .about("2.4.0", "Depends on subcommand.", "A container for client connection commands")
        .subcommands(&[
            subcommand("client|caching", 3)
                .flags("noscript loading stale")
                .categories("connection")
                .split(Split::Conversation)
                .about("6.0.0", "O(1)", "Instruct the server about tracking or not keys in the next request")
                .arguments("mode:oneof(yes:pure-token=YES no:pure-token=NO)"),
            subcommand("client|getname", 2)
                .flags("noscript loading stale")
                .categories("connection")
                .split(Split::Local)
                .about("2.6.9", "O(1)", "Get the current connection name"),
            subcommand("client|getredir", 2)
                .flags("noscript loading stale")
                .categories("connection")
                .split(Split::Conversation)
                .about("6.0.0", "O(1)", "Get tracking notifications redirection client ID if any"),
            subcommand("client|help", 2)
                .flags("loading stale")
                .categories("connection")
                .split(Split::Local)
                .about("5.0.0", "O(1)", "Show helpful text about the different subcommands"),
            subcommand("client|id", 2)
                .flags("noscript loading stale")
                .categories("connection")
                .split(Split::Local)
                .about("5.0.0", "O(1)", "Returns the client ID for the current connection"),
            subcommand("client|info", 2)
                .flags("noscript loading stale")
                .categories("connection")
                .tips(&["nondeterministic_output"])
                .split(Split::Local)
                .about("6.2.0", "O(1)", "Returns information about the current client connection."),
            subcommand("client|kill", -3)
                .flags("admin noscript loading stale")
                .categories("connection")
                .split(Split::Local)
                .about(
                    "2.4.0",
                    "O(N) where N is the number of client connections",
                    "Kill the connection of a client",
                )
                .history(&[
                    ("2.8.12", "Added new filter format."),
                    ("2.8.12", "`ID` option."),
                    ("3.2.0", "Added `master` type in for `TYPE` option."),
                    (
                        "5.0.0",
                        "Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward \
                        compatibility.",
                    ),
                    ("6.2.0", "`LADDR` option."),
                ])
                .arguments(
                    "filter:oneof('ip:port':string!2.8.12 new-format:oneof*(client-id:integer=ID^2.8.12? \
                    normal_master_slave_pubsub:oneof=TYPE^2.8.12?(normal:pure-token=NORMAL \
                    master:pure-token=MASTER^3.2.0 slave:pure-token=SLAVE \
                    replica:pure-token=REPLICA^5.0.0 pubsub:pure-token=PUBSUB) username:string=USER? \
                    'ip:port':string=ADDR? 'ip:port':string=LADDR^6.2.0? 'yes/no':string=SKIPME?))",
                ),
            subcommand("client|list", -2)
                .flags("admin noscript loading stale")
                .categories("connection")
                .tips(&["nondeterministic_output"])
                .split(Split::Local)
                .about(
                    "2.4.0",
                    "O(N) where N is the number of client connections",
                    "Get the list of client connections",
                )
                .history(&[
                    ("2.8.12", "Added unique client `id` field."),
                    ("5.0.0", "Added optional `TYPE` filter."),
                    ("6.0.0", "Added `user` field."),
                    (
                        "6.2.0",
                        "Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` \
                        filter.",
                    ),
                    ("7.0.0", "Added `resp`, `multi-mem`, `rbs` and `rbp` fields."),
                    ("7.0.3", "Added `ssub` field."),
                ])
                .arguments(
                    "normal_master_replica_pubsub:oneof=TYPE^5.0.0?(normal:pure-token=NORMAL \
                    master:pure-token=MASTER replica:pure-token=REPLICA pubsub:pure-token=PUBSUB) \
                    id:block=ID^6.2.0?(client-id:integer*)",
                ),
            subcommand("client|no-evict", 3)
                .flags("admin noscript loading stale")
                .categories("connection")
                .split(Split::Local)
                .about("7.0.0", "O(1)", "Set client eviction mode for the current connection")
                .arguments("enabled:oneof(on:pure-token=ON off:pure-token=OFF)"),
            subcommand("client|no-touch", 3)
                .flags("noscript loading stale")
                .categories("connection")
                .split(Split::Local)
                .source(Source::Redis72)
                .about("7.2.0", "O(1)", "Let reads of this connection leave the last access of keys alone")
                .arguments("enabled:oneof(on:pure-token=ON off:pure-token=OFF)"),
            subcommand("client|pause", -3)
                .flags("admin noscript loading stale")
                .categories("connection")
                .split(Split::Local)
                .about("2.9.50", "O(1)", "Stop processing commands from clients for some time")
                .history(&[("6.2.0", "`CLIENT PAUSE WRITE` mode added along with the `mode` option.")])
                .arguments("timeout:integer mode:oneof^6.2.0?(write:pure-token=WRITE all:pure-token=ALL)"),
            subcommand("client|reply", 3)
                .flags("noscript loading stale")
                .categories("connection")
                .split(Split::Conversation)
                .about("3.2.0", "O(1)", "Instruct the server whether to reply to commands")
                .arguments("on_off_skip:oneof(on:pure-token=ON off:pure-token=OFF skip:pure-token=SKIP)"),
            subcommand("client|setinfo", 4)
                .flags("noscript loading stale")
                .categories("connection")
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .split(Split::Local)
                .source(Source::Redis72)
                .about("7.2.0", "O(1)", "Name the client library and its version")
                .arguments("attr:oneof(libname:string=lib-name libver:string=lib-ver)"),
            subcommand("client|setname", 3)
                .flags("noscript loading stale")
                .categories("connection")
                .split(Split::Local)
                .about("2.6.9", "O(1)", "Set the current connection name")
                .arguments("connection-name:string"),
            subcommand("client|trace", 3)
                .source(Source::Ringmaster)
                .flags("noscript loading stale")
                .categories("connection")
                .split(Split::Local)
                .about("0.1.0", "O(1)", "Say what the next command is a part of, for tracing")
                .arguments("what:oneof(off:pure-token=OFF traceparent:string)"),
            subcommand("client|tracking", -3)
                .flags("noscript loading stale")
                .categories("connection")
                .split(Split::Conversation)
                .about(
                    "6.0.0",
                    "O(1). Some options may introduce additional complexity.",
                    "Enable or disable server assisted client side caching support",
                )
                .arguments(
                    "status:oneof(on:pure-token=ON off:pure-token=OFF) client-id:integer=REDIRECT? \
                    prefix:string=PREFIX?*+ bcast:pure-token=BCAST? optin:pure-token=OPTIN? \
                    optout:pure-token=OPTOUT? noloop:pure-token=NOLOOP?",
                ),
            subcommand("client|trackinginfo", 2)
                .flags("noscript loading stale")
                .categories("connection")
                .split(Split::Conversation)
                .about(
                    "6.2.0",
                    "O(1)",
                    "Return information about server assisted client side caching for the current \
                    connection",
                ),
            subcommand("client|unblock", -3)
                .flags("admin noscript loading stale")
                .categories("connection")
                .split(Split::Local)
                .about(
                    "5.0.0",
                    "O(log N) where N is the number of client connections",
                    "Unblock a client blocked in a blocking command from a different connection",
                )
                .arguments(
                    "client-id:integer timeout_error:oneof?(timeout:pure-token=TIMEOUT \
                    error:pure-token=ERROR)",
                ),
            subcommand("client|unpause", 2)
                .flags("admin noscript loading stale")
                .categories("connection")
                .split(Split::Local)
                .about(
                    "6.2.0",
                    "O(N) Where N is the number of paused clients",
                    "Resume processing of clients that were paused",
                ),
        ]),
    command("echo", 2)
        .flags("loading stale fast")
        .categories("connection")
        .split(Split::Local)
        .about("1.0.0", "O(1)", "Echo the given string")
        .arguments("message:string"),
    command("hello", -1)
        .flags("noscript loading stale fast no_auth allow_busy")
        .categories("connection")
        .split(Split::Local)
        .about("6.0.0", "O(1)", "Handshake with Redis")
        .history(&[(
            "6.2.0",
            "`protover` made optional; when called without arguments the command reports the current \
                connection's context.",
        )])
        .arguments(
            "arguments:block?(protover:integer username_password:block=AUTH?(username:string \
            password:string) clientname:string=SETNAME?)",
        ),
    command("ping", -1)
        .flags("fast")
        .categories("connection")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .split(Split::Local)
        .about("1.0.0", "O(1)", "Ping the server")
        .arguments("message:string?"),
    command("quit", -1)
        .flags("noscript loading stale fast no_auth allow_busy")
        .categories("connection")
        .split(Split::Local)
        .about("1.0.0", "O(1)", "Close the connection"),
    command("reset", 1)
        .flags("noscript loading stale fast no_auth allow_busy")
        .categories("connection")
        .split(Split::Local)
        .about("6.2.0", "O(1)", "Reset the connection"),
    command("select", 2)
        .flags("loading stale fast")
        .categories("connection")
        .split(Split::Local)
        .about("1.0.0", "O(1)", "Change the selected database for the current connection")
        .arguments("index:integer"),
];
