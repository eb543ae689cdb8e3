//! EVAL, FCALL and their kin, SCRIPT and FUNCTION, on a connection.

mod code;
mod function;
mod manage;
mod payload;
mod run;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{Connection, Fate};
use crate::store::keyspace::Keyspace;
use run::Within;

impl Connection {
    /// Carries out a command of the group of scripts.
    pub(super) async fn script(&mut self, spec: &'static Spec, args: Args<'_>) -> Fate {
        self.stale = true;
        // In a box: its state is large, and few connections run scripts.
        let done = Box::pin(self.script_within(spec, args, None)).await;
        if let Err(text) = done {
            self.refuse(&text);
        }
        Fate::Open
    }

    /// As [`Connection::script`], within a transaction that holds `keyspace`.
    pub(super) async fn script_in_transaction(
        &mut self,
        spec: &'static Spec,
        args: Args<'_>,
        keyspace: &mut Keyspace<'_, '_>,
    ) {
        let done = Box::pin(self.script_within(spec, args, Some(Within(keyspace)))).await;
        if let Err(text) = done {
            self.refuse(&text);
        }
    }

    async fn script_within(
        &mut self,
        spec: &'static Spec,
        args: Args<'_>,
        within: Option<Within<'_, '_, '_>>,
    ) -> Result<(), String> {
        match spec.name {
            "eval" | "evalsha" | "eval_ro" | "evalsha_ro" | "fcall" | "fcall_ro" => {
                self.run_script(spec, args, within).await
            }
            "script|load" => self.load_script(args).await,
            "function|load" => self.load_function(args).await,
            "function|restore" => self.restore_functions(args).await,
            _ => {
                let shared = std::sync::Arc::clone(&self.worker.shared);
                let mut reply = Reply::bounded(&mut self.output, self.session.protocol);
                manage::execute(spec.name, args, &shared.scripts, &mut reply)
            }
        }
    }
}
