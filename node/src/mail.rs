//! What others send to a client while it does something else: published messages and invalidations.
//!
//! A mail is made once, whoever and how many get it, and shared. It takes the form of the reader's protocol only when
//! the reader's connection writes it out: a client may change its protocol while mail waits for it.

use std::sync::Arc;

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;

/// Bytes that a waiting mail costs beside its content.
const OVERHEAD_BYTES: usize = 32;

/// Who gets mail. Called under locks of slots and channels: it must be short and must not reach for either.
pub trait Recipient: Send + Sync {
    /// The client's id, unique in the process.
    fn id(&self) -> u64;

    /// Takes a mail; one that has no room for it closes.
    fn receive(&self, mail: Mail);

    /// Whether its connection has ended.
    fn has_gone(&self) -> bool;
}

/// One mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mail {
    /// A push frame in RESP3. In RESP2 it is an array of the same elements.
    Push(Arc<[u8]>),
    /// A frame that is the same in both protocols: a line of MONITOR.
    Line(Arc<[u8]>),
    /// Keys that have changed: what the client keeps of them is out of date.
    Invalidation {
        /// An encoded array of keys; `None` for all.
        keys: Option<Arc<[u8]>>,
        /// Whether it is told in place of another client.
        redirected: bool,
    },
    /// Keys that have changed, told to a proxy: by which of its clients, who need not be told.
    Change {
        /// An encoded array of keys.
        keys: Arc<[u8]>,
        /// The client's number at the proxy.
        client: u64,
    },
    /// The client that was told in place of this one, by its id, has gone.
    LostRedirection(u64),
}

/// What the form of a mail hangs on.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// The protocol that the client speaks now.
    pub protocol: Protocol,
    /// Whether it has a subscription.
    pub is_subscriber: bool,
}

impl Mail {
    /// A push of bulk strings.
    #[must_use]
    pub fn push(parts: &[&[u8]]) -> Self {
        let len: usize = parts.iter().map(|part| part.len() + OVERHEAD_BYTES).sum();
        let mut frame = Vec::with_capacity(len);
        let mut reply = Reply::new(&mut frame, Protocol::Resp3);
        reply.push(parts.len());
        parts.iter().for_each(|part| reply.bulk(part));
        Self::Push(frame.into())
    }

    /// Bytes that it counts for while it waits.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let content = match self {
            Self::Push(frame) | Self::Line(frame) => frame.len(),
            Self::Invalidation { keys, .. } => keys.as_ref().map_or(0, |keys| keys.len()),
            Self::Change { keys, .. } => keys.len(),
            Self::LostRedirection(_) => 0,
        };
        content + OVERHEAD_BYTES
    }

    /// Appends it to `out` for `reader`; nothing where its protocol has no form for it.
    pub fn write(&self, out: &mut Vec<u8>, reader: Reader) {
        let from = out.len();
        let in_resp3 = reader.protocol == Protocol::Resp3;
        match self {
            Self::Push(frame) => {
                out.extend_from_slice(frame);
                if !in_resp3 {
                    out[from] = b'*';
                }
            }
            Self::Line(frame) => out.extend_from_slice(frame),
            Self::Invalidation { keys, redirected } => {
                let mut reply = Reply::new(out, reader.protocol);
                if in_resp3 {
                    reply.push(2);
                    reply.bulk(b"invalidate");
                } else if *redirected && reader.is_subscriber {
                    reply.push(3);
                    reply.bulk(b"message");
                    reply.bulk(b"__redis__:invalidate");
                } else {
                    return;
                }
                match keys {
                    Some(keys) => out.extend_from_slice(keys),
                    None => reply.null(),
                }
            }
            // Proxies hear of keys in RESP3.
            Self::Change { keys, client } if in_resp3 => {
                let mut reply = Reply::new(out, reader.protocol);
                reply.push(3);
                reply.bulk(b"invalidate");
                out.extend_from_slice(keys);
                Reply::new(out, reader.protocol).int(client.cast_signed());
            }
            Self::LostRedirection(id) if in_resp3 => {
                let mut reply = Reply::new(out, reader.protocol);
                reply.push(2);
                reply.bulk(b"tracking-redir-broken");
                reply.int(id.cast_signed());
            }
            Self::Change { .. } | Self::LostRedirection(_) => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A recipient that keeps what it gets.

    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Keeps its mail as RESP3.
    #[derive(Default)]
    pub(crate) struct Inbox {
        pub(crate) id: u64,
        pub(crate) text: Mutex<Vec<u8>>,
        gone: AtomicBool,
    }

    impl Inbox {
        pub(crate) fn new(id: u64) -> Arc<Self> {
            Arc::new(Self { id, ..Self::default() })
        }

        /// Ends its connection.
        pub(crate) fn go(&self) {
            self.gone.store(true, Ordering::Relaxed);
        }

        /// What came since the last call, with spaces for line ends.
        pub(crate) fn take(&self) -> String {
            let text = std::mem::take(&mut *self.text.lock().unwrap());
            String::from_utf8(text).unwrap().replace("\r\n", " ").trim_end().to_owned()
        }
    }

    impl Recipient for Inbox {
        fn id(&self) -> u64 {
            self.id
        }

        fn receive(&self, mail: Mail) {
            let reader = Reader { protocol: Protocol::Resp3, is_subscriber: false };
            mail.write(&mut self.text.lock().unwrap(), reader);
        }

        fn has_gone(&self) -> bool {
            self.gone.load(Ordering::Relaxed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_an_array_for_a_reader_of_resp2() {
        let mail = Mail::push(&[b"message", b""]);
        for (protocol, first) in [(Protocol::Resp3, '>'), (Protocol::Resp2, '*')] {
            let mut out = b"+OK\r\n".to_vec();
            mail.write(&mut out, Reader { protocol, is_subscriber: true });
            assert_eq!(out, format!("+OK\r\n{first}2\r\n$7\r\nmessage\r\n$0\r\n\r\n").as_bytes());
        }
    }

    #[test]
    fn an_invalidation_has_a_form_in_resp2_only_for_a_subscriber_in_place_of_another() {
        let text = |redirected, protocol, is_subscriber| {
            let mut out = Vec::new();
            Mail::Invalidation { keys: None, redirected }.write(&mut out, Reader { protocol, is_subscriber });
            String::from_utf8(out).unwrap().replace("\r\n", " ")
        };
        assert_eq!(text(false, Protocol::Resp3, false), ">2 $10 invalidate _ ");
        assert_eq!(text(true, Protocol::Resp3, true), ">2 $10 invalidate _ ");
        assert_eq!(text(true, Protocol::Resp2, true), "*3 $7 message $20 __redis__:invalidate $-1 ");
        assert_eq!(text(true, Protocol::Resp2, false) + &text(false, Protocol::Resp2, true), "");
    }
}
