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

/// What a push calls changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invalidated<'a> {
    /// The keys; `None` for all.
    pub(super) keys: Option<Vec<&'a [u8]>>,
    /// The client of this proxy that has changed them, where the node was told that it is no news to it.
    pub(super) author: Option<u64>,
}

/// What a push calls changed; `None` if it is another push.
pub(super) fn invalidated(frame: &[u8]) -> Option<Invalidated<'_>> {
    const WORD: &[u8] = b"\r\n$10\r\ninvalidate\r\n";
    let (has_author, rest) = match frame.get(..2)? {
        b">2" => (false, frame[2..].strip_prefix(WORD)?),
        b">3" => (true, frame[2..].strip_prefix(WORD)?),
        _ => return None,
    };
    if rest == b"_\r\n" {
        return Some(Invalidated { keys: None, author: None });
    }
    let end = rest.iter().position(|&byte| byte == b'\r')?;
    let count = parse_integer(rest.strip_prefix(b"*")?.get(..end - 1)?)?;
    let (mut keys, mut rest) = (Vec::new(), rest.get(end + 2..)?);
    for _ in 0..count {
        let (key, after) = bulk(rest)?;
        keys.push(key);
        rest = after;
    }
    let author = rest.strip_prefix(b":").and_then(|number| parse_integer(number.trim_ascii_end()));
    // One that cannot be read is nobody: everybody is told.
    let author = author.filter(|_| has_author).map(i64::cast_unsigned);
    Some(Invalidated { keys: Some(keys), author })
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
        let told = |keys: &[&'static [u8]], author| Some(Invalidated { keys: Some(keys.to_vec()), author });
        let keys = b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$2\r\nbc\r\n";
        assert_eq!(invalidated(keys), told(&[b"a", b"bc"], None));
        let by_one = b">3\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n:77\r\n";
        assert_eq!(invalidated(by_one), told(&[b"a"], Some(77)));
        assert_eq!(
            invalidated(b">3\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n$1\r\nx\r\n"),
            told(&[b"a"], None)
        );
        let all = Invalidated { keys: None, author: None };
        assert_eq!(invalidated(b">2\r\n$10\r\ninvalidate\r\n_\r\n"), Some(all));
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
