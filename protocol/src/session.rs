//! One client connection: its state, and the commands that concern only it or the process.
//!
//! Node and proxy serve these commands alike: `HELLO`, `CLIENT`, `COMMAND`, `CONFIG`, `INFO` and the like. Sockets,
//! clock, randomness and the other clients are the caller's and come in through [`Context`]. Replies and error
//! texts are those of Redis 7.0; where a command is newer, of 7.2.

mod acl;
mod client;
mod connection;
mod context;
mod hello;
mod help;
pub mod info;
mod latency;
pub mod monitor;
mod observations;
mod observe;
mod refusal;
pub mod secrets;
mod settings;
mod slow_log;

pub use client::{KillFilter, Kind, Tracking, TrackingMode};
pub use context::{ChangeError, Context, Setting};
pub use observations::{CommandLatencies, LatencyEvent, LatencySample, Observations, SlowCall};

use std::time::Duration;

use crate::acl::{self as access, LogEntry, Login, Refused};
use crate::command::{Spec, introspect};
use crate::resp::reply::Reply;
use crate::resp::{Args, Protocol};
use crate::trace::TraceContext;
use refusal::Refusal;

/// The version of Redis that clients and scripts are told; they choose their commands by it.
pub const REDIS_VERSION: &str = "7.2.4";

/// Number of databases that `SELECT` knows.
pub const DATABASES: u8 = 16;

/// What clients are told where Redis tells that it is no cluster.
const NO_CLUSTER: &str = "ERR This instance has cluster support disabled";

/// State of one client connection.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Unique in the process and never used again; from 1.
    pub id: u64,
    /// As whom it runs its commands.
    pub login: Login,
    /// The protocol that `HELLO` chose.
    pub protocol: Protocol,
    /// The database that `SELECT` chose, below [`DATABASES`].
    pub database: u8,
    /// The name that `CLIENT SETNAME` or `HELLO` gave; printable ASCII without spaces, empty if none.
    pub name: String,
    /// The client library's name by `CLIENT SETINFO LIB-NAME`, empty if it told none.
    pub library_name: String,
    /// The client library's version by `CLIENT SETINFO LIB-VER`, empty if it told none.
    pub library_version: String,
    /// Whether replies are sent.
    pub reply_mode: ReplyMode,
    /// The client's address, `host:port`.
    pub peer_address: String,
    /// Our address that it connected to, `host:port`.
    pub local_address: String,
    /// When it connected, since the Unix epoch.
    pub connected_at: Duration,
    /// When its last command came, since the Unix epoch.
    pub active_at: Duration,
    /// Its last command's full name (`client|list`), empty before the first.
    pub last_command: &'static str,
    /// Its memory may not be taken back by closing it (`CLIENT NO-EVICT`).
    pub no_evict: bool,
    /// Its reads do not count as use of a key (`CLIENT NO-TOUCH`).
    pub no_touch: bool,
    /// Channels, patterns and shard channels that it is subscribed to.
    pub subscriptions: [u32; 3],
    /// Keys that it watches.
    pub watched_keys: u32,
    /// It waits for a key, or for the end of a pause.
    pub is_blocked: bool,
    /// Its socket; 0 where that is not known.
    pub file_descriptor: i32,
    /// It sees the commands of all clients (`MONITOR`).
    pub monitors: bool,
    /// What it is told of the keys whose values it keeps (`CLIENT TRACKING`), if anything.
    pub tracking: Option<Box<Tracking>>,
    /// Commands queued since `MULTI`, `None` outside of a transaction.
    pub queued_commands: Option<u32>,
    /// Wrong passwords since the last right one.
    pub failed_logins: u32,
    /// Bytes that its connection holds now.
    pub buffers: Buffers,
    /// What its next command is a part of (`CLIENT TRACE`), until that takes it.
    pub parent: Option<Box<TraceContext>>,
}

/// Bytes that a connection holds, as `CLIENT LIST` shows them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Buffers {
    /// Received and not yet executed.
    pub query_bytes: usize,
    /// Free in the buffer of received bytes.
    pub query_free_bytes: usize,
    /// Replies not yet sent.
    pub output_bytes: usize,
    /// Size of the buffer of replies.
    pub output_capacity: usize,
    /// Arguments of a command that waits, or of the command at hand.
    pub argument_bytes: usize,
    /// Commands queued since `MULTI`.
    pub transaction_bytes: usize,
    /// What others have sent to the client and it has not got yet.
    pub mail_bytes: usize,
}

/// Whether a session's replies are sent (`CLIENT REPLY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// All.
    #[default]
    On,
    /// None.
    Off,
    /// Not that of the next command.
    SkipNext,
    /// Not that of the command at hand.
    Skip,
}

/// What is left to do for the caller of [`execute`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing; the reply is written.
    Done,
    /// Send the reply, then close the connection.
    Close,
    /// Drop the session's transaction and subscriptions; the rest of `RESET` and its reply are done.
    Reset,
    /// Not a command of the session. Nothing was written.
    NotMine,
}

