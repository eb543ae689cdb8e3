//! The one table of commands: everything that any part knows about a command, as data.
//!
//! Name, arity, flags, ACL categories, tips and key specs are Redis's own, held against a real redis-server by a
//! test. [`Split`] and [`Replay`] are Ringmaster's decisions. Routing, ACL, COMMAND, documentation and tests read
//! this table; no other list of commands exists.
//!
//! ```
//! use ringmaster_protocol::command::{self, Rejection};
//!
//! let args: [&[u8]; 3] = [b"SET", b"user:7", b"Ann"];
//! let set = command::resolve(&args[..]).unwrap();
//! let mut keys = Vec::<u32>::new();
//! set.key_positions(&args[..], &mut keys).unwrap();
//! assert_eq!((set.name, keys), ("set", vec![1]));
//!
//! let args: [&[u8]; 1] = [b"nosuch"];
//! let rejection = command::resolve(&args[..]).unwrap_err();
//! assert_eq!(rejection.text(&args[..]), b"ERR unknown command 'nosuch', with args beginning with: ");
//! ```

mod audit;
mod behaviour;
mod bits;
mod index;
pub mod introspect;
mod key;
mod policy;
mod positions;
mod resolve;
mod row;
mod rows;
pub mod sort;
mod table;

pub use behaviour::Behaviour;
pub use bits::{Categories, Flags, KeyFlags};
pub use key::{Begin, Find, KeySpec};
pub use policy::{Group, Merge, Replay, Source, Split};
pub use positions::{KeyError, KeyRef};
pub use resolve::{Arguments, Rejection, resolve};
pub use table::{COMMANDS, COUNT, all, by_id, lookup, lookup_full};

/// Commands that Redis passes on to replicas though their rows do not say that they write.
const PASSED_ON: [&str; 6] = ["publish", "spublish", "pfcount", "eval", "evalsha", "fcall"];

/// Commands that anybody answers in the same way, whoever asks.
const ANSWER_ALONE: [&str; 5] = ["echo", "lolwut", "ping", "time", "unwatch"];

/// The place of a row in the table: dense, 0..[`COUNT`], subcommands included, for arrays of handlers and
/// counters. Not stable over versions: never send or store it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(u16);

impl CommandId {
    /// The place, 0..[`COUNT`].
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One row: a command or a subcommand.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Place in the table.
    pub id: CommandId,
    /// Lower case: `get`, and for a subcommand `client|setname`.
    pub name: &'static str,
    /// Number of arguments, the names of command and subcommand included; `-n` is "at least n".
    pub arity: i16,
    /// How many arguments more a later release allows where Redis 7.0 knows one exact number. The command itself
    /// answers [`Rejection::Arity`]'s text if they are not that release's option.
    pub later_arguments: u8,
    /// What it may do.
    pub flags: Flags,
    /// ACL categories.
    pub categories: Categories,
    /// Redis's tips for clients.
    pub tips: &'static [&'static str],
    /// Where its keys stand.
    pub keys: &'static [KeySpec],
    /// The first key, 0 if there is none or it cannot be said.
    pub first_key: i16,
    /// The last key; negative counts from the end.
    pub last_key: i16,
    /// Distance of two keys.
    pub step: i16,
    /// Group of the documentation.
    pub group: Group,
    /// How a proxy treats it.
    pub split: Split,
    /// Whether a copy may run it again.
    pub replay: Replay,
    /// The server that the row was taken from.
    pub source: Source,
    /// What COMMAND DOCS tells.
    pub docs: Docs,
    single_key: bool,
    /// Ids of the subcommands: the first and how many.
    children: (u16, u16),
}

/// The documentation of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Docs {
    /// One sentence.
    pub summary: &'static str,
    /// First version that had it.
    pub since: &'static str,
    /// Time complexity, empty if Redis gives none.
    pub complexity: &'static str,
    /// The arguments, in the notation of `introspect::arguments`; empty if there are none.
    pub arguments: &'static str,
    /// Changes: version, what.
    pub history: &'static [(&'static str, &'static str)],
    /// Since which version it is deprecated, and what replaces it.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Whether Redis calls it a system command.
    pub internal: bool,
}

impl Docs {
    const NONE: Self = Self {
        summary: "",
        since: "",
        complexity: "",
        arguments: "",
        history: &[],
        deprecated: None,
        internal: false,
    };
}

impl Spec {
    /// Whether `argc` arguments, the name included, are a right number.
    #[inline]
    #[must_use]
    pub fn arity_allows(&self, argc: usize) -> bool {
        let least = usize::from(self.arity.unsigned_abs());
        argc >= least && (self.arity < 0 || argc <= least + usize::from(self.later_arguments))
    }

    /// Whether its one and only key is always argument 1.
    #[inline]
    #[must_use]
    pub const fn single_key(&self) -> bool {
        self.single_key
    }

    /// Whether it may change keys by itself. Scripts and EXEC do what their content does, so they do not.
    #[inline]
    #[must_use]
    pub const fn writes(&self) -> bool {
        self.flags.contains(Flags::WRITE)
    }

    /// Whether it may change keys, or is passed on to copies as if it did, though its row does not say so. EXEC does
    /// what was queued.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.writes() || PASSED_ON.contains(&self.name)
    }

    /// Whether it concerns no key and nothing of who sends it, so that whoever carries out a transaction answers it there
    /// for the client of a proxy, too. UNWATCH within a transaction ends what EXEC ends anyway.
    #[must_use]
    pub fn answers_alone(&self) -> bool {
        ANSWER_ALONE.contains(&self.name)
    }

    /// Its subcommands; none for most commands.
    #[must_use]
    pub fn subcommands(&self) -> &'static [Self] {
        let (first, count) = (usize::from(self.children.0), usize::from(self.children.1));
        &all()[first..first + count]
    }

    /// Its subcommand called `name` (`setname`), in any letter case.
    #[must_use]
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Self> {
        let after_bar = self.name.len() + 1;
        self.subcommands().iter().find(|sub| sub.name.as_bytes()[after_bar..].eq_ignore_ascii_case(name))
    }

    /// Whether it has subcommands.
    #[inline]
    #[must_use]
    pub const fn is_container(&self) -> bool {
        self.children.1 > 0
    }
}

#[cfg(test)]
mod tests;
