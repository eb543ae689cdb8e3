//! `MONITOR`: clients that see every command of all clients.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::session::monitor;

use super::Attention;
use crate::mail::{Mail, Recipient};
use crate::server::clients::ClientHandle;

/// The clients that monitor.
#[derive(Debug, Default)]
pub(crate) struct Monitors(Mutex<Vec<(u64, Arc<ClientHandle>)>>);

impl Monitors {
    fn list(&self) -> MutexGuard<'_, Vec<(u64, Arc<ClientHandle>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds client `id`.
    pub(crate) fn enter(&self, id: u64, handle: &Arc<ClientHandle>, attention: &Attention) {
        let mut list = self.list();
        list.push((id, Arc::clone(handle)));
        attention.set_monitored(true);
    }

    /// Takes client `id` out, if it is one of them.
    pub(crate) fn leave(&self, id: u64, attention: &Attention) {
        let mut list = self.list();
        list.retain(|(of, _)| *of != id);
        attention.set_monitored(!list.is_empty());
    }

    /// Tells all of a command that came `at` (since the Unix epoch) from `sender` (an address, or `lua`).
    pub(crate) fn tell(&self, at: Duration, database: u8, sender: &str, (spec, args): (&Spec, Args<'_>)) {
        let mail = Mail::Line(monitor::line(at, database, sender, (spec, args)).into());
        self.list().iter().for_each(|(_, handle)| handle.receive(mail.clone()));
    }
}
