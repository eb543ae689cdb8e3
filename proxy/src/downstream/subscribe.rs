//! SUBSCRIBE and its kin, and what a subscriber may do.

use std::rc::Rc;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Protocol;

use super::Connection;
use super::conversation::Command;
use crate::pubsub::{Kind, Subscriber};

/// What a subscriber that speaks RESP2 may send besides changes of its subscriptions.
const ALLOWED: [&str; 3] = ["ping", "quit", "reset"];

/// What a command's subscriptions are to; `None` if it neither begins nor ends any.
fn kind_of(spec: &Spec) -> Option<Kind> {
    match spec.name {
        "subscribe" | "unsubscribe" => Some(Kind::Channel),
        "psubscribe" | "punsubscribe" => Some(Kind::Pattern),
        "ssubscribe" | "sunsubscribe" => Some(Kind::ShardChannel),
        _ => None,
    }
}

impl Connection {
    /// Begins subscriptions. False if it must wait for what came before.
    pub(super) fn subscribe(&mut self, command: Command<'_>) -> bool {
        let Some(kind) = kind_of(command.spec) else { return true };
        if self.waits_for_answers() {
            return false;
        }
        let (who, names) = (self.subscriber(), command.args.from(1));
        let names: Vec<&[u8]> = names.iter().collect();
        let place = || self.output.reserve(true);
        match self.thread.hub.subscribe(&who, kind, &names, place) {
            Ok(()) => self.subscriptions_change(&who),
            Err(text) => self.answer_error(text),
        }
        true
    }

    /// Ends subscriptions. False if it must wait for what came before.
    pub(super) fn unsubscribe(&mut self, command: Command<'_>) -> bool {
        let Some(kind) = kind_of(command.spec) else { return true };
        if self.waits_for_answers() {
            return false;
        }
        let (who, names) = (self.subscriber(), command.args.from(1));
        let names: Vec<&[u8]> = names.iter().collect();
        self.thread.hub.unsubscribe(&who, kind, &names, self.output.reserve(true));
        self.subscriptions_change(&who);
        true
    }

    /// `CLIENT TRACKING`. False if it must wait for what came before.
    pub(super) fn track(&mut self, command: Command<'_>) -> bool {
        if self.waits_for_answers() {
            return false;
        }
        let before = self.session.tracking.clone();
        let own = self.own_reply(command);
        let tracking = self.session.tracking.as_deref().filter(|_| own == b"+OK\r\n");
        let Some(tracking) = tracking.cloned() else {
            if self.session.tracking.is_none() && before.is_some() {
                let who = self.subscriber();
                self.thread.hub.untrack(&who);
            }
            let wanted = !self.session.drops_reply();
            self.output.answer_now(wanted, &own);
            self.card.renew(&self.session);
            return true;
        };
        let who = self.subscriber();
        who.speaks(self.session.protocol);
        let wanted = !self.session.drops_reply();
        let place = || self.output.reserve(wanted);
        if let Err(text) = self.thread.hub.track(&who, &tracking, place) {
            self.session.tracking = before;
            self.answer_error(text);
        }
        self.fenced = true;
        self.card.renew(&self.session);
        true
    }

    fn subscriber(&mut self) -> Rc<Subscriber> {
        let (id, protocol) = (self.session.id, self.session.protocol);
        let (output, known) = (&self.output, &mut self.conversation.get_or_insert_default().subscriber);
        Rc::clone(known.get_or_insert_with(|| Subscriber::new(id, output, protocol)))
    }

    /// The change is under way: nothing more is taken until it is confirmed.
    fn subscriptions_change(&mut self, who: &Subscriber) {
        self.fenced = true;
        who.speaks(self.session.protocol);
        // Confirmations are sent even where replies are not, but this one has been asked for.
        self.session.drops_reply();
        self.session.subscriptions = who.counts();
        self.output.set_listening(self.session.is_subscriber());
        self.card.renew(&self.session);
    }

    /// The client may speak another protocol from now on.
    pub(super) fn note_subscriber(&self) {
        let subscriber = self.conversation.as_ref().and_then(|of| of.subscriber.as_ref());
        if let Some(subscriber) = subscriber {
            subscriber.speaks(self.session.protocol);
        }
    }

    /// Refuses what a subscriber that speaks RESP2 may not send: it could not tell the reply from a message.
    pub(super) fn refuses_subscriber(&mut self, command: Command<'_>) -> bool {
        let spec = command.spec;
        let is_refused = self.session.is_subscriber()
            && self.session.protocol == Protocol::Resp2
            && !ALLOWED.contains(&spec.name)
            && kind_of(spec).is_none();
        if is_refused {
            self.thread.metrics.rejected.add(1);
            self.answer_error(&format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed \
                 in this context",
                spec.name
            ));
        }
        is_refused
    }
}
