//! Several copies of each slot: the ring extended from one node a slot to a chain.
//!
//! Each slot asks for as many nodes as it is to have copies, the nearest first and those of zones that it has not yet
//! before the others; a node at its bound keeps the nearest slots. Then the head of each slot is chosen among its nodes
//! in the same way, under the bound of one copy. With one copy it is [`super::place`].
//!
//! A node never holds two copies of a slot, so what a heavy node cannot hold is the fair share of the others.

use super::ranking::Distance;
use super::{RingNode, Room, bound, total_weight};
use ringmaster_protocol::slot::SLOT_COUNT;

/// By slot, the places of its nodes in `nodes`, the head first: `copies` of them, or as many as have a weight. `zones`
/// are those of the nodes, empty where not known. `None` if no node has a weight.
pub fn place_copies(nodes: &[RingNode<'_>], zones: &[&str], copies: usize) -> Option<Vec<Vec<u16>>> {
    let holders = nodes.iter().filter(|node| node.weight > 0).count();
    if holders == 0 {
        return None;
    }
    let copies = copies.clamp(1, holders);
    let bounds = bounds(nodes, copies);
    let mut members = Placement::new(nodes, Some(zones), &bounds);
    (0..SLOT_COUNT as u16).for_each(|slot| (0..copies).for_each(|_| members.seat(slot, None)));
    members.exchange();
    members.squeeze_in(None);
    let members = members.held;
    let head_bounds: Vec<usize> = nodes.iter().map(|node| bound(node.weight, total_weight(nodes))).collect();
    let mut heads = Placement::new(nodes, None, &head_bounds);
    (0..SLOT_COUNT as u16).for_each(|slot| heads.seat(slot, Some(&members)));
    heads.squeeze_in(Some(&members));
    Some(members.into_iter().zip(heads.held).map(|(members, head)| head_first(members, &head)).collect())
}

fn head_first(mut members: Vec<u16>, head: &[u16]) -> Vec<u16> {
    if let Some(place) = members.iter().position(|member| head.first() == Some(member)) {
        members[..=place].rotate_right(1);
    }
    members
}

/// Most copies of each node: 1.05 of its fair share, and never more than one of each slot.
pub(super) fn bounds(nodes: &[RingNode<'_>], copies: usize) -> Vec<usize> {
    let mut is_full = vec![false; nodes.len()];
    loop {
        let full = is_full.iter().filter(|full| **full).count();
        let rest = ((copies - full.min(copies)) * SLOT_COUNT) as u64;
        let open =
            nodes.iter().zip(&is_full).filter(|(_, full)| !**full).map(|(node, _)| u64::from(node.weight));
        let total: u64 = open.sum::<u64>().max(1);
        let share = |node: &RingNode<'_>| u64::from(node.weight) * rest;
        let filled: Vec<bool> = nodes
            .iter()
            .zip(&is_full)
            .map(|(node, full)| *full || share(node) >= SLOT_COUNT as u64 * total)
            .collect();
        if filled == is_full {
            let bound = |node| ((105 * share(node)).div_ceil(100 * total) as usize).min(SLOT_COUNT);
            return nodes
                .iter()
                .zip(&is_full)
                .map(|(node, full)| if *full { SLOT_COUNT } else { bound(node) })
                .collect();
        }
        is_full = filled;
    }
}

/// Slots that look for nodes, and nodes that keep the nearest.
struct Placement<'a> {
    nodes: &'a [RingNode<'a>],
    zones: Option<&'a [&'a str]>,
    rooms: Vec<Room>,
    /// By slot, its nodes so far.
    held: Vec<Vec<u16>>,
    /// By slot, the nodes that it has asked.
    asked: Vec<Vec<u16>>,
    /// Slots that lack a node after they have asked all.
    homeless: Vec<u16>,
}

