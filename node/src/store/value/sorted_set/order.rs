//! Members in the order of their scores: a tree whose branches count what lies below each child.
//!
//! So a place is found, and an item by its rank, in O(log n). All nodes are vectors, all leaves are equally deep,
//! and up to [`LEAF_MAX`] items are one sorted vector. A branch knows the lowest score below each child: it looks
//! at members only where scores are equal.

use std::ops::Range;

use crate::store::entry::member::Scored;

/// Most items of a leaf.
const LEAF_MAX: usize = 128;

/// Most children of a branch.
const BRANCH_MAX: usize = 64;

/// Most items or children by which a vector grows at once: full leaves waste little.
const GROWTH_MAX: usize = 16;

/// A member and its score, which is not NaN. The score stands here too, so that a search reads no member but those of
/// equal scores.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) score: f64,
    pub(super) member: Scored,
}

impl Item {
    #[inline]
    pub(super) fn name(&self) -> &[u8] {
        self.member.as_ref().bytes()
    }
}

/// A place between two items.
#[derive(Clone, Copy, Debug)]
pub enum Bound<'b> {
    /// Before the items of this score.
    Score(f64),
    /// Behind the items of this score.
    AfterScore(f64),
    /// Before this member; means something where all scores are equal.
    Member(&'b [u8]),
    /// Behind this member; means something where all scores are equal.
    AfterMember(&'b [u8]),
    /// Before this member of this score.
    Item(f64, &'b [u8]),
    /// Behind this member of this score.
    AfterItem(f64, &'b [u8]),
}

impl Bound<'_> {
    /// Whether an item lies before this place. `member` is called only if the score does not tell.
    #[inline]
    pub fn is_behind<'m>(&self, score: f64, member: impl FnOnce() -> &'m [u8]) -> bool {
        match *self {
            Self::Score(bound) => score < bound,
            Self::AfterScore(bound) => score <= bound,
            Self::Member(bound) => member() < bound,
            Self::AfterMember(bound) => member() <= bound,
            Self::Item(bound, name) => score < bound || score == bound && member() < name,
            Self::AfterItem(bound, name) => score < bound || score == bound && member() <= name,
        }
    }
}

/// Items in order.
#[derive(Clone)]
pub(super) struct Order {
    root: Node,
    len: usize,
}

#[derive(Clone)]
enum Node {
    Leaf(Vec<Item>),
    /// Never without a child, and no child is empty.
    Branch(Vec<Child>),
}

#[derive(Clone)]
struct Child {
    /// Items below.
    len: usize,
    /// Score of the first of them.
    low: f64,
    node: Node,
}

impl Default for Order {
    fn default() -> Self {
        Self { root: Node::Leaf(Vec::new()), len: 0 }
    }
}

impl Order {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many items lie before `bound`.
    pub(super) fn position(&self, bound: &Bound<'_>) -> usize {
        self.root.position(bound)
    }

    /// The item of this rank, 0 being the lowest.
    pub(super) fn get(&self, rank: usize) -> Option<&Item> {
        (rank < self.len).then(|| {
            let (leaf, at) = self.root.leaf(rank);
            &leaf[at]
        })
    }

    /// The items of `ranks`, which end at most at the length; the highest first if `reverse`.
    pub(super) fn walk(&self, ranks: Range<usize>, reverse: bool) -> Walk<'_> {
        Walk { root: &self.root, ranks, reverse, leaf: [].iter() }
    }

    /// Puts an item in its place.
    pub(super) fn insert(&mut self, item: Item) {
        if let Some(right) = self.root.insert(item) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            self.root = Node::Branch(vec![Child::of(left), right]);
        }
        self.len += 1;
    }

    /// Takes out the item of this score and name, which is there.
    pub(super) fn remove(&mut self, score: f64, name: &[u8]) -> Item {
        self.len -= 1;
        let item = self.root.remove(score, name);
        while let Node::Branch(children) = &mut self.root
            && children.len() <= 1
        {
            self.root = children.pop().map_or(Node::Leaf(Vec::new()), |child| child.node);
        }
        item
    }
}

impl Node {
    /// Items below.
    fn len(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Branch(children) => children.iter().map(|child| child.len).sum(),
        }
    }

    /// The first item below. Only the root may have none.
    fn first(&self) -> &Item {
        match self {
            Self::Leaf(items) => &items[0],
            Self::Branch(children) => children[0].node.first(),
        }
    }

    fn position(&self, bound: &Bound<'_>) -> usize {
        match self {
            Self::Leaf(items) => place_in(items, bound),
            Self::Branch(children) => {
                let at = child_before(children, bound);
                let before: usize = children[..at].iter().map(|child| child.len).sum();
                before + children[at].node.position(bound)
            }
        }
    }

    /// The leaf that holds the item of `rank`, and where in it.
    fn leaf(&self, rank: usize) -> (&[Item], usize) {
        match self {
            Self::Leaf(items) => (items, rank),
            Self::Branch(children) => {
                let (at, rank) = child_of(children, rank);
                children[at].node.leaf(rank)
            }
        }
    }

    /// Puts an item in its place; returns the right half if that takes a split.
    fn insert(&mut self, item: Item) -> Option<Child> {
        let place = Bound::Item(item.score, item.name());
        match self {
            Self::Leaf(items) => {
                let at = place_in(items, &place);
                insert_into(items, LEAF_MAX, at, item).map(Self::Leaf)
            }
            Self::Branch(children) => {
                let at = child_before(children, &place);
                let child = &mut children[at];
                if item.score < child.low {
                    child.low = item.score;
                }
                let right = child.node.insert(item);
                child.len = child.len + 1 - right.as_ref().map_or(0, |right| right.len);
                let halves = right.and_then(|right| insert_into(children, BRANCH_MAX, at + 1, right));
                halves.map(Self::Branch)
            }
        }
        .map(Child::of)
    }

    /// Takes out the item of this score and name, which is there.
    fn remove(&mut self, score: f64, name: &[u8]) -> Item {
        match self {
            Self::Leaf(items) => {
                let at = place_in(items, &Bound::Item(score, name));
                let item = items.remove(at);
                slim(items);
                item
            }
            Self::Branch(children) => {
                let at = child_before(children, &Bound::AfterItem(score, name));
                let item = children[at].node.remove(score, name);
                if children[at].len == 1 {
                    children.remove(at);
                    slim(children);
                } else {
                    children[at].lost(score);
                    mend(children, at);
                }
                item
            }
        }
    }

    /// Whether so little is left that the node should join a neighbour.
    fn is_sparse(&self) -> bool {
        match self {
            Self::Leaf(items) => items.len() < LEAF_MAX / 4,
            Self::Branch(children) => children.len() < BRANCH_MAX / 4,
        }
    }

    /// Takes all of `right` over, if there is room for it and for some more.
    fn absorb(&mut self, right: &mut Self) -> bool {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) if left.len() + right.len() <= LEAF_MAX / 4 * 3 => {
                left.append(right);
                true
            }
            (Self::Branch(left), Self::Branch(right)) if left.len() + right.len() <= BRANCH_MAX / 4 * 3 => {
                left.append(right);
                true
            }
            _ => false,
        }
    }
}

