//! Commands that no node is needed for: the session's, answered here.

use std::time::Duration;

use ringmaster_protocol::acl::Accounts;
use ringmaster_protocol::command::{Behaviour, Spec, Split};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::session::info::{self, Info, Section};
use ringmaster_protocol::session::{self, Buffers, ChangeError, Context, Outcome, Session, Setting};

use super::{Connection, cluster_mode};
use crate::cluster::controller::Problem;
use crate::output::give_back;
use crate::shared::Shared;
use crate::upstream::Lane;

impl Connection {
    /// Answers a command of the session. `reply` is scratch.
    pub(super) fn local(&mut self, spec: &'static Spec, args: Args<'_>, reply: &mut Vec<u8>) {
        reply.clear();
        self.session.active_at = self.thread.shared.now();
        self.session.buffers = Buffers {
            query_bytes: self.input.len(),
            output_bytes: self.output.bytes(),
            ..Buffers::default()
        };
        let process = Process { shared: &self.thread.shared };
        let mut writer = Reply::new(reply, self.session.protocol);
        let is_refused = spec.split == Split::Refused && !asks_for_no_master(args);
        let place = (&*self.thread.shared, &*self.session.local_address);
        let outcome = if is_refused {
            Outcome::NotMine
        } else if cluster_mode::answer(spec, args, place, &mut writer) {
            Outcome::Done
        } else {
            session::execute(spec, args, &mut self.session, &process, &mut writer)
        };
        if outcome == Outcome::NotMine {
            refuse(spec, &mut writer);
        }
        let wanted = !self.session.drops_reply();
        self.output.answer_now(wanted, reply);
        give_back(reply);
        self.ending |= outcome == Outcome::Close;
        if outcome == Outcome::Reset {
            self.end_conversation();
            self.stop_monitoring();
        }
        // A pause is for what comes next, too.
        self.is_attended = self.needs_attention();
        self.note_subscriber();
        self.card.renew(&self.session);
        let lane = Lane::new(self.session.database, self.session.protocol);
        self.fenced |= lane != self.lane;
        self.lane = lane;
    }
}

/// `REPLICAOF NO ONE`: what the server is already.
fn asks_for_no_master(args: Args<'_>) -> bool {
    let is =
        |at: usize, word: &str| args.get(at).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    (is(0, "replicaof") || is(0, "slaveof")) && is(1, "no") && is(2, "one")
}

/// The answer to what neither the session nor a node can do for a client of the proxy.
fn refuse(spec: &Spec, reply: &mut Reply<'_>) {
    let name = spec.name.replace('|', " ");
    let why = match spec.through_a_proxy() {
        Behaviour::Refused(why) => format!("not available through the proxy: {why}"),
        _ => "not supported through the proxy yet".to_owned(),
    };
    reply.error(&format!("ERR '{name}' is {why}"));
}

/// The proxy around its sessions.
pub(super) struct Process<'a> {
    pub(super) shared: &'a Shared,
}

