//! As whom a session runs its commands.

use std::sync::Arc;

use crate::command::{Arguments, Flags, Spec};
use crate::secret::SecretId;

use super::accounts::Accounts;
use super::denial::Denial;
use super::user::User;

/// The answer to who has to say who he is first.
pub const NO_AUTH: &str = "NOAUTH Authentication required.";

/// How a proxy that has proved itself is shown where users are.
const PROXY: &[u8] = b"ringmaster-proxy";

/// Who a session is.
#[derive(Clone, Debug)]
pub struct Login {
    user: Arc<User>,
    is_authenticated: bool,
    /// The secret that a proxy has proved to know.
    proof: Option<SecretId>,
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
        Self { user, is_authenticated: true, proof: None, generation: 0 }
    }
}

impl Login {
    /// That of a session that begins: the default user, if it needs no password.
    #[must_use]
    pub fn first(accounts: &Accounts) -> Self {
        let generation = accounts.generation();
        let user = accounts.default_user();
        let is_authenticated = user.is_on() && user.needs_no_password();
        Self { user, is_authenticated, proof: None, generation }
    }

    /// That of a session that begins with the name of a user proven otherwise, as by a certificate; as [`Login::first`]
    /// where there is no such user, or it is off.
    #[must_use]
    pub fn first_as(accounts: &Accounts, name: Option<&str>) -> Self {
        let mut login = Self::first(accounts);
        if let Some(user) = name.and_then(|name| accounts.user(name.as_bytes())).filter(|user| user.is_on()) {
            login.becomes(user);
        }
        login
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
        (self.user, self.is_authenticated, self.proof) = (user, true, None);
    }

    /// The session is a proxy of the cluster, and may do everything.
    pub fn becomes_proxy(&mut self, proof: SecretId) {
        self.becomes(Arc::new(User::unrestricted(PROXY)));
        self.proof = Some(proof);
    }

    /// The secret that it proved to know, if it is a proxy of the cluster.
    #[inline]
    #[must_use]
    pub fn proof(&self) -> Option<SecretId> {
        self.proof
    }

    /// Whether it is a user that is no more.
    #[must_use]
    pub fn is_gone(&self, accounts: &Accounts) -> bool {
        self.proof.is_none() && accounts.user(self.user.name()).is_none()
    }

    /// Whether nothing was changed since the user was looked at last.
    #[must_use]
    pub fn is_current(&self, accounts: &Accounts) -> bool {
        self.generation == accounts.generation()
    }

    /// Takes over what has become of the user. Returns false if there is no such user any more.
    pub fn refresh(&mut self, accounts: &Accounts) -> bool {
        let generation = accounts.generation();
        if generation == self.generation || self.proof.is_some() {
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
