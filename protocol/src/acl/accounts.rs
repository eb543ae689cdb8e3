//! All users of a process, and the log of what was refused to them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::denial::{Context, Reason};
use super::rules::RuleError;
use super::user::User;

/// Who every session is that has not said otherwise.
pub const DEFAULT_USER: &[u8] = b"default";

/// Entries that the log keeps; older ones are dropped.
pub const LOG_ENTRIES_MAX: usize = 128;

/// What is alike within this time is one entry.
const ALIKE: Duration = Duration::from_secs(60);

/// Longest object of an entry that is kept, in bytes.
const OBJECT_BYTES_MAX: usize = 1024;

type Users = BTreeMap<Vec<u8>, Arc<User>>;

/// Something was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// How often.
    pub count: u64,
    /// What it is about.
    pub reason: Reason,
    /// Where.
    pub context: Context,
    /// The command, key or channel.
    pub object: Vec<u8>,
    /// The user.
    pub user: Vec<u8>,
    /// When it was refused last, since the Unix epoch.
    pub at: Duration,
    /// The client, as CLIENT LIST shows it.
    pub client: String,
}

/// All users of a process. There always is one called `default`.
#[derive(Debug)]
pub struct Accounts {
    users: Mutex<Users>,
    generation: AtomicU64,
    log: Mutex<VecDeque<LogEntry>>,
    is_restricting: AtomicBool,
    failed_logins: AtomicU64,
}

impl Default for Accounts {
    /// The default user alone, who may do everything without a password.
    fn default() -> Self {
        Self {
            users: Mutex::new(with_default(Users::new())),
            generation: AtomicU64::new(1),
            log: Mutex::default(),
            is_restricting: AtomicBool::new(false),
            failed_logins: AtomicU64::new(0),
        }
    }
}

impl Accounts {
    /// Rises with each change: who has looked at a user at this generation need not look again.
    #[inline]
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether anybody may not do everything: else no command has to be looked at.
    #[inline]
    #[must_use]
    pub fn is_restricting(&self) -> bool {
        self.is_restricting.load(Ordering::Acquire)
    }

    /// Has every command looked at from now on, for something else than what users may do.
    pub fn restrict(&self) {
        self.is_restricting.store(true, Ordering::Release);
    }

    /// The user of this name.
    #[must_use]
    pub fn user(&self, name: &[u8]) -> Option<Arc<User>> {
        self.locked().get(name).cloned()
    }

    /// Who every session is that has not said otherwise.
    #[must_use]
    pub fn default_user(&self) -> Arc<User> {
        self.user(DEFAULT_USER).unwrap_or_else(|| Arc::new(User::unrestricted(DEFAULT_USER)))
    }

    /// Whether who does not log in may do everything.
    #[must_use]
    pub fn is_open(&self) -> bool {
        is_free(&self.default_user())
    }

    /// All users, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<User>> {
        self.locked().values().cloned().collect()
    }

    /// Applies `rules` to the user, who comes into being if there is none; all of them or none. Returns the user as it was
    /// and as it is.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn change(&self, name: &[u8], rules: &[&[u8]]) -> Result<(Option<Arc<User>>, Arc<User>), RuleError> {
        let mut users = self.locked();
        let before = users.get(name).cloned();
        let user = before.as_deref().cloned().unwrap_or_else(|| User::new(name)).with_rules(rules)?;
        let user = Arc::new(user);
        users.insert(name.to_vec(), Arc::clone(&user));
        self.changed(&users);
        Ok((before, user))
    }

    /// Takes away a user; false if there is none, or if it is the default user.
    pub fn remove(&self, name: &[u8]) -> bool {
        let mut users = self.locked();
        let is_removed = name != DEFAULT_USER && users.remove(name).is_some();
        if is_removed {
            self.changed(&users);
        }
        is_removed
    }

    /// These users and no others, but for a default user as it is from the start where they name none.
    pub fn replace(&self, users: Vec<User>) {
        let users = users.into_iter().map(|user| (user.name().to_vec(), Arc::new(user))).collect();
        let mut known = self.locked();
        *known = with_default(users);
        self.changed(&known);
    }

    /// The user, if the password is one of its passwords and it is on.
    #[must_use]
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<Arc<User>> {
        let user = self.user(name);
        // As much work for a user who does not exist.
        let accepts = match &user {
            Some(user) => user.accepts(password),
            None => User::new(name).accepts(password),
        };
        if !accepts {
            self.failed_logins.fetch_add(1, Ordering::Relaxed);
        }
        user.filter(|_| accepts)
    }

    /// How often name and password were wrong since the start.
    #[must_use]
    pub fn failed_logins(&self) -> u64 {
        self.failed_logins.load(Ordering::Relaxed)
    }

    /// Notes that something was refused; [`LogEntry::count`] is 1.
    pub fn note(&self, mut entry: LogEntry) {
        entry.object.truncate(OBJECT_BYTES_MAX);
        let mut log = self.log();
        let is_alike = |known: &&mut LogEntry| {
            (known.reason, known.context) == (entry.reason, entry.context)
                && (&known.object, &known.user) == (&entry.object, &entry.user)
                && entry.at.saturating_sub(known.at) <= ALIKE
        };
        if let Some(known) = log.iter_mut().find(is_alike) {
            (known.count, known.at, known.client) = (known.count + 1, entry.at, entry.client);
            return;
        }
        log.push_front(entry);
        log.truncate(LOG_ENTRIES_MAX);
    }

    /// The newest entries of the log, newest first.
    #[must_use]
    pub fn newest(&self, count: usize) -> Vec<LogEntry> {
        self.log().iter().take(count).cloned().collect()
    }

    /// Empties the log.
    pub fn forget(&self) {
        self.log().clear();
    }

    /// A user that was taken away still has sessions: from the first restriction on there always are some.
    fn changed(&self, users: &Users) {
        if users.len() > 1 || !users.values().all(|user| is_free(user)) {
            self.is_restricting.store(true, Ordering::Release);
        }
        self.generation.fetch_add(1, Ordering::Release);
    }

    fn locked(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, VecDeque<LogEntry>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_free(user: &User) -> bool {
    user.is_on() && user.needs_no_password() && user.is_unrestricted()
}

fn with_default(mut users: Users) -> Users {
    users.entry(DEFAULT_USER.to_vec()).or_insert_with(|| Arc::new(User::unrestricted(DEFAULT_USER)));
    users
}
