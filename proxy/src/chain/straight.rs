//! Reads that go straight to their tail, past the lines of commands.
//!
//! A slot whose chain is settled (nobody joins, no hold) and that has no command in its line needs no state machine for a
//! read: it is sent to the tail as it came, and its reply is handed on if the lease is held by a clock that was read
//! after the reply had come (R12). Whatever else happens, the read goes into the line and begins anew:
//!
//! ```text
//! read ──way?──► tail ──reply──► lease held, no refusal, slot not broken ──► client
//!   └──no──────────────────────────► line ◄──────no: the slot is broken──┘
//! ```
//! One client's order: a slot is *broken* from the first read that begins anew until none that went straight is under
//! way. Those behind it begin anew too, in their order, and no further one goes straight. A command that its client sent
//! behind such reads waits in the line until they are over; what begins anew is put in front of it.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;

use ringmaster_protocol::extension::{Rule, Rules};
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_protocol::view::{Chain, Epoch, MemberIndex, View};

use super::Lease;
use std::time::Duration;

/// What reads of one slot do. One of each slot: they are as small as can be, to stay near the processor.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// The chain, by its place among those of the view.
    chain: u16,
    /// Commands are in the slot's line, or writes that need none are under way.
    has_line: bool,
    /// A read has begun anew, and others that went straight with it are still under way.
    is_broken: bool,
    /// Reads under way that went straight.
    reads: u32,
}

/// Where reads of a chain go.
#[derive(Clone, Copy, Debug)]
struct Goal {
    /// The tail, if the chain is settled.
    tail: Option<MemberIndex>,
    /// Epoch that last altered the chain.
    changed: Epoch,
}

/// Of which slots may be answered (R12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Of all: a majority has confirmed the view.
    All,
    /// Of those whose chains are what they were in this epoch, of which the lease still holds.
    SameSince(Epoch),
    /// Of none.
    Nothing,
}

/// Which reads may go straight, and which of them may be answered.
#[derive(Debug)]
pub struct Straight {
    rules: Rules,
    epoch: Cell<Epoch>,
    /// By slot.
    ways: Box<[Cell<Way>]>,
    /// By chain of the view; none before the first.
    goals: RefCell<Vec<Goal>>,
}

impl Straight {
    /// None may, until there is a view.
    pub(super) fn new(rules: Rules) -> Self {
        let ways = (0..SLOT_COUNT).map(|_| Cell::default()).collect();
        Self { rules, epoch: Cell::default(), ways, goals: RefCell::default() }
    }

    fn way(&self, slot: HashSlot) -> &Cell<Way> {
        &self.ways[usize::from(slot.number())]
    }

    fn change(&self, slot: HashSlot, change: impl FnOnce(&mut Way)) {
        let cell = self.way(slot);
        let mut way = cell.get();
        change(&mut way);
        cell.set(way);
    }

    /// A later view holds. Reads of chains that it alters begin anew.
    pub(super) fn adopt(&self, view: &View) {
        self.epoch.set(view.epoch());
        let goal = |chain: &Chain| Goal { tail: self.settled_tail(view, chain), changed: chain.changed };
        let before = self.goals.replace(view.chains().iter().map(goal).collect());
        for slot in HashSlot::all() {
            self.change(slot, |way| {
                let changed = before.get(usize::from(way.chain)).map(|goal| goal.changed);
                way.is_broken |= changed != Some(view.chain(slot).changed);
                way.is_broken &= way.reads > 0;
                way.chain = view.chain_index(slot);
            });
        }
    }

    /// Another cluster takes the place of this one: nothing of it holds, and its reads begin anew.
    pub(super) fn forget(&self) {
        self.epoch.set(Epoch::default());
        self.goals.take();
        for way in &self.ways {
            let reads = way.get().reads;
            way.set(Way { reads, is_broken: reads > 0, ..Way::default() });
        }
    }

