//! The server: ACL.

use crate::command::{
    policy::Split,
    row::{Row, command, subcommand},
};

pub(super) const ROWS: &[Row] = &[command("acl", -2)
    .split(Split::Local)
    .about("6.0.0", "Depends on subcommand.", "A container for Access List Control commands ")
    .subcommands(&[
        subcommand("acl|cat", -2)
            .flags("noscript loading stale")
            .split(Split::Local)
            .about(
                "6.0.0",
                "O(1) since the categories and commands are a fixed set.",
                "List the ACL categories or the commands inside a category",
            )
            .arguments("categoryname:string?"),
        subcommand("acl|deluser", -3)
            .flags("admin noscript loading stale")
            .split(Split::Refused)
            .about(
                "6.0.0",
                "O(1) amortized time considering the typical user.",
                "Remove the specified ACL users and the associated rules",
            )
            .arguments("username:string*"),
        subcommand("acl|dryrun", -4)
            .flags("admin noscript loading stale")
            .split(Split::Local)
            .about(
                "7.0.0",
                "O(1).",
                "Returns whether the user can execute the given command without executing the command.",
            )
            .arguments("username:string command:string arg:string?*"),
        subcommand("acl|genpass", -2)
            .flags("noscript loading stale")
            .split(Split::Local)
            .about("6.0.0", "O(1)", "Generate a pseudorandom secure password to use for ACL users")
            .arguments("bits:integer?"),
        subcommand("acl|getuser", 3)
            .flags("admin noscript loading stale")
            .split(Split::Local)
            .about(
                "6.0.0",
                "O(N). Where N is the number of password, command and pattern rules that the user has.",
                "Get the rules for a specific ACL user",
            )
            .history(&[
                ("6.2.0", "Added Pub/Sub channel patterns."),
                (
                    "7.0.0",
                    "Added selectors and changed the format of key and channel patterns from a list \
                        to their rule representation.",
                ),
            ])
            .arguments("username:string"),
        subcommand("acl|help", 2).flags("loading stale").split(Split::Local).about(
            "6.0.0",
            "O(1)",
            "Show helpful text about the different subcommands",
        ),
        subcommand("acl|list", 2).flags("admin noscript loading stale").split(Split::Local).about(
            "6.0.0",
            "O(N). Where N is the number of configured users.",
            "List the current ACL rules in ACL config file format",
        ),
        subcommand("acl|load", 2).flags("admin noscript loading stale").split(Split::Refused).about(
            "6.0.0",
            "O(N). Where N is the number of configured users.",
            "Reload the ACLs from the configured ACL file",
        ),
        subcommand("acl|log", -2)
            .flags("admin noscript loading stale")
            .split(Split::Local)
            .about(
                "6.0.0",
                "O(N) with N being the number of entries shown.",
                "List latest events denied because of ACLs in place",
            )
            .arguments("operation:oneof?(count:integer reset:pure-token=RESET)"),
        subcommand("acl|save", 2).flags("admin noscript loading stale").split(Split::Refused).about(
            "6.0.0",
            "O(N). Where N is the number of configured users.",
            "Save the current ACL rules in the configured ACL file",
        ),
        subcommand("acl|setuser", -3)
            .flags("admin noscript loading stale")
            .split(Split::Refused)
            .about(
                "6.0.0",
                "O(N). Where N is the number of rules provided.",
                "Modify or create the rules for a specific ACL user",
            )
            .history(&[
                ("6.2.0", "Added Pub/Sub channel patterns."),
                ("7.0.0", "Added selectors and key based permissions."),
            ])
            .arguments("username:string rule:string?*"),
        subcommand("acl|users", 2).flags("admin noscript loading stale").split(Split::Local).about(
            "6.0.0",
            "O(N). Where N is the number of configured users.",
            "List the username of all the configured ACL rules",
        ),
        subcommand("acl|whoami", 2).flags("noscript loading stale").split(Split::Local).about(
            "6.0.0",
            "O(1)",
            "Return the name of the user associated to the current connection",
        ),
    ])];