impl<'a> Placement<'a> {
    fn new(nodes: &'a [RingNode<'a>], zones: Option<&'a [&'a str]>, bounds: &[usize]) -> Self {
        let rooms = bounds.iter().map(|bound| Room::new(*bound)).collect();
        let (held, asked) = (vec![Vec::new(); SLOT_COUNT], vec![Vec::new(); SLOT_COUNT]);
        Self { nodes, zones, rooms, held, asked, homeless: Vec::new() }
    }

    /// Finds one more node for `slot`, among `members` if given. Each pair of slot and node meets once, so it ends.
    fn seat(&mut self, slot: u16, members: Option<&[Vec<u16>]>) {
        let mut homeless = Some(slot);
        while let Some(slot) = homeless.take() {
            let among = members.map(|members| &members[usize::from(slot)][..]);
            let Some((distance, at)) = self.next(slot, among) else {
                self.homeless.push(slot);
                continue;
            };
            self.asked[usize::from(slot)].push(at);
            self.held[usize::from(slot)].push(at);
            if let Some((_, other)) = self.rooms[usize::from(at)].take(distance, slot) {
                self.held[usize::from(other)].retain(|held| *held != at);
                homeless = Some(other);
            }
        }
    }

    /// The nearest node that the slot has not asked, those of new zones first.
    fn next(&self, slot: u16, among: Option<&[u16]>) -> Option<(Distance, u16)> {
        let asked = &self.asked[usize::from(slot)];
        let candidates = self.candidates(among).filter(|at| !asked.contains(at));
        let order = |at: &u16| {
            let node = &self.nodes[usize::from(*at)];
            (self.repeats_a_zone(slot, *at), node.ranking.distance(slot, node.weight), node.name)
        };
        let nearest = candidates.min_by_key(order)?;
        let node = &self.nodes[usize::from(nearest)];
        Some((node.ranking.distance(slot, node.weight), nearest))
    }

    fn candidates(&self, among: Option<&[u16]>) -> impl Iterator<Item = u16> {
        let is_meant = move |at: &u16| among.is_none_or(|among| among.contains(at));
        (0..self.nodes.len() as u16).filter(|at| self.nodes[usize::from(*at)].weight > 0).filter(is_meant)
    }

    fn repeats_a_zone(&self, slot: u16, at: u16) -> bool {
        let Some(zones) = self.zones else { return false };
        let zone = zones[usize::from(at)];
        !zone.is_empty() && self.held[usize::from(slot)].iter().any(|held| zones[usize::from(*held)] == zone)
    }

    /// Where all nodes that a slot has not are full, one of them gives another slot to a node that has room, and takes
    /// this one.
    fn exchange(&mut self) {
        let mut is_stuck = vec![false; self.nodes.len()];
        while !self.homeless.is_empty() {
            let free = self.candidates(None).filter(|at| self.room(*at) > 0 && !is_stuck[usize::from(*at)]);
            let name = |at: &u16| std::cmp::Reverse(self.nodes[usize::from(*at)].name);
            let Some(to) = free.max_by_key(|at| (self.room(*at), name(at))) else { return };
            let before = self.homeless.len();
            let mut moves = self.moves(to);
            let homeless = std::mem::take(&mut self.homeless);
            self.homeless =
                homeless.into_iter().filter(|slot| !self.exchanged(*slot, to, &mut moves)).collect();
            is_stuck[usize::from(to)] = self.homeless.len() == before;
        }
    }

    fn room(&self, at: u16) -> usize {
        let room = &self.rooms[usize::from(at)];
        room.bound.saturating_sub(room.held.len())
    }

    /// Slots that could be moved to `to`, each with the node that it would leave: the farthest first.
    fn moves(&self, to: u16) -> Vec<(Distance, u16, u16)> {
        let of = |from: u16| {
            let slots = self.rooms[usize::from(from)].held.iter();
            let can_move = slots.filter(|(_, slot)| !self.held[usize::from(*slot)].contains(&to));
            can_move.map(move |(distance, slot)| (*distance, *slot, from))
        };
        let mut moves: Vec<_> = self.candidates(None).flat_map(of).collect();
        let order = |(distance, slot, from): &(Distance, u16, u16)| {
            (std::cmp::Reverse((*distance, *slot)), self.nodes[usize::from(*from)].name)
        };
        moves.sort_unstable_by(|one, other| order(one).cmp(&order(other)));
        moves
    }

    /// Whether the slot got its node.
    fn exchanged(&mut self, slot: u16, to: u16, moves: &mut Vec<(Distance, u16, u16)>) -> bool {
        if self.room(to) == 0 {
            return false;
        }
        if !self.has(slot, to) {
            self.put(slot, to);
            return true;
        }
        let fits = |(_, other, from): &(Distance, u16, u16)| {
            !self.has(slot, *from) && self.has(*other, *from) && !self.has(*other, to)
        };
        let Some(place) = moves.iter().position(fits) else { return false };
        let (_, other, from) = moves.remove(place);
        self.rooms[usize::from(from)].held.retain(|(_, held)| *held != other);
        self.held[usize::from(other)].retain(|held| *held != from);
        self.put(other, to);
        self.put(slot, from);
        true
    }

    fn has(&self, slot: u16, at: u16) -> bool {
        self.held[usize::from(slot)].contains(&at)
    }

    /// What is still homeless goes to the node that is least above its bound.
    fn squeeze_in(&mut self, members: Option<&[Vec<u16>]>) {
        for slot in std::mem::take(&mut self.homeless) {
            let among = members.map(|members| &members[usize::from(slot)][..]);
            let load = |at: &u16| {
                let room = &self.rooms[usize::from(*at)];
                (room.held.len() * SLOT_COUNT / room.bound.max(1), self.nodes[usize::from(*at)].name)
            };
            if let Some(at) = self.candidates(among).filter(|at| !self.has(slot, *at)).min_by_key(load) {
                self.put(slot, at);
            }
        }
    }

    fn put(&mut self, slot: u16, at: u16) {
        let node = &self.nodes[usize::from(at)];
        self.rooms[usize::from(at)].held.push((node.ranking.distance(slot, node.weight), slot));
        self.held[usize::from(slot)].push(at);
    }
}
