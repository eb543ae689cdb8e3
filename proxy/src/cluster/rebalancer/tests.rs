//! Each step of a chain, and what keeps it from being taken.

use super::super::detector::Detector;
use super::super::membership::Membership;
use super::super::nodes::Nodes;
use super::super::successor::successor;
use super::super::target::Target;
use super::super::testing::{file, ms, name, view};
use super::*;
use ringmaster_protocol::cluster_file::ClusterFile;
use ringmaster_protocol::extension::{Contents, History, Rule, Rules};
use ringmaster_protocol::heartbeat::{NodeState, Pulse};
use ringmaster_protocol::register::Answer;
use ringmaster_protocol::view::{ClusterId, Version, Word};
use std::sync::Arc;

const SLOT: HashSlot = HashSlot::new(0).unwrap();

struct Scene {
    now: Duration,
    rules: Rules,
    view: Arc<View>,
    nodes: Nodes,
    detector: Detector,
    file: ClusterFile,
    moves_slots: bool,
    target: Target,
    rebalancer: Rebalancer,
}

impl Scene {
    /// Members a, b, c; slot 0 is on the first `replicas` of them and is to be there; all answer.
    fn new(replicas: u16) -> Self {
        let names = ["a", "b", "c"];
        let view = Arc::new(view(&names, replicas));
        let mut rebalancer = Rebalancer::new(vec![SLOT], 1 << 30);
        rebalancer.adopted(ms(1000), &view);
        let file = file(&names, usize::from(replicas));
        let mut scene = Self {
            now: ms(1000),
            rules: Rules::ALL,
            view,
            nodes: Nodes::default(),
            detector: Detector::new(ms(500)),
            moves_slots: true,
            target: Target::of(&file, &BTreeSet::new()).unwrap(),
            file,
            rebalancer,
        };
        scene.want(&names[..usize::from(replicas)]);
        names.iter().enumerate().for_each(|(at, name)| scene.answer(name, at as u128 + 1));
        scene
    }

    /// The slot is to be on these.
    fn want(&mut self, names: &[&str]) {
        let others = file(names, names.len());
        self.target = Target::of(&others, &BTreeSet::new()).unwrap();
    }

    fn pulse(&self, number: u128) -> Pulse {
        Pulse {
            cluster: Some(ClusterId(1)),
            epoch: self.view.epoch(),
            incarnation: Incarnation(number % 100),
            boot: Boot(number),
            is_durable: false,
            state: NodeState::Ready,
            lease: Answer::Confirmed,
            posts: Vec::new(),
            used_memory: 0,
            keys: 0,
            pressure: 0,
            excess: 0,
            due: Vec::new(),
            clock_ms: 0,
        }
    }

    /// The node answers; 101 is another boot of the data directory 1.
    fn answer(&mut self, of: &str, number: u128) {
        let pulse = self.pulse(number);
        self.answer_so(of, &pulse);
    }

    fn answer_so(&mut self, of: &str, pulse: &Pulse) {
        self.nodes.heard(self.now, self.now, &name(of), pulse);
        self.detector.heard(self.now, &name(of), pulse.boot);
        self.detector.poll(self.now, true);
    }

    /// Time passes, and only these answer.
    fn pass(&mut self, milliseconds: u64, answering: &[(&str, u128)]) {
        self.now += ms(milliseconds);
        answering.iter().for_each(|(of, number)| self.answer(of, *number));
        self.detector.poll(self.now, true);
    }

