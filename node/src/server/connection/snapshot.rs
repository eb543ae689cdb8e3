//! `BGSAVE`, `BGREWRITEAOF`, `SAVE`, `LASTSAVE`: snapshots on demand. Here the first two are the same: a snapshot is what
//! makes the log before it superfluous.

use std::sync::Arc;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::Connection;
use crate::server::snapshots::Asked;

const OFF: &str = "ERR nothing is kept on disk: the node was started without `--persistence wal`";
const SAVING: &str = "ERR Background save already in progress";
const REWRITING: &str = "ERR Background append only file rewriting already in progress";

/// Whether a command is one of these.
pub(super) fn concerns_snapshots(spec: &Spec) -> bool {
    matches!(spec.name, "bgsave" | "bgrewriteaof" | "save" | "lastsave")
}

impl Connection {
    /// Carries out one of these commands.
    pub(super) async fn snapshot(&mut self, spec: &Spec, args: Args<'_>) {
        let shared = Arc::clone(&self.worker.shared);
        let snapshots = &shared.keeping.snapshots;
        if spec.name == "lastsave" {
            let seconds = snapshots.figures().saved_at.as_secs();
            return self.answer(|reply| reply.int(i64::try_from(seconds).unwrap_or(i64::MAX)));
        }
        let schedules = args.len() == 2 && args[1].eq_ignore_ascii_case(b"schedule");
        if spec.name == "bgsave" && args.len() > 1 && !schedules {
            return self.refuse("ERR syntax error");
        }
        if shared.keeping.log().is_none() {
            return self.refuse(OFF);
        }
        match (spec.name, snapshots.ask()) {
            ("bgsave", Asked::Begins(_)) => self.answer(|reply| reply.simple("Background saving started")),
            ("bgsave", Asked::UnderWay) if schedules => {
                self.answer(|reply| reply.simple("Background saving scheduled"));
            }
            ("bgrewriteaof", Asked::Begins(_)) => {
                self.answer(|reply| reply.simple("Background append only file rewriting started"));
            }
            ("bgrewriteaof", Asked::UnderWay) => self.refuse(REWRITING),
            (_, Asked::UnderWay) => self.refuse(SAVING),
            (_, Asked::Begins(mut ended)) => {
                let began = self.begin_wait();
                // The sender lives as long as the node.
                let done = ended.changed().await.is_ok() && ended.borrow().1;
                self.end_wait(began);
                self.stale = true;
                if done {
                    self.answer(|reply| reply.simple("OK"));
                } else {
                    let why = snapshots.failure().unwrap_or_default();
                    self.refuse(&format!("ERR no snapshot could be taken: {why}"));
                }
            }
        }
    }

    fn answer(&mut self, write: impl FnOnce(&mut Reply<'_>)) {
        write(&mut Reply::new(&mut self.output, self.session.protocol));
    }
}
