//! Reads that go past the lines.

use super::*;

/// A proxy of a chain of these members, all of them in-sync.
fn settled() -> Proxy {
    Proxy::new(&view(1, 1, &[0, 1], 2, None))
}

impl Proxy {
    fn straight(&self) -> Rc<Straight> {
        Rc::clone(self.chains.straight())
    }

    pub(super) fn straight_tail(&self) -> Option<(MemberIndex, Epoch)> {
        self.chains.straight().tail(SLOT)
    }

    /// Sends a read straight to the tail.
    fn begin(&self) {
        assert_eq!(self.straight().tail(SLOT).map(|(tail, _)| tail.index()), Some(1));
        self.straight().begin(SLOT);
    }

    /// The reply of such a read comes; whether it is its client's.
    fn comes(&self) -> bool {
        let held = self.straight().held(self.now, self.lease);
        self.straight().finish(SLOT, self.straight().is_held(SLOT, held))
    }

    fn command(&self, client: u64, kind: Kind, is_behind_reads: bool) -> Command {
        let request = Bytes::from_static(b"*1\r\n$1\r\nX\r\n");
        Command { client: ClientId(client), slot: SLOT, kind, request, is_behind_reads }
    }

    fn again(&mut self, client: u64) -> OperationId {
        let command = self.command(client, Kind::Read, false);
        let id = self.draw();
        self.chains.again(id, command, self.moment(), &mut self.out);
        id
    }

    /// A write of a client that has reads under way.
    fn write_behind(&mut self, client: u64) -> OperationId {
        let command = self.command(client, Kind::Write, true);
        let id = self.draw();
        self.chains.submit(id, command, self.moment(), &mut self.out);
        id
    }
}

#[test]
fn a_read_goes_straight_only_where_the_chain_is_settled_and_the_line_empty() {
    let mut proxy = settled();
    proxy.begin();
    assert!(proxy.comes());
    proxy.submit(1, Kind::Write);
    assert_eq!(proxy.straight().tail(SLOT), None, "a command is under way");
    for (entries, in_sync, unsealed) in [(&[0, 1][..], 1, None), (&[0, 1], 2, Some(1))] {
        let proxy = Proxy::new(&view(1, 1, entries, in_sync, unsealed));
        assert_eq!(proxy.straight().tail(SLOT), None, "somebody joins, or a tail was removed");
    }
}

#[test]
fn without_the_lease_of_the_view_a_read_begins_anew() {
    for (epoch, seconds) in [(1, 1), (2, 100)] {
        let mut proxy = settled();
        proxy.lease = Lease { epoch: Epoch(epoch), until: Duration::from_secs(seconds) };
        proxy.begin();
        assert!(!proxy.comes());
        proxy.again(1);
        let (_, member, _) = proxy.sent();
        assert_eq!(member, 1);
    }
}

#[test]
fn behind_a_read_that_begins_anew_the_others_do_too_and_none_goes_straight() {
    let mut proxy = settled();
    proxy.begin();
    proxy.begin();
    assert!(!proxy.straight().finish(SLOT, false), "refused, or lost");
    assert_eq!(proxy.straight().tail(SLOT), None);
    assert!(!proxy.comes(), "it would show less than the one before it");
    let first = proxy.again(1);
    let (wire, ..) = proxy.sent();
    let second = proxy.again(1);
    let (next, ..) = proxy.sent();
    for (wire, id) in [(wire, first), (next, second)] {
        proxy.answer(wire, done(Outcome::Saw(at(1, 4))));
        assert_eq!(proxy.told(), (id, ok()));
    }
    proxy.begin();
}

#[test]
fn a_write_waits_for_its_clients_reads_and_comes_behind_those_that_begin_anew() {
    let mut proxy = settled();
    proxy.begin();
    proxy.begin();
    let write = proxy.write_behind(1);
    assert_eq!(proxy.out, [], "a read could see it");
    assert!(!proxy.straight().finish(SLOT, false) && !proxy.comes());
    let reads = [proxy.again(1), proxy.again(1)];
    for id in reads {
        let Action::Execute { wire, operation, .. } = proxy.out.remove(0) else { panic!("{:?}", proxy.out) };
        assert_eq!(operation, id);
        let rest = proxy.out.split_off(0);
        proxy.answer(wire, done(Outcome::Saw(at(1, 4))));
        assert_eq!(proxy.out.remove(0), Action::Answer { operation: id, told: ok() });
        proxy.out.splice(0..0, rest);
    }
    let [Action::Execute { operation, .. }] = proxy.out[..] else { panic!("{:?}", proxy.out) };
    assert_eq!(operation, write);
}

#[test]
fn a_write_goes_on_when_its_clients_reads_were_answered() {
    let mut proxy = settled();
    proxy.begin();
    proxy.write_behind(1);
    assert!(proxy.comes() && proxy.straight().is_awaited(SLOT));
    proxy.chains.go_on(SLOT, proxy.moment(), &mut proxy.out);
    assert_eq!(proxy.sent().1, 0);
}

#[test]
fn under_a_later_view_reads_of_altered_chains_begin_anew() {
    for lease in [1, 2] {
        let mut proxy = settled();
        proxy.begin();
        proxy.adopt(&view(2, 2, &[0, 1], 2, None));
        proxy.lease.epoch = Epoch(lease);
        assert!(!proxy.comes());
        proxy.again(1);
        proxy.sent();
    }
}

#[test]
fn what_a_majority_said_of_the_view_before_holds_for_chains_that_are_the_same() {
    let mut proxy = settled();
    proxy.begin();
    proxy.adopt(&view(2, 1, &[0, 1], 2, None));
    proxy.lease.epoch = Epoch(1);
    assert!(proxy.comes(), "the read was under way");
    proxy.begin();
    assert!(proxy.comes());
    proxy.adopt(&view(3, 3, &[0, 1], 2, None));
    proxy.lease.epoch = Epoch(2);
    proxy.begin();
    assert!(!proxy.comes(), "another view altered it");
    proxy.again(1);
    let mut proxy = settled();
    proxy.adopt(&view(2, 1, &[0, 1], 2, None));
    proxy.lease.epoch = Epoch(1);
    proxy.begin();
    proxy.now = proxy.lease.until;
    assert!(!proxy.comes(), "and only as long as it holds");
}
