//! The node as its sessions see it: clock, figures, settings, other clients.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringmaster_protocol::acl::Accounts;
use ringmaster_protocol::session::info::{self, Info, MemoryParts, Section};
use ringmaster_protocol::session::{ChangeError, Context, Observations, Session, Setting, TrackingMode};

use super::clients::Unblock;
use super::shared::{self, Shared};
use super::timing::observed;
use super::{allocator, processor, settings, users, worker};
use crate::mail::Recipient;
use crate::pubsub::Kind;
use crate::store::census::{Count, DATABASES};
use crate::store::keyspace::Keyspace;
use crate::tracking::Tracker;

impl Context for Shared {
    fn now(&self) -> Duration {
        shared::unix_time()
    }

    fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    fn accounts_changed(&self) {
        if self.accounts.is_restricting() {
            self.attention.restrict();
        }
    }

    fn load_accounts(&self) -> Result<(), String> {
        users::load(self)
    }

    fn save_accounts(&self) -> Result<(), String> {
        users::save(self)
    }

    fn random(&self, out: &mut [u8]) {
        shared::random_bytes(out);
    }

    fn info(&self) -> Info {
        self.info_of(self.engine.store().census())
    }

    fn settings(&self) -> Vec<Setting> {
        settings::all(self)
    }

