//! What a connection waits for because of the log: room before it writes, and the disk before it answers.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use ringmaster_protocol::command::{Flags, Spec};
use ringmaster_protocol::extension::{Ask, Say};
use ringmaster_protocol::resp::reply::Reply;

use super::Connection;
use crate::log::journal::take_seen;
use crate::log::{Log, Refusal};
use crate::server::attention::Seen;
use crate::server::batch::Batch;

pub(super) const LOADING: &str = "LOADING Redis is loading the dataset in memory";

impl Connection {
    /// Waits until what the replies show is durable, where that was promised.
    #[inline]
    pub(super) async fn await_durable(&mut self) -> io::Result<()> {
        let lsn = self.seen.replace(0).max(take_seen());
        if lsn == 0 { Ok(()) } else { self.await_lsn(lsn).await }
    }

    #[cold]
    async fn await_lsn(&mut self, lsn: u64) -> io::Result<()> {
        let Some(log) = self.worker.shared.keeping.log().map(Arc::clone) else { return Ok(()) };
        if log.status().durable_lsn() >= lsn {
            return Ok(());
        }
        let began = self.begin_wait();
        let durable = poll_fn(|context| self.poll_durable(&log, lsn, context)).await;
        self.end_wait(began);
        self.stale = true;
        if !self.executed.is_empty() {
            self.trace_sync(began, matches!(durable, Ok(Ok(()))));
        }
        let Err(refusal) = durable? else { return Ok(()) };
        // Whether it is on the disk is not known: the client is told neither yes nor no, and must ask elsewhere.
        self.output.clear();
        Reply::new(&mut self.output, self.session.protocol).error(&refusal_text(&refusal));
        self.closes = true;
        Ok(())
    }

    /// As [`Log::poll_durable`]; while the disk is full, which may last, also whether the client goes away. Else that is
    /// not asked: who has sent its last command may have closed its side, and still wants the reply.
    fn poll_durable(
        &mut self,
        log: &Log,
        lsn: u64,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Result<(), Refusal>>> {
        match log.poll_durable(lsn, context) {
            Poll::Ready(durable) => Poll::Ready(Ok(durable)),
            Poll::Pending if log.status().refuses() => self.poll_leaving(context).map(Err),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Waits while the log has no room for what the batch writes.
    #[inline]
    pub(super) async fn await_log(&mut self, batch: &Batch) {
        let Some(log) = self.worker.shared.keeping.log() else { return };
        if !log.has_room() && batch.commands.iter().any(|command| command.spec.is_ok_and(Spec::writes)) {
            let log = Arc::clone(log);
            let began = self.begin_wait();
            poll_fn(|context| log.poll_room(context)).await;
            self.end_wait(began);
            self.stale = true;
        }
    }

    /// What an entry says to what it would have to write while its log cannot be: others hold the slot.
    pub(super) fn unwritable(&self, ask: &Ask) -> Option<Say> {
        let writes =
            matches!(ask, Ask::Apply { .. } | Ask::Import { .. } | Ask::Stage { .. } | Ask::StageMore { .. });
        let log = self.worker.shared.keeping.log().filter(|_| writes)?;
        log.refusal().map(|refusal| Say::Broken(refusal.reason.to_string().into()))
    }

    /// The refusal of a command while the log is read, or cannot be written.
    pub(super) fn refusal_by_log(&mut self, seen: Seen, spec: &Spec) -> Option<String> {
        if seen.is_loading() && !spec.flags.contains(Flags::LOADING) {
            return Some(LOADING.to_owned());
        }
        if !seen.is_log_refusing() {
            return None;
        }
        if spec.name == "exec" && self.transaction.as_ref().is_some_and(|all| all.specs().any(Spec::writes)) {
            // Answered as one that was refused when it was queued.
            self.spoil_transaction();
        }
        let refusal = self.worker.shared.keeping.log().filter(|_| spec.writes())?.refusal()?;
        Some(refusal_text(&refusal))
    }
}

pub(super) fn refusal_text(refusal: &Refusal) -> String {
    let reason = &refusal.reason;
    if refusal.retries {
        return format!(
            "MISCONF Errors writing to the log: {reason}. Writes are refused until it can be written again, which \
             is tried each second; reads are served."
        );
    }
    format!(
        "MISCONF Errors writing to the log: {reason}. A sync failed, so what is on the disk is not known: writes are \
         refused until BGSAVE has written a snapshot, or the node is restarted; reads are served."
    )
}
