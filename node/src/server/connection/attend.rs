//! What commands do while clients monitor, commands are paused, or the log is read or refused.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ringmaster_protocol::command::{Flags, Spec};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::session::monitor;
use tokio::time::sleep;

use super::waiting::Interruption;
use super::{Connection, Fate};
use crate::server::attention::Seen;
use crate::server::shared::{unix_millis, unix_time};

/// Longest time that is slept at a stretch.
const STRETCH: Duration = Duration::from_secs(1 << 25);

const MONITOR_ONLY: &str = "ERR Replica can't interact with the keyspace";

/// Commands that the monitors are told of when their effect is there.
const TOLD_AFTER: [&str; 3] = ["select", "exec", "reset"];

impl Connection {
    /// Lets a command wait while it is paused, refuses it, or tells the monitors. Returns the connection's fate if
    /// the command is not to be executed.
    #[cold]
    pub(super) async fn attend(
        &mut self,
        seen: Seen,
        spec: Option<&'static Spec>,
        args: Args<'_>,
    ) -> io::Result<Option<Fate>> {
        let Some(spec) = spec else { return Ok(self.admit_extension(seen, args)) };
        if seen.is_restricted()
            && let Some(fate) = self.admit(spec, args).await
        {
            return Ok(Some(fate));
        }
        if self.session.monitors {
            // What came before this command, and not its own line, stands before its reply.
            self.collect_mail();
        }
        if seen.is_paused() {
            let writes = self.may_write(spec);
            if seen.holds_back(writes) && self.wait_for_pause((spec, args), writes).await? == Fate::Close {
                return Ok(Some(Fate::Close));
            }
        }
        if (seen.is_member() || self.was_attached)
            && let Some(fate) = self.serve_member(spec, args).await
        {
            return Ok(Some(fate));
        }
        if let Some(text) = self.refusal_by_log(seen, spec) {
            self.reject(spec, &text);
            self.spoil_transaction();
            return Ok(Some(Fate::Open));
        }
        if self.session.monitors && (spec.flags.contains(Flags::READONLY) || spec.writes()) {
            self.reject(spec, MONITOR_ONLY);
            return Ok(Some(Fate::Open));
        }
        // A queued command is told when it is executed.
        let later = TOLD_AFTER.contains(&spec.name) || self.is_queued(spec);
        if seen.is_monitored() && !later {
            self.tell_monitors(spec, args);
        }
        Ok(None)
    }

    fn may_write(&self, spec: &Spec) -> bool {
        match &self.transaction {
            Some(transaction) if spec.name == "exec" => transaction.specs().any(Spec::may_write),
            _ => spec.may_write(),
        }
    }

    /// Tells those who monitor of a command.
    #[cold]
    pub(super) fn tell_monitors(&self, spec: &Spec, args: Args<'_>) {
        if monitor::is_told(spec) {
            let (monitors, session) = (&self.worker.shared.monitors, &self.session);
            monitors.tell(unix_time(), session.database, &session.peer_address, (spec, args));
        }
    }

    /// Tells those who monitor of a command that was told of neither before nor while it was executed.
    #[inline]
    pub(super) fn tell_monitors_after(&self, spec: &Spec, args: Args<'_>) {
        if self.worker.shared.attention.look().is_monitored() && TOLD_AFTER.contains(&spec.name) {
            self.tell_monitors(spec, args);
        }
    }

    /// `MONITOR`; only the first is answered.
    pub(super) fn monitor(&mut self) {
        if !self.session.monitors {
            self.session.monitors = true;
            let shared = &self.worker.shared;
            shared.monitors.enter(self.session.id, &self.handle, &shared.attention);
            Reply::new(&mut self.output, self.session.protocol).ok();
        }
        self.handle.publish(&self.session);
    }

    /// Ends monitoring, if the client monitors.
    pub(super) fn stop_monitoring(&mut self) {
        if std::mem::take(&mut self.session.monitors) {
            let shared = &self.worker.shared;
            shared.monitors.leave(self.session.id, &shared.attention);
        }
    }

    /// Waits until a command that writes (or does not) is paused no more.
    async fn wait_for_pause(
        &mut self,
        (spec, args): (&'static Spec, Args<'_>),
        writes: bool,
    ) -> io::Result<Fate> {
        self.note_wait(spec, args);
        self.handle.publish(&self.session);
        // What was answered before must not wait with this one.
        self.flush().await?;
        self.handle.begin_pause();
        let began = self.begin_wait();
        let ended = self.await_pause_end(writes).await;
        self.end_wait(began);
        self.handle.end_waiting();
        ended
    }

    async fn await_pause_end(&mut self, writes: bool) -> io::Result<Fate> {
        let shared = Arc::clone(&self.worker.shared);
        loop {
            let mut changed = pin!(shared.pause.ended());
            changed.as_mut().enable();
            if !shared.attention.look().holds_back(writes) {
                return Ok(Fate::Open);
            }
            let rest = shared.pause.rest(unix_millis(), &shared.attention);
            let mut alarm = pin!(sleep(Duration::from_millis(rest).min(STRETCH)));
            let interruption = poll_fn(|context| {
                let over =
                    changed.as_mut().poll(context).is_ready() || alarm.as_mut().poll(context).is_ready();
                self.poll_unless(over, context)
            });
            match interruption.await? {
                Some(Interruption::Gone) => return Ok(Fate::Close),
                Some(Interruption::Mail) => self.deliver().await?,
                None => {}
            }
        }
    }

    /// Sleeps for `time` as the command at hand; others go on. `Close` if the client goes away meanwhile.
    pub(super) async fn sleep(&mut self, time: Duration) -> io::Result<Fate> {
        self.flush().await?;
        let (waited, began) = (self.waited, self.begin_wait());
        let mut alarm = pin!(sleep(time.min(STRETCH)));
        let fate = loop {
            let mut poll = |context: &mut Context<'_>| {
                let over = alarm.as_mut().poll(context).is_ready();
                self.poll_unless(over, context)
            };
            match poll_fn(&mut poll).await? {
                Some(Interruption::Gone) => break Fate::Close,
                Some(Interruption::Mail) => self.deliver().await?,
                None => break Fate::Open,
            }
        };
        self.end_wait(began);
        // The command took this time: it is not one that waited.
        self.waited = waited;
        Ok(fate)
    }

    /// `None` at once if `over`; else whatever interrupts a wait.
    fn poll_unless(
        &mut self,
        over: bool,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Interruption>>> {
        if over {
            return Poll::Ready(Ok(None));
        }
        self.poll_interruption(context).map(|interruption| interruption.map(Some))
    }
}
