//! Slots whose content is a list of numbers: an operation appends one.

use super::*;

#[derive(Debug, Default, PartialEq)]
struct List(Vec<u8>);

impl Content for List {
    fn apply(&mut self, operation: &Passing<'_>) -> Result<(), Bytes> {
        self.0.extend_from_slice(operation.effects);
        Ok(())
    }

    fn export(&mut self) -> (u64, Bytes) {
        (0, Bytes::from(self.0.clone()))
    }

    fn replace(&mut self, contents: &Contents) -> Result<(), Bytes> {
        self.0 = contents.effects.to_vec();
        Ok(())
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// A node with one slot.
struct Node {
    replica: Replica,
    list: List,
    shared: Shared,
    late: Vec<Late>,
}

const fn at(changed: u64, n: u64) -> Version {
    Version { changed: Epoch(changed), n }
}

fn operation(previous: Version, new: Version) -> Operation {
    Operation { previous, new, time: 0, effects: Bytes::from(vec![u8::try_from(new.n).unwrap()]) }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Node {
    /// An entry that was appended in epoch `since` to a chain that was last changed in `changed`.
    fn new(role: Role, changed: u64, since: u64) -> Self {
        let shared = Shared::new(1 << 20, 1 << 20);
        let (replica, list) = (Replica::default(), List::default());
        let mut node = Self { replica, list, shared, late: Vec::new() };
        node.adopt(role, changed, since);
        node
    }

    fn adopt(&mut self, role: Role, changed: u64, since: u64) {
        let (changed, since) = (Epoch(changed), Epoch(since));
        let is_tail = role == Role::Behind;
        let row = Row {
            changed,
            born: Epoch(1),
            since,
            role,
            is_tail,
            is_shared: true,
            has_joiner: false,
            is_founder: false,
        };
        self.replica.adopt(row, &mut self.list, &self.shared, &mut self.late);
    }

    /// The answer to a question on a connection attached at `attached`.
    fn ask(&mut self, attached: u64, ticket: u64, ask: Ask) -> Option<Say> {
        let asker = Asker { ticket: Ticket(ticket), attached: Epoch(attached) };
        self.replica.ask(ask, asker, &mut self.list, (&self.shared, ms(0)), &mut self.late)
    }

    fn apply(&mut self, attached: u64, since: u64, previous: Version, new: Version) -> Option<Say> {
        let operation = operation(previous, new);
        let slot = HashSlot::default();
        self.ask(attached, new.n, Ask::Apply { slot, since: Epoch(since), operation })
    }

    fn execute(&mut self) -> Operation {
        let operation = operation(self.replica.history.version(), self.replica.next_version());
        let mut encoded = Vec::new();
        let passing = operation.passing(&mut encoded);
        self.list.apply(&passing).unwrap();
        self.replica.executed(&passing, &self.shared);
        operation
    }

    fn export(&mut self, attached: u64) -> Contents {
        match self.ask(attached, 0, Ask::Export { slot: HashSlot::default() }) {
            Some(Say::Contents(contents)) => contents,
            other => panic!("{other:?}"),
        }
    }

    fn import(&mut self, attached: u64, since: u64, contents: &Contents) -> Option<Say> {
        let (slot, contents) = (HashSlot::default(), contents.clone());
        self.ask(attached, 0, Ask::Import { slot, since: Epoch(since), contents })
    }
}

#[test]
fn operations_that_come_out_of_order_are_applied_in_order() {
    let mut node = Node::new(Role::Behind, 1, 1);
    assert_eq!(node.apply(1, 1, at(1, 1), at(1, 2)), None);
    assert_eq!(node.apply(1, 1, at(1, 2), at(1, 3)), None);
    assert_eq!(node.apply(1, 1, at(1, 0), at(1, 1)), Some(Say::Done));
    assert_eq!(node.late, [(Ticket(2), Say::Done), (Ticket(3), Say::Done)]);
    assert_eq!(node.list.0, [1, 2, 3]);
    assert_eq!(node.apply(1, 1, at(1, 1), at(1, 2)), Some(Say::Done), "it has it");
    assert_eq!(node.list.0, [1, 2, 3]);
    assert_eq!(node.shared.held.used(), 0);
}

#[test]
fn what_is_missing_is_told_to_the_lowest_after_a_while() {
    let mut node = Node::new(Role::Behind, 1, 1);
    assert_eq!(node.apply(1, 1, at(1, 2), at(1, 3)), None);
    assert_eq!(node.apply(1, 1, at(1, 1), at(1, 2)), None);
    let (shared, mut late) = (node.shared.clone(), Vec::new());
    node.replica.poll(&shared, ms(4), &mut late);
    assert_eq!((late.len(), node.replica.wakes_at()), (0, Some(ms(5))));
    node.replica.poll(&shared, ms(5), &mut late);
    assert_eq!(late[0], (Ticket(2), Say::Behind(at(1, 0))));
}

#[test]
fn who_is_attached_below_the_chain_is_refused() {
    let mut node = Node::new(Role::Behind, 4, 1);
    assert_eq!(node.apply(3, 1, at(1, 0), at(4, 1)), Some(Say::Stale(Epoch(4))));
    assert_eq!(node.apply(4, 2, at(1, 0), at(4, 1)), Some(Say::Stale(Epoch(4))), "another `since`");
    let head = Node::new(Role::Head, 4, 1);
    assert_eq!(head.replica.check(Epoch(4), Access::Execute, &head.shared), Ok(()));
    assert!(head.replica.check(Epoch(3), Access::Execute, &head.shared).is_err());
    assert!(head.replica.check(Epoch(4), Access::Read, &head.shared).is_err(), "another is the tail");
    assert!(node.replica.check(Epoch(5), Access::Execute, &node.shared).is_err());
}

#[test]
fn what_waits_is_refused_when_the_chain_changes() {
    let mut node = Node::new(Role::Behind, 1, 1);
    assert_eq!(node.apply(1, 1, at(1, 1), at(1, 2)), None);
    node.adopt(Role::Behind, 2, 1);
    assert_eq!(node.late, [(Ticket(2), Say::Stale(Epoch(2)))]);
}

#[test]
fn who_is_not_proven_confirms_nothing_for_having_it() {
    let mut former_head = Node::new(Role::Head, 1, 1);
    former_head.execute();
    let ghost = former_head.execute();
    // It comes back, appended in epoch 3; the chain went on without its last operation.
    former_head.adopt(Role::Outside, 2, 0);
    former_head.adopt(Role::Joining, 3, 3);
    let say = former_head.apply(3, 3, at(1, 0), at(1, 1));
    assert_eq!(say, Some(Say::Gap(ghost.new)));
    let slot = HashSlot::default();
    let wait = Ask::Await { slot, since: Epoch(3), version: at(1, 1) };
    assert_eq!(former_head.ask(3, 9, wait), Some(Say::Gap(ghost.new)));
    let prove = Ask::Prove { slot, since: Epoch(3), version: at(1, 1) };
    assert_eq!(former_head.ask(3, 9, prove), Some(Say::At(ghost.new)));

    let mut tail = Node::new(Role::Behind, 1, 1);
    tail.apply(1, 1, at(1, 0), at(1, 1));
    tail.adopt(Role::Behind, 3, 1);
    let contents = tail.export(3);
    assert_eq!(former_head.import(3, 3, &contents), Some(Say::Done), "its own is taken back");
    assert_eq!(former_head.list, tail.list);
    assert_eq!(former_head.apply(3, 3, at(1, 0), at(1, 1)), Some(Say::Done));
}

#[test]
fn an_import_takes_back_nothing_that_is_proven() {
    let mut head = Node::new(Role::Head, 1, 1);
    let first = head.execute();
    let early = head.export(1);
    let second = head.execute();
    let mut node = Node::new(Role::Behind, 1, 1);
    for operation in [&first, &second] {
        assert_eq!(node.apply(1, 1, operation.previous, operation.new), Some(Say::Done));
    }
    assert_eq!(node.import(1, 1, &early), Some(Say::Done), "there is nothing in it that is not here");
    assert_eq!(node.list.0, [1, 2]);
    node.adopt(Role::Behind, 2, 1);
    assert_eq!(node.import(2, 1, &early), Some(Say::Stale(Epoch(2))), "taken under another chain");
    let mut is_head = Node::new(Role::Head, 2, 1);
    assert_eq!(is_head.import(2, 1, &early), Some(Say::Stale(Epoch(2))), "a head takes none");
}

#[test]
fn the_ring_has_what_follows_a_version() {
    let mut head = Node::new(Role::Head, 1, 1);
    let operations: Vec<Operation> = (0..3).map(|_| head.execute()).collect();
    let slot = HashSlot::default();
    let mut ring = |after| head.ask(1, 0, Ask::Ring { slot, after });
    assert_eq!(ring(at(1, 1)), Some(Say::Operations(operations[1..].to_vec())));
    assert_eq!(ring(at(1, 3)), Some(Say::Operations(Vec::new())));
    assert_eq!(ring(at(9, 9)), Some(Say::Forgotten));
}

#[test]
fn a_copy_is_brought_up_to_date_and_proven_by_its_version() {
    let mut tail = Node::new(Role::Head, 1, 1);
    tail.execute();
    let contents = tail.export(1);
    let later = vec![tail.execute(), tail.execute()];
    let mut newcomer = Node::new(Role::Outside, 1, 0);
    let slot = HashSlot::default();
    assert_eq!(newcomer.ask(1, 0, Ask::Stage { slot, contents }), Some(Say::Done));
    let more = Ask::StageMore { slot, operations: later };
    assert_eq!(newcomer.ask(1, 0, more.clone()), Some(Say::Done));
    assert_eq!(newcomer.ask(1, 0, more), Some(Say::At(at(1, 3))), "they do not follow twice");
    newcomer.adopt(Role::Joining, 2, 2);
    assert!(!newcomer.replica.is_proven());
    let prove = Ask::Prove { slot, since: Epoch(2), version: at(1, 3) };
    assert_eq!(newcomer.ask(2, 0, prove), Some(Say::Done));
    assert_eq!((newcomer.replica.is_proven(), newcomer.list), (true, tail.list));
}

#[test]
fn a_slot_that_is_born_again_is_empty() {
    let mut node = Node::new(Role::Head, 1, 1);
    node.execute();
    let row = Row { changed: Epoch(5), born: Epoch(5), since: Epoch(5), ..*node.replica.row() };
    node.replica.adopt(row, &mut node.list, &node.shared.clone(), &mut Vec::new());
    assert_eq!((node.list.0.len(), node.replica.history().version()), (0, at(5, 0)));
    assert!(node.replica.is_proven());
}

#[test]
fn a_fenced_slot_serves_nobody_below_the_fence() {
    let mut node = Node::new(Role::Behind, 1, 1);
    node.replica.fence(Epoch(2));
    assert_eq!(node.apply(1, 1, at(1, 0), at(1, 1)), Some(Say::Fenced(Epoch(2))));
    assert_eq!(node.apply(2, 1, at(1, 0), at(1, 1)), Some(Say::Done));
}

#[test]
fn what_is_held_is_bounded() {
    let mut node = Node::new(Role::Behind, 1, 1);
    node.shared.held = Arc::new(Budget::new(300));
    let answers: Vec<Option<Say>> = (5..9).map(|n| node.apply(1, 1, at(1, n), at(1, n + 1))).collect();
    assert_eq!(answers.iter().filter(|say| **say == Some(Say::Overloaded)).count(), 1, "{answers:?}");
}
