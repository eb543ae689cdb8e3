//! What the proxy and the nodes answer together: one server's INFO, its settings, its slow log; and WAIT.

use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, number};
use ringmaster_protocol::session;
use ringmaster_protocol::slot::HashSlot;

use super::Connection;
use super::conversation::Command;
use super::local::Process;
use crate::route::merge::{Infos, Merger};
use crate::route::{Route, changes_nodes};
use crate::thread::Routes;

/// How many entries of the slow log are shown where the client does not say.
const SLOW_CALLS_SHOWN: usize = 10;

/// What the settings begin with that a client may change on all nodes: how keys are kept and what is told of them, and what
/// nodes take and do one way whatever it says, as test suites and tools set it. What concerns a process and its
/// connections stands in its file.
const SETTINGS_OF_NODES: [&str; 36] = [
    "active",
    "aof-",
    "append",
    "busy-reply-threshold",
    "crash-",
    "dynamic-hz",
    "hash-max-",
    "hll-",
    "hz",
    "jemalloc-",
    "latency-",
    "lazyfree-",
    "lfu-",
    "list-",
    "loglevel",
    "lua-time-limit",
    "masterauth",
    "masteruser",
    "maxmemory",
    "min-replicas-",
    "min-slaves-",
    "no-appendfsync",
    "notify-keyspace-events",
    "protected-mode",
    "rdb",
    "repl",
    "requirepass",
    "sanitize-",
    "save",
    "set-max-",
    "slave",
    "slowlog-",
    "stop-writes",
    "stream-",
    "tracking-table-max-keys",
    "zset-max-",
];

/// What sections of INFO nodes have no part in.
const OWN_SECTIONS: [&str; 6] = ["server", "clients", "replication", "cpu", "modules", "cluster"];

impl Connection {
    /// A command that the proxy and the nodes answer together. False if it must wait for what came before.
    pub(super) fn answer_together(
        &mut self,
        command: Command<'_>,
        routes: &mut Routes,
        reply: &mut Vec<u8>,
    ) -> bool {
        let Some(merger) = self.merger(command) else {
            self.local(command.spec, command.args, reply);
            return true;
        };
        if self.waits_for_answers() {
            return false;
        }
        let everything = [&b"INFO"[..], b"everything"];
        let mut request = Vec::new();
        if command.spec.name == "info" {
            ringmaster_protocol::extension::put_request(&mut request, &everything);
        } else {
            request.extend_from_slice(command.raw);
        }
        if self.replicated.is_some() {
            self.replicate_merged(merger, &request, changes_nodes(command.spec));
        } else {
            let wanted = !self.session.drops_reply();
            let (topology, links) = routes.parts();
            let mut scratch = crate::route::RouteScratch::new(1);
            let (client, lane) = (&self.output, self.lane);
            let mut route = Route { topology, links, scratch: &mut scratch, client, lane };
            route.ask_all((merger, false), &request, changes_nodes(command.spec), wanted);
        }
        self.fenced = true;
        true
    }

    /// How the replies of nodes and ours become one; `None` where we answer alone.
    fn merger(&mut self, command: Command<'_>) -> Option<Merger> {
        let args = command.args;
        match command.spec.name {
            "info" if asks_nodes(args) => Some(Merger::Info(Infos {
                own: self.own_reply(command),
                names: Vec::new(),
                with_nodes: wants_nodes(args),
                copies: self.copies(),
            })),
            "config|get" => Some(Merger::Settings(self.own_reply(command))),
            "config|set"
                if args.len().is_multiple_of(2) && args.iter().skip(2).step_by(2).all(is_of_nodes) =>
            {
                Some(Merger::Ok)
            }
            "config|resetstat" => Some(Merger::Ok),
            "slowlog|get" if args.len() <= 3 => {
                let shown = args.get(2).map_or(Some(SLOW_CALLS_SHOWN as i64), number::parse_integer)?;
                (shown >= -1).then(|| Merger::Newest(usize::try_from(shown).unwrap_or(usize::MAX)))
            }
            _ => None,
        }
    }

    /// What the session answers, without sending it.
    pub(super) fn own_reply(&mut self, command: Command<'_>) -> Vec<u8> {
        let mut reply = Vec::new();
        let process = Process { shared: &self.thread.shared };
        let mut writer = Reply::new(&mut reply, self.session.protocol);
        session::execute(command.spec, command.args, &mut self.session, &process, &mut writer);
        reply
    }

    /// Nodes that hold each key.
    fn copies(&self) -> u64 {
        let replicas = || self.thread.shared.topology.load().file().replicas as u64;
        if self.replicated.is_some() { replicas() } else { 1 }
    }

    /// `WAIT replicas timeout`: what was answered before is on all copies that are in sync already. False if something that
    /// came before is not answered yet.
    pub(super) fn wait_for_copies(&mut self, command: Command<'_>, reply: &mut Vec<u8>) -> bool {
        if self.waits_for_answers() {
            return false;
        }
        let own = self.own_reply(command);
        if own != b":0\r\n" || self.replicated.is_none() {
            self.local(command.spec, command.args, reply);
            return true;
        }
        let copies = self.fewest_copies();
        let wanted = !self.session.drops_reply();
        self.output.answer_now(wanted, format!(":{copies}\r\n").as_bytes());
        true
    }

    /// Copies beside the head that every acknowledged write is on, in whatever slot.
    fn fewest_copies(&self) -> usize {
        let shared = &self.thread.shared;
        let file_acks_all = shared.topology.load().file().ack == ringmaster_protocol::cluster_file::Ack::All;
        let view = shared.published().and_then(|published| published.view());
        let in_sync = view.and_then(|view| HashSlot::all().map(|slot| view.chain(slot).in_sync).min());
        in_sync.filter(|_| file_acks_all).unwrap_or(1).saturating_sub(1)
    }
}

/// Whether an INFO asks for what nodes have a part in.
fn asks_nodes(args: Args<'_>) -> bool {
    let is_own = |word: &[u8]| OWN_SECTIONS.iter().any(|own| word.eq_ignore_ascii_case(own.as_bytes()));
    args.len() == 1 || !args.iter().skip(1).all(is_own)
}

/// Whether an INFO asks for the nodes' own sections.
fn wants_nodes(args: Args<'_>) -> bool {
    let all = ["default", "all", "everything", "nodes"];
    let is_all = |word: &[u8]| all.iter().any(|of| word.eq_ignore_ascii_case(of.as_bytes()));
    args.len() == 1 || args.iter().skip(1).any(is_all)
}

fn is_of_nodes(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    SETTINGS_OF_NODES.iter().any(|of| name.starts_with(of.as_bytes()))
}
