//! The process as a member of a cluster: heartbeats, views, and what is held for too long.

mod by_hand;

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ringmaster_protocol::extension::Say;
use ringmaster_protocol::heartbeat::{Beat, DUE_SLOTS_MAX, NodeState, Pulse};
use ringmaster_protocol::register::{Answer, Refusal, Request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, View};

pub(super) use by_hand::audited;

use super::clients::Unblock;
use super::shared::{Shared, unix_millis};
use crate::cluster::acceptor::Acceptor;
use crate::cluster::member::boot_time;
use crate::cluster::replica::Late;
use crate::cluster::row::Row;
use crate::config::Persistence;
use crate::log::Fsync;
use crate::store::placed::Place;

/// How often what is held is looked at, while anything is.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Slots that are looked at each second for what moved away: all of them within about a minute.
const LEFT_SLOTS: usize = 256;

/// How long the content of a slot is kept that has no place in its chain: it may be given one again.
const LEFT_LIFE: Duration = Duration::from_secs(600);

/// The same where memory is needed: as long as a copy under way may take to go on.
const LEFT_LIFE_NEEDED: Duration = Duration::from_secs(30);

/// Gives `work` what the committed view says of slots.
pub(crate) fn with_place<R>(shared: &Shared, work: impl FnOnce(&Place<'_>) -> R) -> R {
    let epoch = shared.member.epoch();
    // Looked up only where a slot has not taken over the epoch. The view may be a later one by then, and never an earlier.
    let row = |slot| {
        let view: Option<Arc<View>> = shared.member.view();
        view.map(|view| shared.member.row(&view, slot)).unwrap_or_default()
    };
    work(&Place { epoch, row: &row, shared: shared.engine.store().replicas() })
}

/// A refusal with the node's committed epoch.
pub(crate) fn in_epochs(say: Say, committed: Epoch) -> Say {
    match say {
        Say::Stale(_) => Say::Stale(committed),
        say => say,
    }
}

/// Has every slot take over the committed view.
pub(crate) fn adopt_all(shared: &Arc<Shared>) {
    let mut late = Vec::new();
    with_place(shared, |place| {
        for slot in HashSlot::all() {
            let store = shared.engine.store();
            if let Some(mut guard) = store.try_lock(slot) {
                guard.adopt(slot, store, place, &mut late);
            }
        }
    });
    deliver(shared, late);
}

/// Answers a question about views. Where keys are held only a first view is accepted that leaves each slot where it is.
pub(crate) fn register(shared: &Shared, request: &Request) -> Answer {
    let epoch = match request {
        Request::Prepare { epoch, .. } => *epoch,
        Request::Accept { view, .. } => view.epoch(),
        Request::Confirm { .. } | Request::Commit { .. } | Request::Recover { .. } => Epoch::default(),
    };
    if epoch == Epoch::FIRST && shared.attention.look().is_loading() {
        let why = "the node has not read its log yet: wait until it has";
        return Answer::Refused(Refusal::Impossible(why.to_owned()));
    }
    let is_first = epoch == Epoch::FIRST && shared.member.acceptor(Acceptor::is_blank);
    let shares = matches!(request, Request::Accept { view, .. } if has_copies(view));
    if is_first && shares && count_keys(shared) > 0 {
        let why = "the node holds keys that belong to no cluster: empty it, or leave it out";
        return Answer::Refused(Refusal::Impossible(why.to_owned()));
    }
    let was_member = shared.member.epoch() > Epoch::default();
    let answer = shared.member.register(request);
    let is_member = shared.member.epoch() > Epoch::default();
    shared.attention.set_member(is_member);
    if is_member && !was_member {
        // Whoever waits for a key came without a proxy that goes by views: what it waits for may happen elsewhere.
        shared.clients.unblock_all(Unblock::Error);
    }
    answer
}

/// Whether a slot of this view is on more than one node.
fn has_copies(view: &View) -> bool {
    view.chains().iter().any(|chain| chain.entries.len() > 1)
}

/// Looks at every slot: not for what is asked ten times a second.
fn count_keys(shared: &Shared) -> u64 {
    shared.engine.store().census().iter().map(|count| count.keys).sum()
}

/// The answer to a heartbeat.
pub(crate) fn pulse(shared: &Shared, beat: &Beat) -> Pulse {
    let (member, now) = (&shared.member, boot_time());
    member.note_full(now, &beat.full);
    let mut posts = member.posts.lock().unwrap_or_else(PoisonError::into_inner);
    posts.keep(now, beat.proxy, beat.post.clone());
    let posts = posts.of_others(now, beat.proxy);
    let (cluster, epoch, is_blank) =
        member.acceptor(|acceptor| (acceptor.cluster(), acceptor.epoch(), acceptor.is_blank()));
    if beat.proxy != 0 {
        let is_own = cluster.is_some_and(|own| own == beat.cluster);
        member.heard(now, beat.proxy, if is_own { beat.epoch } else { Epoch::default() });
    }
    let lease = match cluster {
        Some(own) if beat.cluster.0 != 0 && own != beat.cluster => Answer::Refused(Refusal::Foreign(own)),
        _ => member.register(&Request::Confirm { epoch: beat.epoch }),
    };
    let used_memory = shared.memory.used_bytes();
    let max = shared.maxmemory.load(Ordering::Relaxed);
    let pressure = used_memory.saturating_mul(1000).checked_div(max).unwrap_or(0).min(u64::from(u16::MAX));
    let known = shared.keys.load(Ordering::Relaxed);
    // Exactly only where that says whether it can begin with others.
    let keys = if is_blank && known == 0 { count_keys(shared) } else { known };
    let clock_ms = unix_millis();
    Pulse {
        cluster,
        epoch,
        incarnation: member.incarnation(),
        boot: member.boot(),
        is_durable: shared.config.persistence != Persistence::Off,
        state: state(shared, is_blank && keys == 0),
        lease,
        posts,
        used_memory,
        keys,
        pressure: u16::try_from(pressure).unwrap_or(u16::MAX),
        excess: shared.excess_bytes(),
        due: due_slots(shared, clock_ms),
        clock_ms,
    }
}

fn state(shared: &Shared, is_blank: bool) -> NodeState {
    if shared.attention.look().is_loading() {
        return NodeState::Recovering { share: shared.keeping.progress().thousandths() };
    }
    match shared.member.is_leaving() {
        true => NodeState::Leaving,
        false if is_blank => NodeState::Blank,
        false => NodeState::Ready,
    }
}

/// Hands late answers to those who asked, when what they say is durable, if that is promised.
pub(crate) fn deliver(shared: &Arc<Shared>, late: Vec<Late>) {
    if late.is_empty() {
        return;
    }
    let log = shared.keeping.log().filter(|log| log.fsync() == Fsync::Always).map(Arc::clone);
    let Some((log, lsn)) = log.map(|log| (Arc::clone(&log), log.last_lsn())) else {
        return shared.member.deliver(late);
    };
    let shared = Arc::clone(shared);
    tokio::task::spawn_local(async move {
        let durable = poll_fn(|context| log.poll_durable(lsn, context)).await;
        let broken = durable.err().map(|refusal| Say::Broken(refusal.reason.to_string().into()));
        let said = |(ticket, say)| (ticket, broken.clone().unwrap_or(say));
        shared.member.deliver(late.into_iter().map(said).collect());
    });
}

/// Slots in which keys are due that only an operation of the whole chain frees.
fn due_slots(shared: &Shared, now: u64) -> Vec<HashSlot> {
    let store = shared.engine.store();
    let due = HashSlot::all().filter(|slot| store.next_deadline(*slot) <= now);
    // Nothing of the slots is shown: the answer waits for no disk.
    let headed = |slot: &HashSlot| {
        store.glance(*slot, |slot| slot.row().is_some_and(Row::is_head_of_several)) == Some(true)
    };
    due.filter(headed).take(DUE_SLOTS_MAX).collect()
}

/// Tells those whose questions are held that what they wait for does not come. Runs as long as the node.
pub(crate) async fn look_after_held(shared: Arc<Shared>) {
    loop {
        if shared.member.holding().is_empty() {
            shared.member.begins_to_hold().await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        for slot in shared.member.holding() {
            let Some(mut guard) = shared.engine.store().try_lock(slot) else { continue };
            let (replicas, mut late) = (shared.engine.store().replicas().clone(), Vec::new());
            if let Some(replica) = guard.replica() {
                replica.poll(&replicas, boot_time(), &mut late);
                if replica.wakes_at().is_none() {
                    shared.member.holds_no_more(slot);
                }
            }
            drop(guard);
            deliver(&shared, late);
        }
    }
}

/// Frees what moved away some time ago. Runs as long as the node.
pub(crate) async fn free_what_left(shared: Arc<Shared>) {
    let mut slots = std::iter::repeat_with(HashSlot::all).flatten();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if shared.member.epoch() == Epoch::default() || shared.attention.look().is_loading() {
            continue;
        }
        let (store, mut late) = (shared.engine.store(), Vec::new());
        let life = if shared.excess_bytes() > 0 { LEFT_LIFE_NEEDED } else { LEFT_LIFE };
        for slot in slots.by_ref().take(LEFT_SLOTS) {
            let Some(mut guard) = store.try_lock(slot) else { continue };
            with_place(&shared, |place| {
                guard.free_if_left((slot, store), (place, boot_time(), life), &mut late);
            });
        }
        deliver(&shared, late);
    }
}
