//! Chains whose nodes are played by the test. Whole clusters are in the simulation.

mod plain;
mod publishing;
mod straight;

use super::*;
use bytes::Bytes;
use ringmaster_protocol::extension::{Ask, Contents, History, Operation, Outcome};
use ringmaster_protocol::view::{Boot, Chain, Entry, MemberIndex, SlotChains, Version};

use crate::cluster::testing;

struct AllUp;

impl Links for AllUp {
    fn is_up(&self, _: MemberIndex) -> bool {
        true
    }
}

const SLOT: HashSlot = match HashSlot::new(7) {
    Some(slot) => slot,
    None => panic!("a slot"),
};

/// A view of three members whose chains have these entries, the first `in_sync` of them in-sync, since `changed`.
fn view(epoch: u64, changed: u64, entries: &[u16], in_sync: usize, unsealed: Option<u64>) -> Arc<View> {
    let entry =
        |at: &u16| Entry { member: MemberIndex::new(*at), boot: Boot(u128::from(*at) + 1), since: Epoch(1) };
    let chain = Chain {
        changed: Epoch(changed),
        born: Epoch(1),
        unsealed: unsealed.map(Epoch),
        entries: entries.iter().map(entry).collect(),
        in_sync,
    };
    let mut parts = testing::view(&["a", "b", "c"], 1).parts();
    parts.epoch = Epoch(epoch);
    parts.chains = SlotChains::all(chain);
    Arc::new(View::new(parts).unwrap())
}

/// A proxy whose messages the test answers.
struct Proxy {
    chains: Chains,
    now: Duration,
    lease: Lease,
    out: Vec<Action>,
    last_id: u64,
}

fn at(changed: u64, n: u64) -> Version {
    Version { changed: Epoch(changed), n }
}

fn operation(changed: u64, n: u64) -> Operation {
    Operation { previous: at(changed, n - 1), new: at(changed, n), time: 0, effects: Bytes::new() }
}

fn done(note: Outcome) -> Answered {
    Answered::Done { note: Some(note), reply: Bytes::from_static(b"+OK\r\n") }
}

impl Proxy {
    fn new(view: &Arc<View>) -> Self {
        let chains = Chains::new(Rules::ALL, Limits::default());
        let (now, until) = (Duration::from_secs(1), Duration::from_secs(100));
        let lease = Lease { epoch: view.epoch(), until };
        let mut proxy = Self { chains, now, lease, out: Vec::new(), last_id: 0 };
        proxy.adopt(view);
        proxy
    }

    fn moment(&self) -> Moment<'static> {
        Moment { now: self.now, lease: self.lease, links: &AllUp }
    }

    fn adopt(&mut self, view: &Arc<View>) {
        self.lease.epoch = view.epoch();
        self.chains.adopt(view, self.moment(), &mut self.out);
    }

    fn submit(&mut self, client: u64, kind: Kind) -> OperationId {
        let request = Bytes::from_static(b"*1\r\n$1\r\nX\r\n");
        let command = Command { client: ClientId(client), slot: SLOT, kind, request, is_behind_reads: false };
        let id = self.draw();
        self.chains.submit(id, command, self.moment(), &mut self.out);
        id
    }

    fn draw(&mut self) -> OperationId {
        self.last_id += 1;
        OperationId(self.last_id)
    }

    fn answer(&mut self, wire: Wire, answer: Answered) {
        self.chains.answered(wire, answer, self.moment(), &mut self.out);
    }

    fn say(&mut self, wire: Wire, say: Say) {
        self.chains.said(wire, say, self.moment(), &mut self.out);
    }

    fn poll(&mut self, later: Duration) {
        self.now += later;
        self.chains.poll(self.moment(), &mut self.out);
    }

    /// The one command that was sent: its wire, to which member, unless which version.
    fn sent(&mut self) -> (Wire, usize, Option<Version>) {
        match &self.out.split_off(0)[..] {
            [Action::Execute { wire, to, unless, .. }] => (*wire, to.member.index(), *unless),
            other => panic!("{other:?}"),
        }
    }

    /// The one question that was asked: its wire, of which member, what.
    fn asked(&mut self) -> (Wire, usize, Ask) {
        match &self.out.split_off(0)[..] {
            [Action::Ask { wire, to, ask }] => (*wire, to.member.index(), ask.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// The one client that was answered.
    fn told(&mut self) -> (OperationId, Told) {
        match &self.out.split_off(0)[..] {
            [Action::Answer { operation, told }] => (*operation, told.clone()),
            other => panic!("{other:?}"),
        }
    }
}

fn ok() -> Told {
    Told::Reply(Bytes::from_static(b"+OK\r\n"))
}

#[test]
fn a_write_goes_down_the_chain_in_order_and_is_answered_behind_the_last() {
    let mut proxy = Proxy::new(&view(1, 1, &[2, 0, 1], 3, None));
    let id = proxy.submit(1, Kind::Write);
    let (wire, member, unless) = proxy.sent();
    assert_eq!((member, unless), (2, None));
    proxy.answer(wire, done(Outcome::Made(operation(1, 1))));
    for expected in [0, 1] {
        let (wire, member, ask) = proxy.asked();
        assert_eq!(member, expected);
        assert_eq!(ask, Ask::Apply { slot: SLOT, since: Epoch(1), operation: operation(1, 1) });
        proxy.say(wire, Say::Done);
    }
    assert_eq!(proxy.told(), (id, ok()));
    assert!(proxy.chains.is_empty() && proxy.chains.wakes_at().is_none());
}

#[test]
fn a_read_goes_to_the_tail_and_waits_for_who_joins() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1, 2], 2, None));
    let id = proxy.submit(1, Kind::Read);
    let (wire, member, _) = proxy.sent();
    assert_eq!(member, 1);
    proxy.answer(wire, done(Outcome::Saw(at(1, 4))));
    let (wire, member, ask) = proxy.asked();
    assert_eq!((member, ask), (2, Ask::Await { slot: SLOT, since: Epoch(1), version: at(1, 4) }));
    proxy.say(wire, Say::Done);
    assert_eq!(proxy.told(), (id, ok()));
}

