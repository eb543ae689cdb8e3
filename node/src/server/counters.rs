//! What a data thread counts. Each thread writes its own and nobody else's, so counting is one plain store.

mod command;

use command::CommandCounters;
pub(crate) use command::CommandTotals;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use ringmaster_protocol::command::{COUNT, CommandId};
use ringmaster_runtime::metrics::errors::{self, ErrorCodes};

/// A counter that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds `amount`. Only by the counter's own thread: a load and a store, no locked instruction.
    #[inline]
    pub(crate) fn add(&self, amount: u64) {
        self.add_to(amount);
    }

    /// As [`Counter::add`]; returns the new value.
    #[inline]
    pub(crate) fn add_to(&self, amount: u64) -> u64 {
        let sum = self.0.load(Ordering::Relaxed).wrapping_add(amount);
        self.0.store(sum, Ordering::Relaxed);
        sum
    }

    /// The value now.
    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one data thread, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    /// Connections served.
    pub(crate) connections: Counter,
    /// Commands executed, the refused included.
    pub(crate) commands: Counter,
    /// Error replies.
    pub(crate) errors: Counter,
    /// The same by their codes.
    pub(crate) error_codes: ErrorCodes,
    /// Bytes read from clients.
    pub(crate) input_bytes: Counter,
    /// Bytes written to clients.
    pub(crate) output_bytes: Counter,
    /// Keys that reads found.
    pub(crate) hits: Counter,
    /// Keys that reads did not find.
    pub(crate) misses: Counter,
    /// Keys freed because their deadline had passed.
    pub(crate) expired: Counter,
    /// Keys that were evicted.
    pub(crate) evicted: Counter,
    /// Clients closed for memory.
    pub(crate) clients_shed: Counter,
    /// Clients closed because they let more wait than a limit allows.
    pub(crate) clients_overrun: Counter,
    by_command: ByCommand,
}

/// Counters of all commands, by their ids.
#[derive(Debug)]
struct ByCommand(Box<[CommandCounters]>);

impl Default for ByCommand {
    fn default() -> Self {
        Self((0..COUNT).map(|_| CommandCounters::default()).collect())
    }
}

impl Counters {
    /// Those of one command.
    #[inline]
    pub(crate) fn command(&self, id: CommandId) -> &CommandCounters {
        &self.by_command.0[id.index()]
    }
}

/// The sums of all commands over all threads, by their ids.
pub(crate) fn sum_of_commands(threads: &[Counters]) -> Vec<CommandTotals> {
    let mut sums = vec![CommandTotals::default(); COUNT];
    for counters in threads {
        sums.iter_mut().zip(&counters.by_command.0).for_each(|(sum, one)| sum.add(one));
    }
    sums
}

/// Error replies of all threads, by code.
pub(crate) fn sum_of_errors(threads: &[Counters]) -> BTreeMap<String, u64> {
    errors::sum(threads.iter().map(|counters| &counters.error_codes))
}

/// Sums of the threads' counters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) connections: u64,
    pub(crate) commands: u64,
    pub(crate) errors: u64,
    pub(crate) input_bytes: u64,
    pub(crate) output_bytes: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) expired: u64,
    pub(crate) evicted: u64,
    pub(crate) clients_shed: u64,
    pub(crate) clients_overrun: u64,
}

impl Totals {
    /// The sums over all threads.
    pub(crate) fn of(threads: &[Counters]) -> Self {
        threads.iter().fold(Self::default(), |sum, one| Self {
            connections: sum.connections + one.connections.value(),
            commands: sum.commands + one.commands.value(),
            errors: sum.errors + one.errors.value(),
            input_bytes: sum.input_bytes + one.input_bytes.value(),
            output_bytes: sum.output_bytes + one.output_bytes.value(),
            hits: sum.hits + one.hits.value(),
            misses: sum.misses + one.misses.value(),
            expired: sum.expired + one.expired.value(),
            evicted: sum.evicted + one.evicted.value(),
            clients_shed: sum.clients_shed + one.clients_shed.value(),
            clients_overrun: sum.clients_overrun + one.clients_overrun.value(),
        })
    }

    /// What came since `base`.
    pub(crate) fn since(self, base: Self) -> Self {
        Self {
            connections: self.connections.saturating_sub(base.connections),
            commands: self.commands.saturating_sub(base.commands),
            errors: self.errors.saturating_sub(base.errors),
            input_bytes: self.input_bytes.saturating_sub(base.input_bytes),
            output_bytes: self.output_bytes.saturating_sub(base.output_bytes),
            hits: self.hits.saturating_sub(base.hits),
            misses: self.misses.saturating_sub(base.misses),
            expired: self.expired.saturating_sub(base.expired),
            evicted: self.evicted.saturating_sub(base.evicted),
            clients_shed: self.clients_shed.saturating_sub(base.clients_shed),
            clients_overrun: self.clients_overrun.saturating_sub(base.clients_overrun),
        }
    }
}
