//! What a connection holds and did last, as others see it in `CLIENT LIST`. The connection notes it once a turn, by a
//! few stores into its own cache line.

use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use ringmaster_protocol::command::{Spec, all};
use ringmaster_protocol::session::{Buffers, Session};

/// The figures of one connection. Sizes above 4 GiB are told as 4 GiB.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Figures {
    query_bytes: AtomicU32,
    query_free_bytes: AtomicU32,
    output_bytes: AtomicU32,
    output_capacity: AtomicU32,
    argument_bytes: AtomicU32,
    transaction_bytes: AtomicU32,
    watched_keys: AtomicU32,
    /// Commands queued since MULTI and one; 0 outside of a transaction.
    queued_commands: AtomicU32,
    /// Place of the last command in the table and one; 0 before the first.
    last_command: AtomicU16,
}

impl Figures {
    /// Notes the last command.
    #[inline]
    pub(crate) fn note_command(&self, spec: &Spec) {
        // The table has far fewer commands than that.
        self.last_command.store(u16::try_from(spec.id.index() + 1).unwrap_or(0), Ordering::Relaxed);
    }

    /// Notes what the connection holds.
    #[inline]
    pub(crate) fn note(&self, buffers: &Buffers) {
        let set = |figure: &AtomicU32, bytes: usize| {
            figure.store(u32::try_from(bytes).unwrap_or(u32::MAX), Ordering::Relaxed);
        };
        set(&self.query_bytes, buffers.query_bytes);
        set(&self.query_free_bytes, buffers.query_free_bytes);
        set(&self.output_bytes, buffers.output_bytes);
        set(&self.output_capacity, buffers.output_capacity);
        set(&self.argument_bytes, buffers.argument_bytes);
        set(&self.transaction_bytes, buffers.transaction_bytes);
    }

    /// Notes how many bytes of replies wait to be written.
    pub(crate) fn note_output(&self, bytes: usize) {
        self.output_bytes.store(u32::try_from(bytes).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Bytes of the connection's buffers, used or not, and of its transaction.
    pub(crate) fn held_bytes(&self) -> usize {
        let get = |figure: &AtomicU32| figure.load(Ordering::Relaxed) as usize;
        let output = get(&self.output_capacity).max(get(&self.output_bytes));
        get(&self.query_bytes) + get(&self.query_free_bytes) + output + get(&self.transaction_bytes)
    }

    /// Bytes of replies that wait to be written.
    pub(crate) fn output_bytes(&self) -> usize {
        self.output_bytes.load(Ordering::Relaxed) as usize
    }

    /// Notes how many commands a transaction has queued, if there is one.
    #[inline]
    pub(crate) fn note_queued(&self, commands: Option<u32>) {
        self.queued_commands.store(commands.map_or(0, |count| count.saturating_add(1)), Ordering::Relaxed);
    }

    /// Notes how many keys are watched.
    pub(crate) fn note_watched(&self, keys: u32) {
        self.watched_keys.store(keys, Ordering::Relaxed);
    }

    /// Fills the figures into a copy of the connection's session.
    pub(crate) fn show(&self, session: &mut Session) {
        let get = |figure: &AtomicU32| figure.load(Ordering::Relaxed) as usize;
        session.buffers = Buffers {
            query_bytes: get(&self.query_bytes),
            query_free_bytes: get(&self.query_free_bytes),
            output_bytes: get(&self.output_bytes),
            output_capacity: get(&self.output_capacity),
            argument_bytes: get(&self.argument_bytes),
            transaction_bytes: get(&self.transaction_bytes),
            mail_bytes: 0,
        };
        session.queued_commands = self.queued_commands.load(Ordering::Relaxed).checked_sub(1);
        session.watched_keys = self.watched_keys.load(Ordering::Relaxed);
        let place = usize::from(self.last_command.load(Ordering::Relaxed));
        if let Some(spec) = place.checked_sub(1).and_then(|place| all().get(place)) {
            session.last_command = spec.name;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmaster_protocol::command::lookup_full;

    #[test]
    fn figures_are_shown_as_they_were_noted() {
        let (figures, mut session) = (Figures::default(), Session::default());
        figures.show(&mut session);
        assert_eq!(session.last_command, "");
        figures.note_command(lookup_full(b"client|list").unwrap());
        figures.note(&Buffers { query_bytes: 7, transaction_bytes: usize::MAX, ..Buffers::default() });
        figures.note_watched(3);
        figures.note_queued(Some(0));
        figures.show(&mut session);
        let shown = (session.last_command, session.buffers.query_bytes, session.watched_keys);
        assert_eq!(shown, ("client|list", 7, 3));
        assert_eq!(session.queued_commands, Some(0));
        assert_eq!(session.buffers.transaction_bytes, u32::MAX as usize);
    }
}
