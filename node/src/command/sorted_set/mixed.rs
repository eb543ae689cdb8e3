//! Ranges by members where scores differ. They mean nothing, but what Redis answers for a packed set can be told:
//! it looks at one member after the other. (For a larger one its answer depends on chance.)

use std::ops::Range;

use super::interval::End;
use crate::store::value::SortedSet;

/// Whether `set` is one that this is about.
pub(super) fn concerns(set: SortedSet<'_>) -> bool {
    let score = |rank| set.range(rank..rank + 1, false).next().map(|(_, score)| score);
    set.is_packed() && !set.is_empty() && score(0) != score(set.len() - 1)
}

/// The ranks of the members that Redis finds between `low` and `high`, beginning with the highest if `reverse`.
pub(super) fn ranks(set: SortedSet<'_>, low: &End<'_>, high: &End<'_>, reverse: bool) -> Range<usize> {
    let members: Vec<&[u8]> = set.iter().map(|(member, _)| member).collect();
    let above = |member: &&&[u8]| !low.is_behind(member);
    let below = |member: &&&[u8]| high.is_behind(member);
    let in_reach = members.last().as_ref().is_some_and(above) && members.first().as_ref().is_some_and(below);
    if !in_reach {
        return 0..0;
    }
    if reverse {
        let end = members.iter().rposition(|member| below(&member)).map_or(0, |last| last + 1);
        end - members[..end].iter().rev().take_while(above).count()..end
    } else {
        let start = members.iter().position(|member| above(&member)).unwrap_or(members.len());
        start..start + members[start..].iter().take_while(below).count()
    }
}