    fn change_settings(&self, changes: &[(&'static str, &[u8])]) -> Result<(), ChangeError> {
        settings::change(self, changes)
    }

    fn reset_statistics(&self) {
        self.reset_totals();
    }

    fn allocator_report(&self) -> Option<Vec<u8>> {
        allocator::report()
    }

    fn give_back_memory(&self) {
        allocator::give_back_all();
    }

    fn observations(&self) -> Option<&dyn Observations> {
        Some(self)
    }

    fn pause_clients(&self, end: Duration, all: bool) -> bool {
        self.pause.begin(shared::millis_of(end), all, &self.attention);
        true
    }

    fn unpause_clients(&self) {
        self.pause.finish(&self.attention);
    }

    fn other_clients(&self, own: u64, visit: &mut dyn FnMut(&Session)) {
        self.clients.visit_others(own, visit);
    }

    fn kill_clients(&self, own: u64, doomed: &dyn Fn(&Session) -> bool) -> usize {
        self.clients.kill_others(own, doomed)
    }

    fn unblock_client(&self, id: u64, with_error: bool) -> bool {
        self.clients.unblock(id, if with_error { Unblock::Error } else { Unblock::Timeout })
    }

    fn tracks(&self) -> bool {
        true
    }

    fn track(&self, session: &Session) {
        let tracking = self.engine.tracking();
        match (&session.tracking, self.clients.find(session.id)) {
            (Some(wanted), Some(own)) => {
                let redirect = wanted.redirect.and_then(|id| self.clients.find(id));
                let prefixes = match &wanted.mode {
                    TrackingMode::Broadcast(prefixes) => prefixes.iter().cloned().collect(),
                    _ => Vec::new(),
                };
                tracking.begin(Tracker {
                    redirect: redirect.map(|handle| handle as Arc<dyn Recipient>),
                    no_loop: wanted.no_loop,
                    prefixes,
                    ..Tracker::new(own)
                });
            }
            _ => tracking.end(session.id),
        }
    }

    fn has_client(&self, id: u64) -> bool {
        self.clients.find(id).is_some()
    }

    fn has_lost_redirection(&self, id: u64) -> bool {
        self.engine.tracking().has_lost_redirection(id)
    }
}

impl Shared {
    /// The figures of `INFO`, with these counts of keys.
    fn info_of(&self, census: Keys) -> Info {
        // Looks at all slots: once is enough.
        let parts = self.memory_parts();
        Info {
            server: self.server(),
            clients: info::Clients {
                connected: self.clients.len() as u64,
                max: self.admission.max() as u64,
                blocked: self.clients.waiting() as u64,
                tracking: self.engine.tracking().clients() as u64,
                subscribed: self.clients.subscribers() as u64,
            },
            memory: self.memory_figures(parts),
            persistence: self.persistence(),
            statistics: self.statistics(),
            processor: processor::times(),
            commands: observed::command_figures(self),
            errors: self.error_totals(),
            keyspace: keyspace(census),
            extra: self.extra(parts),
        }
    }

    fn persistence(&self) -> info::Persistence {
        let progress = self.keeping.progress();
        let loading = self.attention.look().is_loading().then(|| info::Loading {
            began_at: Duration::from_secs(progress.began_seconds.load(Ordering::Relaxed)),
            total_bytes: progress.total_bytes.load(Ordering::Relaxed),
            read_bytes: progress.read_bytes.load(Ordering::Relaxed),
        });
        let log = self.keeping.log().map(|log| info::Log {
            size_bytes: log.status().size_bytes(),
            pending_bytes: log.pending_bytes() as u64,
            is_syncing: log.status().is_syncing(),
            delayed_total: log.status().delayed_total(),
            is_failing: log.status().refuses(),
        });
        let figures = self.keeping.snapshots.figures();
        let last_lsn = self.keeping.log().map_or(0, |log| log.last_lsn());
        let snapshot = info::Snapshot {
            changes_since: (last_lsn + 1).saturating_sub(figures.start_lsn),
            saved_at: figures.saved_at,
            elapsed: figures.elapsed,
            took: figures.took,
            failed: figures.failed,
            keys_done: figures.keys_done,
        };
        info::Persistence { loading, log, snapshot }
    }

    fn extra(&self, parts: MemoryParts) -> Vec<(Section, &'static str, String)> {
        let mut lines = vec![(Section::Server, "ringmaster_version", env!("CARGO_PKG_VERSION").to_owned())];
        for (listen, expires_at) in self.doors.certificates() {
            let line = format!("listen={listen},expires_at={}", expires_at.as_secs());
            lines.push((Section::Server, "ringmaster_certificate", line));
        }
        let lag = self.expiry_lag_millis.load(Ordering::Relaxed).to_string();
        lines.push((Section::Stats, "ringmaster_expiry_lag_ms", lag));
        let percents = self.miss_percents().into_iter();
        lines.extend(percents.map(|(name, percent)| (Section::Memory, name, format!("{percent:.2}"))));
        lines.extend(observed::extra(self));
        lines.extend(
            [
                ("ringmaster_memory_tables", parts.tables),
                ("ringmaster_memory_eviction", parts.eviction),
                ("ringmaster_memory_tracking", parts.tracking),
            ]
            .map(|(name, bytes)| (Section::Memory, name, bytes.to_string())),
        );
        lines
    }

    /// What share of reads misses, in percent, by the size of memory; nothing before memory is half full.
    pub(crate) fn miss_percents(&self) -> Vec<(&'static str, f64)> {
        let Some(misses) = self.engine.store().replacement().misses() else { return Vec::new() };
        vec![
            ("ringmaster_miss_percent_half_memory", misses.half),
            ("ringmaster_miss_percent_same_memory", misses.same),
            ("ringmaster_miss_percent_twice_memory", misses.twice),
            ("ringmaster_miss_percent_four_times_memory", misses.four_times),
        ]
    }

    fn server(&self) -> info::Server {
        let executable = std::env::current_exe().map(|path| path.display().to_string());
        info::Server {
            os: std::env::consts::OS.to_owned(),
            process_id: std::process::id(),
            run_id: self.run_id.clone(),
            tcp_port: self.address.get().map_or(0, std::net::SocketAddr::port),
            uptime: self.started.elapsed(),
            hertz: worker::HERTZ,
            executable: executable.unwrap_or_default(),
            config_file: String::new(),
        }
    }

    fn memory_figures(&self, parts: MemoryParts) -> info::Memory {
        self.memory.look();
        self.memory.look_at_kernel();
        let used = self.memory.used_bytes();
        info::Memory {
            used_bytes: used,
            used_peak_bytes: self.memory.peak_bytes(),
            used_startup_bytes: self.memory.startup_bytes(),
            parts,
            resident_bytes: self.memory.resident_bytes(),
            system_bytes: crate::machine::memory_bytes().unwrap_or(0),
            max_bytes: self.maxmemory.load(Ordering::Relaxed),
            policy: self.engine.store().replacement().policy().name(),
            allocator: "jemalloc",
        }
    }

    fn statistics(&self) -> info::Statistics {
        let (totals, hub, tracking) = (self.totals(), self.engine.hub(), self.engine.tracking());
        info::Statistics {
            connections_received: totals.connections,
            connections_rejected: self.admission.refused(),
            commands_processed: totals.commands,
            operations_per_second: self.rate.load(Ordering::Relaxed),
            input_bytes: totals.input_bytes,
            output_bytes: totals.output_bytes,
            keyspace_hits: totals.hits,
            keyspace_misses: totals.misses,
            expired_keys: totals.expired,
            evicted_keys: totals.evicted,
            evicted_clients: totals.clients_shed,
            overrun_clients: totals.clients_overrun,
            error_replies: totals.errors,
            channels: hub.len(Kind::Channel) as u64,
            patterns: hub.len(Kind::Pattern) as u64,
            tracked_keys: tracking.keys.load(Ordering::Relaxed) as u64,
            tracked_items: tracking.items.load(Ordering::Relaxed) as u64,
            tracked_prefixes: tracking.prefixes() as u64,
            shard_channels: hub.len(Kind::ShardChannel) as u64,
        }
    }
}

/// Keys by database.
type Keys = [Count; DATABASES as usize];

fn keyspace(census: Keys) -> Vec<info::Database> {
    let databases = (0u8..).zip(census);
    let used = databases.filter(|(_, count)| count.keys > 0);
    used.map(|(index, count)| info::Database {
        index,
        keys: count.keys,
        expires: count.volatile,
        mean_ttl: Duration::ZERO,
    })
    .collect()
}

/// The node as a session sees it while it holds slots: what would look into slots looks into the held ones through
/// the hold, for they can be locked only once.
pub(crate) struct Held<'a, 's, 'k> {
    pub(crate) shared: &'a Shared,
    pub(crate) keyspace: &'a Keyspace<'s, 'k>,
}

impl Context for Held<'_, '_, '_> {
    fn now(&self) -> Duration {
        self.shared.now()
    }

