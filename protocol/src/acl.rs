//! Users and what they may do: Redis's ACL.
//!
//! ```text
//! rules of a user ──► User: passwords (hashed), a root Selector and further ones ──► permit(spec, args)
//! Accounts: all users of a process, changed live; sessions notice by its generation
//! ```
//! A user may do what one of its selectors allows as a whole: the command, all its keys and all its channels. Rules and
//! error texts are those of Redis 7; the rules of commands are shown in the order in which they were given, as 7.2 does.

mod accounts;
mod channels;
mod commands;
mod denial;
mod file;
mod login;
mod password;
mod rules;
mod selector;
mod user;

pub use accounts::{Accounts, DEFAULT_USER, LOG_ENTRIES_MAX, LogEntry};
pub use denial::{Context, Denial, Reason};
pub use file::{FILE_BYTES_MAX, FileFault, read_users, write_users};
pub use login::{Login, NO_AUTH, Refused};
pub use password::PasswordHash;
pub use rules::{RuleError, RuleFault};
pub use user::User;