#[test]
fn what_the_head_shows_is_confirmed_by_the_last_and_asked_for_again_when_it_is_lost() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    let id = proxy.submit(1, Kind::ReadHead);
    let (lost, member, _) = proxy.sent();
    assert_eq!(member, 0);
    proxy.chains.lost(lost, true, proxy.moment(), &mut proxy.out);
    proxy.poll(RETRY);
    let (wire, member, _) = proxy.sent();
    assert_eq!(member, 0);
    proxy.answer(wire, done(Outcome::Saw(at(1, 4))));
    let (wire, member, ask) = proxy.asked();
    assert_eq!((member, ask), (1, Ask::Await { slot: SLOT, since: Epoch(1), version: at(1, 4) }));
    proxy.say(wire, Say::Done);
    assert_eq!(proxy.told(), (id, ok()));
}

#[test]
fn what_changed_nothing_is_confirmed_by_the_last() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    let id = proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, done(Outcome::Saw(at(1, 4))));
    let (wire, member, ask) = proxy.asked();
    assert_eq!((member, ask), (1, Ask::Await { slot: SLOT, since: Epoch(1), version: at(1, 4) }));
    proxy.say(wire, Say::Done);
    assert_eq!(proxy.told(), (id, ok()));
}

#[test]
fn without_a_lease_nothing_is_answered() {
    let mut proxy = Proxy::new(&view(1, 1, &[0], 1, None));
    proxy.lease.until = proxy.now;
    let id = proxy.submit(1, Kind::Read);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, Answered::Done { note: None, reply: Bytes::from_static(b"+OK\r\n") });
    assert_eq!(proxy.out, []);
    proxy.lease.until = Duration::from_secs(100);
    proxy.poll(Duration::from_millis(10));
    assert_eq!(proxy.told(), (id, ok()));
}

#[test]
fn after_a_tail_was_removed_nothing_is_answered_until_nobody_can_read_it() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    proxy.adopt(&view(2, 2, &[0], 1, Some(2)));
    let id = proxy.submit(1, Kind::Read);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, Answered::Done { note: None, reply: Bytes::from_static(b"+OK\r\n") });
    proxy.poll(Duration::from_millis(490));
    assert_eq!(proxy.out, []);
    proxy.poll(Duration::from_millis(12));
    assert_eq!(proxy.told(), (id, ok()));
}

#[test]
fn when_the_chain_changes_its_head_is_asked_before_anything_is_executed_again() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1, 2], 3, None));
    let id = proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, done(Outcome::Made(operation(1, 1))));
    let (late, ..) = proxy.asked();
    proxy.adopt(&view(2, 2, &[1, 2], 2, None));
    let (wire, member, unless) = proxy.sent();
    assert_eq!((member, unless), (1, Some(at(1, 1))));
    proxy.say(late, Say::Done);
    assert_eq!(proxy.out, [], "what was asked under the old chain is void");
    proxy.answer(wire, done(Outcome::HasIt));
    // The head has it: it goes on behind it, and is not executed again.
    let (wire, member, ask) = proxy.asked();
    assert_eq!((member, ask), (2, Ask::Apply { slot: SLOT, since: Epoch(1), operation: operation(1, 1) }));
    proxy.say(wire, Say::Done);
    assert_eq!(proxy.told(), (id, ok()));
}

