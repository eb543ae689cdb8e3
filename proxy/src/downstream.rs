//! One client: reads its commands, executes them, and ends the connection.
//!
//! One task a client, woken when the client has sent something. It reads once a turn, takes all whole commands from
//! what it read ([`execute`]), and does not write: replies are put into the [`Output`], which the end of the turn
//! writes. The task waits, without reading, while the client must be slowed down:
//!
//! | why | until |
//! | --- | --- |
//! | too many commands or too many bytes of replies under way | enough were answered and taken |
//! | the queue of a node that it needs is full | there is room |
//! | it changed its database or protocol | all before that is answered: another connection to the node comes next |
//! | its next command is paused ([`attend`]) | the end of the pause |
//! | it speaks to a node through a connection of its own ([`conversation`]) | all before and that are answered |

mod admit;
mod attend;
mod cluster_mode;
mod conversation;
pub(crate) mod directory;
mod execute;
mod explain;
pub(crate) mod input;
mod kept;
mod linger;
mod local;
mod reads;
mod replicated;
mod subscribe;
mod together;
mod trace;

pub(crate) use execute::Scratch;
pub(crate) use linger::linger;

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ringmaster_protocol::acl::Login;
use ringmaster_protocol::session::Session;
use ringmaster_runtime::door::Arrival;
use ringmaster_runtime::stream::Stream;

use crate::output::{Closed, Output};
use crate::replicated::Replicated;
use crate::thread::DataThread;
use crate::upstream::{Lane, Upstream};
use attend::Alarm;
use conversation::Conversation;
use directory::{Calls, Card};
use input::Input;

/// Bytes that are read from a client while it waits for a blocking command: from there on its going away is seen only
/// when the command is answered.
const BLOCKED_BYTES_MAX: usize = 1 << 20;

/// One client's connection.
pub(crate) struct Connection {
    thread: Rc<DataThread>,
    output: Rc<Output>,
    session: Session,
    card: Arc<Card>,
    input: Input,
    /// The database and protocol that its commands are sent with.
    lane: Lane,
    /// The chains of slots, if its commands go there.
    replicated: Option<Rc<Replicated>>,
    /// Nothing is read any more; it ends when all is answered and written.
    ending: bool,
    /// All commands under way must be answered before the next is sent.
    fenced: bool,
    /// Of the changes of the users, how many it has looked at itself after.
    users_changes: u64,
    /// The command in front was taken from the user's quota when it came first, and had to wait.
    has_paid: bool,
    /// Commands that it may still have answered here before others have their turn.
    locals_left: u32,
    /// The node whose queue was full.
    held_by: Option<Rc<Upstream>>,
    /// When its next command, which is paused, is looked at again.
    alarm: Alarm,
    /// Commands of this batch need attention.
    is_attended: bool,
    /// What it has begun and not ended: a transaction, a watch, a blocking command. Most clients never do.
    conversation: Option<Box<Conversation>>,
}

impl Connection {
    /// A client that was just accepted.
    pub(crate) fn new(thread: Rc<DataThread>, arrival: Arrival) -> Self {
        let Arrival { stream, peer, local, name } = arrival;
        let directory = &thread.shared.directory;
        let mut session = Session::new(directory.next_id(), peer, local, thread.shared.now());
        session.login = Login::first_as(&thread.shared.accounts, name.as_deref());
        let card = directory.enter(&session);
        let output = thread.enter(session.id, stream);
        let lane = Lane::new(session.database, session.protocol);
        let (input, replicated) = (Input::default(), thread.replicated().cloned());
        let (locals_left, users_changes) = (execute::LOCALS_MAX, thread.users_changes());
        Self {
            thread,
            output,
            session,
            card,
            input,
            lane,
            replicated,
            ending: false,
            fenced: false,
            users_changes,
            has_paid: false,
            locals_left,
            held_by: None,
            alarm: None,
            is_attended: false,
            conversation: None,
        }
    }

