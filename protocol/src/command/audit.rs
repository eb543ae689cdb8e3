//! Which commands change how a server works, for the audit log: settings, users, functions, the end of clients, of all keys
//! and of the server. What only looks is none of them.

use std::sync::LazyLock;

use super::{Categories, Flags, Group, Spec, all};
use crate::resp::Args;

/// Subcommands that only look.
const LOOKS: [&str; 22] = [
    "cat",
    "doctor",
    "dryrun",
    "dump",
    "exists",
    "genpass",
    "get",
    "getuser",
    "graph",
    "help",
    "histogram",
    "history",
    "info",
    "latest",
    "len",
    "list",
    "log",
    "slots",
    "stats",
    "usage",
    "users",
    "whoami",
];

/// Bytes of what a command is about that are told at most.
const ABOUT_BYTES_MAX: usize = 128;

/// By the commands' ids.
static AUDITED: LazyLock<Box<[bool]>> = LazyLock::new(|| all().iter().map(is_administrative).collect());

fn is_administrative(spec: &Spec) -> bool {
    let (command, subcommand) = spec.name.split_once('|').unwrap_or((spec.name, ""));
    let has_subcommands = subcommand.is_empty() && all().iter().any(|other| is_of(other, command));
    if LOOKS.contains(&subcommand) || has_subcommands {
        return false;
    }
    let ends_all = spec.writes() && spec.keys.is_empty() && spec.categories.contains(Categories::DANGEROUS);
    let of_scripts = spec.group == Group::Scripting && !subcommand.is_empty() && subcommand != "load";
    let of_functions = command == "function";
    spec.flags.contains(Flags::ADMIN) || ends_all || of_scripts || of_functions
}

fn is_of(spec: &Spec, command: &str) -> bool {
    spec.name.split_once('|').is_some_and(|(of, _)| of == command)
}

impl Spec {
    /// Whether the command belongs into the audit log.
    #[inline]
    #[must_use]
    pub fn is_audited(&self) -> bool {
        AUDITED[self.id.index()]
    }

    /// What an audited command is about, without what may be secret: the user that is changed, the settings that are set, the
    /// library that is deleted; else nothing. Printable, and short.
    #[must_use]
    pub fn about(&self, args: Args<'_>) -> String {
        let words: Vec<&[u8]> = match self.name {
            "acl|setuser" | "acl|deluser" | "function|delete" => args.iter().skip(2).take(1).collect(),
            "config|set" => args.iter().skip(2).step_by(2).collect(),
            _ => Vec::new(),
        };
        let mut about = words.join(&b' ').escape_ascii().to_string();
        about.truncate(ABOUT_BYTES_MAX);
        about
    }
}

#[cfg(test)]
mod tests {
    use super::super::lookup_full;
    use super::*;
    use crate::resp::Span;

    #[test]
    fn what_changes_the_server_is_audited_and_what_looks_or_is_about_keys_is_not() {
        let audited = |name: &str| lookup_full(name.as_bytes()).unwrap().is_audited();
        for name in [
            "acl|setuser",
            "acl|deluser",
            "acl|load",
            "acl|save",
            "config|set",
            "config|resetstat",
            "flushall",
            "flushdb",
            "function|load",
            "function|delete",
            "function|flush",
            "function|restore",
            "script|flush",
            "client|kill",
            "client|pause",
            "debug",
            "shutdown",
            "monitor",
        ] {
            assert!(audited(name), "{name}");
        }
        for name in [
            "get",
            "set",
            "del",
            "sort",
            "restore",
            "keys",
            "info",
            "ping",
            "acl|whoami",
            "acl|list",
            "config|get",
            "config",
            "function|list",
            "script|load",
            "script|exists",
            "client|setname",
            "eval",
            "slowlog|get",
            "command",
        ] {
            assert!(!audited(name), "{name}");
        }
    }

    #[test]
    fn neither_passwords_nor_values_are_told() {
        let about = |words: &[&[u8]]| {
            let (mut buffer, mut spans) = (Vec::new(), Vec::new());
            for word in words {
                let (start, len) = (buffer.len() as u32, word.len() as u32);
                spans.push(Span { start, len });
                buffer.extend_from_slice(word);
            }
            let name = [words[0], words[1]].join(&b'|').to_ascii_lowercase();
            lookup_full(&name).unwrap().about(Args::new(&buffer, &spans))
        };
        assert_eq!(about(&[b"ACL", b"SETUSER", b"ann", b">secret", b"+@all"]), "ann");
        assert_eq!(about(&[b"CONFIG", b"SET", b"maxmemory", b"1gb", b"timeout", b"5"]), "maxmemory timeout");
        assert_eq!(about(&[b"FUNCTION", b"LOAD", b"#!lua name=x"]), "");
        assert_eq!(about(&[b"ACL", b"SETUSER", b"a\nb"]), "a\\nb");
        assert_eq!(about(&[b"ACL", b"SETUSER", &[b'x'; 1000]]).len(), ABOUT_BYTES_MAX);
    }
}
