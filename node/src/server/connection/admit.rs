//! Whether the client's user may do what it asks for. Looked at only where somebody may not do everything.

use std::sync::Arc;

use ringmaster_protocol::acl::{self, Refused};
use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;

use super::{Connection, Fate};
use crate::server::attention::Seen;

const NO_RIGHT: &str = "NOPERM this user has no permissions to run RM requests";

/// The answer to a proxy that has not proved itself.
const NO_PROOF: &str = "NOAUTH this node serves proxies that know the secret of its cluster: give them `secret_file` in \
    cluster.yaml";

impl Connection {
    /// Refuses a command that the client's user may not run. Returns the connection's fate if it is not to be run.
    #[cold]
    pub(super) async fn admit(&mut self, spec: &'static Spec, args: Args<'_>) -> Option<Fate> {
        let shared = Arc::clone(&self.worker.shared);
        if !self.session.login.refresh(&shared.accounts) {
            return Some(Fate::Close);
        }
        if self.session.login.is_unrestricted() {
            return None;
        }
        let place = if self.transaction.is_some() { acl::Context::Multi } else { acl::Context::TopLevel };
        let refused = self.session.permit(spec, args, place, &*shared).err()?;
        let text = refused.text(spec);
        if spec.name == "exec" && self.transaction.is_some() {
            return Some(self.abort_transaction(&text).await);
        }
        self.reject(spec, &text);
        self.spoil_transaction();
        Some(Fate::Open)
    }

    /// Refuses what only proxies send to a client who may not do everything.
    pub(super) fn admit_extension(&mut self, seen: Seen, args: Args<'_>) -> Option<Fate> {
        let is_extension = args[0].get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"RM."));
        if !seen.is_restricted() || !is_extension {
            return None;
        }
        if !self.session.login.refresh(&self.worker.shared.accounts) {
            return Some(Fate::Close);
        }
        let must_prove = self.worker.shared.config.secret.is_some();
        let proves =
            || args[0][3..].eq_ignore_ascii_case(b"NONCE") || args[0][3..].eq_ignore_ascii_case(b"PROVE");
        if must_prove && proves() || !must_prove && self.session.login.is_unrestricted() {
            return None;
        }
        self.refuse(match self.session.login.is_authenticated() {
            _ if must_prove => NO_PROOF,
            true => NO_RIGHT,
            false => acl::NO_AUTH,
        });
        Some(Fate::Open)
    }

    /// Why a queued command may not be run after all: its user was changed since.
    pub(super) fn refusal_of_queued(&mut self, spec: &'static Spec, args: Args<'_>) -> Option<String> {
        let shared = Arc::clone(&self.worker.shared);
        if !shared.attention.look().is_restricted() || self.session.login.is_unrestricted() {
            return None;
        }
        let refused = self.session.permit(spec, args, acl::Context::Multi, &*shared).err()?;
        Some(match refused {
            Refused::NoAuth => acl::NO_AUTH.to_owned(),
            Refused::Denied(denial) => denial.text_at_exec(),
        })
    }
}
