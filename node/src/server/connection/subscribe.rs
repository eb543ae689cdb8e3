//! Subscriptions of a connection: SUBSCRIBE and its kin, and the mail that they bring.
//!
//! Mail is written out between two commands, and before each command of a subscriber: what came before the command
//! was carried out stands before its reply. What came before the end of a subscription stands before its confirmation.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, Protocol};

use super::{Connection, OUTPUT_BYTES};
use crate::mail::{Reader, Recipient};
use crate::pubsub::{Hub, Kind};

/// Most subscriptions of one client.
const SUBSCRIPTIONS_MAX: usize = 1 << 20;

const TOO_MANY: &str = "ERR too many subscriptions of one client";

/// What a subscriber that speaks RESP2 may send besides changes of its subscriptions.
const ALLOWED: [&str; 3] = ["ping", "quit", "reset"];

/// The names that a connection is subscribed to, by kind.
#[derive(Debug, Default)]
pub(super) struct Subscriptions([BTreeSet<Box<[u8]>>; 3]);

const KINDS: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::ShardChannel];

impl Subscriptions {
    fn of(&mut self, kind: Kind) -> &mut BTreeSet<Box<[u8]>> {
        &mut self.0[kind as usize]
    }

    fn all(&self, holds: impl Fn(Kind, &[u8]) -> bool) -> bool {
        KINDS.iter().all(|kind| self.0[*kind as usize].iter().all(|name| holds(*kind, name)))
    }

    fn total(&self) -> usize {
        self.0.iter().map(BTreeSet::len).sum()
    }

    /// The number that Redis confirms a change with: shard channels count for themselves.
    fn confirmed(&self, kind: Kind) -> usize {
        match kind {
            Kind::ShardChannel => self.0[kind as usize].len(),
            Kind::Channel | Kind::Pattern => {
                self.0[Kind::Channel as usize].len() + self.0[Kind::Pattern as usize].len()
            }
        }
    }

    /// Ends all subscriptions of the client `id`.
    pub(super) fn end(&mut self, hub: &Hub, id: u64) {
        for kind in KINDS {
            for name in std::mem::take(self.of(kind)) {
                hub.unsubscribe(kind, &name, id);
            }
        }
    }
}

/// A change of subscriptions.
#[derive(Clone, Copy)]
pub(super) struct Change {
    kind: Kind,
    begins: bool,
    /// The word in the confirmation.
    word: &'static str,
}

impl Change {
    /// The change that a command is.
    pub(super) fn of(spec: &Spec) -> Option<Self> {
        let (kind, begins) = match spec.name {
            "subscribe" => (Kind::Channel, true),
            "unsubscribe" => (Kind::Channel, false),
            "psubscribe" => (Kind::Pattern, true),
            "punsubscribe" => (Kind::Pattern, false),
            "ssubscribe" => (Kind::ShardChannel, true),
            "sunsubscribe" => (Kind::ShardChannel, false),
            _ => return None,
        };
        Some(Self { kind, begins, word: spec.name })
    }
}

impl Connection {
    /// Carries out a change of subscriptions.
    pub(super) fn change_subscriptions(&mut self, change: Change, args: Args<'_>) {
        let names = args.from(1);
        if !change.begins {
            self.unsubscribe(change, names);
        } else if self.subscriptions.total() + names.len() > SUBSCRIPTIONS_MAX {
            self.refuse(TOO_MANY);
        } else {
            names.iter().for_each(|name| self.subscribe(change, name));
        }
        // Confirmations are sent even where replies are not.
        self.reply_from = self.output.len();
        self.note_subscriptions();
        if change.begins && !self.may_go_on_listening() {
            self.closes = true;
        }
    }

    /// Whether its user, if it was changed after the command was admitted, may use what it is subscribed to. Who changes users
    /// closes those who are subscribers by then; here it is one for sure.
    fn may_go_on_listening(&mut self) -> bool {
        let (accounts, login) = (&self.worker.shared.accounts, &mut self.session.login);
        if login.is_current(accounts) {
            return true;
        }
        let subscriptions = &self.subscriptions;
        login.refresh(accounts)
            && subscriptions.all(|kind, name| login.user().may_listen(name, kind == Kind::Pattern))
    }

