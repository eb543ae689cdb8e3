//! `BGSAVE`, `BGREWRITEAOF`, `SAVE`, `LASTSAVE`: snapshots on demand. Here the first two are the same: a snapshot is what
//! makes the log before it superfluous.

use std::sync::Arc;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::Connection;
use crate::server::snapshots::{Asked, Ended};

const OFF: &str = "ERR nothing is kept on disk: the node was started without `--persistence wal`";
pub(super) const SAVING: &str = "ERR Background save already in progress";
const REWRITING: &str = "ERR Background append only file rewriting already in progress";

/// Whether a command is one of these.
pub(super) fn concerns_snapshots(spec: &Spec) -> bool {
    matches!(spec.name, "bgsave" | "bgrewriteaof" | "save" | "lastsave")
}

impl Connection {
    /// Carries out one of these commands.
    pub(super) async fn snapshot(&mut self, spec: &Spec, args: Args<'_>) {
        let Some(ended) = self.begin_snapshot(spec, args, "started") else { return };
        if self.await_snapshot(ended).await {
            self.answer(|reply| reply.simple("OK"));
        } else {
            let why = self.worker.shared.keeping.snapshots.failure().unwrap_or_default();
            self.refuse(&format!("ERR no snapshot could be taken: {why}"));
        }
    }

    /// Waits for a snapshot's end. Returns whether it was taken.
    pub(super) async fn await_snapshot(&mut self, mut ended: Ended) -> bool {
        let began = self.begin_wait();
        // The sender lives as long as the node.
        let done = ended.changed().await.is_ok() && ended.borrow().1;
        self.end_wait(began);
        self.stale = true;
        done
    }

    /// As [`Connection::snapshot`] within a transaction, where SAVE is not allowed: the snapshot is taken behind it.
    pub(super) fn snapshot_in_transaction(&mut self, spec: &Spec, args: Args<'_>) {
        drop(self.begin_snapshot(spec, args, "scheduled"));
    }

    /// Begins a snapshot and answers, with `begins` for one that begins; for SAVE hands out what tells of the end instead.
    fn begin_snapshot(&mut self, spec: &Spec, args: Args<'_>, begins: &str) -> Option<Ended> {
        let shared = Arc::clone(&self.worker.shared);
        let snapshots = &shared.keeping.snapshots;
        let schedules = args.len() == 2 && args[1].eq_ignore_ascii_case(b"schedule");
        if spec.name == "lastsave" {
            let seconds = snapshots.figures().saved_at.as_secs();
            self.answer(|reply| reply.int(i64::try_from(seconds).unwrap_or(i64::MAX)));
        } else if spec.name == "bgsave" && args.len() > 1 && !schedules {
            self.refuse("ERR syntax error");
        } else if shared.keeping.log().is_none() {
            self.refuse(OFF);
        } else {
            match (spec.name, snapshots.ask()) {
                ("save", Asked::Begins(ended)) => return Some(ended),
                ("bgrewriteaof", Asked::UnderWay) => self.refuse(REWRITING),
                ("bgsave", Asked::UnderWay) if schedules => {
                    self.answer(|reply| reply.simple("Background saving scheduled"));
                }
                (_, Asked::UnderWay) => self.refuse(SAVING),
                ("bgrewriteaof", _) => {
                    self.answer(|reply| {
                        reply.simple(&format!("Background append only file rewriting {begins}"));
                    });
                }
                _ => self.answer(|reply| reply.simple(&format!("Background saving {begins}"))),
            }
        }
        None
    }

    fn answer(&mut self, write: impl FnOnce(&mut Reply<'_>)) {
        write(&mut Reply::new(&mut self.output, self.session.protocol));
    }
}
