//! The loop over the commands of one read: parse, find the row, send on or answer.

use std::rc::Rc;

use ringmaster_protocol::command::{self, Rejection, Split};
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::request::{self, RequestLimits, Step};
use ringmaster_protocol::resp::{Args, Protocol, ProtocolError, Span, inline};
use ringmaster_runtime::audit;

use super::Connection;
use super::attend::Attended;
use super::conversation::Command;
use crate::route::{Route, RouteScratch, Routed};
use crate::thread::Routes;
use crate::traces::Traced;

/// Commands of one client that are answered here in a row before others have their turn. Some cost a millisecond.
pub(super) const LOCALS_MAX: u32 = 32;

/// Memory of a thread that is used anew for each command.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Places of the arguments of the command at hand.
    spans: Vec<Span>,
    /// The words of an inline command, and the same as a request.
    words: Vec<u8>,
    request: Vec<u8>,
    /// A reply made here.
    pub(super) reply: Vec<u8>,
    route: RouteScratch,
}

impl Scratch {
    /// `seed` need not be secret.
    pub(crate) fn new(seed: u64) -> Self {
        Self { route: RouteScratch::new(seed), ..Self::default() }
    }
}

impl Connection {
    /// Executes the commands from `at` on, until they end or the client must wait. Returns the offset of the first
    /// that was not executed, and how many bytes it has at least (0: it may be whole).
    pub(super) fn execute(&mut self, buffer: &[u8], mut at: usize) -> (usize, usize) {
        let thread = Rc::clone(&self.thread);
        if self.replicated.is_none() && !self.follow_views() {
            return (at, 0);
        }
        let (mut routes, mut scratch) = (thread.routes.borrow_mut(), thread.scratch.borrow_mut());
        let (routes, scratch) = (&mut *routes, &mut *scratch);
        routes.refresh();
        let mut limits = self.request_limits();
        let (mut commands, mut needed) = (0, 0);
        self.locals_left = LOCALS_MAX;
        self.is_attended = self.needs_attention();
        loop {
            scratch.spans.clear();
            match request::parse(buffer, at, &mut scratch.spans, &mut self.input.resume, &limits.0) {
                Ok(Step::Command { end }) => {
                    if !self.command(buffer, &buffer[at..end], routes, scratch) {
                        self.has_paid |= self.alarm.is_none();
                        break;
                    }
                    commands += 1;
                    at = end;
                }
                Ok(Step::Inline { line, end }) => {
                    if !self.inline_command(line.of(buffer), routes, scratch) {
                        self.has_paid |= self.alarm.is_none();
                        break;
                    }
                    commands += 1;
                    at = end;
                }
                Ok(Step::Nothing { end }) => at = end,
                Ok(Step::Need(bytes)) => {
                    needed = bytes;
                    break;
                }
                Err(error) => self.broken(error),
            }
            if limits.1 {
                // Until it has said who it is, each command may change that.
                limits = self.request_limits();
            }
            if self.ending {
                at = buffer.len();
                self.input.clear();
            }
            let must_wait = self.fenced || self.locals_left == 0 || self.held_by.is_some();
            if at == buffer.len() || must_wait || self.output.is_full() {
                break;
            }
        }
        thread.metrics.commands.add(commands);
        (at, needed)
    }

    /// How large a request may be, and whether that is because nobody knows who sends it.
    #[inline]
    fn request_limits(&self) -> (RequestLimits, bool) {
        let limits = self.thread.request_limits.get();
        let is_stranger = !self.session.login.is_authenticated();
        (if is_stranger { limits.of_strangers() } else { limits }, is_stranger)
    }

    /// Executes one command; `raw` is all of it, its arguments are the spans of `buffer`. False if it must wait until
    /// all before it is answered: then it is to come again.
    #[inline]
    fn command(&mut self, buffer: &[u8], raw: &[u8], routes: &mut Routes, scratch: &mut Scratch) -> bool {
        let args = Args::new(buffer, &scratch.spans);
        let tracing = if self.is_traced() { self.begin_trace(args, raw.len(), routes) } else { None };
        let is_done = self.take_command(args, raw, routes, (&mut scratch.reply, &mut scratch.route));
        if let Some(tracing) = tracing {
            self.end_trace(*tracing, is_done);
        }
        is_done
    }

    /// The same, whether it is traced or not.
    #[inline]
    fn take_command(
        &mut self,
        args: Args<'_>,
        raw: &[u8],
        routes: &mut Routes,
        scratches: (&mut Vec<u8>, &mut RouteScratch),
    ) -> bool {
        let spec = match command::resolve(&args) {
            Ok(spec) => spec,
            Err(rejection) => {
                self.reject(rejection, args);
                return true;
            }
        };
        let timed = self.thread.sampling.begin(spec);
        let command = Command { spec, args, raw };
        self.session.begins(spec);
        let attended = if self.is_attended { self.attend(command) } else { Attended::GoesOn };
        let is_done = match attended {
            Attended::GoesOn => self.carry_out(command, routes, scratches),
            Attended::Answered => true,
            Attended::Waits => false,
        };
        if is_done {
            self.thread.metrics.command(spec.id).add(1);
            if spec.is_audited() && attended == Attended::GoesOn {
                let (user, from) = (self.session.login.user(), &*self.session.peer_address);
                let about = spec.about(args);
                audit::tell("proxy", (user.name(), from), (spec.name, &about), audit::Outcome::Taken);
            }
            if let Some(timed) = timed {
                self.output.time(timed);
            }
        }
        is_done
    }

