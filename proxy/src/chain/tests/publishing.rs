//! Messages that are told once, whatever becomes of the chain meanwhile.

use super::*;

fn told(proxy: &mut Proxy) -> Vec<Told> {
    let answer = |action| match action {
        Action::Answer { told, .. } => Some(told),
        _ => None,
    };
    proxy.out.split_off(0).into_iter().filter_map(answer).collect()
}

fn reply(text: &'static [u8]) -> Bytes {
    Bytes::from_static(text)
}

#[test]
fn a_published_message_is_answered_by_its_head_whatever_the_view_says_by_then() {
    for note in [None, Some(Outcome::Saw(at(1, 1))), Some(Outcome::Published(at(1, 1)))] {
        let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
        proxy.submit(1, Kind::Publish);
        let (wire, head, _) = proxy.sent();
        assert_eq!(head, 0);
        proxy.adopt(&view(2, 2, &[1], 1, None));
        proxy.lease.until = Duration::ZERO;
        assert_eq!(proxy.out, []);
        proxy.answer(wire, Answered::Done { note, reply: reply(b":3\r\n") });
        assert_eq!(told(&mut proxy), [Told::Reply(reply(b":3\r\n"))]);
        proxy.poll(Duration::from_secs(1));
        assert_eq!((proxy.out.len(), proxy.chains.len()), (0, 0));
    }
}

#[test]
fn what_is_published_needs_no_copies_and_is_sent_again_only_if_it_was_refused() {
    let mut proxy = Proxy::new(&view(1, 1, &[0], 1, None));
    proxy.chains.set_limits(Limits { min_in_sync: 2, ..Limits::default() });
    proxy.submit(1, Kind::Publish);
    let (refused, ..) = proxy.sent();
    proxy.answer(refused, Answered::Refused(Epoch(1)));
    proxy.poll(RETRY);
    let again = proxy.out.iter().find_map(|action| match action {
        Action::Execute { wire, .. } => Some(*wire),
        _ => None,
    });
    proxy.out.clear();
    proxy.chains.lost(again.unwrap(), true, proxy.moment(), &mut proxy.out);
    assert!(matches!(told(&mut proxy)[..], [Told::Maybe(_)]));
}

#[test]
fn a_script_that_published_is_not_executed_again_when_its_chain_changes() {
    for (note, is_again) in [(Outcome::Published(at(1, 1)), false), (Outcome::Saw(at(1, 1)), true)] {
        let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
        proxy.submit(1, Kind::Write);
        let (wire, ..) = proxy.sent();
        proxy.answer(wire, done(note));
        assert!(matches!(proxy.out.split_off(0)[..], [Action::Ask { ask: Ask::Await { .. }, .. }]));
        proxy.adopt(&view(2, 2, &[1], 1, None));
        let is_sent = proxy.out.iter().any(|action| matches!(action, Action::Execute { .. }));
        assert_eq!(is_sent, is_again);
        assert_eq!(matches!(told(&mut proxy)[..], [Told::Maybe(_)]), !is_again);
    }
}

#[test]
fn a_script_that_published_is_answered_when_what_it_saw_is_confirmed() {
    let mut proxy = Proxy::new(&view(1, 1, &[0, 1], 2, None));
    proxy.submit(1, Kind::Write);
    let (wire, ..) = proxy.sent();
    proxy.answer(wire, done(Outcome::Published(at(1, 1))));
    let (confirm, ..) = proxy.asked();
    proxy.say(confirm, Say::Done);
    assert_eq!(told(&mut proxy), [Told::Reply(reply(b"+OK\r\n"))]);
}