    fn accounts(&self) -> &Accounts {
        self.shared.accounts()
    }

    fn accounts_changed(&self) {
        self.shared.accounts_changed();
    }

    fn load_accounts(&self) -> Result<(), String> {
        self.shared.load_accounts()
    }

    fn save_accounts(&self) -> Result<(), String> {
        self.shared.save_accounts()
    }

    fn random(&self, out: &mut [u8]) {
        self.shared.random(out);
    }

    fn info(&self) -> Info {
        self.shared.info_of(self.keyspace.census())
    }

    fn settings(&self) -> Vec<Setting> {
        self.shared.settings()
    }

    fn change_settings(&self, changes: &[(&'static str, &[u8])]) -> Result<(), ChangeError> {
        self.shared.change_settings(changes)
    }

    fn reset_statistics(&self) {
        self.shared.reset_statistics();
    }

    fn allocator_report(&self) -> Option<Vec<u8>> {
        self.shared.allocator_report()
    }

    fn give_back_memory(&self) {
        self.shared.give_back_memory();
    }

    fn observations(&self) -> Option<&dyn Observations> {
        self.shared.observations()
    }

    fn pause_clients(&self, end: Duration, all: bool) -> bool {
        self.shared.pause_clients(end, all)
    }

    fn unpause_clients(&self) {
        self.shared.unpause_clients();
    }

    fn other_clients(&self, own: u64, visit: &mut dyn FnMut(&Session)) {
        self.shared.other_clients(own, visit);
    }

    fn kill_clients(&self, own: u64, doomed: &dyn Fn(&Session) -> bool) -> usize {
        self.shared.kill_clients(own, doomed)
    }

    fn unblock_client(&self, id: u64, with_error: bool) -> bool {
        self.shared.unblock_client(id, with_error)
    }

    fn tracks(&self) -> bool {
        self.shared.tracks()
    }

    fn track(&self, session: &Session) {
        self.shared.track(session);
    }

    fn has_client(&self, id: u64) -> bool {
        self.shared.has_client(id)
    }

    fn has_lost_redirection(&self, id: u64) -> bool {
        self.shared.has_lost_redirection(id)
    }
}