impl Session {
    /// A session of a connection that was accepted at `now` (since the Unix epoch).
    #[must_use]
    pub fn new(id: u64, peer_address: String, local_address: String, now: Duration) -> Self {
        Self { id, peer_address, local_address, connected_at: now, active_at: now, ..Self::default() }
    }

    /// Whether the session's user may run a command; what it may not is noted in the log of `context`'s users.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn permit(
        &self,
        spec: &'static Spec,
        args: Args<'_>,
        place: access::Context,
        context: &dyn Context,
    ) -> Result<(), Refused> {
        let refused = self.login.permit(spec, &args);
        if let Err(Refused::Denied(denial)) = refused {
            let at = context.now();
            context.accounts().note(LogEntry {
                count: 1,
                reason: denial.reason(),
                context: place,
                object: denial.object(spec, &args),
                user: self.login.user().name().to_vec(),
                at,
                client: client::shown_line(self, at),
            });
        }
        refused
    }

    /// Notes the command at hand, for `CLIENT LIST`.
    #[inline]
    pub fn begins(&mut self, spec: &'static Spec) {
        self.last_command = spec.name;
    }

    /// To be called once for each command after it was executed (or sent on): whether its reply is to be dropped.
    #[inline]
    pub fn drops_reply(&mut self) -> bool {
        match self.reply_mode {
            ReplyMode::On => false,
            ReplyMode::Off => true,
            ReplyMode::SkipNext => {
                self.reply_mode = ReplyMode::Skip;
                false
            }
            ReplyMode::Skip => {
                self.reply_mode = ReplyMode::On;
                true
            }
        }
    }

    /// Whether the session is a subscriber or an ordinary client.
    #[must_use]
    pub fn kind(&self) -> Kind {
        if self.is_subscriber() { Kind::Pubsub } else { Kind::Normal }
    }

    /// Whether the keys that the command at hand reads are remembered for it.
    #[must_use]
    pub fn remembers(&self) -> bool {
        self.tracking.as_ref().is_some_and(|tracking| tracking.remembers())
    }

    /// The client that is told in its place of changed keys: 0 if none, -1 if it does not want to know.
    fn redirection(&self) -> i64 {
        let redirect = self.tracking.as_ref().map(|tracking| tracking.redirect.unwrap_or(0));
        redirect.map_or(-1, u64::cast_signed)
    }

    /// Whether it is subscribed to anything.
    #[must_use]
    pub fn is_subscriber(&self) -> bool {
        self.subscriptions != [0; 3]
    }
}

/// One command on its way through a handler.
struct Call<'a, 'b> {
    args: Args<'a>,
    session: &'a mut Session,
    context: &'a dyn Context,
    reply: &'a mut Reply<'b>,
}

impl Call<'_, '_> {
    /// Redis's answer to a number of arguments that the table allows and the subcommand does not.
    fn wrong_arguments(&mut self, container: &str) {
        let after = format!("'. Try {container} HELP.");
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        Refusal::about(before, &self.args[1], &after).answer(self.reply);
    }
}

/// Executes a command of the session: `spec` is its row (that of the subcommand, if it has one), and its number of
/// arguments fits the row. The reply is appended to `reply`, whose protocol is changed by `HELLO` and `RESET`.
pub fn execute(
    spec: &'static Spec,
    args: Args<'_>,
    session: &mut Session,
    context: &dyn Context,
    reply: &mut Reply<'_>,
) -> Outcome {
    let call = &mut Call { args, session, context, reply };
    match spec.name.split_once('|') {
        None => command(spec.name, call),
        Some((container, subcommand)) => container_command(container, subcommand, call),
    }
}

fn command(name: &str, call: &mut Call<'_, '_>) -> Outcome {
    match name {
        "ping" => connection::ping(call),
        "select" => connection::select(call),
        "echo" => call.reply.bulk(&call.args[1]),
        "hello" => {
            hello::hello(call);
            return hello::outcome(call.session);
        }
        "auth" => {
            hello::auth(call);
            return hello::outcome(call.session);
        }
        "info" => info::info(call),
        "time" => observe::time(call),
        "command" => introspect::command(call.args, call.reply),
        "cluster" | "readonly" | "readwrite" | "asking" => call.reply.error(NO_CLUSTER),
        "role" => observe::role(call),
        "replicaof" | "slaveof" => observe::replica_of(call),
        "wait" => connection::wait(call),
        "lolwut" => observe::lolwut(call),
        "reset" => return connection::reset(call),
        "quit" => return connection::quit(call),
        _ => return Outcome::NotMine,
    }
    Outcome::Done
}

fn container_command(container: &str, subcommand: &str, call: &mut Call<'_, '_>) -> Outcome {
    if subcommand == "help"
        && let Some(lines) = help::lines(container)
    {
        help::answer(container, lines, call.reply);
        return Outcome::Done;
    }
    match container {
        "client" => client::execute(subcommand, call),
        "config" => settings::execute(subcommand, call),
        "acl" => acl::execute(subcommand, call),
        "latency" => latency::execute(subcommand, call),
        "slowlog" => slow_log::execute(subcommand, call),
        "memory" | "module" => observe::execute(container, subcommand, call),
        "command" | "cluster" => command(container, call),
        _ => Outcome::NotMine,
    }
}
