//! How many nodes Redis's radix tree would have: `XINFO STREAM` tells it.

use super::id::StreamId;

/// Bytes of a key of the tree.
const KEY_BYTES: usize = 16;

/// Nodes of the radix tree of these ids (16 bytes each), which ascend: one for each, one for each place where
/// they part, one for each stretch of bytes that they do not part in.
pub(super) fn nodes(mut ids: impl Iterator<Item = StreamId>) -> usize {
    let Some(mut last) = ids.next() else { return 1 };
    // Where the path to the last key parts, upmost first.
    let mut partings: Vec<usize> = Vec::new();
    let mut nodes = 1;
    for id in ids {
        let common = common_bytes(last, id);
        nodes += 1 + up_to(&mut partings, common);
        last = id;
    }
    nodes + up_to_root(&mut partings)
}

fn common_bytes(one: StreamId, other: StreamId) -> usize {
    let (one, other) = (one.to_bytes(), other.to_bytes());
    one.iter().zip(&other).take_while(|(one, other)| one == other).count()
}

/// A stretch below a parting, which takes one byte itself.
fn stretch(parting: usize, below: usize) -> usize {
    usize::from(below > parting + 1)
}

/// The last key's path is done below `common`, where the next one parts from it. Returns the new nodes.
fn up_to(partings: &mut Vec<usize>, common: usize) -> usize {
    let (mut nodes, mut below) = (0, KEY_BYTES);
    while let Some(parting) = partings.pop_if(|parting| *parting > common) {
        nodes += stretch(parting, below);
        below = parting;
    }
    if partings.last() != Some(&common) {
        partings.push(common);
        nodes += 1;
    }
    nodes + stretch(common, below)
}

fn up_to_root(partings: &mut Vec<usize>) -> usize {
    let (mut nodes, mut below) = (0, KEY_BYTES);
    while let Some(parting) = partings.pop() {
        nodes += stretch(parting, below);
        below = parting;
    }
    nodes + usize::from(below > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_share_what_they_have_in_common() {
        let count = |ids: &[(u64, u64)]| nodes(ids.iter().map(|(ms, seq)| StreamId::new(*ms, *seq)));
        assert_eq!(count(&[]), 1);
        assert_eq!(count(&[(1, 1)]), 2);
        // Seven bytes in common, a parting, and eight bytes behind each way.
        assert_eq!(count(&[(1, 1), (2, 1)]), 1 + 1 + 2 + 2);
        // Parting at the last byte: nothing behind.
        assert_eq!(count(&[(1, 1), (1, 2), (1, 3)]), 1 + 1 + 3);
    }
}
