//! A command of many keys as one command for each node that has some of them. Linear in keys and bytes.

use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, Protocol};

/// One node's part of a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Place of the node in the topology.
    pub(crate) node: usize,
    /// The part as a request.
    pub(crate) request: Vec<u8>,
}

/// Splits `args`: its keys stand at 1, 1 + `step`, …, each followed by `step` - 1 arguments that belong to it;
/// `nodes` has the node of each key, below `node_count`. The parts come in the order of their first keys.
pub(crate) fn parts(args: Args<'_>, step: usize, nodes: &[u16], node_count: usize) -> Vec<Part> {
    let mut keys_of_node = vec![0usize; node_count];
    nodes.iter().for_each(|&node| keys_of_node[usize::from(node)] += 1);
    let mut part_of_node = vec![usize::MAX; node_count];
    let mut parts: Vec<Part> = Vec::new();
    for (key, &node) in nodes.iter().enumerate() {
        let node = usize::from(node);
        if part_of_node[node] == usize::MAX {
            part_of_node[node] = parts.len();
            let mut request = Vec::new();
            let mut writer = Reply::new(&mut request, Protocol::Resp2);
            writer.array(1 + keys_of_node[node] * step);
            writer.bulk(&args[0]);
            parts.push(Part { node, request });
        }
        let mut writer = Reply::new(&mut parts[part_of_node[node]].request, Protocol::Resp2);
        let first = 1 + key * step;
        (first..first + step).for_each(|index| writer.bulk(&args[index]));
    }
    parts
}

/// The index in `parts` of the part that has each key.
pub(crate) fn part_of_each_key(nodes: &[u16], parts: &[Part]) -> Vec<u16> {
    let node_count = parts.iter().map(|part| part.node + 1).max().unwrap_or(0);
    let mut part_of_node = vec![0u16; node_count];
    for (part, index) in parts.iter().zip(0..) {
        part_of_node[part.node] = index;
    }
    nodes.iter().map(|&node| part_of_node[usize::from(node)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmaster_protocol::resp::Span;

    fn split(words: &[&str], step: usize, nodes: &[u16]) -> Vec<(usize, String)> {
        let (mut buffer, mut spans) = (Vec::new(), Vec::new());
        for word in words {
            let (start, len) = (buffer.len().try_into().unwrap(), word.len().try_into().unwrap());
            spans.push(Span { start, len });
            buffer.extend_from_slice(word.as_bytes());
        }
        let parts = parts(Args::new(&buffer, &spans), step, nodes, 4);
        assert!(
            part_of_each_key(nodes, &parts)
                .iter()
                .zip(nodes)
                .all(|(&part, &node)| { parts[usize::from(part)].node == usize::from(node) })
        );
        let text = |part: Part| (part.node, part.request.escape_ascii().to_string());
        parts.into_iter().map(text).collect()
    }

    #[test]
    fn keys_go_to_their_nodes_in_their_order() {
        let parts = split(&["MGET", "a", "b", "c"], 1, &[3, 0, 3]);
        let request = |count, keys| format!(r"*{count}\r\n$4\r\nMGET\r\n{keys}");
        let expected = [(3, request(3, r"$1\r\na\r\n$1\r\nc\r\n")), (0, request(2, r"$1\r\nb\r\n"))];
        assert_eq!(parts, expected);
    }

    #[test]
    fn values_go_with_their_keys() {
        let parts = split(&["MSET", "a", "1", "b", "2"], 2, &[1, 2]);
        let request = |pair| format!(r"*3\r\n$4\r\nMSET\r\n{pair}");
        let expected = [(1, request(r"$1\r\na\r\n$1\r\n1\r\n")), (2, request(r"$1\r\nb\r\n$1\r\n2\r\n"))];
        assert_eq!(parts, expected);
    }
}
