//! Whether the client's user may do what it asks for. Looked at only where somebody may not do everything.

use ringmaster_protocol::acl;
use ringmaster_protocol::command::Flags;

use super::Connection;
use super::conversation::Command;
use super::kept;
use super::local::Process;
use crate::output::Closed;
use crate::quota::Exceeded;

/// Commands for which nothing is taken from what a user may send.
const FREE: [&str; 2] = ["discard", "multi"];

/// Commands that run scripts.
const SCRIPTS: [&str; 6] = ["eval", "eval_ro", "evalsha", "evalsha_ro", "fcall", "fcall_ro"];

/// What a script calls is not seen by the proxy.
const SCRIPTS_NEED_ALL: &str = "NOPERM what a script calls is not checked behind a proxy: only users who may run all \
    commands on all keys and channels may run scripts";

const MONITOR: &[u8] = b"*1\r\n$7\r\nMONITOR\r\n";

impl Connection {
    /// Whether the command may be run; else it is answered.
    #[inline(never)]
    pub(super) fn admit(&mut self, command: Command<'_>) -> bool {
        if !self.is_still_a_user() {
            return false;
        }
        let has_paid = std::mem::take(&mut self.has_paid);
        if !has_paid && let Err(exceeded) = self.take_quota(command) {
            self.refuse(command, &exceeded.text(self.session.login.user().name()));
            return false;
        }
        if self.session.login.is_unrestricted() {
            return true;
        }
        let Command { spec, args, .. } = command;
        let is_queued = self.is_in_transaction();
        let place = if is_queued { acl::Context::Multi } else { acl::Context::TopLevel };
        let process = Process { shared: &self.thread.shared };
        let text = match self.session.permit(spec, args, place, &process) {
            Err(refused) => refused.text(spec),
            Ok(()) if SCRIPTS.contains(&spec.name) => SCRIPTS_NEED_ALL.to_owned(),
            Ok(()) => return true,
        };
        self.refuse(command, &text);
        false
    }

    /// Answers that a command is not executed: a transaction that it was to be part of is not either, and one that it was to
    /// end is over.
    fn refuse(&mut self, command: Command<'_>, text: &str) {
        if command.spec.name == "exec" && self.is_in_transaction() {
            self.drop_transaction();
            return self.answer_error(&format!("EXECABORT Transaction discarded because of: {text}"));
        }
        self.answer_error(text);
        self.spoil_transaction();
    }

    /// Takes over what has become of the user; false, and the connection ends, if it is no more.
    fn is_still_a_user(&mut self) -> bool {
        let accounts = &self.thread.shared.accounts;
        if self.session.login.is_current(accounts) {
            return true;
        }
        let is_there = self.session.login.refresh(accounts);
        // What was queued was allowed to a user who may be another by now.
        self.spoil_transaction();
        if !is_there {
            self.output.close(Closed::Killed);
            self.ending = true;
        }
        is_there
    }

    /// The users have changed: the connection ends if its user is no more, may not listen any more to what it is subscribed
    /// to, or may not run any more what it waits for or monitors by.
    #[cold]
    pub(super) fn follow_users(&mut self) {
        if self.is_still_a_user() && !(self.may_go_on_listening() && self.may_go_on_running()) {
            self.output.close(Closed::Killed);
        }
        self.card.renew(&self.session);
    }

    fn may_go_on_listening(&self) -> bool {
        let subscriber = self.conversation.as_ref().and_then(|of| of.subscriber.as_ref());
        subscriber.is_none_or(|subscriber| subscriber.is_permitted(self.session.login.user()))
    }

    /// Whether it may run anew what it runs still: a blocking command, and MONITOR.
    fn may_go_on_running(&self) -> bool {
        let waits_for = self.conversation.as_ref().and_then(|of| of.waits_for());
        let monitors = self.session.monitors.then_some(MONITOR);
        let process = Process { shared: &self.thread.shared };
        let permit = |command: Command<'_>| {
            self.session.permit(command.spec, command.args, acl::Context::TopLevel, &process).is_ok()
        };
        waits_for.into_iter().chain(monitors).all(|request| kept::read_again(request, permit) == Some(true))
    }

    /// Takes the command from what the user may have in a second and under way, where that is bounded. A stranger is not the user that it
    /// begins as, and has nothing of it; and who it is can be said at any time. Nor is anything taken for MULTI and DISCARD:
    /// were they refused, the commands between would be executed one by one, or what comes next be queued.
    fn take_quota(&self, command: Command<'_>) -> Result<(), Exceeded> {
        let quotas = self.thread.shared.quotas.load();
        if quotas.is_empty() {
            return self.output.count_for(None);
        }
        let is_free = command.spec.flags.contains(Flags::NO_AUTH) || FREE.contains(&command.spec.name);
        if !self.session.login.is_authenticated() || is_free {
            return Ok(());
        }
        let quota = quotas.get(self.session.login.user().name());
        let taken = self.output.count_for(quota.filter(|quota| quota.bounds_in_flight()));
        let taken = taken.and_then(|()| quota.map_or(Ok(()), |quota| quota.take(command.raw.len())));
        taken.inspect_err(|_| self.thread.metrics.over_quota.add(1))
    }
}
