//! A data thread of the node: its connections and its share of the housekeeping.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_runtime::service;
use tikv_jemalloc_ctl::thread::ThreadLocal;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::counters::Counters;
use super::shared::{Shared, millis_of, unix_millis, unix_time};
use super::timing;
use super::timing::events::EXPIRE_CYCLE;
use crate::store::ROUND_FREED;

/// How often a thread looks for due keys.
const TICK: Duration = Duration::from_millis(50);

/// Bytes that a thread asks the allocator for before it looks whether memory is above its bound: what a batch of
/// writes can pass the bound by, beside the last of them.
const LOOK_AFTER_BYTES: u64 = 16 << 20;

/// Ticks in a second.
const TICKS_A_SECOND: u32 = 20;

/// What a data thread holds.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    index: usize,
    random: Cell<u64>,
    /// Bytes that this thread has asked the allocator for, ever; `None` where that is not known.
    asked: Option<ThreadLocal<u64>>,
    /// What it had asked for when it last looked at the memory of the node.
    asked_at_look: Cell<u64>,
}

impl Worker {
    /// Worker of data thread `index`; begins its housekeeping.
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> Self {
        let of_task = Arc::clone(&shared);
        tokio::task::spawn_local(async move {
            timing::measured(&of_task.timing, expiring(&of_task, index)).await;
        });
        if index == 0 {
            tokio::task::spawn_local(housekeeping(Arc::clone(&shared)));
        }
        let mut seed = [0; 8];
        super::shared::random_bytes(&mut seed);
        let asked = tikv_jemalloc_ctl::thread::allocatedp::read().ok();
        let random = Cell::new(u64::from_le_bytes(seed));
        Self { shared, index, random, asked, asked_at_look: Cell::new(0) }
    }

    /// This thread's counters.
    #[inline]
    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters[self.index]
    }

    /// Whether a write that needs memory is to be refused; for when there is a bound.
    #[cold]
    pub(crate) fn lacks_memory(&self) -> bool {
        let asked = self.asked.map_or(0, ThreadLocal::get);
        if asked.wrapping_sub(self.asked_at_look.get()) >= LOOK_AFTER_BYTES {
            self.asked_at_look.set(asked);
            self.shared.memory.look(self.shared.maxmemory.load(Ordering::Relaxed));
        }
        self.shared.memory.is_over()
    }

    /// A seed for one command's random choices.
    #[inline]
    pub(crate) fn seed(&self) -> u64 {
        let next = self.random.get().wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        self.random.set(next);
        next
    }
}

impl service::Worker for Worker {
    async fn serve(self: Rc<Self>, stream: TcpStream, stop: CancellationToken) {
        self.counters().connections.add(1);
        if let Some(connection) = Connection::new(Rc::clone(&self), stream) {
            timing::measured(&self.shared.timing, connection.run(&stop)).await;
        }
    }
}

/// Looks after memory, rates and clients; a task of the first thread.
async fn housekeeping(shared: Arc<Shared>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut tick, mut commands) = (0u32, 0);
    loop {
        ticks.tick().await;
        tick = tick.wrapping_add(1);
        shared.memory.look(shared.maxmemory.load(Ordering::Relaxed));
        if tick.is_multiple_of(TICKS_A_SECOND) {
            let total = super::counters::Totals::of(&shared.counters).commands;
            shared.rate.store(total.saturating_sub(commands), Ordering::Relaxed);
            commands = total;
            let seconds = shared.limits.idle_seconds.load(Ordering::Relaxed);
            let idle = (seconds > 0).then(|| Duration::from_secs(seconds));
            let write = shared.config.client_write;
            shared.clients.close_overdue(unix_millis(), idle, write);
        }
    }
}

/// Whether keys are to stay as they are: a pause is on.
fn is_paused(shared: &Shared) -> bool {
    shared.attention.look().is_paused() && shared.pause.rest(unix_millis(), &shared.attention) > 0
}

/// Frees due keys in every `threads`-th slot.
async fn expiring(shared: &Shared, index: usize) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !shared.expires_actively.load(Ordering::Relaxed) || is_paused(shared) {
            continue;
        }
        // Again while something was freed: a visit does not free all of a large slot.
        while expire_share(shared, index).await > 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Visits the thread's slots once, in rounds between which other tasks have a turn. Returns how many keys were freed.
async fn expire_share(shared: &Shared, index: usize) -> usize {
    let mut slots = HashSlot::all().skip(index).step_by(shared.config.threads);
    let mut total = 0;
    loop {
        let began = unix_time();
        let freed = shared.engine.store().expire(&mut slots, millis_of(began));
        let now = unix_time();
        shared.timing.events.note(EXPIRE_CYCLE, now, now.saturating_sub(began));
        shared.counters[index].expired.add(freed as u64);
        total += freed;
        if freed < ROUND_FREED {
            return total;
        }
        tokio::task::yield_now().await;
    }
}