    /// Goes on as far as it can; ready at the end of the connection.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.output.task_is(context) {
            self.card.task_is(context.waker());
        }
        self.output.poll_blocked(context);
        let mut has_read = false;
        loop {
            self.look_around();
            if self.output.closed().is_some() || self.ending && self.output.is_idle() {
                return Poll::Ready(());
            }
            if self.ending || self.must_wait(context) {
                if (self.is_blocked() || self.alarm.is_some()) && self.poll_gone(context) {
                    return Poll::Ready(());
                }
                self.output.pause();
                return Poll::Pending;
            }
            if self.locals_left == 0 {
                // Others first: these commands cost this thread, and no node slows the client down.
                self.locals_left = execute::LOCALS_MAX;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.input.may_be_whole() {
                self.execute_kept();
                continue;
            }
            if has_read {
                return self.poll_later(context);
            }
            has_read = true;
            if self.poll_read(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// The socket, at the end of a connection that ended in order. All is written; the client may still be sending.
    pub(crate) fn finish(self) -> Option<Stream> {
        self.output.closed().is_none().then(|| self.output.take_stream()).flatten()
    }

    /// What others want of this client.
    #[inline]
    fn look_around(&mut self) {
        if !self.card.calls().is_nothing() {
            self.heed(self.card.take_calls());
        }
        let users_changes = self.thread.users_changes();
        if std::mem::replace(&mut self.users_changes, users_changes) != users_changes {
            self.follow_users();
        }
        if self.thread.is_stopping() {
            // What was read whole is executed; what comes now is not read.
            self.ending |= !self.input.may_be_whole();
            if self.is_blocked() {
                self.output.close(Closed::Stopped);
            }
        }
    }

    /// Does what others want of this client.
    #[cold]
    fn heed(&mut self, calls: Calls) {
        if calls.has_mail() {
            let lines = self.card.take_mail();
            if let Some((first, rest)) = lines.split_first() {
                self.output.push(*first, rest);
            }
        }
        if let Some(with_error) = calls.unblock().filter(|_| self.is_blocked()) {
            self.end_waiting(with_error);
        }
        if calls.kill() {
            self.output.close(Closed::Killed);
        }
    }

    /// Whether no further command may be taken for now.
    #[inline]
    fn must_wait(&mut self, context: &mut Context<'_>) -> bool {
        if self.poll_pause(context) {
            return true;
        }
        if self.fenced && self.output.in_flight() > 0 {
            return true;
        }
        if std::mem::take(&mut self.fenced) {
            self.unfenced();
        }
        if let Some(upstream) = &self.held_by {
            if upstream.is_full() {
                upstream.hold(&self.output);
                return true;
            }
            self.held_by = None;
        }
        match &self.replicated {
            Some(replicated) if replicated.is_full() => {
                replicated.hold(&self.output);
                return true;
            }
            None if self.thread.shared.control.is_held() => return true,
            _ => {}
        }
        self.output.is_full()
    }

    /// Waits for the next bytes; if they are there already, others go first.
    #[inline]
    fn poll_later(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.output.poll_readable(context).is_ready() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Reads once and executes what is whole.
    #[inline]
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.input.is_empty() {
            return self.poll_read_more(context);
        }
        let thread = Rc::clone(&self.thread);
        let mut buffer = thread.read_buffer.borrow_mut();
        let outcome = ready!(self.output.poll_read(context, &mut buffer));
        if let Some(count) = self.has_come(outcome) {
            let (end, needed) = self.execute(&buffer[..count], 0);
            self.input.keep(&buffer[end..count], needed);
        }
        Poll::Ready(())
    }

    /// Reads on behind what is kept already.
    fn poll_read_more(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let outcome = match ready!(self.output.poll_readable(context)) {
            Ok(()) => self.input.read(&self.output),
            Err(error) => Err(error),
        };
        if self.has_come(outcome).is_some() {
            self.execute_kept();
        }
        Poll::Ready(())
    }

    /// Whether a client that waits for a blocking command has gone. What it sends meanwhile is kept, up to a bound.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> bool {
        while self.input.len() < BLOCKED_BYTES_MAX {
            match self.output.poll_readable(context) {
                Poll::Pending => return false,
                Poll::Ready(Err(_)) => return true,
                Poll::Ready(Ok(())) => {}
            }
            match self.input.read(&self.output) {
                Ok(0) => return true,
                Ok(count) => self.thread.metrics.input_bytes.add(count as u64),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return true,
            }
        }
        false
    }

    /// Judges a read: the number of bytes that came, `None` if none did.
    #[inline]
    fn has_come(&mut self, outcome: io::Result<usize>) -> Option<usize> {
        match outcome {
            Ok(0) => {
                // It may wait for replies still, having shut down only its sending half.
                self.ending = true;
                None
            }
            Ok(count) => {
                self.output.note_active();
                self.thread.metrics.input_bytes.add(count as u64);
                Some(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(_) => {
                self.output.close(Closed::Gone);
                None
            }
        }
    }

    /// Executes what is whole of what was kept.
    fn execute_kept(&mut self) {
        let (bytes, start) = self.input.take();
        let (end, needed) = self.execute(&bytes, start);
        self.input.put_back(bytes, end, needed);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end_conversation();
        self.stop_monitoring();
        self.output.drop_stream();
        self.thread.leave(self.session.id, self.output.closed());
        self.thread.shared.directory.leave(self.session.id);
    }
}