impl Child {
    fn of(node: Node) -> Self {
        Self { len: node.len(), low: node.first().score, node }
    }

    fn refresh(&mut self) {
        self.len = self.node.len();
        self.low = self.node.first().score;
    }

    /// Notes that an item of this score has left. Only if the score is the lowest can that have been the first item.
    fn lost(&mut self, score: f64) {
        self.len -= 1;
        if score == self.low {
            self.low = self.node.first().score;
        }
    }
}

/// How many of `items` lie before `bound`.
#[inline]
fn place_in(items: &[Item], bound: &Bound<'_>) -> usize {
    items.partition_point(|item| bound.is_behind(item.score, || item.name()))
}

/// The last child that begins before `bound`, or the first one.
#[inline]
fn child_before(children: &[Child], bound: &Bound<'_>) -> usize {
    children[1..].partition_point(|child| bound.is_behind(child.low, || child.node.first().name()))
}

/// The child that holds `rank` (the last one if it is behind all), and the rank in it.
fn child_of(children: &[Child], mut rank: usize) -> (usize, usize) {
    let last = children.len() - 1;
    for (at, child) in children[..last].iter().enumerate() {
        if rank < child.len {
            return (at, rank);
        }
        rank -= child.len;
    }
    (last, rank)
}

/// Puts `element` at `at`; a full vector gives its right half away first, or, behind its end, nothing but the new
/// element: what is filled in order ends up full.
fn insert_into<T>(elements: &mut Vec<T>, max: usize, at: usize, element: T) -> Option<Vec<T>> {
    if elements.len() < max {
        put(elements, at, element);
        return None;
    }
    if at == max {
        return Some(vec![element]);
    }
    let middle = max / 2;
    let mut right = elements.split_off(middle);
    elements.shrink_to_fit();
    if at <= middle {
        put(elements, at, element);
    } else {
        put(&mut right, at - middle, element);
    }
    Some(right)
}

fn put<T>(elements: &mut Vec<T>, at: usize, element: T) {
    if elements.len() == elements.capacity() {
        elements.reserve_exact((elements.len() / 4).clamp(1, GROWTH_MAX));
    }
    elements.insert(at, element);
}

/// Gives room back that is not needed any more.
fn slim<T>(elements: &mut Vec<T>) {
    if elements.capacity() > 2 * elements.len() + GROWTH_MAX {
        elements.shrink_to_fit();
    }
}

/// Joins the child at `at` with a neighbour if it has become sparse.
fn mend(children: &mut Vec<Child>, at: usize) {
    if !children[at].node.is_sparse() {
        return;
    }
    for left in [at.wrapping_sub(1), at] {
        if let Some([first, second]) = children.get_mut(left..left.wrapping_add(2))
            && first.node.absorb(&mut second.node)
        {
            first.refresh();
            children.remove(left + 1);
            return;
        }
    }
}

/// Items one after the other, in either direction.
pub(super) struct Walk<'o> {
    root: &'o Node,
    /// Those that are not in `leaf` yet.
    ranks: Range<usize>,
    reverse: bool,
    leaf: std::slice::Iter<'o, Item>,
}

impl<'o> Iterator for Walk<'o> {
    type Item = &'o Item;

    fn next(&mut self) -> Option<&'o Item> {
        if self.leaf.len() == 0 && !self.ranks.is_empty() {
            self.turn_to_next_leaf();
        }
        if self.reverse { self.leaf.next_back() } else { self.leaf.next() }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.leaf.len() + self.ranks.len();
        (len, Some(len))
    }
}

impl ExactSizeIterator for Walk<'_> {}

impl Walk<'_> {
    fn turn_to_next_leaf(&mut self) {
        if self.reverse {
            let (leaf, last) = self.root.leaf(self.ranks.end - 1);
            let taken = self.ranks.len().min(last + 1);
            self.leaf = leaf[last + 1 - taken..=last].iter();
            self.ranks.end -= taken;
        } else {
            let (leaf, first) = self.root.leaf(self.ranks.start);
            let taken = self.ranks.len().min(leaf.len() - first);
            self.leaf = leaf[first..first + taken].iter();
            self.ranks.start += taken;
        }
    }
}
