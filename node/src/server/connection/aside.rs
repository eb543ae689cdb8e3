//! Commands that take long: run on a thread of their own, while the connection's thread serves others.
//!
//! Such a command looks at ten thousand elements or more. It holds its slots as any other, so who needs one of them
//! waits; nobody else does. The engine says [`Flow::Long`] before it has done anything.

use std::sync::Arc;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::HashSlot;

use super::Connection;
use super::queued::Queued;
use crate::engine::{Flow, Tally};
use crate::store::keyspace::Moment;

/// Commands of a data thread that run aside at once; one beyond waits.
pub(crate) const ASIDE_MAX: usize = 4;

/// How a command that ran aside ended.
enum Ran {
    Done(Tally),
    /// Nothing was done: the slot is held.
    Busy(HashSlot),
}

impl Connection {
    /// Runs a command that takes long, and waits for its reply.
    pub(super) async fn run_aside(&mut self, spec: &'static Spec, args: Args<'_>) {
        let command = Arc::new(Queued::new(spec, args));
        let aside = Arc::clone(&self.worker.aside);
        loop {
            let began = self.begin_wait();
            let permit = Arc::clone(&aside).acquire_owned().await;
            let ran = self.try_aside(Arc::clone(&command)).await;
            drop(permit);
            self.end_wait(began);
            self.stale = true;
            match ran {
                Some(Ran::Done(tally)) => return self.count(tally),
                Some(Ran::Busy(slot)) => {
                    if let Some(text) = self.wait_unless_busy(slot).await {
                        return self.refuse(text);
                    }
                }
                None => return self.refuse("ERR the command failed"),
            }
        }
    }

    /// One try; appends the reply to the output. `None` if there is no thread, or the command panicked.
    async fn try_aside(&mut self, command: Arc<Queued>) -> Option<Ran> {
        let shared = Arc::clone(&self.worker.shared);
        let moment = Moment { may_defer: false, ..self.moment() };
        let protocol = self.session.protocol;
        let task = tokio::task::spawn_blocking(move || {
            let mut output = Vec::new();
            let mut reply = Reply::bounded(&mut output, protocol);
            let ran = match shared.engine.run(command.spec, command.args(), moment, &mut reply) {
                Flow::Done(tally) => Some(Ran::Done(tally)),
                Flow::Busy(slot) => Some(Ran::Busy(slot)),
                // Only commands on their keys say that they take long.
                Flow::Walking(_) | Flow::Waiting(_) | Flow::Long => None,
            };
            (ran, output)
        });
        let (ran, output) = task.await.ok()?;
        self.output.extend_from_slice(&output);
        ran
    }
}
