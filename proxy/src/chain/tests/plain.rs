//! Writes that need no line, and what takes them into it.

use super::*;

/// A proxy of a chain of these members, all of them in-sync.
fn settled() -> Proxy {
    Proxy::new(&view(1, 1, &[0, 1], 2, None))
}

impl Proxy {
    /// Writes that are in no line.
    fn plain(&self) -> usize {
        self.chains.plain.len()
    }

    /// A write that its head has executed as the `n`th operation: its number, and the message to the entry behind.
    fn executed(&mut self, client: u64, n: u64) -> (OperationId, Wire) {
        let id = self.submit(client, Kind::Write);
        let (wire, ..) = self.sent();
        self.answer(wire, done(Outcome::Made(operation(1, n))));
        (id, self.asked().0)
    }
}

#[test]
fn a_write_of_a_settled_chain_enters_no_line() {
    let mut proxy = settled();
    let (id, wire) = proxy.executed(1, 1);
    assert_eq!((proxy.plain(), proxy.chains.lines.is_empty()), (1, true));
    proxy.say(wire, Say::Done);
    assert_eq!(proxy.told(), (id, ok()));
    assert!(proxy.chains.is_empty() && proxy.straight_tail().is_some(), "reads go straight again");
}

#[test]
fn a_reply_other_than_ok_is_the_clients() {
    let mut proxy = settled();
    let id = proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    let (note, reply) = (Some(Outcome::Made(operation(1, 1))), Bytes::from_static(b":7\r\n"));
    proxy.answer(wire, Answered::Done { note, reply: reply.clone() });
    let (wire, ..) = proxy.asked();
    proxy.say(wire, Say::Done);
    assert_eq!(proxy.told(), (id, Told::Reply(reply)));
}

#[test]
fn what_joins_a_joined_chain_or_is_acknowledged_early_goes_through_the_line() {
    for (in_sync, ack_head) in [(1, false), (2, true)] {
        let mut proxy = Proxy::new(&view(1, 1, &[0, 1], in_sync, None));
        proxy.chains.limits.ack_head = ack_head;
        proxy.submit(1, Kind::Write);
        assert_eq!((proxy.plain(), proxy.chains.len()), (0, 1));
    }
}

#[test]
fn a_read_behind_a_write_of_its_client_waits_for_it() {
    let mut proxy = settled();
    let (first, pass) = proxy.executed(1, 1);
    let read = proxy.submit(1, Kind::Read);
    assert_eq!((proxy.plain(), &proxy.out[..]), (0, &[][..]), "both are in the line");
    proxy.say(pass, Say::Done);
    let out = proxy.out.split_off(0);
    let [Action::Answer { operation: answered, .. }, Action::Execute { operation: sent, .. }] = &out[..]
    else {
        panic!("{out:?}")
    };
    assert_eq!((*answered, *sent), (first, read));
}

#[test]
fn writes_enter_the_line_in_their_order_as_what_they_are() {
    let mut proxy = settled();
    let (at_tail, pass) = proxy.executed(1, 1);
    let at_head = proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.submit(2, Kind::Read);
    let (read, ..) = proxy.sent();
    proxy.answer(read, Answered::Done { note: None, reply: Bytes::from_static(b"+OK\r\n") });
    assert_eq!((proxy.plain(), proxy.out.split_off(0).len()), (0, 1), "the read is answered");
    // The later of the two comes first: its client is answered in the order of its commands.
    proxy.answer(wire, done(Outcome::Made(operation(1, 2))));
    let (next, ..) = proxy.asked();
    proxy.say(next, Say::Done);
    assert_eq!(proxy.out, []);
    proxy.say(pass, Say::Done);
    let told: Vec<_> = proxy.out.iter().filter_map(answered).collect();
    assert_eq!(told, [at_tail, at_head]);
    assert!(proxy.chains.is_empty());
}

fn answered(action: &Action) -> Option<OperationId> {
    if let Action::Answer { operation, .. } = action { Some(*operation) } else { None }
}

#[test]
fn an_answer_out_of_its_clients_order_waits() {
    let mut proxy = settled();
    let (first, early) = proxy.executed(1, 1);
    let (second, late) = proxy.executed(1, 2);
    let (other, alone) = proxy.executed(2, 3);
    proxy.say(alone, Say::Done);
    assert_eq!(proxy.told(), (other, ok()), "another client's has nothing before it");
    proxy.say(late, Say::Done);
    assert_eq!((&proxy.out[..], proxy.plain()), (&[][..], 0));
    proxy.say(early, Say::Done);
    let told: Vec<_> = proxy.out.iter().filter_map(answered).collect();
    assert_eq!(told, [first, second]);
}

#[test]
fn without_a_lease_the_answer_waits_in_the_line() {
    let mut proxy = settled();
    let (id, wire) = proxy.executed(1, 1);
    proxy.lease.until = proxy.now;
    proxy.say(wire, Say::Done);
    assert_eq!((&proxy.out[..], proxy.plain(), proxy.chains.len()), (&[][..], 0, 1));
    proxy.lease.until = Duration::from_secs(100);
    proxy.poll(RETRY);
    assert_eq!(proxy.told(), (id, ok()));
}

#[test]
fn a_write_that_waits_for_long_is_told_so_as_any_other() {
    let mut proxy = settled();
    let (id, _) = proxy.executed(1, 1);
    assert!(proxy.chains.wakes_at().is_some());
    proxy.poll(crate::chain::plain::PATIENCE);
    assert_eq!((proxy.plain(), proxy.chains.len()), (0, 1));
    proxy.poll(Duration::from_secs(2));
    let (told, outcome) = proxy.told();
    assert!(told == id && matches!(outcome, Told::Maybe(_)), "{outcome:?}");
}

#[test]
fn a_place_is_used_again_and_its_old_answers_mean_nothing() {
    let mut proxy = settled();
    let (_, first) = proxy.executed(1, 1);
    proxy.say(first, Say::Done);
    proxy.out.clear();
    let id = proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.say(first, Say::Done);
    proxy.chains.lost(first, true, proxy.moment(), &mut proxy.out);
    assert_eq!((&proxy.out[..], proxy.plain()), (&[][..], 1));
    proxy.answer(wire, done(Outcome::Made(operation(1, 2))));
    let (wire, ..) = proxy.asked();
    proxy.say(wire, Say::Done);
    assert_eq!(proxy.told(), (id, ok()));
}

#[test]
fn a_view_takes_all_of_them_into_their_lines() {
    let mut proxy = settled();
    let (_, pass) = proxy.executed(1, 1);
    let at_head = proxy.submit(2, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.adopt(&view(2, 2, &[1], 1, None));
    let (_, member, unless) = proxy.sent();
    assert_eq!((member, unless), (1, Some(at(1, 1))), "the new head is asked whether it has it");
    proxy.say(pass, Say::Done);
    assert_eq!(proxy.out, [], "what was asked under the old chain is void");
    proxy.answer(wire, Answered::Refused(Epoch(2)));
    proxy.out.retain(|action| matches!(action, Action::Execute { .. }));
    let (_, member, unless) = proxy.sent();
    assert_eq!((member, unless, proxy.plain()), (1, None, 0));
    assert!(proxy.chains.len() == 2 && at_head.0 > 0);
}
