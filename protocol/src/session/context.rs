//! What a session asks of the process around it.

use std::time::Duration;

use super::info::Info;
use super::{Observations, Session};
use crate::acl::Accounts;

const NO_ACL_FILE: &str = "This Redis instance is not configured to use an ACL file. You may want to specify users \
via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in \
order to store users in the Redis configuration.";

/// The process around the sessions: its clock, its figures, its settings, its other clients. Node and proxy each
/// have one.
pub trait Context {
    /// Time since the Unix epoch.
    fn now(&self) -> Duration;

    /// The users.
    fn accounts(&self) -> &Accounts;

    /// The users were changed by this session.
    fn accounts_changed(&self) {}

    /// Why clients cannot change the users, where they cannot; without a code in front.
    fn accounts_are_fixed(&self) -> Option<&'static str> {
        None
    }

    /// Reads the users anew from their file (`ACL LOAD`).
    ///
    /// # Errors
    /// The reason, without a code in front.
    fn load_accounts(&self) -> Result<(), String> {
        Err(NO_ACL_FILE.to_owned())
    }

    /// Writes the users to their file (`ACL SAVE`).
    ///
    /// # Errors
    /// The reason, without a code in front.
    fn save_accounts(&self) -> Result<(), String> {
        Err(NO_ACL_FILE.to_owned())
    }

    /// Fills `out` with bytes that nobody can guess (`ACL GENPASS`).
    fn random(&self, out: &mut [u8]);

    /// The figures of `INFO`.
    fn info(&self) -> Info;

    /// Everything that `CONFIG GET` shows.
    fn settings(&self) -> Vec<Setting>;

    /// Takes over all of `changes` (names as in [`Context::settings`], changeable, none twice) or nothing.
    ///
    /// # Errors
    /// One of the values is wrong.
    fn change_settings(&self, changes: &[(&'static str, &[u8])]) -> Result<(), ChangeError>;

    /// Writes the settings back to the file that they came from (`CONFIG REWRITE`).
    ///
    /// # Errors
    /// The reason, without a code in front.
    fn rewrite_settings(&self) -> Result<(), String> {
        Err("The server is running without a config file".to_owned())
    }

    /// Sets the counters of `INFO` to zero (`CONFIG RESETSTAT`).
    fn reset_statistics(&self);

    /// What the allocator tells of itself; `None` where it tells nothing.
    fn allocator_report(&self) -> Option<Vec<u8>> {
        None
    }

    /// Gives memory that is free back to the system, at once.
    fn give_back_memory(&self) {}

    /// The slow log and the latency events; `None` where none are kept.
    fn observations(&self) -> Option<&dyn Observations> {
        None
    }

    /// Shows the sessions other than `own` (an id), in the order of their ids, to `visit`.
    fn other_clients(&self, own: u64, visit: &mut dyn FnMut(&Session));

    /// Closes the connections other than `own` (an id) whose sessions `doomed` names; the number of them.
    fn kill_clients(&self, own: u64, doomed: &dyn Fn(&Session) -> bool) -> usize;

    /// Lets commands wait until `end` (since the Unix epoch), all of them or only those that write. Returns false where
    /// that cannot be done.
    fn pause_clients(&self, end: Duration, all: bool) -> bool {
        let _ = (end, all);
        false
    }

    /// Ends a pause.
    fn unpause_clients(&self) {}

    /// Ends the waiting of the client `id` in a blocking command, as at its timeout or with an error. Returns whether
    /// it was waiting.
    fn unblock_client(&self, id: u64, with_error: bool) -> bool {
        let _ = (id, with_error);
        false
    }

    /// Whether clients can be told of changed keys (`CLIENT TRACKING`).
    fn tracks(&self) -> bool {
        false
    }

    /// Takes over what `session` wants to be told of from now on.
    fn track(&self, session: &Session) {
        let _ = session;
    }

    /// Whether a client `id` is connected.
    fn has_client(&self, id: u64) -> bool {
        let _ = id;
        false
    }

    /// Whether the client that is told in place of the client `id` has gone.
    fn has_lost_redirection(&self, id: u64) -> bool {
        let _ = id;
        false
    }
}

/// One setting as `CONFIG GET` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Redis's name of it, in lower case.
    pub name: &'static str,
    /// Its value, as Redis prints such a value.
    pub value: String,
    /// Whether `CONFIG SET` may change it.
    pub changeable: bool,
}

/// `CONFIG SET` was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CONFIG SET failed (possibly related to argument '{setting}') - {reason}")]
pub struct ChangeError {
    /// The setting that is to blame.
    pub setting: &'static str,
    /// Why, in Redis's words where it has them: `argument must be a memory value`.
    pub reason: String,
}
