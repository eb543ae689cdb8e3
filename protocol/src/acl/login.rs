//! As whom a session runs its commands.

use std::sync::Arc;

use crate::command::{Arguments, Flags, Spec};

use super::accounts::Accounts;
use super::denial::Denial;
use super::user::User;

/// The answer to who has to say who he is first.
pub const NO_AUTH: &str = "NOAUTH Authentication required.";

/// Who a session is.
#[derive(Clone, Debug)]
pub struct Login {
    user: Arc<User>,
    is_authenticated: bool,
    /// Of the accounts, when `user` was looked at last.
    generation: u64,
}

/// Why a command is not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The session has to authenticate first.
    NoAuth,
    /// The user may not.
    Denied(Denial),
}

impl Default for Login {
    /// Everything is permitted: where there are no accounts.
    fn default() -> Self {
        let user = Arc::new(User::unrestricted(super::DEFAULT_USER));
        Self { user, is_authenticated: true, generation: 0 }
    }
}

impl Login {
    /// That of a session that begins: the default user, if it needs no password.
    #[must_use]
    pub fn first(accounts: &Accounts) -> Self {
        let generation = accounts.generation();
        let user = accounts.default_user();
        let is_authenticated = user.is_on() && user.needs_no_password();
        Self { user, is_authenticated, generation }
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// Whether it has said who it is, or need not.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.is_authenticated
    }

    /// Whether every command may be run unseen.
    #[inline]
    #[must_use]
    pub fn is_unrestricted(&self) -> bool {
        self.is_authenticated && self.user.is_unrestricted()
    }

    /// The session is this user from now on.
    pub fn becomes(&mut self, user: Arc<User>) {
        (self.user, self.is_authenticated) = (user, true);
    }

    /// Whether nothing was changed since the user was looked at last.
    #[must_use]
    pub fn is_current(&self, accounts: &Accounts) -> bool {
        self.generation == accounts.generation()
    }

    /// Takes over what has become of the user. Returns false if there is no such user any more.
    pub fn refresh(&mut self, accounts: &Accounts) -> bool {
        let generation = accounts.generation();
        if generation == self.generation {
            return true;
        }
        self.generation = generation;
        match accounts.user(self.user.name()) {
            Some(user) => {
                self.is_authenticated |=
                    user.name() == super::DEFAULT_USER && user.is_on() && user.needs_no_password();
                self.user = user;
                true
            }
            None => false,
        }
    }

    /// Whether a command may be run.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn permit<A: Arguments + ?Sized>(&self, spec: &Spec, args: &A) -> Result<(), Refused> {
        if !self.is_authenticated {
            return if spec.flags.contains(Flags::NO_AUTH) { Ok(()) } else { Err(Refused::NoAuth) };
        }
        self.user.permit(spec, args).map_err(Refused::Denied)
    }
}

impl Refused {
    /// The text of the error reply.
    #[must_use]
    pub fn text(self, spec: &Spec) -> String {
        match self {
            Self::NoAuth => NO_AUTH.to_owned(),
            Self::Denied(denial) => denial.text(spec),
        }
    }
}
