//! The patterns of `SORT`: keys that are named by the elements it sorts.
//!
//! `BY weight_*` and `GET user_*->name` reach keys that no table knows before the elements are read. One node can
//! look there; in a cluster only a pattern whose hash tag puts all its keys where the sorted key lies can be served.

use super::Spec;
use crate::resp::Args;
use crate::slot::HashSlot;

/// A pattern with a star, which stands for the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern<'a> {
    before: &'a [u8],
    after: &'a [u8],
    /// The field of a hash, if the pattern ends with `->field`.
    pub field: Option<&'a [u8]>,
}

impl<'a> Pattern<'a> {
    /// The pattern that `text` is; `None` if it has no star.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let star = text.iter().position(|&byte| byte == b'*')?;
        let (before, rest) = (&text[..star], &text[star + 1..]);
        // An arrow at the very end is part of the key.
        let arrow = rest.windows(2).position(|pair| pair == b"->").filter(|arrow| arrow + 2 < rest.len());
        let (after, field) = arrow.map_or((rest, None), |arrow| (&rest[..arrow], Some(&rest[arrow + 2..])));
        Some(Self { before, after, field })
    }

    /// The key for `element`.
    #[must_use]
    pub fn key(&self, element: &[u8]) -> Vec<u8> {
        [self.before, element, self.after].concat()
    }

    /// The slot of the keys of all elements, if a hash tag before the star puts them into one.
    #[must_use]
    pub fn slot(&self) -> Option<HashSlot> {
        let open = self.before.iter().position(|&byte| byte == b'{')?;
        let tag = self.before[open + 1..].iter().position(|&byte| byte == b'}')?;
        (tag > 0).then(|| HashSlot::of(self.before))
    }
}

/// The patterns among the arguments of a `SORT`, each behind `BY` or `GET`.
pub fn patterns<'a>(args: Args<'a>) -> impl Iterator<Item = (&'a [u8], Pattern<'a>)> {
    let mut index = 2;
    std::iter::from_fn(move || {
        while let Some(option) = args.get(index) {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            let argument = args.get(index + 1);
            index += match () {
                () if is(b"LIMIT") => 3,
                () if is(b"BY") || is(b"GET") || is(b"STORE") => 2,
                () => 1,
            };
            let pattern = argument.filter(|_| is(b"BY") || is(b"GET")).and_then(Pattern::parse);
            if let Some(pattern) = pattern {
                return Some((option, pattern));
            }
        }
        None
    })
}

/// Redis's refusal of a pattern in a cluster, for the first one of a `SORT` whose keys need not all lie in `slot`.
/// `None` for other commands.
#[must_use]
pub fn refusal(spec: &Spec, args: Args<'_>, slot: HashSlot) -> Option<&'static str> {
    if !matches!(spec.name, "sort" | "sort_ro") {
        return None;
    }
    let (option, _) = patterns(args).find(|(_, pattern)| pattern.slot() != Some(slot))?;
    Some(match option.first() {
        Some(b'B' | b'b') => "ERR BY option of SORT denied in cluster mode.",
        _ => "ERR GET option of SORT denied in cluster mode.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::resolve;
    use crate::resp::inline;

    #[test]
    fn a_star_stands_for_the_element_and_an_arrow_for_a_field() {
        let pattern = Pattern::parse(b"a_*_b->c").unwrap();
        assert_eq!((pattern.key(b"7"), pattern.field), (b"a_7_b".to_vec(), Some(&b"c"[..])));
        assert_eq!(Pattern::parse(b"*->").unwrap().key(b"7"), b"7->");
        assert_eq!(Pattern::parse(b"x->y*").unwrap().key(b"7"), b"x->y7");
        assert_eq!(Pattern::parse(b"none"), None);
    }

    #[test]
    fn a_tag_before_the_star_keeps_the_keys_in_one_slot() {
        let slot = |text: &'static str| Pattern::parse(text.as_bytes()).unwrap().slot();
        assert_eq!(slot("w_{t}_*"), Some(HashSlot::of(b"{t}list")));
        for text in ["w_*", "{}*", "{*}", "{t*}", "*{t}", "}{*"] {
            assert_eq!(slot(text), None, "{text}");
        }
    }

    #[test]
    fn only_patterns_that_leave_the_slot_are_refused() {
        let refused = |line: &str, slot: &[u8]| {
            let (mut bytes, mut spans) = (Vec::new(), Vec::new());
            inline::split(line.as_bytes(), &mut bytes, &mut spans).unwrap();
            let args = Args::new(&bytes, &spans);
            refusal(resolve(&args).unwrap(), args, HashSlot::of(slot)).is_some()
        };
        assert!(!refused("SORT {t}k BY nosort LIMIT 0 1 GET # STORE get_*", b"{t}"));
        assert!(!refused("SORT {t}k by {t}w_* get {t}*->f", b"{t}"));
        assert!(refused("SORT {t}k BY {t}w_* GET d_*", b"{t}"));
        assert!(refused("SORT {t}k BY {u}w_*", b"{t}"));
        assert!(refused("SORT {t}k LIMIT BY x BY w_*", b"{t}"));
    }
}
