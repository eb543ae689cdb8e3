//! The account of each command: calls, failures, time; what is slow comes into the slow log.

use std::io;
use std::time::{Duration, Instant};

use ringmaster_protocol::command::{Flags, Rejection, Spec, lookup_full};
use ringmaster_protocol::resp::Args;

use ringmaster_protocol::session::Buffers;
use ringmaster_runtime::audit;

use super::Connection;
use super::transaction::Transaction;
use crate::server::shared::{millis_of, unix_time};
use crate::server::timing::events::{COMMAND, FAST_COMMAND};

/// A turn with more commands than this is measured.
const MANY_COMMANDS: usize = 32;

/// When a call began, and how long its connection had waited until then.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    began: Instant,
    waited_before: Duration,
}

impl Connection {
    /// Counts a call. The clock runs if this call is to be timed.
    #[inline]
    pub(super) fn clock_in(&self, spec: &Spec, args: Args<'_>) -> Option<Clock> {
        let clock = self.clock(spec, args);
        self.worker.counters().command(spec.id).called();
        clock
    }

    /// The same without counting it: of a call that may come again by another way.
    #[inline]
    pub(super) fn clock(&self, spec: &Spec, args: Args<'_>) -> Option<Clock> {
        let timed = self.worker.counters().command(spec.id).is_timed(args.len());
        timed.then(|| Clock { began: Instant::now(), waited_before: self.waited })
    }

    /// Ends the account of a call whose reply begins at `from` in the output.
    #[inline]
    pub(super) fn clock_out(&mut self, spec: &Spec, args: Args<'_>, clock: Option<Clock>, from: usize) {
        if let Some(clock) = clock {
            self.took(spec, args, clock);
            if spec.is_audited() {
                let is_refused = self.output.get(from) == Some(&b'-');
                let outcome = if is_refused { audit::Outcome::Refused } else { audit::Outcome::Done };
                let (user, from) = (self.session.login.user(), &*self.session.peer_address);
                audit::tell("node", (user.name(), from), (spec.name, &spec.about(args)), outcome);
            }
        }
        if self.output.get(from) == Some(&b'-') {
            self.worker.counters().command(spec.id).fail();
            self.count_error(from);
        }
    }

    #[inline(never)]
    fn took(&mut self, spec: &Spec, args: Args<'_>, clock: Clock) {
        let waited = self.waited.saturating_sub(clock.waited_before);
        let took = clock.began.elapsed().saturating_sub(waited);
        let timing = &self.worker.shared.timing;
        let counters = self.worker.counters().command(spec.id);
        counters.took(spec, took, timing.times_each(), timing.tracks());
        self.turn_is_heavy = true;
        let is_slow = timing.slow_log.threshold().is_some_and(|threshold| took >= threshold);
        if is_slow && !spec.flags.contains(Flags::SKIP_SLOWLOG) {
            timing.slow_log.log((spec, args), &self.session, unix_time(), took);
        }
        if timing.is_exact() {
            let event = if spec.flags.contains(Flags::FAST) { FAST_COMMAND } else { COMMAND };
            timing.events.note(event, unix_time(), took);
        }
    }

    /// Counts a command that was refused before it began; `text` is its reply.
    #[cold]
    pub(super) fn reject(&mut self, spec: &Spec, text: &str) {
        self.worker.counters().command(spec.id).reject();
        self.refuse(text);
        self.count_error(self.reply_from);
    }

    /// Answers what has no row in the table, or a wrong number of arguments.
    #[cold]
    pub(super) fn reject_unknown(&mut self, rejection: Rejection, args: Args<'_>) {
        if let Rejection::Arity(name) = rejection
            && let Some(spec) = lookup_full(name.as_bytes())
        {
            self.worker.counters().command(spec.id).reject();
        }
        self.refuse(&String::from_utf8_lossy(&rejection.text(&args)));
        self.count_error(self.reply_from);
    }

    /// Counts the error reply at `from`.
    #[cold]
    pub(super) fn count_error(&self, from: usize) {
        let counters = self.worker.counters();
        counters.errors.add(1);
        counters.error_codes.count(&self.output[from..]);
    }

    /// The end of a turn of `commands` commands: its length counts if it may have been long.
    #[inline]
    pub(super) fn end_turn(&mut self, commands: usize) {
        if self.turn_is_heavy || commands > MANY_COMMANDS {
            self.turn_is_heavy = false;
            let length = unix_time().saturating_sub(self.turn_began);
            self.worker.shared.timing.longest.turn.raise(length);
        }
    }

    /// What the connection holds while a command with `args` is at hand.
    pub(super) fn buffers(&self, args: Args<'_>) -> Buffers {
        let argument_bytes = args.iter().map(<[u8]>::len).sum();
        Buffers { argument_bytes, ..self.buffers_between() }
    }

    /// What the connection holds between commands.
    fn buffers_between(&self) -> Buffers {
        Buffers {
            query_bytes: self.input.len() + self.late.len(),
            query_free_bytes: self.input.capacity() - self.input.len(),
            output_bytes: self.output.len(),
            output_capacity: self.output.capacity(),
            argument_bytes: 0,
            transaction_bytes: self.transaction.as_ref().map_or(0, Transaction::bytes),
            mail_bytes: 0,
        }
    }

    /// Notes for others what the connection holds at the end of a turn.
    #[inline]
    pub(super) fn note_figures(&self) {
        self.handle.figures.note_queued(self.session.queued_commands);
        self.handle.figures.note(&self.buffers_between());
    }

    /// Notes for others that the command at hand waits.
    pub(super) fn note_wait(&self, spec: &Spec, args: Args<'_>) {
        self.handle.figures.note_command(spec);
        self.handle.figures.note_queued(self.session.queued_commands);
        self.handle.figures.note(&self.buffers(args));
    }

    /// Counts that the client is closed because it lets more wait than a limit allows.
    #[cold]
    pub(super) fn lets_too_much_wait(&self) -> io::Error {
        self.worker.counters().clients_overrun.add(1);
        tracing::info!(client = self.session.id, peer = %self.session.peer_address, "client-output-buffer-limit: closed");
        io::ErrorKind::QuotaExceeded.into()
    }

    /// To be called before the connection waits within a turn.
    pub(super) fn begin_wait(&mut self) -> Instant {
        self.worker.shared.timing.longest.turn.raise(unix_time().saturating_sub(self.turn_began));
        Instant::now()
    }

    /// To be called when the connection has waited since `began`: its next turn begins.
    pub(super) fn end_wait(&mut self, began: Instant) {
        self.waited += began.elapsed();
        self.turn_began = unix_time();
        self.now = millis_of(self.turn_began);
    }
}
