//! How a client that tracks is told: by itself, or another in its place (`REDIRECT`), on whatever thread that is.

use std::rc::Rc;
use std::sync::Arc;

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;

use super::super::Subscriber;
use crate::downstream::directory::NULL;
use crate::shared::Shared;

/// How a push begins that says what has changed.
const PUSH: &[u8] = b">2\r\n$10\r\ninvalidate\r\n";

/// What has changed, as a push.
pub(super) struct Changed(Vec<u8>);

impl Changed {
    /// One key.
    pub(super) fn key(key: &[u8]) -> Self {
        let mut frame = PUSH.to_vec();
        let mut reply = Reply::new(&mut frame, Protocol::Resp3);
        reply.array(1);
        reply.bulk(key);
        Self(frame)
    }

    /// Everything.
    pub(super) fn everything() -> Self {
        Self([PUSH, NULL].concat())
    }

    fn keys(&self) -> &[u8] {
        &self.0[PUSH.len()..]
    }
}

/// By whom a client is told.
pub(super) struct Teller {
    who: Rc<Subscriber>,
    /// Who is told in its place, by number.
    redirect: Option<u64>,
    shared: Arc<Shared>,
}

impl Teller {
    /// For a client that is told by itself, or by `redirect`.
    pub(super) fn new(who: &Rc<Subscriber>, redirect: Option<u64>, shared: &Arc<Shared>) -> Self {
        Self { who: Rc::clone(who), redirect, shared: Arc::clone(shared) }
    }

    /// Tells it.
    pub(super) fn tell(&self, changed: &Changed) {
        let Some(redirect) = self.redirect else { return self.who.invalidate(&changed.0) };
        let directory = &self.shared.directory;
        if directory.invalidate(redirect, changed.keys()) {
            return;
        }
        directory.lose_redirection(self.who.id(), true);
        let mut frame = Vec::new();
        let mut push = Reply::new(&mut frame, Protocol::Resp3);
        push.push(2);
        push.bulk(b"tracking-redir-broken");
        push.int(redirect.cast_signed());
        self.who.invalidate(&frame);
    }
}