impl Context for Process<'_> {
    fn now(&self) -> Duration {
        self.shared.now()
    }

    fn accounts(&self) -> &Accounts {
        &self.shared.accounts
    }

    fn accounts_are_fixed(&self) -> Option<&'static str> {
        Some("the users of a cluster stand in cluster.yaml: edit that file, it takes effect at once")
    }

    fn random(&self, out: &mut [u8]) {
        rand::fill(out);
    }

    fn info(&self) -> Info {
        let shared = self.shared;
        Info {
            server: info::Server {
                os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
                process_id: std::process::id(),
                run_id: shared.run_id.clone(),
                tcp_port: shared.port(),
                uptime: shared.now().saturating_sub(shared.started_at),
                // Nothing here looks after keys.
                hertz: 0,
                executable: String::new(),
                config_file: shared.config.cluster.display().to_string(),
            },
            clients: info::Clients {
                connected: shared.sum(|metrics| &metrics.clients),
                max: shared.clients_max() as u64,
                blocked: shared.directory.blocked(),
                ..info::Clients::default()
            },
            memory: info::Memory { policy: "noeviction", ..info::Memory::default() },
            statistics: info::Statistics {
                connections_received: shared.sum(|metrics| &metrics.connections),
                commands_processed: shared.sum(|metrics| &metrics.commands),
                input_bytes: shared.sum(|metrics| &metrics.input_bytes),
                output_bytes: shared.sum(|metrics| &metrics.output_bytes),
                ..info::Statistics::default()
            },
            extra: extra(shared),
            ..Info::default()
        }
    }

    fn settings(&self) -> Vec<Setting> {
        let fixed = |name, value: &str| Setting { name, value: value.to_owned(), changeable: false };
        let limits = self.shared.topology.load().file().limits.clone();
        let timeouts = self.shared.topology.load().file().timeouts.clone();
        vec![
            fixed("databases", &session::DATABASES.to_string()),
            fixed("maxclients", &self.shared.clients_max().to_string()),
            fixed("port", &self.shared.port().to_string()),
            fixed("proto-max-bulk-len", &limits.request.bytes().to_string()),
            fixed("replica-read-only", "yes"),
            fixed("timeout", &timeouts.client_idle.duration().as_secs().to_string()),
        ]
    }

    fn change_settings(&self, changes: &[(&'static str, &[u8])]) -> Result<(), ChangeError> {
        // No setting is changeable, so none comes here; the file is the place to change them.
        let setting = changes.first().map_or("", |(name, _)| *name);
        Err(ChangeError { setting, reason: "edit cluster.yaml instead".to_owned() })
    }

    fn reset_statistics(&self) {
        // The counters are Prometheus counters too, and those never fall.
    }

    fn pause_clients(&self, end: Duration, all: bool) -> bool {
        self.shared.attention.pause(end, all);
        true
    }

    fn unpause_clients(&self) {
        self.shared.attention.unpause();
        self.shared.directory.wake_all();
    }

    fn unblock_client(&self, id: u64, with_error: bool) -> bool {
        self.shared.directory.unblock(id, with_error)
    }

    fn tracks(&self) -> bool {
        true
    }

    fn has_client(&self, id: u64) -> bool {
        self.shared.directory.has(id)
    }

    fn has_lost_redirection(&self, id: u64) -> bool {
        self.shared.directory.has_lost_redirection(id)
    }

    fn other_clients(&self, own: u64, visit: &mut dyn FnMut(&Session)) {
        self.shared.directory.visit(own, visit);
    }

    fn kill_clients(&self, own: u64, doomed: &dyn Fn(&Session) -> bool) -> usize {
        self.shared.directory.kill(own, doomed)
    }
}

/// Hot keys that INFO names.
const HOT_KEYS_TOLD: usize = 8;

/// What only Ringmaster's proxy has to tell.
fn extra(shared: &Shared) -> Vec<(Section, &'static str, String)> {
    let topology = shared.topology.load();
    let mut lines = vec![
        (Section::Server, "ringmaster_version", env!("CARGO_PKG_VERSION").to_owned()),
        (Section::Server, "ringmaster_tier", "proxy".to_owned()),
        (Section::Server, "ringmaster_cluster", topology.file().cluster.clone()),
        (Section::Server, "ringmaster_nodes", node_count(shared).to_string()),
    ];
    for node in shared.nodes.all() {
        let state =
            node.reached().map_or_else(|reason| format!("not reached: {reason}"), |()| "reached".to_owned());
        let state = format!("name={},address={},state={state}", node.name(), node.address());
        lines.push((Section::Server, "ringmaster_node", state));
    }
    for key in shared.hot_keys.hottest().into_iter().take(HOT_KEYS_TOLD) {
        let (name, per_second) = (key.key.escape_ascii(), key.per_second.round());
        let line =
            format!("key={name},db={},commands_per_second={per_second},share={:.3}", key.database, key.share);
        lines.push((Section::Stats, "ringmaster_hot_key", line));
    }
    for (side, expires_at) in shared.certificates() {
        let line = format!("side={side},expires_at={}", expires_at.as_secs());
        lines.push((Section::Server, "ringmaster_certificate", line));
    }
    lines.extend(standing(shared).map(|(name, value)| (Section::Server, name, value)));
    let last_error =
        shared.reloads.last_error().map(|error| error.replace(['\r', '\n'], "; ")).unwrap_or_default();
    lines.push((Section::Server, "config_reloads", shared.reloads.reloads_total().to_string()));
    lines.push((
        Section::Server,
        "config_reload_failures",
        shared.reloads.reload_failures_total().to_string(),
    ));
    lines.push((Section::Server, "config_last_error", last_error));
    lines
}

/// The nodes by the view, where there is one, else by the cluster.yaml.
fn node_count(shared: &Shared) -> usize {
    let view = shared.published().and_then(|published| published.view());
    view.map_or_else(|| shared.topology.load().nodes().len(), |view| view.members().len())
}

/// How a cluster stands whose slots have copies.
fn standing(shared: &Shared) -> impl Iterator<Item = (&'static str, String)> {
    let status = shared.published().map(|published| published.status());
    let problem = |problem: &Problem| {
        let node = problem.node.as_ref().map(|node| format!("node {node}: ")).unwrap_or_default();
        ("ringmaster_problem", format!("{node}{}", problem.text.replace(['\r', '\n'], " ")))
    };
    status.into_iter().flat_map(move |status| {
        let progress = status.progress;
        let numbers = [
            ("ringmaster_epoch", status.epoch.to_string()),
            ("ringmaster_slots_to_do", progress.slots_to_do.to_string()),
            ("ringmaster_slots_lost", progress.slots_lost.to_string()),
            ("ringmaster_slots_being_copied", progress.copies.to_string()),
            ("ringmaster_copied_bytes", progress.copied_bytes.to_string()),
            ("ringmaster_copied_bytes_per_second", progress.bytes_per_second.to_string()),
            ("ringmaster_slots_per_minute", progress.slots_per_minute.to_string()),
            ("ringmaster_seconds_left", progress.seconds_left().unwrap_or(0).to_string()),
            ("ringmaster_moves_slots", u8::from(status.moves_slots).to_string()),
        ];
        let problems: Vec<_> = status.problems.iter().map(problem).collect();
        numbers.into_iter().chain(problems)
    })
}