    /// The tail, where nobody joins, nothing is held, and it is the process that the chain means (R14).
    fn settled_tail(&self, view: &View, chain: &Chain) -> Option<MemberIndex> {
        let is_held = chain.unsealed.is_some() && self.rules.keep(Rule::HoldAfterATail);
        let tail = chain.entries.get(chain.in_sync.checked_sub(1)?)?;
        let is_settled = !is_held && chain.in_sync == chain.entries.len();
        (is_settled && view.member(tail.member).boot == tail.boot).then_some(tail.member)
    }

    /// The slot has commands in its line or writes that need none, or no more.
    pub(super) fn set_line(&self, slot: HashSlot, has_line: bool) {
        self.change(slot, |way| way.has_line = has_line);
    }

    /// The tail to which a read may go now, over a connection that is attached at `changed` of the chain or later.
    #[inline]
    #[must_use]
    pub fn tail(&self, slot: HashSlot) -> Option<(MemberIndex, Epoch)> {
        let way = self.way(slot).get();
        if way.has_line || way.is_broken {
            return None;
        }
        let goal = self.goal(way)?;
        goal.tail.map(|tail| (tail, goal.changed))
    }

    #[inline]
    fn goal(&self, way: Way) -> Option<Goal> {
        self.goals.borrow().get(usize::from(way.chain)).copied()
    }

    /// Whether a write needs no line in a slot: its chain is settled, no read begins anew, and nothing is in its line;
    /// `is_known` where what stands for a line are such writes.
    #[inline]
    pub(super) fn is_free(&self, slot: HashSlot, is_known: bool) -> bool {
        let way = self.way(slot).get();
        !way.is_broken && way.has_line == is_known && self.goal(way).is_some_and(|goal| goal.tail.is_some())
    }

    /// The view by which they are sent.
    #[inline]
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch.get()
    }

    /// A read was sent to [`Straight::tail`].
    #[inline]
    pub fn begin(&self, slot: HashSlot) {
        self.change(slot, |way| way.reads += 1);
    }

    /// R12: which slots what has come may be answered of, by a clock that was read after it came.
    #[inline]
    #[must_use]
    pub fn held(&self, now: Duration, lease: Lease) -> Held {
        if !self.rules.keep(Rule::LeaseAtTheAnswer) {
            return Held::All;
        }
        match lease.epoch.cmp(&self.epoch.get()) {
            Ordering::Equal if now < lease.until => Held::All,
            Ordering::Less if now < lease.until => Held::SameSince(lease.epoch),
            _ => Held::Nothing,
        }
    }

    /// Whether a slot is among those.
    #[inline]
    #[must_use]
    pub fn is_held(&self, slot: HashSlot, held: Held) -> bool {
        match held {
            Held::All => true,
            Held::SameSince(epoch) => {
                self.goal(self.way(slot).get()).is_some_and(|goal| goal.changed <= epoch)
            }
            Held::Nothing => false,
        }
    }

    /// A reply came, or none will: whether it is the client's. If not, the read is to begin anew
    /// ([`Chains::again`](super::Chains::again)), and is under way until then.
    #[inline]
    pub fn finish(&self, slot: HashSlot, is_good: bool) -> bool {
        let is_answered = is_good && !self.way(slot).get().is_broken;
        if is_answered {
            self.end(slot);
        } else {
            self.change(slot, |way| way.is_broken = true);
        }
        is_answered
    }

    /// A read is over, or in the line.
    pub(super) fn end(&self, slot: HashSlot) {
        self.change(slot, |way| {
            way.reads = way.reads.saturating_sub(1);
            way.is_broken &= way.reads > 0;
        });
    }

    /// Whether reads that went straight are under way.
    #[inline]
    #[must_use]
    pub fn has_reads(&self, slot: HashSlot) -> bool {
        self.way(slot).get().reads > 0
    }

    /// Whether the line is to be told that no read is under way any more ([`Chains::go_on`](super::Chains::go_on)).
    #[inline]
    #[must_use]
    pub fn is_awaited(&self, slot: HashSlot) -> bool {
        let way = self.way(slot).get();
        way.has_line && way.reads == 0
    }
}
