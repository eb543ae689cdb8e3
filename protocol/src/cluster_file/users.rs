//! Who may do what through the proxies.
//!
//! ```yaml
//! users:
//!   - {name: default, rules: off}
//!   - {name: app, rules: "on #5e88… ~app:* +@read +@write"}
//! ```
//! Rules are those of `ACL SETUSER`. Passwords stand in the file as their SHA-256 only.

use std::collections::HashSet;

use serde::Deserialize;

use crate::acl::User;
use crate::config::{ByteSize, Findings};

/// Most users of a file.
pub const USERS_MAX: usize = 10_000;

/// A user as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a user: {name, rules, limits}")]
pub struct UserRules {
    /// Its name.
    pub name: String,
    /// What it may do, as in `ACL SETUSER`.
    #[serde(default)]
    pub rules: String,
    /// How much it may have of each proxy. Default: as much as there is.
    #[serde(default)]
    pub limits: UserLimits,
}

/// How much a user may have of one proxy, over all its connections; 0 is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "limits of a user: {commands, bytes, in_flight}")]
pub struct UserLimits {
    /// Commands a second. Range 0..=1,000,000,000, default 0.
    pub commands: u64,
    /// Bytes of commands a second. Default 0.
    pub bytes: ByteSize,
    /// Commands under way at a time: sent and not answered. Range 0..=10,000,000, default 0.
    pub in_flight: usize,
}

impl UserRules {
    /// The user.
    ///
    /// # Errors
    /// Why the rules cannot be taken, in words for whoever wrote them.
    pub fn user(&self) -> Result<User, String> {
        if self.rules.split_ascii_whitespace().any(|rule| rule.starts_with(['>', '<'])) {
            return Err("a password must not stand here as it is: give `#` and its SHA-256, as \
                        `printf %s PASSWORD | sha256sum` tells it"
                .to_owned());
        }
        let rules: Vec<&[u8]> = self.rules.split_ascii_whitespace().map(str::as_bytes).collect();
        User::new(self.name.as_bytes()).with_rules(&rules).map_err(|error| error.to_string())
    }
}

/// Adds what is wrong with the users to `findings`.
pub(super) fn check_all(users: &[UserRules], findings: &mut Findings) {
    if users.len() > USERS_MAX {
        findings.add("users", format!("are {}, give at most {USERS_MAX}", users.len()));
        return;
    }
    let mut names = HashSet::new();
    for (at, user) in users.iter().enumerate() {
        if user.name.is_empty() || user.name.contains(|letter: char| letter.is_whitespace() || letter == '\0')
        {
            findings.add(&format!("users[{at}].name"), "is empty or has spaces: give one word".to_owned());
        }
        if !names.insert(&user.name) {
            findings.add(&format!("users[{at}].name"), format!("`{}` stands here a second time", user.name));
        }
        findings.range(&format!("users[{at}].limits.commands"), user.limits.commands, 0..=1_000_000_000);
        findings.range(&format!("users[{at}].limits.in_flight"), user.limits.in_flight, 0..=10_000_000);
        if let Err(why) = user.user() {
            findings.add(&format!("users[{at}].rules"), why);
        }
    }
}
