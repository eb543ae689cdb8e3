//! Rules that faults by chance seldom need, each with the story that shows what it is for.
//!
//! A story is told twice: with all rules nothing is wrong; without the rule the checker sees what the story leads to.

use ringmaster_protocol::extension::{Ask, Rule, Rules};
use ringmaster_protocol::register::Request;
use ringmaster_protocol::view::ClusterId;
use ringmaster_tests::simulation::message::Up;
use ringmaster_tests::simulation::node::Kept;
use ringmaster_tests::simulation::world::{Ended, World};

/// Tells a story with all rules, and without this one.
fn is_needed(rule: Rule, story: impl Fn(Rules) -> World) {
    let Ended { violation, trace, .. } = story(Rules::ALL).ended();
    assert_eq!(violation, None, "with all rules:\n{}", trace.join("\n"));
    let Ended { violation, trace, .. } = story(Rules::without(rule)).ended();
    match violation {
        Some(violation) => println!("without {rule:?}: {violation}"),
        None => panic!("without {rule:?} nothing is wrong:\n{}", trace.join("\n")),
    }
}

/// Three nodes with three copies, four proxies that all know the view, one push that all have.
fn three_copies(rules: Rules) -> World {
    begun(World::scripted(rules, (3, 4, 3)))
}

/// As [`three_copies`], with two copies.
fn two_copies(rules: Rules) -> World {
    begun(World::scripted(rules, (3, 3, 2)))
}

fn begun(mut world: World) -> World {
    world.trace();
    world.pass(200);
    let push = world.push(0);
    world.await_done(push);
    world
}

fn is_import(up: &Up) -> bool {
    matches!(up, Up::Ask { ask: Ask::Import { .. }, .. })
}

fn is_prepare(up: &Up) -> bool {
    matches!(up, Up::Register { request: Request::Prepare { .. }, .. })
}

/// R4. The head has two operations; the first is on its way down, the second dies with its proxy. The head is removed
/// and joins again, and is asked to confirm the first: it has it, and more that no history has. What it holds is then
/// replaced by an older content, and with it the operation that it confirmed.
fn a_former_head_confirms_what_it_had(rules: Rules) -> World {
    let mut world = three_copies(rules);
    world.part(0, 2);
    world.push(0);
    world.until("the first is on two", |world| world.held_by(1) == 2);
    world.part(3, 1);
    world.push(3);
    world.until("the second is on the head", |world| world.held_by(0) == 3);
    world.end_proxy(3);
    world.remove(1, 0);
    world.append(1, 0);
    world.until("all know", |world| world.all_know(world.epoch(1)));
    world.bring_in(1);
    world.until("what the tail has is on its way to the joiner", |world| world.is_sent(1, 0, is_import));
    world.part(1, 0);
    world.rejoin(0, 2);
    world.until("the tail has the first", |world| world.held_by(2) == 2);
    world.pass(20);
    world.rejoin(1, 0);
    world.until("it is the tail", |world| world.all_know(world.epoch(1)) && world.epoch(1).0 == 4);
    world.read(1);
    world.pass(30);
    world
}

#[test]
fn an_entry_confirms_only_what_it_was_proven_to_hold() {
    is_needed(Rule::ProvenOnly, a_former_head_confirms_what_it_had);
}

/// R5. A write is on the tail and not on the entry that joins. Somebody reads it at the tail; then the joiner, which was
/// proven before, becomes the tail.
fn a_read_is_ahead_of_the_joiner(rules: Rules) -> World {
    let mut world = two_copies(rules);
    world.append(1, 2);
    world.until("all know", |world| world.all_know(world.epoch(1)));
    world.part(0, 2);
    world.bring_in(1);
    world.until("the joiner is proven", |world| world.is_sent(1, 0, is_prepare));
    world.stop(1);
    world.push(0);
    world.until("the tail has it", |world| world.held_by(1) == 2);
    world.read(2);
    world.pass(30);
    world.go_on(1);
    world.until("all know", |world| world.all_know(world.epoch(1)) && world.epoch(1).0 == 3);
    world.read(2);
    world.pass(30);
    world
}

#[test]
fn a_read_waits_for_the_entry_that_joins() {
    is_needed(Rule::JoinersFollowReads, a_read_is_ahead_of_the_joiner);
}

/// A proxy hears nobody but the tail, which hears nobody but it, and the others remove that tail.
fn cut_off_with_the_tail(world: &mut World) {
    world.part(0, 0);
    world.part(0, 2);
    world.part(1, 1);
    world.part(2, 1);
    world.remove(1, 1);
}

/// R12. When no lease of the old view can be held any more, the others go on. The proxy that was cut off with the old
/// tail still reads there.
fn an_old_proxy_reads_an_old_tail(rules: Rules) -> World {
    let mut world = two_copies(rules);
    cut_off_with_the_tail(&mut world);
    world.pass(500);
    let push = world.push(1);
    world.await_done(push);
    world.pass(5);
    world.read(0);
    world.pass(50);
    world
}