#[test]
fn a_head_that_refused_to_say_is_asked_again() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, done(Outcome::Made(operation(1, 1))));
    proxy.asked();
    proxy.adopt(&view(2, 2, &[1], 1, None));
    let (wire, ..) = proxy.sent();
    // It has not adopted the view yet: whether it has the operation is as unknown as before.
    proxy.answer(wire, Answered::Refused(Epoch(1)));
    proxy.out.clear();
    proxy.poll(Duration::from_millis(10));
    let (_, member, unless) = proxy.sent();
    assert_eq!((member, unless), (1, Some(at(1, 1))));
}

#[test]
fn a_write_that_was_lost_at_its_head_may_have_been_executed() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    let id = proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.chains.lost(wire, true, proxy.moment(), &mut proxy.out);
    let (told, outcome) = proxy.told();
    assert_eq!(told, id);
    assert!(matches!(outcome, Told::Maybe(_)), "{outcome:?}");
    assert!(proxy.chains.is_empty());

    proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.chains.lost(wire, false, proxy.moment(), &mut proxy.out);
    assert_eq!(proxy.out, []);
    proxy.poll(Duration::from_millis(10));
    assert_eq!(proxy.sent().1, 0, "nobody got it: it is sent again");
}

#[test]
fn commands_of_one_client_keep_their_order() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    let first = proxy.submit(1, Kind::Write);
    let (write, ..) = proxy.sent();
    proxy.submit(1, Kind::Read);
    assert_eq!(proxy.out, [], "the read waits for the write");
    proxy.submit(2, Kind::Read);
    let (_, member, _) = proxy.sent();
    assert_eq!(member, 1, "another client's does not");
    proxy.submit(1, Kind::Write);
    assert_eq!(proxy.out, [], "nor may the next write overtake the read");
    proxy.answer(write, done(Outcome::Made(operation(1, 1))));
    let (pass, ..) = proxy.asked();
    proxy.say(pass, Say::Done);
    let [Action::Answer { operation, .. }, Action::Execute { to, .. }] = &proxy.out[..] else {
        panic!("{:?}", proxy.out)
    };
    assert_eq!((*operation, to.member.index()), (first, 1));
}

#[test]
fn a_read_that_begins_anew_takes_those_behind_it_along() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 1, None));
    let read = |proxy: &mut Proxy| {
        let id = proxy.submit(1, Kind::Read);
        let (wire, ..) = proxy.sent();
        proxy.answer(wire, done(Outcome::Saw(at(1, 3))));
        (id, proxy.asked().0)
    };
    let ((first, refused), (second, confirmed)) = (read(&mut proxy), read(&mut proxy));
    proxy.say(confirmed, Say::Done);
    proxy.say(refused, Say::Stale(Epoch(0)));
    proxy.out.clear();
    proxy.poll(RETRY);
    let again: Vec<OperationId> = proxy
        .out
        .iter()
        .map(|action| match action {
            Action::Execute { operation, .. } => *operation,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(again, [first, second], "else the second would show what is older than the first");
}

#[test]
fn writes_of_one_client_are_pipelined() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    proxy.submit(1, Kind::Write);
    let (first, ..) = proxy.sent();
    proxy.submit(1, Kind::Write);
    let (second, ..) = proxy.sent();
    // Both are refused: they come again in their order.
    proxy.answer(first, Answered::Refused(Epoch(2)));
    proxy.answer(second, Answered::Refused(Epoch(2)));
    proxy.out.clear();
    proxy.adopt(&view(2, 2, &[1], 1, None));
    proxy.poll(Duration::from_millis(10));
    let sent: Vec<u64> = proxy
        .out
        .iter()
        .filter_map(|action| match action {
            Action::Execute { operation, .. } => Some(operation.0),
            _ => None,
        })
        .collect();
    assert!(sent.len() == 2 && sent.is_sorted(), "{sent:?}");
}