    fn world(&self) -> World<'_> {
        World {
            now: self.now,
            rules: self.rules,
            view: &self.view,
            nodes: &self.nodes,
            detector: &self.detector,
            file: &self.file,
            moves_slots: self.moves_slots,
            target: Some(&self.target),
        }
    }

    fn survey(&mut self) -> (Option<Change>, Vec<Inquiry>) {
        let mut rebalancer = std::mem::replace(&mut self.rebalancer, Rebalancer::new(Vec::new(), 1));
        let mut survey = rebalancer.survey(&self.world());
        self.rebalancer = rebalancer;
        (survey.changes.remove(&SLOT), survey.inquiries)
    }

    fn change(&mut self) -> Option<Change> {
        self.survey().0
    }

    fn say(&mut self, purpose: Purpose, say: Option<Say>) -> Option<Inquiry> {
        let mut rebalancer = std::mem::replace(&mut self.rebalancer, Rebalancer::new(Vec::new(), 1));
        let next = rebalancer.said(&self.world(), purpose, say).pop();
        self.rebalancer = rebalancer;
        next
    }

    /// The view with this change is decided, and all who answered know it.
    fn decide(&mut self, change: Change) {
        let mut membership = Membership::of(&self.view);
        membership.refresh(&self.world());
        let changes = BTreeMap::from([(SLOT, change)]);
        self.view = successor(&self.view, &[SLOT], &changes, membership).unwrap();
        let epoch = self.view.epoch();
        ["a", "b", "c"].iter().for_each(|of| self.nodes.committed(&name(of), epoch));
        self.rebalancer.adopted(self.now, &self.view);
    }

    fn chain(&self) -> Vec<&str> {
        let chain = self.view.chain(SLOT);
        chain.entries.iter().map(|entry| self.view.member(entry.member).name.as_str()).collect()
    }
}

fn lose(places: &[usize], mark: bool) -> Option<Change> {
    Some(Change::Lose { places: places.to_vec(), mark })
}

fn at(n: u64) -> Version {
    Version { changed: Epoch(1), n }
}

fn report(born: u64, n: u64) -> Report {
    let history = History::of_parts(at(n), Vec::new(), false).unwrap();
    Report { slot: SLOT, born: Epoch(born), history, proven: Epoch(0) }
}

#[test]
fn a_chain_that_is_where_it_is_to_be_stays() {
    let mut scene = Scene::new(2);
    let (change, inquiries) = scene.survey();
    assert_eq!((change, inquiries), (None, Vec::new()));
}

#[test]
fn a_dead_entry_leaves_only_when_another_has_answered_under_this_view() {
    let mut scene = Scene::new(2);
    scene.pass(600, &[("a", 1), ("c", 3)]);
    assert_eq!(scene.change(), lose(&[1], true), "a tail that may still be read");
    let mut scene = Scene::new(2);
    scene.pass(600, &[("b", 2)]);
    assert_eq!(scene.change(), lose(&[0], false), "nobody reads a head");
    let mut scene = Scene::new(2);
    scene.answer("b", 102);
    scene.pass(600, &[("b", 102), ("c", 3)]);
    scene.detector.posted(scene.now, 9, ms(0), Default::default());
    assert_eq!(scene.change(), None, "a does not answer");
    let older = Pulse { epoch: Epoch(0), ..scene.pulse(1) };
    scene.answer_so("a", &older);
    assert_eq!(scene.change(), None, "a answers under another view");
    scene.answer("a", 1);
    assert_eq!(scene.change(), lose(&[1], true));
}

#[test]
fn without_the_rule_the_last_that_is_heard_of_may_leave() {
    let mut scene = Scene::new(2);
    scene.answer("b", 102);
    let voice = super::super::post::Notice { has_voice: true, ..Default::default() };
    scene.pass(600, &[("b", 102)]);
    scene.detector.posted(scene.now, 9, ms(0), voice);
    assert_eq!(scene.change(), None);
    scene.rules = Rules::without(Rule::LastInSyncStays);
    assert_eq!(scene.change(), lose(&[1], true));
}

#[test]
fn another_boot_is_dead_at_once_and_comes_back_by_the_front_door() {
    let mut scene = Scene::new(2);
    scene.answer("b", 102);
    scene.rules = Rules::without(Rule::BootsAreEntries);
    assert_eq!(scene.change(), None, "the rule is what removes it");
    scene.rules = Rules::ALL;
    let change = scene.change().unwrap();
    scene.decide(change);
    assert_eq!(scene.chain(), ["a"]);
    let (change, inquiries) = scene.survey();
    assert_eq!(change, None);
    let [Inquiry { node, boot: Boot(102), ask: Ask::Report { .. }, .. }] = &inquiries[..] else {
        panic!("{inquiries:?}")
    };
    assert_eq!(node.as_str(), "b");
}

