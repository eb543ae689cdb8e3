//! All names that are asked for, as a node that was connected anew is told them: piece by piece, the next when an earlier
//! one was answered. However many they are, few bytes wait for one node.

use std::rc::Rc;

use super::Kind;
use super::change::{PIECE_BYTES, PIECE_NAMES_MAX, request};
use super::names::Names;

/// Most pieces that are under way.
const PIECES_MAX: usize = 16;

/// What is still to be told.
#[derive(Default)]
pub(super) struct Catalogue {
    /// In the order of their kinds, the first at the end.
    left: Vec<(Kind, Rc<[u8]>)>,
    /// Pieces that are not answered yet.
    under_way: usize,
}

impl Catalogue {
    /// All of `names`. What changes from here on is told by itself.
    pub(super) fn of(names: &Names) -> Self {
        let of_kind = |kind| names.asked(kind).map(move |name| (kind, Rc::clone(name)));
        Self { left: Kind::ALL.into_iter().flat_map(of_kind).collect(), under_way: 0 }
    }

    /// Whether the node has answered that it knows all.
    pub(super) fn is_known(&self) -> bool {
        self.left.is_empty() && self.under_way == 0
    }

    /// A piece was answered.
    pub(super) fn answered(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// The next request, if one may go now; for how many clients each is asked is what `names` says by now.
    pub(super) fn next(&mut self, names: &Names) -> Option<Vec<u8>> {
        if self.under_way >= PIECES_MAX {
            return None;
        }
        let (mut piece, mut bytes) = (Vec::new(), 0);
        let kind = self.left.last()?.0;
        while piece.len() < PIECE_NAMES_MAX
            && bytes < PIECE_BYTES
            && let Some((_, name)) = self.left.pop_if(|(of, _)| *of == kind)
        {
            bytes += name.len();
            let count = names.count(kind, &name);
            piece.push((name, count));
        }
        self.under_way += 1;
        Some(request(kind, &piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told when each piece is answered only if none can be sent otherwise.
    fn told(names: &Names) -> Vec<usize> {
        let (mut catalogue, mut sizes) = (Catalogue::of(names), Vec::new());
        while !catalogue.is_known() {
            match catalogue.next(names) {
                Some(request) => sizes.push(request.len()),
                None => catalogue.answered(),
            }
            assert!(catalogue.under_way <= PIECES_MAX);
        }
        sizes
    }

    #[test]
    fn many_names_are_told_in_pieces_of_some_bytes() {
        let mut names = Names::default();
        assert_eq!(told(&names), Vec::<usize>::new());
        let large = |n: usize| [n.to_string().as_bytes(), &vec![b'x'; PIECE_BYTES / 2][..]].concat();
        (0..100).for_each(|n| names.ask(Kind::Channel, &large(n)));
        (0..PIECE_NAMES_MAX + 1).for_each(|n| names.ask(Kind::Pattern, n.to_string().as_bytes()));
        let sizes = told(&names);
        assert_eq!(sizes.len(), 50 + 2);
        assert!(sizes.iter().all(|bytes| *bytes < PIECE_BYTES + PIECE_BYTES / 2));
    }

    #[test]
    fn a_name_that_is_asked_no_more_is_told_so() {
        let mut names = Names::default();
        names.ask(Kind::Channel, b"x");
        let mut catalogue = Catalogue::of(&names);
        names.leave(Kind::Channel, b"x");
        let request = catalogue.next(&names).unwrap();
        assert!(request.ends_with(b"$1\r\nx\r\n$1\r\n0\r\n"));
    }
}