#[test]
fn nothing_is_answered_without_a_lease() {
    is_needed(Rule::LeaseAtTheAnswer, an_old_proxy_reads_an_old_tail);
}

/// R13. As for R12, but at once: the proxy that was cut off holds its lease for a while.
fn a_tail_is_replaced_within_a_lease(rules: Rules) -> World {
    let mut world = two_copies(rules);
    cut_off_with_the_tail(&mut world);
    world.pass(100);
    world.push(1);
    world.pass(50);
    world.read(0);
    world.pass(50);
    world
}

#[test]
fn nothing_is_answered_while_a_removed_tail_may_be_read() {
    is_needed(Rule::HoldAfterATail, a_tail_is_replaced_within_a_lease);
}

/// R10. Of two that hold the slot one ends and keeps its data, the other comes back without any. A proxy that does not
/// hear of that takes the second for one who only does not answer, and the first for dead.
fn a_silent_entry_is_left_alone_in_the_chain(rules: Rules) -> World {
    let mut world = World::controlled(rules, (5, 2, 2), &[]);
    world.trace();
    world.pass(300);
    world.until("the slot is where it is to be", World::is_at_target);
    let push = world.push(1);
    world.await_done(push);
    let chain = world.chain();
    world.part(0, chain[0]);
    world.end_node(chain[1], Kept::All);
    world.end_node(chain[0], Kept::Nothing);
    world.pass(1000);
    world.start_node(chain[0]);
    world.pass(3000);
    world.start_node(chain[1]);
    world.pass(500);
    world
}

#[test]
fn an_entry_leaves_only_while_another_answers() {
    is_needed(Rule::LastInSyncStays, a_silent_entry_is_left_alone_in_the_chain);
}

/// R15. Two proxies have different files of blank nodes, and each reaches two of its three nodes only.
fn two_files_and_two_halves(rules: Rules) -> World {
    let mut world = World::blank(rules, (4, 2, 1), &[&[0, 1, 2], &[1, 2, 3]]);
    world.trace();
    world.part(0, 2);
    world.part(1, 1);
    world.pass(3000);
    world
}

#[test]
fn all_nodes_of_a_file_decide_the_first_view() {
    is_needed(Rule::AllDecideTheFirst, two_files_and_two_halves);
}

/// R17. The connection of a push is lost with the push on its way, so that nobody knows what comes of it. Its client pushes
/// again, over another connection; then the first arrives.
fn a_command_comes_behind_the_next_of_its_client(rules: Rules) -> World {
    let mut world = two_copies(rules);
    let first = world.push(0);
    world.lose_late(0, 0, 100);
    world.until("nobody knows", |world| world.is_unknown(first));
    let second = world.push_behind(first);
    world.await_done(second);
    world.pass(200);
    world
}

#[test]
fn nothing_of_an_older_connection_is_executed_behind_a_later_one() {
    is_needed(Rule::LatestConnectionOnly, a_command_comes_behind_the_next_of_its_client);
}

/// A node ends and loses its data; a moment later the file loses another one, so that one acceptor is left where there
/// were three: it is not the one that is away and will not know anything when it is back.
#[test]
fn of_fewer_acceptors_those_are_left_that_answer() {
    let mut world = World::controlled(Rules::ALL, (3, 2, 2), &[]);
    world.trace();
    world.pass(300);
    world.until("the slot is where it is to be", World::is_at_target);
    world.end_node(0, Kept::Nothing);
    world.pass(700);
    world.write_file(&[0, 1]);
    world.pass(700);
    world.start_node(0);
    let Ended { violation, trace, .. } = world.ended();
    assert_eq!(violation, None, "{}", trace.join("\n"));
}

/// All nodes end, and come back one after the other without anything. Two proxies hold the old cluster, of a later epoch than
/// the first of what they found; they see the nodes come back at different times.
#[test]
fn nodes_that_all_come_back_blank_serve_again_under_every_proxy() {
    for gap in [0, 20, 120, 600] {
        let mut world = World::controlled(Rules::ALL, (3, 2, 2), &[]);
        world.trace();
        world.pass(300);
        world.until("the slot is where it is to be", World::is_at_target);
        let push = world.push(0);
        world.await_done(push);
        let old = world.cluster(0);
        (0..3).for_each(|node| world.end_node(node, Kept::Nothing));
        world.part(1, 2);
        for node in 0..3 {
            world.pass(gap);
            world.start_node(node);
        }
        world.pass(700);
        world.rejoin(1, 2);
        world.until("both follow another cluster", |world| {
            (0..2).all(|at| ![old, ClusterId(0)].contains(&world.cluster(at)))
        });
        for proxy in [0, 1] {
            let (push, read) = (world.push(proxy), world.read(proxy));
            world.await_done(push);
            world.await_done(read);
        }
        world.until("two copies", World::is_at_target);
        let Ended { violation, trace, .. } = world.ended();
        assert_eq!(violation, None, "gap {gap} ms:\n{}", trace.join("\n"));
    }
}