#[test]
fn a_mark_stays_until_nobody_can_read_the_tail_any_more() {
    let mut scene = Scene::new(2);
    scene.pass(600, &[("a", 1), ("c", 3)]);
    scene.rules = Rules::without(Rule::HoldAfterATail);
    assert_eq!(scene.change(), lose(&[1], false));
    scene.rules = Rules::ALL;
    let change = scene.change().unwrap();
    scene.decide(change);
    assert_eq!(scene.view.chain(SLOT).unsealed, Some(Epoch(2)));
    let hold = hold(&scene.view);
    assert!(hold > ms(501) && hold < ms(505), "{hold:?}");
    scene.pass(501, &[("a", 1), ("c", 3)]);
    assert_eq!(scene.change(), None);
    scene.pass(5, &[("a", 1), ("c", 3)]);
    assert_eq!(scene.change(), Some(Change::Unmark));
}

/// The slot is on a and to be on a and b; b is copied to and appended.
fn joining() -> Scene {
    let mut scene = Scene::new(1);
    scene.want(&["a", "b"]);
    let (_, mut inquiries) = scene.survey();
    let ring = scene.say(inquiries.remove(0).purpose, Some(Say::Reports(vec![report(1, 0)]))).unwrap();
    assert_eq!((ring.node.as_str(), ring.ask), ("a", Ask::Ring { slot: SLOT, after: at(0) }));
    assert_eq!(scene.change(), None, "not before it has caught up");
    scene.say(ring.purpose, Some(Say::Operations(Vec::new())));
    let change = scene.change().unwrap();
    assert_eq!(change, Change::Append(name("b")));
    scene.decide(change);
    assert_eq!(scene.chain(), ["a", "b"]);
    scene
}

#[test]
fn a_joining_entry_becomes_in_sync_only_when_it_is_proven_under_this_view() {
    let mut scene = joining();
    let (change, mut inquiries) = scene.survey();
    let version = inquiries.remove(0);
    assert_eq!((change, version.node.as_str(), version.ask), (None, "a", Ask::Version { slot: SLOT }));
    let prove = scene.say(version.purpose, Some(Say::At(at(4)))).unwrap();
    assert_eq!(prove.ask, Ask::Prove { slot: SLOT, since: Epoch(2), version: at(4) });
    assert_eq!(scene.change(), None);
    scene.say(prove.purpose.clone(), Some(Say::Done));
    assert_eq!(scene.change(), Some(Change::Promote));
    let unchanged = successor(&scene.view, &[SLOT], &BTreeMap::new(), Membership::of(&scene.view)).unwrap();
    scene.rebalancer.adopted(scene.now, &unchanged);
    scene.view = unchanged;
    scene.pass(1, &[("a", 1), ("b", 2), ("c", 3)]);
    let (change, inquiries) = scene.survey();
    assert_eq!(change, None, "it was proven under the view before");
    assert!(matches!(inquiries[0].ask, Ask::Version { .. }));
    scene.say(prove.purpose, Some(Say::Done));
    assert_eq!(scene.change(), None, "nor does a late answer count");
    scene.rules = Rules::without(Rule::ProvenBeforeInSync);
    assert_eq!(scene.change(), Some(Change::Promote));
}

#[test]
fn a_joining_entry_that_is_not_proven_in_time_or_not_wanted_leaves() {
    let mut scene = joining();
    scene.want(&["a", "c"]);
    assert_eq!(scene.change(), lose(&[1], false));
    let mut scene = joining();
    for _ in 0..80 {
        scene.pass(400, &[("a", 1), ("b", 2)]);
    }
    assert_eq!(scene.change(), lose(&[1], false));
}

#[test]
fn what_is_not_wanted_leaves_when_all_that_is_wanted_is_there_and_a_tail_is_fenced_first() {
    let mut scene = Scene::new(2);
    scene.want(&["b"]);
    assert_eq!(scene.change(), lose(&[0], false), "a head needs no fence");
    scene.want(&["a"]);
    let (change, mut inquiries) = scene.survey();
    let fence = inquiries.remove(0);
    assert_eq!(change, None);
    assert_eq!((fence.node.as_str(), fence.ask), ("b", Ask::Fence { slots: vec![SLOT], epoch: Epoch(2) }));
    scene.say(fence.purpose.clone(), None);
    assert!(matches!(scene.survey().1[0].ask, Ask::Fence { .. }), "a lost question is asked again");
    scene.say(fence.purpose, Some(Say::Done));
    assert_eq!(scene.change(), lose(&[1], false), "fenced: nobody has to wait");
    scene.moves_slots = false;
    assert_eq!(scene.change(), None, "another proxy moves slots");
}