    /// The same, of a command that is known, and that nothing keeps from being carried out.
    #[inline]
    fn carry_out(
        &mut self,
        command: Command<'_>,
        routes: &mut Routes,
        scratches: (&mut Vec<u8>, &mut RouteScratch),
    ) -> bool {
        if self.thread.hot_keys.is_due() {
            self.thread.hot_keys.look_at(command.spec, command.args, self.session.database);
        }
        if self.conversation.is_none() {
            return self.send_on(command, routes, scratches);
        }
        if self.refuses_subscriber(command) || self.queue(command) {
            return true;
        }
        // One that has to wait comes again; what it reads, and what was said about it, is for then.
        let is_done = match self.author_of(command) {
            None => self.send_on(command, routes, scratches),
            Some(author) => self.send_as(author, command, routes, scratches),
        };
        if is_done {
            self.remember_reads(command);
        }
        is_done
    }

    /// As [`Connection::send_on`], and nodes are told whose command it is.
    #[cold]
    fn send_as(
        &mut self,
        author: u64,
        command: Command<'_>,
        routes: &mut Routes,
        scratches: (&mut Vec<u8>, &mut RouteScratch),
    ) -> bool {
        let thread = Rc::clone(&self.thread);
        if let Some(traced) = thread.tracer().current() {
            traced.set_author(author);
            return self.send_on(command, routes, scratches);
        }
        thread.tracer().replace(Some(Traced::of_author(author)));
        let is_done = self.send_on(command, routes, scratches);
        thread.tracer().replace(None);
        is_done
    }

    /// Sends a command where it goes, or answers it. False if it has to wait.
    #[inline]
    fn send_on(
        &mut self,
        command: Command<'_>,
        routes: &mut Routes,
        (reply, scratch): (&mut Vec<u8>, &mut RouteScratch),
    ) -> bool {
        let Command { spec, args, raw } = command;
        if matches!(spec.split, Split::Local | Split::Conversation | Split::Refused) {
            self.locals_left = self.locals_left.saturating_sub(1);
            return self.converse(command, routes, reply);
        }
        if self.replicated.is_some() {
            return self.replicate(command);
        }
        let wanted = !self.session.drops_reply();
        let (topology, links) = routes.parts();
        let (client, lane) = (&self.output, self.lane);
        match (Route { topology, links, scratch, client, lane }).send(spec, args, raw, wanted) {
            Routed::Sent(full) => self.held_by = full,
            Routed::Rejected => self.thread.metrics.rejected.add(1),
        }
        true
    }

    /// A line of words: executed as the request that it stands for.
    #[cold]
    fn inline_command(&mut self, line: &[u8], routes: &mut Routes, scratch: &mut Scratch) -> bool {
        scratch.words.clear();
        if let Err(error) = inline::split(line, &mut scratch.words, &mut scratch.spans) {
            self.broken(error);
            return true;
        }
        if scratch.spans.is_empty() {
            return true;
        }
        let (words, mut request) = (std::mem::take(&mut scratch.words), std::mem::take(&mut scratch.request));
        request.clear();
        let mut writer = Reply::new(&mut request, Protocol::Resp2);
        let args = Args::new(&words, &scratch.spans);
        writer.array(args.len());
        args.iter().for_each(|word| writer.bulk(word));
        let done = self.command(&words, &request, routes, scratch);
        (scratch.words, scratch.request) = (words, request);
        crate::output::give_back(&mut scratch.words);
        crate::output::give_back(&mut scratch.request);
        done
    }

    #[cold]
    fn reject(&mut self, rejection: Rejection, args: Args<'_>) {
        self.thread.metrics.rejected.add(1);
        self.locals_left = self.locals_left.saturating_sub(1);
        if is_http(&args[0]) {
            self.ending = true;
            return;
        }
        let wanted = !self.session.drops_reply();
        let reply = [b"-", &rejection.text(&args)[..], b"\r\n"].concat();
        self.output.answer_now(wanted, &reply);
        if rejection.ends_transaction() {
            self.drop_transaction();
        } else {
            self.spoil_transaction();
        }
    }

    /// The stream cannot be understood any more: the client is told, after the replies that it waits for, and closed.
    #[cold]
    fn broken(&mut self, error: ProtocolError) {
        self.thread.metrics.protocol_errors.add(1);
        self.output.answer_now(true, format!("-ERR {error}\r\n").as_bytes());
        self.ending = true;
    }
}

/// Whether a command's first word is one of an HTTP request: a browser was made to send it by a foreign page, and the
/// commands may stand in what follows.
fn is_http(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"post") || word.eq_ignore_ascii_case(b"host:")
}
