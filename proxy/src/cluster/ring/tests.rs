//! What the ring promises: bounds, little movement, nothing but names and weights.

use super::*;
use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

/// The members of each slot's chain, sorted.
type Sets = Vec<Vec<u16>>;

fn chains(nodes: &Nodes, zones: &[&str], copies: usize) -> Vec<Vec<u16>> {
    place_copies(&nodes.ring(), zones, copies).unwrap()
}

fn without_zones(nodes: &Nodes, copies: usize) -> Vec<Vec<u16>> {
    chains(nodes, &vec![""; nodes.0.len()], copies)
}

fn sets(mut chains: Vec<Vec<u16>>) -> Sets {
    chains.iter_mut().for_each(|chain| chain.sort_unstable());
    chains
}

/// Copies of each node, and slots of which it is the head.
fn loads(chains: &[Vec<u16>], nodes: usize) -> (Vec<usize>, Vec<usize>) {
    let (mut copies, mut heads) = (vec![0; nodes], vec![0; nodes]);
    for chain in chains {
        chain.iter().for_each(|at| copies[usize::from(*at)] += 1);
        heads[usize::from(chain[0])] += 1;
    }
    (copies, heads)
}

struct Nodes(Vec<(String, Ranking, u32)>);

impl Nodes {
    fn named(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| (name.clone(), Ranking::of(&name), 1)).collect())
    }

    fn numbered(count: usize) -> Self {
        Self::named((1..=count).map(|n| format!("node-{n}")))
    }

    fn weighted(mut self, weights: &[u32]) -> Self {
        for (node, weight) in self.0.iter_mut().zip(weights) {
            node.2 = *weight;
        }
        self
    }

    fn ring(&self) -> Vec<RingNode<'_>> {
        self.0.iter().map(|(name, ranking, weight)| RingNode { name, ranking, weight: *weight }).collect()
    }

    fn total(&self) -> u64 {
        total_weight(&self.ring())
    }

    /// The first `count` nodes placed, as names by slot.
    fn place(&self, count: usize) -> Vec<&str> {
        let ring = &self.ring()[..count];
        place(ring).unwrap().iter().map(|&at| self.0[usize::from(at)].0.as_str()).collect()
    }

    fn place_all(&self) -> Vec<&str> {
        self.place(self.0.len())
    }
}

fn moved(before: &[&str], after: &[&str]) -> f64 {
    let moved = before.iter().zip(after).filter(|(before, after)| before != after).count();
    moved as f64 / SLOT_COUNT as f64
}

fn share(owners: &[&str], name: &str) -> f64 {
    owners.iter().filter(|owner| **owner == name).count() as f64 / SLOT_COUNT as f64
}

fn assert_within_bounds(nodes: &Nodes) {
    let mut counts = vec![0; nodes.0.len()];
    for at in place(&nodes.ring()).unwrap().iter() {
        counts[usize::from(*at)] += 1;
    }
    for ((name, _, weight), count) in nodes.0.iter().zip(counts) {
        assert!(count <= bound(*weight, nodes.total()), "{name}: {count} slots at weight {weight}");
    }
}

#[test]
fn no_node_is_above_its_bound_at_any_number_of_nodes() {
    for count in 1..=64 {
        let nodes = Nodes::numbered(count);
        assert_within_bounds(&nodes);
    }
}

#[test]
fn adding_the_nth_node_moves_at_most_a_tenth_more_than_its_share() {
    for pattern in ["node-", "cache-", "ringmaster-node-", "10.0.0."] {
        let nodes = Nodes::named((0..32).map(|n| format!("{pattern}{n}")));
        let mut before = nodes.place(1);
        for n in 2..=32 {
            let after = nodes.place(n);
            let moved = moved(&before, &after);
            assert!(moved <= 1.1 / n as f64, "{pattern}: {:.3}/n moved for n = {n}", moved * n as f64);
            before = after;
        }
    }
}