/// Both entries are other processes now.
fn lost() -> (Scene, Vec<Inquiry>) {
    let mut scene = Scene::new(2);
    scene.answer("a", 101);
    scene.answer("b", 102);
    let (change, inquiries) = scene.survey();
    assert_eq!(change, None, "frozen");
    (scene, inquiries)
}

#[test]
fn a_lost_chain_waits_for_all_reports_and_goes_on_with_the_longest_history() {
    let (mut scene, inquiries) = lost();
    let [of_a, of_b] = &inquiries[..] else { panic!("{inquiries:?}") };
    scene.say(of_a.purpose.clone(), Some(Say::Reports(vec![report(1, 4)])));
    assert_eq!(scene.change(), None, "b has not reported");
    scene.say(of_b.purpose.clone(), Some(Say::Reports(vec![report(1, 5)])));
    let change = scene.change().unwrap();
    assert_eq!(change, Change::Reseat { node: name("b"), is_empty: false });
    scene.decide(change);
    let chain = scene.view.chain(SLOT);
    assert_eq!((chain.born, chain.unsealed, chain.head().boot), (Epoch(1), Some(Epoch(2)), Boot(102)));
}

#[test]
fn without_the_rule_a_lost_chain_waits_for_nothing() {
    let (mut scene, _) = lost();
    scene.rules = Rules::without(Rule::ReportsBeforeReseating);
    scene.pass(300, &[("a", 101), ("b", 102), ("c", 3)]);
    assert!(matches!(scene.change(), Some(Change::Reseat { is_empty: true, .. })));
}

#[test]
fn a_report_of_another_birth_counts_as_nothing_and_nothing_starts_empty() {
    let (mut scene, inquiries) = lost();
    for inquiry in inquiries {
        scene.say(inquiry.purpose, Some(Say::Reports(vec![report(0, 9)])));
    }
    let change = scene.change().unwrap();
    assert!(matches!(change, Change::Reseat { is_empty: true, .. }), "{change:?}");
    scene.decide(change);
    assert_eq!(scene.view.chain(SLOT).born, Epoch(2));
}

#[test]
fn nothing_is_given_up_while_an_entry_recovers() {
    let (mut scene, inquiries) = lost();
    for inquiry in inquiries {
        scene.say(inquiry.purpose, Some(Say::Reports(vec![report(1, 4)])));
    }
    let recovering = Pulse { state: NodeState::Recovering { share: 300 }, ..scene.pulse(102) };
    for _ in 0..100 {
        scene.pass(400, &[("a", 101)]);
        scene.answer_so("b", &recovering);
        assert_eq!(scene.change(), None);
    }
    scene.answer("b", 102);
    assert!(scene.change().is_some());
}

#[test]
fn another_data_directory_has_reported_nothing() {
    let mut scene = Scene::new(1);
    scene.answer("a", 109);
    assert!(matches!(scene.change(), Some(Change::Reseat { is_empty: true, .. })));
}

#[test]
fn a_silent_entry_is_waited_for_unless_it_is_given_up() {
    let mut scene = Scene::new(1);
    for _ in 0..74 {
        scene.pass(400, &[("b", 2), ("c", 3)]);
        assert_eq!(scene.change(), None);
    }
    (0..4).for_each(|_| scene.pass(400, &[("b", 2), ("c", 3)]));
    let change = scene.change();
    assert!(matches!(change, Some(Change::Reseat { is_empty: true, .. })), "{change:?}");
    scene.file.when_last_replica_lost = ringmaster_protocol::cluster_file::LastReplicaLost::Never;
    assert_eq!(scene.change(), None);
    let mut parts = scene.view.parts();
    parts.members[0].word = Word::GivenUp;
    scene.view = Arc::new(View::new(parts).unwrap());
    assert!(scene.change().is_some());
}

