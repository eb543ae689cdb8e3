//! What members have too much of goes: tails name victims, heads evict them, as writes of whole chains.
//!
//! ```text
//! heartbeat: a member is so many bytes above its watermark ──► budget of the member, this proxy's share
//!   budget ──Victims──► the tail of one of its slots ──keys──► RM.EVICT by slot, submitted as any command
//! ```
//! Each heartbeat sets the budget anew, so what is named, evicted and lost on the way needs no book. A key that goes
//! relieves all entries of its chain. No I/O here and no clock: messages in, messages out.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use ringmaster_protocol::extension::{Ask, Say, Victim, put_request};
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_protocol::view::{Incarnation, View};

use crate::chain::{Target, Wire};
use crate::upstream::TakePart;

/// Evictions under way at most: so many more keys go while the question for the next is asked.
const UNDER_WAY_MAX: usize = 1024;

/// Bytes that are asked for at once.
const ROUND_BYTES: u64 = 1 << 20;

/// Numbers of questions begin here, beyond those of the chains; RESP has integers of 63 bits.
const FIRST_WIRE: u64 = 1 << 62;

/// Evictions under way.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Cell<usize>);

impl TakePart for UnderWay {
    fn take_part(self: Rc<Self>, _index: u32, _reply: &[u8]) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// A question to the tail that names victims.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) wire: Wire,
    pub(super) to: Target,
    pub(super) ask: Ask,
}

/// What is to go.
#[derive(Debug, Default)]
pub(super) struct Evictions {
    view: Option<Arc<View>>,
    /// Bytes that each member has too much, as far as nothing was done about it.
    budgets: BTreeMap<Incarnation, u64>,
    asked: Option<(Wire, Incarnation)>,
    under_way: Rc<UnderWay>,
    questions: u64,
}

impl Evictions {
    /// By this view from now on.
    pub(super) fn adopt(&mut self, view: &Arc<View>) {
        self.view = Some(Arc::clone(view));
    }

    /// A member has said that it has so many bytes too much, of which this proxy is to see to `bytes`.
    pub(super) fn pressed(&mut self, member: Incarnation, bytes: u64) {
        if bytes == 0 {
            self.budgets.remove(&member);
        } else {
            self.budgets.insert(member, bytes);
        }
    }

    /// Whether the answer to this question is awaited here.
    pub(super) fn awaits(wire: Wire) -> bool {
        wire.0 >= FIRST_WIRE
    }

    /// The next question, if one is to be asked now. `random` chooses a slot: its tail is asked.
    pub(super) fn question(&mut self, random: usize) -> Option<Question> {
        if self.asked.is_some() || self.under_way.0.get() >= UNDER_WAY_MAX {
            return None;
        }
        let (&of, &bytes) = self.budgets.iter().max_by_key(|(_, bytes)| **bytes)?;
        let view = self.view.as_deref()?;
        let Some(to) = tail_of_one(view, of, random) else {
            self.budgets.remove(&of);
            return None;
        };
        let wire = Wire(FIRST_WIRE + self.questions);
        self.questions += 1;
        self.asked = Some((wire, of));
        Some(Question { wire, to, ask: Ask::Victims { of, bytes: bytes.min(ROUND_BYTES) } })
    }

    /// A question was answered, or will not be (`None`). What is to be executed, by slot.
    pub(super) fn said(&mut self, wire: Wire, say: Option<Say>) -> Vec<(HashSlot, Bytes)> {
        let Some((_, of)) = self.asked.take_if(|(asked, _)| *asked == wire) else { return Vec::new() };
        let Some(Say::Victims(mut victims)) = say.filter(|say| *say != Say::Victims(Vec::new())) else {
            // Nothing may go, or the tail is another by now: until the next heartbeat.
            self.budgets.remove(&of);
            return Vec::new();
        };
        victims.iter().for_each(|victim| self.relieve(victim));
        victims.sort_by_key(|victim| victim.slot);
        let requests: Vec<_> = victims.chunk_by(|one, other| one.slot == other.slot).map(request).collect();
        self.under_way.0.set(self.under_way.0.get() + requests.len());
        requests
    }

    /// Who is told when an eviction is done.
    pub(super) fn under_way(&self) -> Rc<dyn TakePart> {
        Rc::clone(&self.under_way) as Rc<dyn TakePart>
    }

    /// All entries of the chain have so much less.
    fn relieve(&mut self, victim: &Victim) {
        let Some(view) = &self.view else { return };
        for entry in &view.chain(victim.slot).entries {
            let member = view.member(entry.member).incarnation;
            if let Some(budget) = self.budgets.get_mut(&member) {
                *budget = budget.saturating_sub(victim.bytes);
            }
        }
        self.budgets.retain(|_, budget| *budget > 0);
    }
}

