//! A message as a node sends it.

use ringmaster_protocol::resp::number::parse_integer;

use super::Kind;

/// A published message: a push frame, of which only the front is looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) kind: Kind,
    /// The channel or pattern that its listeners are subscribed to.
    pub(super) name: &'a [u8],
    /// All of it.
    pub(super) frame: &'a [u8],
}

impl<'a> Message<'a> {
    /// The message that a frame is; `None` for another push.
    pub(super) fn parse(frame: &'a [u8]) -> Option<Self> {
        let rest = frame.strip_prefix(b">3\r\n").or(frame.strip_prefix(b">4\r\n"))?;
        let (word, rest) = bulk(rest)?;
        let kind = match word {
            b"message" => Kind::Channel,
            b"pmessage" => Kind::Pattern,
            b"smessage" => Kind::ShardChannel,
            _ => return None,
        };
        Some(Self { kind, name: bulk(rest)?.0, frame })
    }
}

/// The keys that a push calls changed, `None` for all; `None` around it if it is another push.
pub(super) fn invalidated(frame: &[u8]) -> Option<Option<Vec<&[u8]>>> {
    let rest = frame.strip_prefix(b">2\r\n$10\r\ninvalidate\r\n")?;
    if rest == b"_\r\n" {
        return Some(None);
    }
    let end = rest.iter().position(|&byte| byte == b'\r')?;
    let count = parse_integer(rest.strip_prefix(b"*")?.get(..end - 1)?)?;
    let (mut keys, mut rest) = (Vec::new(), rest.get(end + 2..)?);
    for _ in 0..count {
        let (key, after) = bulk(rest)?;
        keys.push(key);
        rest = after;
    }
    Some(Some(keys))
}

/// The bulk string at the front, and what is behind it.
fn bulk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(b"$")?;
    let end = rest.iter().position(|&byte| byte == b'\r')?;
    let len = usize::try_from(parse_integer(&rest[..end])?).ok()?;
    let rest = rest.get(end + 2..)?;
    Some((rest.get(..len)?, rest.get(len + 2..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(frame: &[u8]) -> Option<(Kind, &[u8])> {
        Message::parse(frame).map(|message| (message.kind, message.name))
    }

    #[test]
    fn a_message_names_what_its_listeners_are_subscribed_to() {
        let message = b">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n";
        assert_eq!(parsed(message), Some((Kind::Channel, &b"news"[..])));
        let by_pattern = b">4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n";
        assert_eq!(parsed(by_pattern), Some((Kind::Pattern, &b"n*"[..])));
        let of_shard = b">3\r\n$8\r\nsmessage\r\n$0\r\n\r\n$2\r\nhi\r\n";
        assert_eq!(parsed(of_shard), Some((Kind::ShardChannel, &b""[..])));
    }

    #[test]
    fn an_invalidation_names_keys_or_all() {
        let keys = b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$2\r\nbc\r\n";
        assert_eq!(invalidated(keys), Some(Some(vec![&b"a"[..], b"bc"])));
        assert_eq!(invalidated(b">2\r\n$10\r\ninvalidate\r\n_\r\n"), Some(None));
        assert_eq!(invalidated(b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n"), None);
        assert_eq!(invalidated(b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"), None);
    }

    #[test]
    fn other_pushes_and_broken_ones_are_no_messages() {
        for frame in [
            &b">3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n"[..],
            b">2\r\n$10\r\ninvalidate\r\n_\r\n",
            b">3\r\n$7\r\nmessage\r\n:1\r\n:2\r\n",
            b">3\r\n$99\r\nmessage\r\n",
            b"+OK\r\n",
        ] {
            assert_eq!(parsed(frame), None);
        }
    }
}