#[test]
fn a_slot_that_an_entry_cannot_go_on_with_loses_that_entry() {
    let mut scene = Scene::new(2);
    scene.rebalancer.broken(SLOT, &name("b"), Boot(2));
    let change = scene.change().unwrap();
    assert_eq!(Some(change.clone()), lose(&[1], true));
    scene.decide(change);
    scene.pass(2500, &[("a", 1), ("b", 2)]);
    assert_eq!(scene.chain(), ["a"]);
    assert!(scene.rebalancer.broken.is_empty());
}

/// How many slots need a closer look.
fn unsettled(scene: &Scene) -> usize {
    let world = scene.world();
    let mut glances = Glances::new(&world);
    HashSlot::all().filter(|slot| glances.of(&world, *slot) != Glance::Still).count()
}

#[test]
fn slots_that_lack_a_node_or_have_one_that_joins_are_told_from_those_where_somebody_is_missing() {
    let glance = |scene: &Scene| Glances::new(&scene.world()).of(&scene.world(), SLOT);
    let mut scene = Scene::new(2);
    scene.want(&["a", "c"]);
    assert_eq!(glance(&scene), Glance::Lacks);
    scene.pass(600, &[("a", 1), ("c", 3)]);
    assert_eq!(glance(&scene), Glance::Unclear, "b does not answer");
    let mut scene = joining();
    assert_eq!(glance(&scene), Glance::Joins);
    scene.want(&["a", "c"]);
    assert_eq!(glance(&scene), Glance::Unclear, "it joins and is not wanted");
    let mut scene = Scene::new(2);
    scene.want(&["a"]);
    assert_eq!(glance(&scene), Glance::Unclear, "b is to leave");
}

#[test]
fn settled_slots_are_not_looked_at_and_all_others_are() {
    let mut scene = Scene::new(2);
    assert_eq!(unsettled(&scene), 0);
    scene.want(&["a", "c"]);
    assert_eq!(unsettled(&scene), 16_384, "they are to be elsewhere");
    scene.want(&["a", "b"]);
    scene.answer("b", 102);
    assert_eq!(unsettled(&scene), 16_384, "b is another process");
    let mut scene = Scene::new(2);
    scene.pass(600, &[("a", 1), ("c", 3)]);
    assert_eq!(unsettled(&scene), 16_384, "b does not answer");
    let mut scene = Scene::new(2);
    scene.decide(Change::Append(name("c")));
    assert_eq!(unsettled(&scene), 16_384, "c joins");
}

/// A hundred slots that are on a and to be on a and b, of which b has nothing: all wait to be copied.
fn a_hundred_wait() -> Scene {
    let mut scene = Scene::new(1);
    scene.rebalancer = Rebalancer::new(HashSlot::all().take(100).collect(), 1 << 30);
    scene.rebalancer.adopted(scene.now, &scene.view);
    scene.want(&["a", "b"]);
    for Inquiry { purpose, ask, .. } in scene.survey().1 {
        let Ask::Report { slots } = ask else { panic!("{ask:?}") };
        let reports = slots.iter().map(|slot| Report { slot: *slot, ..report(1, 0) }).collect();
        let ring = scene.say(purpose, Some(Say::Reports(reports))).unwrap();
        assert_eq!(scene.say(ring.purpose, Some(Say::Forgotten)), None);
    }
    scene
}

#[test]
fn of_many_slots_few_are_copied_at_a_time_and_the_next_begins_with_an_answer() {
    let mut scene = a_hundred_wait();
    let mut exports = scene.survey().1;
    assert_eq!(exports.len(), 8, "rebalance_parallel");
    assert_eq!(scene.survey().1, [], "no more until one is over");
    for copied in 9..=100 {
        let Inquiry { purpose, ask, .. } = exports.remove(0);
        assert!(matches!(ask, Ask::Export { .. }), "{ask:?}");
        let history = History::born(Epoch(1));
        let contents =
            Contents { changed: Epoch(1), born: Epoch(1), history, time: 0, effects: bytes::Bytes::new() };
        let stage = scene.say(purpose, Some(Say::Contents(contents))).unwrap();
        let next = scene.say(stage.purpose, Some(Say::Done)).unwrap();
        assert!(matches!(next.ask, Ask::Export { .. }), "{copied}: {next:?}");
        exports.push(next);
    }
    assert_eq!(exports.len(), 8);
}
