//! `DEBUG`, as far as it concerns connections and the process; the rest is `crate::command::debug`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, number};

use super::durable::LOADING;
use super::snapshot::SAVING;
use super::{Connection, Fate};
use crate::command::debug::{digest, reload};
use crate::engine::Journey;
use crate::server::snapshots::Asked;

/// Whether a command is one of those that [`Connection::debug`] carries out.
pub(super) fn concerns_connection(spec: &Spec, args: Args<'_>) -> bool {
    let is = |name: &str| args[1].eq_ignore_ascii_case(name.as_bytes());
    let known = match args.len() {
        2 => is("digest") || is("reload"),
        3 => is("sleep") || is("set-active-expire") || is("populate"),
        4 | 5 => is("populate"),
        _ => false,
    };
    spec.name == "debug" && known
}

impl Connection {
    /// `DEBUG SLEEP seconds`, `DEBUG SET-ACTIVE-EXPIRE 0|1`, `DEBUG DIGEST`, `DEBUG RELOAD`, `DEBUG POPULATE`.
    pub(super) async fn debug(&mut self, args: Args<'_>) -> io::Result<Fate> {
        if args.len() == 2 {
            if args[1].eq_ignore_ascii_case(b"digest") {
                self.walk(Journey::new(digest(), self.moment())).await;
            } else {
                self.reload().await;
            }
            return Ok(Fate::Open);
        }
        if args[1].eq_ignore_ascii_case(b"populate") {
            return Ok(self.populate(args).await);
        }
        let mut fate = Fate::Open;
        if args[1].eq_ignore_ascii_case(b"sleep") {
            let time = Duration::try_from_secs_f64(leading_double(&args[2])).unwrap_or_default();
            fate = self.sleep(time).await?;
            self.stale = true;
        } else {
            let on = number::parse_integer(&args[2]).is_some_and(|number| number != 0);
            self.worker.shared.expires_actively.store(on, Ordering::Relaxed);
        }
        Reply::new(&mut self.output, self.session.protocol).ok();
        Ok(fate)
    }

    /// `DEBUG RELOAD`. What cannot be saved is not reloaded.
    async fn reload(&mut self) {
        let shared = Arc::clone(&self.worker.shared);
        let snapshots = &shared.keeping.snapshots;
        if shared.attention.look().is_loading() {
            return self.refuse(LOADING);
        }
        if shared.keeping.log().is_some() {
            let Asked::Begins(ended) = snapshots.ask() else { return self.refuse(SAVING) };
            if !self.await_snapshot(ended).await {
                let why = snapshots.failure().unwrap_or_default();
                return self.refuse(&format!("ERR no snapshot could be taken: {why}"));
            }
        }
        self.walk(Journey::new(reload(), self.moment())).await;
    }
}

/// The number that a text begins with, as `strtod` reads it; 0 if there is none.
fn leading_double(text: &[u8]) -> f64 {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    std::str::from_utf8(&text[..len]).ok().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}