/// The tail of the first slot from `random` on that the member holds.
fn tail_of_one(view: &View, of: Incarnation, random: usize) -> Option<Target> {
    let holds = |slot: &HashSlot| {
        let mut entries = view.chain(*slot).entries.iter();
        entries.any(|entry| view.member(entry.member).incarnation == of)
    };
    let from = random % SLOT_COUNT;
    let slot = HashSlot::all().skip(from).chain(HashSlot::all().take(from)).find(holds)?;
    let chain = view.chain(slot);
    let tail = &chain.entries[chain.in_sync - 1];
    Some(Target { member: tail.member, boot: tail.boot, epoch: view.epoch(), changed: chain.changed })
}

/// `RM.EVICT` of victims of one slot.
fn request(victims: &[Victim]) -> (HashSlot, Bytes) {
    let slot = victims[0].slot;
    let (number, mut request) = (slot.number().to_string(), Vec::new());
    let databases: Vec<String> = victims.iter().map(|victim| victim.database.to_string()).collect();
    let mut args: Vec<&[u8]> = vec![b"RM.EVICT", number.as_bytes()];
    for (victim, database) in victims.iter().zip(&databases) {
        args.extend([database.as_bytes(), &victim.key]);
    }
    put_request(&mut request, &args);
    (slot, request.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::testing::view;

    fn victim(key: &'static [u8], bytes: u64) -> Victim {
        Victim { slot: HashSlot::of(key), database: 0, key: Bytes::from_static(key), bytes }
    }

    fn pressed(bytes: u64) -> (Evictions, Incarnation) {
        let view = Arc::new(view(&["a", "b", "c"], 2));
        let member = view.members()[0].incarnation;
        let mut evictions = Evictions::default();
        evictions.adopt(&view);
        evictions.pressed(member, bytes);
        (evictions, member)
    }

    #[test]
    fn a_tail_is_asked_for_what_a_pressed_member_has_too_much_and_its_victims_are_evicted_by_slot() {
        let (mut evictions, member) = pressed(5000);
        let asked = evictions.question(7).unwrap();
        assert_eq!(asked.ask, Ask::Victims { of: member, bytes: 5000 });
        assert_eq!(evictions.question(7), None, "one question at a time");
        let named = vec![victim(b"{a}1", 100), victim(b"b", 100), victim(b"{a}2", 100)];
        let mut requests = evictions.said(asked.wire, Some(Say::Victims(named)));
        requests.sort_by_key(|(_, request)| request.len());
        let expected = format!(
            "*4\r\n$8\r\nRM.EVICT\r\n$4\r\n{}\r\n$1\r\n0\r\n$1\r\nb\r\n",
            HashSlot::of(b"b").number()
        );
        assert_eq!((requests.len(), &requests[0].1[..]), (2, expected.as_bytes()));
        assert!(requests[1].1.starts_with(b"*6\r\n"));
    }

    #[test]
    fn a_budget_is_done_when_so_much_has_gone_and_comes_again_with_a_heartbeat() {
        let (mut evictions, member) = pressed(50);
        let asked = evictions.question(0).unwrap();
        evictions.said(asked.wire, Some(Say::Victims(vec![victim(b"a", 60)])));
        assert_eq!(evictions.question(0), None);
        evictions.pressed(member, 50);
        assert!(evictions.question(0).is_some());
    }

    #[test]
    fn where_nothing_may_go_nobody_is_asked_again_before_the_next_heartbeat() {
        let (mut evictions, member) = pressed(50);
        for say in [None, Some(Say::Victims(Vec::new())), Some(Say::Stale(Default::default()))] {
            let asked = evictions.question(0).unwrap();
            assert!(evictions.said(asked.wire, say).is_empty());
            assert_eq!(evictions.question(0), None);
            evictions.pressed(member, 50);
        }
    }

    #[test]
    fn no_more_are_under_way_than_may_be() {
        let (mut evictions, member) = pressed(u64::MAX);
        let mut asked = 0;
        while let Some(question) = evictions.question(asked) {
            asked += 1;
            let named = (0..512u32).map(|n| {
                let key = Bytes::from(n.to_string());
                Victim { slot: HashSlot::of(&key), database: 0, key, bytes: 1 }
            });
            evictions.said(question.wire, Some(Say::Victims(named.collect())));
            evictions.pressed(member, u64::MAX);
        }
        assert!((2..=3).contains(&asked), "{asked}");
        evictions.under_way().take_part(0, b":1\r\n");
    }
}