#[test]
fn removing_any_node_moves_little_but_its_own_slots() {
    let nodes = Nodes::numbered(10);
    let before = nodes.place_all();
    for gone in 0..10 {
        let rest = Nodes::numbered(10);
        let rest = Nodes(
            rest.0.into_iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, node)| node).collect(),
        );
        let moved = moved(&before, &rest.place_all());
        let own = share(&before, &nodes.0[gone].0);
        assert!(moved <= own + 0.01, "{moved} moved, {own} were its own");
    }
}

#[test]
fn reweighting_moves_about_the_difference_of_the_shares() {
    let before = Nodes::numbered(8);
    let after = Nodes::numbered(8).weighted(&[2]);
    let (before, after) = (before.place_all(), after.place_all());
    let gained = share(&after, "node-1") - share(&before, "node-1");
    assert!((gained - (2.0 / 9.0 - 1.0 / 8.0)).abs() < 0.01, "{gained}");
    assert!(moved(&before, &after) < gained + 0.01);
}

#[test]
fn only_proportions_of_weights_count() {
    let weights = |factor: u32| Nodes::numbered(5).weighted(&[1, 2, 3, 4, 5].map(|weight| weight * factor));
    let (small, large) = (weights(1), weights(100));
    assert!(moved(&small.place_all(), &large.place_all()) < 0.001);
}

#[test]
fn a_node_without_weight_gets_nothing_and_changes_nothing() {
    let with = Nodes::numbered(4).weighted(&[1, 1, 1, 0]);
    assert_eq!(with.place_all(), Nodes::numbered(3).place_all());
    assert!(place(&Nodes::numbered(2).weighted(&[0, 0]).ring()).is_none());
}

#[test]
fn the_placement_never_changes_silently() {
    let digest = |nodes: &Nodes| xxh3_64(nodes.place_all().join(",").as_bytes());
    let three = Nodes::numbered(3);
    assert_eq!(three.place_all()[..6], ["node-1", "node-2", "node-1", "node-1", "node-2", "node-3"]);
    assert_eq!(digest(&three), 0xc0a0_93ff_8834_8496);
    assert_eq!(digest(&Nodes::numbered(20).weighted(&[3, 1, 4, 1, 5, 9, 2, 6, 5, 0])), 0xf04d_2a9c_b6c8_0f7d);
}

#[test]
fn one_copy_is_placed_as_ever() {
    let nodes = Nodes::numbered(7).weighted(&[1, 2, 3]);
    let single: Vec<u16> = without_zones(&nodes, 1).into_iter().map(|chain| chain[0]).collect();
    assert_eq!(single, place(&nodes.ring()).unwrap().to_vec());
}

#[test]
fn copies_are_on_different_nodes_and_within_bounds_at_any_number_of_nodes() {
    for (count, copies) in [(2, 2), (3, 2), (3, 3), (4, 2), (5, 3), (8, 3), (16, 2), (32, 3)] {
        let nodes = Nodes::numbered(count);
        let chains = without_zones(&nodes, copies);
        assert!(chains.iter().all(|chain| chain.len() == copies && !has_twice(chain)));
        let (held, heads) = loads(&chains, count);
        let fair = (SLOT_COUNT * copies) as f64 / count as f64;
        let (most, least) = (*held.iter().max().unwrap(), *held.iter().min().unwrap());
        assert!(most as f64 <= (fair * 1.05).ceil(), "{count} nodes, {copies} copies: {most} of {fair}");
        assert!(least as f64 >= fair * 0.85, "{count} nodes, {copies} copies: {least} of {fair}");
        let most = *heads.iter().max().unwrap();
        assert!(most <= bound(1, count as u64), "{count} nodes, {copies} copies: {most} heads");
    }
}

fn has_twice(chain: &[u16]) -> bool {
    (1..chain.len()).any(|at| chain[..at].contains(&chain[at]))
}

