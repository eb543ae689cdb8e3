//! Redis Cluster. Ringmaster is no Redis Cluster: a proxy tells its clients that it is all of one, a node answers as a
//! server with cluster support disabled does but tells its keys by slot, and what would change a topology is refused.

use crate::command::{
    policy::{Merge, Split},
    row::{Row, command, subcommand},
};

pub(super) const ROWS: &[Row] = &[
    command("asking", 1).flags("fast").categories("connection").split(Split::Local).about(
        "3.0.0",
        "O(1)",
        "Sent by cluster clients after an -ASK redirect",
    ),
    command("cluster", -2)
        .split(Split::Local)
        .about("3.0.0", "Depends on subcommand.", "A container for cluster commands")
        .subcommands(&[
            subcommand("cluster|addslots", -3)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about(
                    "3.0.0",
                    "O(N) where N is the total number of hash slot arguments",
                    "Assign new hash slots to receiving node",
                )
                .arguments("slot:integer*"),
            subcommand("cluster|addslotsrange", -4)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about(
                    "7.0.0",
                    "O(N) where N is the total number of the slots between the start slot and end slot \
                    arguments.",
                    "Assign new hash slots to receiving node",
                )
                .arguments("start-slot_end-slot:block*(start-slot:integer end-slot:integer)"),
            subcommand("cluster|bumpepoch", 2)
                .flags("admin stale no_async_loading")
                .tips(&["nondeterministic_output"])
                .split(Split::Refused)
                .about("3.0.0", "O(1)", "Advance the cluster config epoch"),
            subcommand("cluster|count-failure-reports", 3)
                .flags("admin stale")
                .tips(&["nondeterministic_output"])
                .split(Split::Local)
                .about(
                    "3.0.0",
                    "O(N) where N is the number of failure reports",
                    "Return the number of failure reports active for a given node",
                )
                .arguments("node-id:string"),
            subcommand("cluster|countkeysinslot", 3)
                .flags("stale")
                .split(Split::Nodes(Merge::Sum))
                .about("3.0.0", "O(1)", "Return the number of local keys in the specified hash slot")
                .arguments("slot:integer"),
            subcommand("cluster|delslots", -3)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about(
                    "3.0.0",
                    "O(N) where N is the total number of hash slot arguments",
                    "Set hash slots as unbound in receiving node",
                )
                .arguments("slot:integer*"),
            subcommand("cluster|delslotsrange", -4)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about(
                    "7.0.0",
                    "O(N) where N is the total number of the slots between the start slot and end slot \
                    arguments.",
                    "Set hash slots as unbound in receiving node",
                )
                .arguments("start-slot_end-slot:block*(start-slot:integer end-slot:integer)"),
            subcommand("cluster|failover", -2)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about("3.0.0", "O(1)", "Forces a replica to perform a manual failover of its master.")
                .arguments("options:oneof?(force:pure-token=FORCE takeover:pure-token=TAKEOVER)"),
            subcommand("cluster|flushslots", 2)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about("3.0.0", "O(1)", "Delete a node's own slots information"),
            subcommand("cluster|forget", 3)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about("3.0.0", "O(1)", "Remove a node from the nodes table")
                .arguments("node-id:string"),
            subcommand("cluster|getkeysinslot", 4)
                .flags("stale")
                .tips(&["nondeterministic_output"])
                .split(Split::Nodes(Merge::Concat))
                .about(
                    "3.0.0",
                    "O(log(N)) where N is the number of requested keys",
                    "Return local key names in the specified hash slot",
                )
                .arguments("slot:integer count:integer"),
            subcommand("cluster|help", 2).flags("loading stale").split(Split::Local).about(
                "5.0.0",
                "O(1)",
                "Show helpful text about the different subcommands",
            ),
            subcommand("cluster|info", 2)
                .flags("stale")
                .tips(&["nondeterministic_output"])
                .split(Split::Local)
                .about("3.0.0", "O(1)", "Provides info about Redis Cluster node state"),
            subcommand("cluster|keyslot", 3)
                .flags("stale")
                .split(Split::Local)
                .about(
                    "3.0.0",
                    "O(N) where N is the number of bytes in the key",
                    "Returns the hash slot of the specified key",
                )
                .arguments("key:string"),
            subcommand("cluster|links", 2)
                .flags("stale")
                .tips(&["nondeterministic_output"])
                .split(Split::Local)
                .about(
                    "7.0.0",
                    "O(N) where N is the total number of Cluster nodes",
                    "Returns a list of all TCP links to and from peer nodes in cluster",
                ),
            subcommand("cluster|meet", -4)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about("3.0.0", "O(1)", "Force a node cluster to handshake with another node")
                .history(&[("4.0.0", "Added the optional `cluster_bus_port` argument.")])
                .arguments("ip:string port:integer cluster_bus_port:integer^4.0.0?"),
            subcommand("cluster|myid", 2).flags("stale").split(Split::Local).about(
                "3.0.0",
                "O(1)",
                "Return the node id",
            ),
            subcommand("cluster|nodes", 2)
                .flags("stale")
                .tips(&["nondeterministic_output"])
                .split(Split::Local)
                .about(
                    "3.0.0",
                    "O(N) where N is the total number of Cluster nodes",
                    "Get Cluster config for the node",
                ),
            subcommand("cluster|replicas", 3)
                .flags("admin stale")
                .tips(&["nondeterministic_output"])
                .split(Split::Local)
                .about("5.0.0", "O(1)", "List replica nodes of the specified master node")
                .arguments("node-id:string"),
            subcommand("cluster|replicate", 3)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about("3.0.0", "O(1)", "Reconfigure a node as a replica of the specified master node")
                .arguments("node-id:string"),
            subcommand("cluster|reset", -2)
                .flags("admin noscript stale")
                .split(Split::Refused)
                .about(
                    "3.0.0",
                    "O(N) where N is the number of known nodes. The command may execute a FLUSHALL as a \
                    side effect.",
                    "Reset a Redis Cluster node",
                )
                .arguments("hard_soft:oneof?(hard:pure-token=HARD soft:pure-token=SOFT)"),
            subcommand("cluster|saveconfig", 2)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about("3.0.0", "O(1)", "Forces the node to save cluster state on disk"),
            subcommand("cluster|set-config-epoch", 3)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about("3.0.0", "O(1)", "Set the configuration epoch in a new node")
                .arguments("config-epoch:integer"),
            subcommand("cluster|setslot", -4)
                .flags("admin stale no_async_loading")
                .split(Split::Refused)
                .about("3.0.0", "O(1)", "Bind a hash slot to a specific node")
                .arguments(
                    "slot:integer subcommand:oneof(node-id:string=IMPORTING node-id:string=MIGRATING \
                    node-id:string=NODE stable:pure-token=STABLE)",
                ),
            subcommand("cluster|shards", 2)
                .flags("stale")
                .tips(&["nondeterministic_output"])
                .split(Split::Local)
                .about(
                    "7.0.0",
                    "O(N) where N is the total number of cluster nodes",
                    "Get array of cluster slots to node mappings",
                ),
            subcommand("cluster|slaves", 3)
                .flags("admin stale")
                .tips(&["nondeterministic_output"])
                .split(Split::Local)
                .about("3.0.0", "O(1)", "List replica nodes of the specified master node")
                .deprecated("5.0.0", "`CLUSTER REPLICAS`")
                .arguments("node-id:string"),
            subcommand("cluster|slots", 2)
                .flags("stale")
                .tips(&["nondeterministic_output"])
                .split(Split::Local)
                .about(
                    "3.0.0",
                    "O(N) where N is the total number of Cluster nodes",
                    "Get array of Cluster slot to node mappings",
                )
                .deprecated("7.0.0", "`CLUSTER SHARDS`")
                .history(&[
                    ("4.0.0", "Added node IDs."),
                    ("7.0.0", "Added additional networking metadata field."),
                ]),
        ]),
    command("readonly", 1).flags("loading stale fast").categories("connection").split(Split::Local).about(
        "3.0.0",
        "O(1)",
        "Enables read queries for a connection to a cluster replica node",
    ),
    command("readwrite", 1).flags("loading stale fast").categories("connection").split(Split::Local).about(
        "3.0.0",
        "O(1)",
        "Disables read queries for a connection to a cluster replica node",
    ),
];