#[test]
fn what_is_told_not_to_have_been_executed_is_not_sent_again() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    let overtaken = proxy.submit(1, Kind::Write);
    let (first, ..) = proxy.sent();
    proxy.submit(1, Kind::Write);
    let (second, ..) = proxy.sent();
    proxy.answer(first, done(Outcome::Saw(at(1, 0))));
    proxy.answer(second, done(Outcome::Made(operation(1, 1))));
    proxy.out.clear();
    proxy.adopt(&view(2, 2, &[1], 1, None));
    let all = proxy.out.split_off(0);
    let is_refusal = |action: &Action| matches!(action, Action::Answer { operation, told: Told::NotExecuted(_) } if *operation == overtaken);
    assert!(all.iter().any(is_refusal), "{all:?}");
    let is_sent =
        |action: &Action| matches!(action, Action::Execute { operation, .. } if *operation == overtaken);
    assert!(!all.iter().any(is_sent), "{all:?}");
}

#[test]
fn a_gap_is_filled_from_the_ring_of_the_entry_before() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    let id = proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, done(Outcome::Made(operation(1, 3))));
    let (wire, ..) = proxy.asked();
    proxy.say(wire, Say::Behind(at(1, 1)));
    let (wire, member, ask) = proxy.asked();
    assert_eq!((member, ask), (0, Ask::Ring { slot: SLOT, after: at(1, 1) }));
    proxy.say(wire, Say::Operations(vec![operation(1, 2)]));
    let (wire, member, ask) = proxy.asked();
    assert_eq!((member, ask), (1, Ask::Apply { slot: SLOT, since: Epoch(1), operation: operation(1, 2) }));
    proxy.say(wire, Say::Done);
    let (wire, _, ask) = proxy.asked();
    assert_eq!(ask, Ask::Apply { slot: SLOT, since: Epoch(1), operation: operation(1, 3) });
    proxy.say(wire, Say::Done);
    assert_eq!(proxy.told(), (id, ok()));
}

#[test]
fn what_the_ring_has_forgotten_is_copied() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, done(Outcome::Made(operation(1, 3))));
    let (wire, ..) = proxy.asked();
    proxy.say(wire, Say::Gap(at(9, 1)));
    let (wire, ..) = proxy.asked();
    proxy.say(wire, Say::Forgotten);
    let (wire, member, ask) = proxy.asked();
    assert_eq!((member, ask), (0, Ask::Export { slot: SLOT }));
    let history = History::born(Epoch(1));
    let contents = Contents { changed: Epoch(1), born: Epoch(1), history, time: 0, effects: Bytes::new() };
    proxy.say(wire, Say::Contents(contents.clone()));
    let (wire, member, ask) = proxy.asked();
    assert_eq!((member, ask), (1, Ask::Import { slot: SLOT, since: Epoch(1), contents }));
    proxy.say(wire, Say::Done);
    assert!(matches!(proxy.asked().2, Ask::Apply { .. }));
}

#[test]
fn a_read_of_what_is_due_has_the_head_move_time() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    let id = proxy.submit(1, Kind::Read);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, Answered::Expiring);
    let (tick, member, _) = proxy.sent();
    assert_eq!(member, 0);
    proxy.answer(tick, done(Outcome::Made(operation(1, 1))));
    let (pass, ..) = proxy.asked();
    proxy.say(pass, Say::Done);
    assert_eq!(proxy.out, [], "nobody is told of the tick");
    proxy.poll(Duration::from_millis(1));
    let (wire, member, _) = proxy.sent();
    assert_eq!(member, 1);
    proxy.answer(wire, Answered::Done { note: None, reply: Bytes::from_static(b"+OK\r\n") });
    assert_eq!(proxy.told(), (id, ok()));
    assert!(proxy.chains.is_empty());
}

#[test]
fn a_command_that_cannot_be_served_is_told_so_in_time() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    let id = proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, Answered::Refused(Epoch(1)));
    proxy.out.clear();
    proxy.chains.view = None;
    proxy.poll(Duration::from_secs(2));
    let (told, outcome) = proxy.told();
    assert_eq!(told, id);
    assert!(matches!(outcome, Told::NotExecuted(_)), "{outcome:?}");
    assert!(proxy.chains.is_empty());
}

#[test]
fn acknowledged_by_the_head_a_write_goes_on_and_its_client_reads_it() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    proxy.chains.limits.ack_head = true;
    let id = proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, done(Outcome::Made(operation(1, 1))));
    let out = proxy.out.split_off(0);
    let [Action::Ask { wire: pass, .. }, Action::Answer { operation, told }] = &out[..] else {
        panic!("{out:?}")
    };
    assert_eq!((*operation, told), (id, &ok()));
    proxy.submit(1, Kind::Read);
    assert_eq!(proxy.out, [], "its own write is not at the tail yet");
    proxy.say(*pass, Say::Done);
    assert_eq!(proxy.sent().1, 1);
}

