//! What a command does while users are restricted, clients monitor or commands are paused. Looked at only then.

use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::time::Duration;

use ringmaster_protocol::command::{Flags, Spec};
use tokio::time::{Sleep, sleep};

use super::Connection;
use super::conversation::Command;

/// Longest time that is slept at a stretch.
const STRETCH: Duration = Duration::from_secs(1 << 25);

const MONITOR_ONLY: &str = "ERR Replica can't interact with the keyspace";

/// What becomes of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attended {
    /// It is carried out.
    GoesOn,
    /// It was answered.
    Answered,
    /// It waits, and is to come again.
    Waits,
}

/// When a client whose command waits looks again.
pub(super) type Alarm = Option<Pin<Box<Sleep>>>;

impl Connection {
    /// Whether commands need attention for now; looked at once a batch.
    #[inline]
    pub(super) fn needs_attention(&self) -> bool {
        let shared = &self.thread.shared;
        shared.accounts.is_restricting() || shared.attention.is_needed()
    }

    /// Lets a command wait while it is paused, refuses it, or tells those who monitor.
    #[inline(never)]
    pub(super) fn attend(&mut self, command: Command<'_>) -> Attended {
        let thread = Rc::clone(&self.thread);
        let shared = &thread.shared;
        let attention = &shared.attention;
        if attention.is_paused() && !self.thread.is_stopping() {
            let writes = self.may_write(command.spec);
            if let Some(rest) = attention.holds_back(writes, shared.now()) {
                self.alarm = Some(Box::pin(sleep(rest.min(STRETCH))));
                self.card.set_paused(true);
                return Attended::Waits;
            }
        }
        if shared.accounts.is_restricting() && !self.admit(command) {
            return Attended::Answered;
        }
        if self.session.monitors && touches_keys(command.spec) {
            self.answer_error(MONITOR_ONLY);
            return Attended::Answered;
        }
        if attention.is_monitored() {
            attention.tell(shared.now(), &self.session, (command.spec, command.args));
        }
        Attended::GoesOn
    }

    /// Whether a command, or one of those that EXEC runs, may write.
    fn may_write(&self, spec: &Spec) -> bool {
        if spec.name == "exec" { self.has_queued_writes() } else { spec.may_write() }
    }

    /// Whether the next command still waits for the end of a pause; the task is woken then.
    #[inline]
    pub(super) fn poll_pause(&mut self, context: &mut Context<'_>) -> bool {
        let Some(alarm) = &mut self.alarm else { return false };
        let is_paused = self.thread.shared.attention.is_paused() && !self.thread.is_stopping();
        if is_paused && alarm.as_mut().poll(context).is_pending() {
            return true;
        }
        self.alarm = None;
        self.card.set_paused(false);
        false
    }

    /// `MONITOR`; only the first is answered.
    pub(super) fn monitor(&mut self) {
        if !self.session.monitors {
            self.session.monitors = true;
            self.answer_ok();
            self.thread.shared.attention.enter_monitor(self.session.id, &self.card);
            self.output.set_listening(true);
        }
        self.card.renew(&self.session);
    }

    /// Ends monitoring, if the client monitors.
    pub(super) fn stop_monitoring(&mut self) {
        if std::mem::take(&mut self.session.monitors) {
            self.thread.shared.attention.leave_monitor(self.session.id);
            self.output.set_listening(self.session.is_subscriber());
        }
    }
}

fn touches_keys(spec: &Spec) -> bool {
    spec.flags.contains(Flags::READONLY) || spec.writes()
}
