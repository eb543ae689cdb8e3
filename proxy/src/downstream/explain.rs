//! `RM.EXPLAIN key [JSON]`: where a key is, who serves it, what bounds its commands, and what its node says of it.
//!
//! What the proxy knows it says at once. The node is asked what the user may ask itself: TYPE, PTTL and MEMORY USAGE.

mod facts;

use ringmaster_protocol::command::lookup_full;
use ringmaster_protocol::extension::put_request;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::request::{self, RequestLimits, Resume, Step};
use ringmaster_protocol::slot::HashSlot;

use super::Connection;
use super::conversation::Command;
use crate::route::merge::{Explained, Merger, Question};
use crate::route::{Route, RouteScratch};
use crate::thread::Routes;

impl Connection {
    /// Explains a key. False if it must wait for what came before.
    pub(super) fn explain(&mut self, command: Command<'_>, routes: &mut Routes) -> bool {
        let wants_json = command.args.get(2).map(|word| word.eq_ignore_ascii_case(b"json"));
        if wants_json == Some(false) {
            self.answer_error("ERR syntax error: RM.EXPLAIN key [JSON]");
            return true;
        }
        // It is to tell of what the client did before.
        if self.waits_for_answers() {
            return false;
        }
        let key = &command.args[1];
        let (slot, user) = (HashSlot::of(key), self.session.login.user().name().to_vec());
        let facts = facts::of(&self.thread.shared, key, self.session.database, &user);
        let (mut questions, mut requests) = (Vec::new(), Vec::new());
        for question in Question::ALL {
            let mut request = Vec::new();
            put_request(&mut request, &question.words(key));
            if self.may_ask(question, &request) {
                questions.push(question);
                requests.push(request);
            }
        }
        let protocol = self.session.protocol;
        let merger = Merger::Explain(Box::new(Explained {
            facts,
            questions,
            wants_json: wants_json.is_some(),
            protocol,
        }));
        let wanted = !self.session.drops_reply();
        if requests.is_empty() {
            let reply = merger.alone().unwrap_or_default();
            self.output.answer_now(wanted, &reply);
        } else if self.replicated.is_some() {
            self.replicate_questions(slot, merger, requests);
        } else {
            let (topology, links) = routes.parts();
            let (client, lane) = (&self.output, self.lane);
            let mut scratch = RouteScratch::new(1);
            let mut route = Route { topology, links, scratch: &mut scratch, client, lane };
            route.ask_slot(slot, merger, &requests, wanted);
        }
        true
    }

    /// Whether the user may ask this itself.
    fn may_ask(&self, question: Question, request: &[u8]) -> bool {
        let Some(spec) = lookup_full(question.command().as_bytes()) else { return false };
        let (mut spans, limits) = (Vec::new(), RequestLimits::default());
        let parsed = request::parse(request, 0, &mut spans, &mut Resume::default(), &limits);
        let is_whole = matches!(parsed, Ok(Step::Command { .. }));
        // Nobody asked for it, so a refusal is nothing to be noted.
        is_whole && self.session.login.permit(spec, &Args::new(request, &spans)).is_ok()
    }
}
