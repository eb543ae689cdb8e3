//! Why somebody may not do something.

use crate::command::{Arguments, Spec};

/// A command is not permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denial {
    /// The user may not run it.
    Command,
    /// The user may not use the key at this argument so.
    Key(usize),
    /// The user may not read all keys, of which SORT's BY names a pattern at this argument.
    SortBy(usize),
    /// The user may not read all keys, of which SORT's GET names a pattern at this argument.
    SortGet(usize),
    /// The user may not use the channel at this argument.
    Channel(usize),
}

/// What an entry of the log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
    /// Name and password.
    Auth,
}

/// Where a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// As it came.
    TopLevel,
    /// When it was to be queued, or as part of EXEC.
    Multi,
    /// In a script.
    Script,
}

impl Denial {
    /// What the log calls it.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Command => Reason::Command,
            Self::Key(_) | Self::SortBy(_) | Self::SortGet(_) => Reason::Key,
            Self::Channel(_) => Reason::Channel,
        }
    }

    /// The text of the error reply.
    #[must_use]
    pub fn text(self, spec: &Spec) -> String {
        match self {
            Self::Command => {
                format!("NOPERM this user has no permissions to run the '{}' command", spec.name)
            }
            Self::Key(_) => {
                "NOPERM this user has no permissions to access one of the keys used as arguments".to_owned()
            }
            Self::SortBy(_) => "ERR BY option of SORT denied due to insufficient ACL permissions.".to_owned(),
            Self::SortGet(_) => {
                "ERR GET option of SORT denied due to insufficient ACL permissions.".to_owned()
            }
            Self::Channel(_) => {
                "NOPERM this user has no permissions to access one of the channels used as arguments"
                    .to_owned()
            }
        }
    }

    /// The text of the error reply to a command that was queued when it was still permitted.
    #[must_use]
    pub fn text_at_exec(self) -> String {
        let reason = match self {
            Self::Command => "no permission to execute the command or subcommand",
            Self::Channel(_) => "no permission to access one of the channels used as arguments",
            _ => "no permission to touch the specified keys",
        };
        format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
             command is no longer allowed for the following reason: {reason}"
        )
    }

    /// The command, key or channel that is to blame.
    #[must_use]
    pub fn object<A: Arguments + ?Sized>(self, spec: &Spec, args: &A) -> Vec<u8> {
        match self {
            Self::Command => spec.name.as_bytes().to_vec(),
            Self::Key(at) | Self::SortBy(at) | Self::SortGet(at) | Self::Channel(at) => {
                args.argument(at).unwrap_or_default().to_vec()
            }
        }
    }
}

impl Reason {
    /// Redis's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Key => "key",
            Self::Channel => "channel",
            Self::Auth => "auth",
        }
    }
}

impl Context {
    /// Redis's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TopLevel => "toplevel",
            Self::Multi => "multi",
            Self::Script => "lua",
        }
    }
}