#[test]
fn what_was_acknowledged_by_a_head_that_is_gone_is_not_executed_again() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    proxy.chains.limits.ack_head = true;
    proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, done(Outcome::Made(operation(1, 1))));
    proxy.out.clear();
    let mut parts = view(2, 2, &[1, 2], 2, None).parts();
    let mut chain = parts.chains[0].clone();
    chain.entries.iter_mut().for_each(|entry| entry.boot = Boot(2));
    parts.chains = SlotChains::all(chain);
    proxy.adopt(&Arc::new(View::new(parts).unwrap()));
    assert_eq!(proxy.out, []);
    assert!(proxy.chains.is_empty());
}

#[test]
fn without_a_lease_the_head_acknowledges_nothing() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    proxy.chains.limits.ack_head = true;
    proxy.lease.until = Duration::ZERO;
    proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, done(Outcome::Made(operation(1, 1))));
    assert!(matches!(proxy.out[..], [Action::Ask { .. }]), "{:?}", proxy.out);
}

#[test]
fn with_too_few_copies_writes_are_refused_and_reads_served() {
    let mut proxy = Proxy::new(&view(1, 1, &[0], 1, None));
    proxy.chains.set_limits(Limits { min_in_sync: 2, ..Limits::default() });
    let id = proxy.submit(1, Kind::Write);
    assert_eq!(proxy.told(), (id, Told::TooFewCopies));
    proxy.submit(1, Kind::Read);
    assert_eq!(proxy.sent().1, 0);
}

#[test]
fn behind_what_was_refused_nothing_overtakes_what_will_be() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    proxy.submit(1, Kind::Write);
    let (first, ..) = proxy.sent();
    proxy.submit(1, Kind::Write);
    let (second, ..) = proxy.sent();
    proxy.answer(first, Answered::Refused(Epoch(1)));
    proxy.out.clear();
    proxy.poll(Duration::from_millis(10));
    let (first, ..) = proxy.sent();
    proxy.submit(1, Kind::Write);
    assert_eq!(proxy.out, [], "the second may still be refused");
    proxy.answer(second, Answered::Refused(Epoch(1)));
    proxy.answer(first, done(Outcome::Made(operation(1, 1))));
    proxy.out.retain(|action| matches!(action, Action::Execute { .. }));
    proxy.poll(Duration::from_millis(10));
    let sent = |action: &Action| match action {
        Action::Execute { operation, .. } => Some(operation.0),
        _ => None,
    };
    let sent: Vec<u64> = proxy.out.iter().filter_map(sent).collect();
    assert!(sent.len() == 2 && sent.is_sorted(), "{sent:?}");
}

fn asks(action: &Action) -> Option<Wire> {
    if let Action::Ask { wire, .. } = action { Some(*wire) } else { None }
}

#[test]
fn what_was_exported_under_another_chain_is_brought_to_nobody() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, done(Outcome::Saw(at(1, 4))));
    let (wire, ..) = proxy.asked();
    proxy.say(wire, Say::Gap(at(1, 2)));
    let (wire, ..) = proxy.asked();
    proxy.say(wire, Say::Forgotten);
    let (export, _, ask) = proxy.asked();
    assert_eq!(ask, Ask::Export { slot: SLOT });
    proxy.adopt(&view(2, 2, &[0, 1, 2], 2, None));
    proxy.out.clear();
    let history = History::default();
    let contents = Contents { changed: Epoch(1), born: Epoch(1), history, time: 0, effects: Bytes::new() };
    proxy.say(export, Say::Contents(contents));
    assert!(!proxy.out.iter().any(|action| asks(action).is_some()), "R9: {:?}", proxy.out);
}

#[test]
fn a_long_line_of_one_slot_is_worked_off_in_time_that_grows_with_its_length_only() {
    const COMMANDS: u64 = 20_000;
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    let begun = std::time::Instant::now();
    (0..COMMANDS).for_each(|_| _ = proxy.submit(1, Kind::Write));
    let (mut n, mut answered) = (0, 0);
    while answered < COMMANDS {
        let out = proxy.out.split_off(0);
        assert!(!out.is_empty(), "{answered} of {COMMANDS} answered, and nothing goes on");
        for action in out {
            match action {
                Action::Execute { wire, .. } => {
                    n += 1;
                    proxy.answer(wire, done(Outcome::Made(operation(1, n))));
                }
                Action::Ask { wire, .. } => proxy.say(wire, Say::Done),
                Action::Answer { .. } => answered += 1,
                Action::Differs { .. } => {}
            }
        }
    }
    // Looking at all of them for each would take minutes.
    assert!(begun.elapsed() < Duration::from_secs(20) && proxy.chains.is_empty(), "{:?}", begun.elapsed());
}
