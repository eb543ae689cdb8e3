//! The node as a member: what it has promised about views, the view that holds, and who waits for answers about slots.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use ringmaster_protocol::extension::{Attach, Claim, RefusedAttach, Say};
use ringmaster_protocol::register::{Answer, Refusal, Request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Epoch, Incarnation, MemberIndex, View};
use tokio::sync::Notify;

use super::acceptor::Acceptor;
use super::askers::Askers;
use super::claims::{Claims, Seat};
use super::full::Full;
use super::held::Ticket;
use super::posts::Posts;
use super::replica::Late;
use super::row::{Role, Row};
use crate::log::register::Register;
use crate::mail::{Mail, Recipient};

/// A question whose answer comes later.
struct Waiting {
    who: Arc<dyn Recipient>,
    /// The asker's number of it.
    id: u64,
}

/// A node's part in its cluster.
pub(crate) struct Member {
    incarnation: Incarnation,
    boot: Boot,
    /// Whether it is about to stop.
    leaving: AtomicBool,
    /// Who asks how it is.
    askers: Mutex<Askers>,
    acceptor: Mutex<Acceptor>,
    /// Where what it promises is kept, if anywhere but in memory.
    register: Option<Mutex<Register>>,
    committed: ArcSwapOption<View>,
    /// Epoch of `committed`.
    epoch: AtomicU64,
    pub(crate) posts: Mutex<Posts>,
    claims: Mutex<Claims>,
    /// Which other members have no memory left.
    full: Full,
    /// Whether a chain of the committed view has this process as its only entry.
    has_own: AtomicBool,
    last_ticket: AtomicU64,
    waiting: Mutex<HashMap<Ticket, Waiting>>,
    /// Slots at which something may be held.
    holding: Mutex<BTreeSet<HashSlot>>,
    /// Told when something is held.
    begins_to_hold: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Member {
    /// A node that belongs to no cluster yet.
    pub(crate) fn new(incarnation: Incarnation, boot: Boot) -> Self {
        Self {
            incarnation,
            boot,
            leaving: AtomicBool::new(false),
            askers: Mutex::default(),
            acceptor: Mutex::default(),
            register: None,
            committed: ArcSwapOption::empty(),
            epoch: AtomicU64::new(0),
            posts: Mutex::default(),
            claims: Mutex::default(),
            full: Full::default(),
            has_own: AtomicBool::new(false),
            last_ticket: AtomicU64::new(0),
            waiting: Mutex::default(),
            holding: Mutex::default(),
            begins_to_hold: Notify::new(),
        }
    }

    /// A node whose register has kept this.
    pub(crate) fn kept(incarnation: Incarnation, boot: Boot, register: Register, acceptor: Acceptor) -> Self {
        let committed = acceptor.committed().cloned();
        let member = Self {
            acceptor: Mutex::new(acceptor),
            register: Some(Mutex::new(register)),
            ..Self::new(incarnation, boot)
        };
        if let Some(view) = committed {
            member.hold(&view);
        }
        member
    }

    /// Its data directory, or, where nothing is kept, its process.
    pub(crate) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Its process.
    pub(crate) fn boot(&self) -> Boot {
        self.boot
    }

    /// Tells the proxies from now on that it is about to stop.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether it is about to stop.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// A proxy asked how it is, that goes by the view of `epoch`; 0 where that is none of this cluster.
    pub(crate) fn heard(&self, now: Duration, proxy: u128, epoch: Epoch) {
        lock(&self.askers).heard(now, proxy, epoch);
    }

    /// How long no proxy has asked.
    pub(crate) fn silence(&self, now: Duration) -> Duration {
        lock(&self.askers).silence(now)
    }

    /// Whether all proxies that ask go by the view of `epoch` or a later one.
    pub(crate) fn all_know(&self, now: Duration, epoch: Epoch) -> bool {
        lock(&self.askers).all_know(now, epoch)
    }

    /// The committed epoch, 0 before any view.
    #[inline]
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    /// The committed view.
    pub(crate) fn view(&self) -> Option<Arc<View>> {
        self.committed.load_full()
    }

    /// Answers a question about views. What it promises is durable before that, where the node keeps anything; else it is
    /// kept as long as the process, which has another incarnation when it comes back.
    /// A view that does not name this data directory is not for it: where all nodes have lost their data they are blank, and
    /// stay so until a view is decided that begins with them.
    pub(crate) fn register(&self, request: &Request) -> Answer {
        if let Request::Commit { view } = request
            && !view.members().iter().any(|member| member.incarnation == self.incarnation)
        {
            return Answer::Refused(Refusal::Reborn(self.incarnation));
        }
        let mut acceptor = lock(&self.acceptor);
        let before = self.register.as_ref().map(|_| acceptor.clone());
        let verdict = acceptor.answer(request);
        if verdict.is_changed
            && let Err(error) = self.keep(&acceptor)
        {
            tracing::error!(%error, "the register cannot be written: the node is no acceptor any more");
            *acceptor = before.unwrap_or_default();
            return Answer::Refused(Refusal::Impossible(format!("the register cannot be written: {error}")));
        }
        if verdict.is_changed
            && let Some(view) = acceptor.committed()
            && view.epoch() > self.epoch()
        {
            self.hold(view);
            tracing::info!(epoch = view.epoch().0, members = view.members().len(), "a view holds");
        }
        verdict.answer
    }

    fn keep(&self, acceptor: &Acceptor) -> std::io::Result<()> {
        self.register.as_ref().map_or(Ok(()), |register| lock(register).write(&acceptor.encode()))
    }

    fn hold(&self, view: &Arc<View>) {
        self.has_own.store(self.is_alone_somewhere(view), Ordering::Relaxed);
        self.committed.store(Some(Arc::clone(view)));
        // After the view: who sees the epoch finds the view, or a later one.
        self.epoch.store(view.epoch().0, Ordering::Release);
    }

    /// What the acceptor holds.
    pub(crate) fn acceptor<R>(&self, look: impl FnOnce(&Acceptor) -> R) -> R {
        look(&lock(&self.acceptor))
    }

    /// Attaches a connection; with a claim, those of the sender before it are attached no more.
    ///
    /// # Errors
    /// Why it may not be attached so.
    pub(crate) fn attach(&self, attach: &Attach, claim: Option<&Claim>) -> Result<Seat, RefusedAttach> {
        self.check_attach(attach)?;
        match claim {
            None => Ok(Seat::new(attach.epoch)),
            Some(claim) => lock(&self.claims).take(claim, attach.epoch).ok_or(RefusedAttach::Superseded),
        }
    }

    fn check_attach(&self, attach: &Attach) -> Result<(), RefusedAttach> {
        let Some(view) = self.view() else { return Err(RefusedAttach::Behind(Epoch::default())) };
        if view.cluster() != attach.cluster {
            return Err(RefusedAttach::Foreign);
        }
        if (self.incarnation, self.boot) != (attach.incarnation, attach.boot) {
            return Err(RefusedAttach::Reborn);
        }
        if view.epoch() < attach.epoch { Err(RefusedAttach::Behind(view.epoch())) } else { Ok(()) }
    }

    /// This node's row of `view` for a slot.
    pub(crate) fn row(&self, view: &View, slot: HashSlot) -> Row {
        let own = view.members().iter().position(|member| member.incarnation == self.incarnation);
        let own = own.and_then(|place| u16::try_from(place).ok()).map(MemberIndex::new);
        Row::of(view, slot, own, self.boot)
    }

    fn is_alone_somewhere(&self, view: &View) -> bool {
        let mut rows = HashSlot::all().filter(|slot| view.chain(*slot).entries.len() == 1);
        rows.any(|slot| self.row(view, slot).role == Role::Head)
    }

    /// Whether there are slots that nobody else holds.
    #[inline]
    pub(crate) fn has_own(&self) -> bool {
        self.has_own.load(Ordering::Relaxed)
    }

    /// A proxy says which members have no memory left.
    pub(crate) fn note_full(&self, now: Duration, members: &[Incarnation]) {
        self.full.note(now, members, self.incarnation);
    }

    /// Whether another member may have no memory left.
    #[inline]
    pub(crate) fn has_full(&self) -> bool {
        self.full.is_any()
    }

    /// Whether another entry of the slot's chain has no memory left.
    pub(crate) fn names_full(&self, now: Duration, slot: HashSlot) -> bool {
        self.view().is_some_and(|view| self.full.names(now, &view, slot))
    }

    /// A number for a question whose answer may come later.
    pub(crate) fn draw_ticket(&self) -> Ticket {
        Ticket(self.last_ticket.fetch_add(1, Ordering::Relaxed))
    }

    /// The answer to a question comes later. To be called while its slot is held.
    pub(crate) fn wait(&self, ticket: Ticket, who: Arc<dyn Recipient>, id: u64, slot: HashSlot) {
        lock(&self.waiting).insert(ticket, Waiting { who, id });
        lock(&self.holding).insert(slot);
        self.begins_to_hold.notify_one();
    }

    /// Hands late answers to those who asked.
    pub(crate) fn deliver(&self, late: Vec<Late>) {
        if late.is_empty() {
            return;
        }
        let mut waiting = lock(&self.waiting);
        for (ticket, say) in late {
            if let Some(Waiting { who, id }) = waiting.remove(&ticket) {
                who.receive(answer_mail(id, &say));
            }
        }
    }

    /// Ready when something is held that was not looked after yet.
    pub(crate) async fn begins_to_hold(&self) {
        self.begins_to_hold.notified().await;
    }

    /// The slots at which something may be held.
    pub(crate) fn holding(&self) -> Vec<HashSlot> {
        lock(&self.holding).iter().copied().collect()
    }

    /// Nothing is held at `slot`. To be called while it is held.
    pub(crate) fn holds_no_more(&self, slot: HashSlot) {
        lock(&self.holding).remove(&slot);
    }
}

fn answer_mail(id: u64, say: &Say) -> Mail {
    let mut frame = Vec::new();
    ringmaster_protocol::extension::put_say(&mut frame, id, say);
    Mail::Line(frame.into())
}

/// The one clock of a member: it goes on while the machine sleeps.
pub(crate) fn boot_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
