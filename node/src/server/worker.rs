//! A data thread of the node: its connections and its share of the housekeeping.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_runtime::door::Arrival;
use ringmaster_runtime::service;
use ringmaster_runtime::traces::Sampler;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::account::Meter;
use super::connection::{ASIDE_MAX, Connection};
use super::counters::Counters;
use super::machines::Machines;
use super::membership;
use super::room;
use super::shared::{Shared, millis_of, unix_millis, unix_time};
use super::timing;
use super::timing::events::EXPIRE_CYCLE;
use crate::log::journal::seeing;
use crate::store::eviction::Evictor;

/// How often a second a thread looks for due keys.
pub(super) const HERTZ: u32 = 20;

const TICK: Duration = Duration::from_millis(1000 / HERTZ as u64);

/// Slots in which keys that clients keep are forgotten before other tasks of the thread have a turn.
const TRACKED_SLOTS: usize = 64;

/// Ticks in a second.
const TICKS_A_SECOND: u32 = 20;

/// What a data thread holds.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) machines: Rc<Machines>,
    /// Permits to run a command aside.
    pub(crate) aside: Arc<Semaphore>,
    index: usize,
    random: Cell<u64>,
    /// Which commands of its own clients are traced.
    pub(crate) sampler: Sampler,
    meter: Meter,
    pub(super) evictor: RefCell<Evictor>,
}

impl Worker {
    /// Worker of data thread `index`; begins its housekeeping.
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> Self {
        shared.threads.enter(index);
        let of_task = Arc::clone(&shared);
        tokio::task::spawn_local(async move {
            timing::measured(&of_task.timing, expiring(&of_task, index)).await;
        });
        if index == 0 {
            tokio::task::spawn_local(housekeeping(Arc::clone(&shared)));
            tokio::task::spawn_local(membership::look_after_held(Arc::clone(&shared)));
            tokio::task::spawn_local(membership::free_what_left(Arc::clone(&shared)));
        }
        let mut seed = [0; 8];
        super::shared::random_bytes(&mut seed);
        let random = Cell::new(u64::from_le_bytes(seed));
        let live = shared.traces.as_ref().map(|traces| Arc::clone(traces.live_sample()));
        let sampler = Sampler::new(live, random.get());
        let (machines, evictor) = (Rc::default(), room::evictor(index));
        let aside = Arc::new(Semaphore::new(ASIDE_MAX));
        Self { shared, machines, aside, index, random, sampler, meter: Meter::new(), evictor }
    }

    /// This thread's counters.
    #[inline]
    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters[self.index]
    }

    /// Bytes that the process has allocated.
    #[inline]
    pub(crate) fn used_bytes(&self) -> u64 {
        self.meter.used_bytes(&self.shared.memory)
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
    async fn serve(self: Rc<Self>, arrival: Arrival, stop: CancellationToken) {
        self.counters().connections.add(1);
        let seen = Rc::default();
        let connection = Connection::new(Rc::clone(&self), arrival, Rc::clone(&seen));
        // In a box of its own: those around it would hold it twice each, once to take it and once to run it.
        let run = Box::pin(connection.run(&stop));
        seeing(&seen, timing::measured(&self.shared.timing, run)).await;
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
        shared.memory.look();
        shared.shed_unread(&shared.counters[0]);
        forget_tracked(&shared, tick).await;
        if tick.is_multiple_of(TICKS_A_SECOND) {
            let total = super::counters::Totals::of(&shared.counters).commands;
            shared.rate.store(total.saturating_sub(commands), Ordering::Relaxed);
            commands = total;
            let seconds = shared.limits.idle_seconds.load(Ordering::Relaxed);
            let idle = (seconds > 0).then(|| Duration::from_secs(seconds));
            let write = shared.config.client_write;
            shared.look_at_keys();
            let lag = shared.engine.store().take_expiry_lag();
            shared.expiry_lag_millis.store(lag, Ordering::Relaxed);
            let now = unix_millis();
            shared.clients.close_overdue(now, idle, write);
            shared.counters[0].clients_overrun.add(shared.clients.close_outstaying(now));
            shared.clients.backlog.doubt();
        }
    }
}

/// Whether keys are to stay as they are: a pause is on, or the log cannot take it.
fn is_paused(shared: &Shared) -> bool {
    let seen = shared.attention.look();
    seen.keeps_keys() || seen.is_paused() && shared.pause.rest(unix_millis(), &shared.attention) > 0
}

/// Forgets keys that clients keep, where those are too many; each time from other slots on. As in Redis they may be
/// too many between two ticks.
async fn forget_tracked(shared: &Shared, tick: u32) {
    let store = shared.engine.store();
    let from = (tick as usize).wrapping_mul(TRACKED_SLOTS) % SLOT_COUNT;
    let mut slots = HashSlot::all().skip(from).chain(HashSlot::all().take(from));
    for _ in 0..SLOT_COUNT / TRACKED_SLOTS {
        store.forget_tracked(&mut slots.by_ref().take(TRACKED_SLOTS));
        if shared.engine.tracking().excess() == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
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
        // Again while a slot has more: a visit does not free all of a large one.
        while expire_share(shared, index).await {
            tokio::task::yield_now().await;
        }
    }
}

/// Visits the thread's slots once, in rounds between which other tasks have a turn. Returns whether there is more to do
/// at once.
async fn expire_share(shared: &Shared, index: usize) -> bool {
    let mut slots = HashSlot::all().skip(index).step_by(shared.config.threads);
    let mut has_more = false;
    loop {
        let began = unix_time();
        let round = shared.engine.store().expire(&mut slots, millis_of(began));
        let now = unix_time();
        shared.timing.events.note(EXPIRE_CYCLE, now, now.saturating_sub(began));
        shared.counters[index].expired.add(round.freed as u64);
        has_more |= round.has_more;
        if !round.is_cut {
            return has_more;
        }
        tokio::task::yield_now().await;
    }
}