    /// `RM.LISTEN kind name count …`: for how many subscribers a proxy wants the messages of each channel (kind 0), pattern
    /// (1) or shard channel (2); 0 ends it. What came before stands before the answer. `None` if that is malformed.
    pub(super) fn listen(&mut self, args: Args<'_>) -> Option<()> {
        let kind = match &args[1] {
            b"0" => Kind::Channel,
            b"1" => Kind::Pattern,
            b"2" => Kind::ShardChannel,
            _ => return None,
        };
        let pairs = args.from(2);
        let counts: Option<Vec<usize>> = pairs
            .iter()
            .skip(1)
            .step_by(2)
            .map(|count| std::str::from_utf8(count).ok()?.parse::<u32>().ok().map(|count| count as usize))
            .collect();
        let counts = counts.filter(|_| pairs.len().is_multiple_of(2))?;
        let is_known = |name: &&[u8]| self.subscriptions.0[kind as usize].contains(*name);
        let comes = pairs.iter().step_by(2).filter(|name| !is_known(name)).count();
        if self.subscriptions.total() + comes > SUBSCRIPTIONS_MAX {
            self.refuse(TOO_MANY);
            return Some(());
        }
        for (name, count) in pairs.iter().step_by(2).zip(counts) {
            self.listen_for(kind, name, count);
        }
        self.note_subscriptions();
        self.collect_mail();
        Reply::new(&mut self.output, self.session.protocol).ok();
        Some(())
    }

    fn listen_for(&mut self, kind: Kind, name: &[u8], count: usize) {
        let shared = Arc::clone(&self.worker.shared);
        let hub = shared.engine.hub();
        if count == 0 {
            self.subscriptions.of(kind).remove(name);
            hub.unsubscribe(kind, name, self.session.id);
        } else {
            self.subscriptions.of(kind).insert(name.into());
            hub.subscribe_for(kind, name, Arc::clone(&self.handle) as Arc<dyn Recipient>, count);
        }
    }

    fn note_subscriptions(&mut self) {
        self.session.subscriptions =
            KINDS.map(|kind| u32::try_from(self.subscriptions.of(kind).len()).unwrap_or(u32::MAX));
        self.note_modes();
        self.handle.publish(&self.session);
    }

    fn subscribe(&mut self, change: Change, name: &[u8]) {
        if self.subscriptions.of(change.kind).insert(name.into()) {
            let who = Arc::clone(&self.handle) as Arc<dyn Recipient>;
            self.worker.shared.engine.hub().subscribe(change.kind, name, who);
        }
        self.confirm(change, Some(name));
    }

    fn unsubscribe(&mut self, change: Change, names: Args<'_>) {
        let shared = Arc::clone(&self.worker.shared);
        let own = self.subscriptions.of(change.kind);
        let all: Vec<Box<[u8]>> = if names.is_empty() { own.iter().cloned().collect() } else { Vec::new() };
        let names: Vec<&[u8]> =
            if names.is_empty() { all.iter().map(|name| &**name).collect() } else { names.iter().collect() };
        for name in &names {
            if self.subscriptions.of(change.kind).contains(*name) {
                shared.engine.hub().unsubscribe(change.kind, name, self.session.id);
            }
        }
        self.collect_mail();
        for name in &names {
            self.subscriptions.of(change.kind).remove(*name);
            self.confirm(change, Some(name));
        }
        if names.is_empty() {
            self.confirm(change, None);
        }
    }

    fn confirm(&mut self, change: Change, name: Option<&[u8]>) {
        let count = self.subscriptions.confirmed(change.kind);
        let mut reply = Reply::new(&mut self.output, self.session.protocol);
        reply.push(3);
        reply.bulk(change.word.as_bytes());
        reply.bulk_or_null(name);
        reply.count(count);
    }

    /// Ends all subscriptions without a word, for RESET.
    pub(super) fn forget_subscriptions(&mut self) {
        self.subscriptions.end(self.worker.shared.engine.hub(), self.session.id);
        self.session.subscriptions = [0; 3];
    }

    /// Ends what a client that keeps values is told, for RESET and at its end.
    pub(super) fn forget_tracking(&mut self) {
        self.worker.shared.engine.tracking().end(self.session.id);
        self.session.tracking = None;
    }

    /// Why a subscriber that speaks RESP2 may not send this, if it may not: it could not tell the reply from a message.
    pub(super) fn must_not_ask(&self, spec: &Spec) -> Option<String> {
        let refused = self.session.is_subscriber()
            && self.session.protocol == Protocol::Resp2
            && !ALLOWED.contains(&spec.name)
            && Change::of(spec).is_none();
        refused.then(|| {
            format!(
                "Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                 this context",
                spec.name
            )
        })
    }

    fn reader(&self) -> Reader {
        Reader { protocol: self.session.protocol, is_subscriber: self.session.is_subscriber() }
    }

    /// Appends all mail to the output. It is no part of a reply, which may be dropped.
    pub(super) fn collect_mail(&mut self) {
        if self.handle.mailbox.has_mail() {
            let reader = self.reader();
            self.handle.mailbox.collect(&mut self.output, reader, usize::MAX);
            self.reply_from = self.output.len();
        }
    }

    /// Writes out mail, in pieces: what waits in the mailbox is shared with other clients, what is collected is not.
    pub(super) async fn deliver(&mut self) -> io::Result<()> {
        while self.handle.mailbox.has_mail() {
            let reader = self.reader();
            self.handle.mailbox.collect(&mut self.output, reader, OUTPUT_BYTES);
            self.flush().await?;
        }
        Ok(())
    }
}
