//! Whether the client's user may do what it asks for. Looked at only where somebody may not do everything.

use std::sync::Arc;

use ringmaster_protocol::acl;

use super::Connection;
use super::conversation::Command;
use super::local::Process;
use crate::output::Closed;
use crate::quota::Exceeded;

/// Commands that run scripts.
const SCRIPTS: [&str; 6] = ["eval", "eval_ro", "evalsha", "evalsha_ro", "fcall", "fcall_ro"];

/// What a script calls is not seen by the proxy.
const SCRIPTS_NEED_ALL: &str = "NOPERM what a script calls is not checked behind a proxy: only users who may run all \
    commands on all keys and channels may run scripts";

impl Connection {
    /// Whether the command may be run; else it is answered.
    #[cold]
    pub(super) fn admit(&mut self, command: Command<'_>) -> bool {
        let shared = Arc::clone(&self.thread.shared);
        if !self.session.login.is_current(&shared.accounts) {
            // What was queued was allowed to a user who may be another by now.
            self.spoil_transaction();
        }
        if !self.session.login.refresh(&shared.accounts) {
            // Its user is no more.
            self.output.close(Closed::Killed);
            self.ending = true;
            return false;
        }
        if let Err(exceeded) = self.take_quota(command) {
            self.answer_error(&exceeded.text(self.session.login.user().name()));
            self.spoil_transaction();
            return false;
        }
        if self.session.login.is_unrestricted() {
            return true;
        }
        let Command { spec, args, .. } = command;
        let is_queued = self.is_in_transaction();
        let place = if is_queued { acl::Context::Multi } else { acl::Context::TopLevel };
        let text = match self.session.permit(spec, args, place, &Process { shared: &shared }) {
            Err(refused) => refused.text(spec),
            Ok(()) if SCRIPTS.contains(&spec.name) => SCRIPTS_NEED_ALL.to_owned(),
            Ok(()) => return true,
        };
        if spec.name == "exec" && is_queued {
            self.end_conversation();
            self.answer_error(&format!("EXECABORT Transaction discarded because of: {text}"));
            return false;
        }
        self.answer_error(&text);
        self.spoil_transaction();
        false
    }

    /// Takes the command from what the user may have in a second, where that is bounded.
    fn take_quota(&self, command: Command<'_>) -> Result<(), Exceeded> {
        let quotas = self.thread.shared.quotas.load();
        match quotas.get(self.session.login.user().name()) {
            Some(quota) => {
                quota.take(command.raw.len()).inspect_err(|_| self.thread.metrics.over_quota.add(1))
            }
            None => Ok(()),
        }
    }
}