#[test]
fn adding_the_nth_node_moves_at_most_a_tenth_more_than_its_share_of_the_copies() {
    for (pattern, copies) in [("node-", 2), ("cache-", 2), ("10.0.0.", 3)] {
        let mut before: Option<Sets> = None;
        for n in copies + 1..=20 {
            let nodes = Nodes::named((0..n).map(|n| format!("{pattern}{n}")));
            let after = sets(without_zones(&nodes, copies));
            if let Some(before) = before {
                let came = |(before, after): (&Vec<u16>, &Vec<u16>)| {
                    after.iter().filter(|at| !before.contains(at)).count()
                };
                let moved: usize = before.iter().zip(&after).map(came).sum();
                let share = moved as f64 / (SLOT_COUNT * copies) as f64;
                assert!(share <= 1.1 / n as f64, "{pattern}: {:.3}/n moved for n = {n}", share * n as f64);
            }
            before = Some(after);
        }
    }
}

#[test]
fn copies_are_in_different_zones_where_there_are_that_many() {
    let nodes = Nodes::numbered(6);
    let zones = ["east", "east", "west", "west", "north", "north"];
    for copies in [2, 3] {
        let chains = chains(&nodes, &zones, copies);
        let in_zones = |chain: &Vec<u16>| {
            let mut zones: Vec<&str> = chain.iter().map(|at| zones[usize::from(*at)]).collect();
            zones.sort_unstable();
            zones.dedup();
            zones.len()
        };
        let apart = chains.iter().filter(|chain| in_zones(chain) == copies).count();
        assert!(apart >= SLOT_COUNT - SLOT_COUNT / 200, "{apart} slots have all copies apart");
        assert_eq!(loads(&chains, 6).0.iter().sum::<usize>(), SLOT_COUNT * copies);
    }
}

#[test]
fn a_heavy_node_has_one_copy_of_each_slot_and_the_others_share_the_rest() {
    let nodes = Nodes::numbered(3).weighted(&[10, 1, 1]);
    let (held, heads) = loads(&without_zones(&nodes, 2), 3);
    assert!(held[0] >= SLOT_COUNT * 95 / 100 && held[0] <= SLOT_COUNT, "{held:?}");
    assert!(held[1..].iter().all(|held| *held <= SLOT_COUNT / 2 * 105 / 100 + 1), "{held:?}");
    assert!(heads[0] > heads[1] * 5, "{heads:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_node_is_above_its_bound_at_any_weights(
        weights in proptest::collection::vec(prop_oneof![Just(0u32), 1u32..=8, 1u32..=10_000], 1..=64),
        seed in any::<u32>(),
    ) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let names = (0..weights.len()).map(|n| format!("{seed}-{n}"));
        assert_within_bounds(&Nodes::named(names).weighted(&weights));
    }

    #[test]
    fn the_order_of_the_nodes_means_nothing(seed in any::<u32>(), rotation in 0usize..12) {
        let nodes = Nodes::named((0..12).map(|n| format!("{seed}-{n}"))).weighted(&[1, 2, 3, 4]);
        let mut turned = Nodes(nodes.0.clone());
        turned.0.rotate_left(rotation);
        turned.0.swap(0, 5);
        prop_assert_eq!(nodes.place_all(), turned.place_all());
    }

    #[test]
    fn adding_a_node_to_any_names_moves_little_but_its_share(seed in any::<u32>(), n in 2usize..=32) {
        let nodes = Nodes::named((0..n).map(|n| format!("{seed}-{n}")));
        let moved = moved(&nodes.place(n - 1), &nodes.place(n));
        prop_assert!(moved <= 1.1 / n as f64, "{:.3}/n for n = {}", moved * n as f64, n);
    }

    #[test]
    fn copies_are_within_bounds_at_any_weights(
        weights in proptest::collection::vec(1u32..=8, 2..=24),
        copies in 2usize..=3,
        seed in any::<u32>(),
    ) {
        let names = (0..weights.len()).map(|n| format!("{seed}-{n}"));
        let nodes = Nodes::named(names).weighted(&weights);
        let chains = without_zones(&nodes, copies);
        prop_assert!(chains.iter().all(|chain| chain.len() == copies.min(weights.len()) && !has_twice(chain)));
        let (held, _) = loads(&chains, weights.len());
        let bounds = copies::bounds(&nodes.ring(), copies.min(weights.len()));
        for (at, held) in held.iter().enumerate() {
            prop_assert!(*held <= bounds[at], "{held} copies, at most {}: {weights:?}", bounds[at]);
        }
    }
}
