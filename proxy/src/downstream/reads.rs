//! Which keys a client that tracks is about to read, and whether it is to be told of what it writes.
//!
//! Noted when the command was sent, before anything else comes in: of a transaction at EXEC, by the requests that were queued
//! for it, so that nothing is kept for what was refused.

use ringmaster_protocol::command::{Flags, Group};

use super::Connection;
use super::conversation::{Command, Transaction};
use super::kept;

impl Connection {
    /// The client, if it does not want to be told of what this command changes.
    pub(super) fn author_of(&self, command: Command<'_>) -> Option<u64> {
        let is_quiet = self.session.tracking.as_ref().is_some_and(|tracking| tracking.no_loop);
        let changes = !command.spec.flags.contains(Flags::READONLY);
        (is_quiet && changes).then_some(self.session.id)
    }

    /// Notes the keys of a command that was sent now.
    pub(super) fn remember_reads(&mut self, command: Command<'_>) {
        self.remember_keys(command);
        // What was said about the next command is about all of a transaction.
        let name = command.spec.name;
        if !name.starts_with("client|") && !matches!(name, "multi" | "exec") {
            self.forget_caching();
        }
    }

    /// Notes the keys of a transaction that is about to be executed.
    pub(super) fn remember_queued_reads(&mut self, transaction: &Transaction) {
        if self.session.tracking.is_none() {
            return;
        }
        for request in transaction.executed() {
            kept::read_again(request, |command| self.remember_keys(command));
        }
        self.forget_caching();
    }

    fn remember_keys(&self, Command { spec, args, .. }: Command<'_>) {
        let who = self.conversation.as_ref().and_then(|of| of.subscriber.as_ref());
        let reads = spec.flags.contains(Flags::READONLY) || spec.group == Group::Scripting;
        let Some(who) = who.filter(|_| reads && self.session.remembers()) else { return };
        let mut positions: Vec<u32> = Vec::new();
        // What names no valid keys reads none.
        let _ = spec.key_positions(&args, &mut positions);
        let keys = positions.iter().filter_map(|at| args.get(*at as usize));
        self.thread.hub.remember(who, keys);
    }

    fn forget_caching(&mut self) {
        self.session.tracking.iter_mut().for_each(|tracking| tracking.caching = false);
    }
}
