//! The node's admin pages: what `/readyz` looks at, and `/metrics`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringmaster_runtime::admin::{Admin, Heap, Outcome, Page, Readiness};
use ringmaster_runtime::metrics::CONTENT_TYPE;
use ringmaster_runtime::traces::Traces;

use super::shared::Shared;
use super::{allocator, metrics};
use crate::cluster::member::boot_time;

/// How long proxies may say nothing to a member before somebody should look.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// The pages over a node's figures.
pub(crate) struct Pages(pub(crate) Arc<Shared>);

impl Admin for Pages {
    fn page(&self, path: &str) -> Option<Page> {
        match path {
            "/metrics" => {
                Some(Page { status: 200, content_type: CONTENT_TYPE, body: metrics::page(&self.0) })
            }
            _ => None,
        }
    }

    fn tier(&self) -> &'static str {
        "node"
    }

    fn heap(&self) -> Heap {
        let parts = self.0.memory_parts();
        self.0.memory.look();
        let (used, startup) = (self.0.memory.used_bytes(), self.0.memory.startup_bytes());
        let keys_and_values = used.saturating_sub(startup + parts.sum());
        let mut figures = allocator::figures().unwrap_or_default();
        figures.extend([
            ("used_bytes", used),
            ("used_startup_bytes", startup),
            ("keys", self.0.engine.store().census().iter().map(|count| count.keys).sum()),
            ("keys_and_values_bytes", keys_and_values),
            ("tables_bytes", parts.tables),
            ("clients_bytes", parts.clients),
            ("eviction_bytes", parts.eviction),
            ("tracking_bytes", parts.tracking),
            ("script_machines_bytes", parts.machines),
            ("scripts_bytes", parts.scripts),
        ]);
        Heap { allocator: "jemalloc", has_profile: allocator::has_profile(), figures }
    }

    fn is_profiled(&self) -> bool {
        self.0.config.profiling
    }

    fn traces(&self) -> Option<&Arc<Traces>> {
        self.0.traces.as_ref()
    }

    fn readiness(&self) -> Readiness {
        let mut checks = Readiness::default();
        let shared = &self.0;
        self.check_log(&mut checks);
        if shared.is_full() {
            let why = "above maxmemory: writes that need memory are refused";
            checks.add("memory", Outcome::Fail, why);
        } else {
            let (used, max) = (shared.memory.used_bytes(), shared.maxmemory.load(Ordering::Relaxed));
            checks.add("memory", Outcome::Ok, format!("{used} of {max} bytes are used"));
        }
        let secret =
            if shared.config.secret.is_some() { "proxies must know it" } else { "none is asked for" };
        checks.add("secret", Outcome::Ok, secret);
        self.check_standing(&mut checks);
        checks
    }
}

impl Pages {
    /// Whether what is kept is read, and can be written.
    fn check_log(&self, checks: &mut Readiness) {
        let keeping = &self.0.keeping;
        if self.0.attention.look().is_loading() {
            let percent = f64::from(keeping.progress().thousandths()) / 10.0;
            return checks.add("loading", Outcome::Fail, format!("the log is being read, {percent} %"));
        }
        checks.add("loading", Outcome::Ok, "all that is kept is read");
        match keeping.log().map(|log| log.refusal()) {
            None => checks.add("disk", Outcome::Ok, "nothing is kept"),
            Some(None) => checks.add("disk", Outcome::Ok, "the log is written"),
            Some(Some(refusal)) => {
                let why = format!("the log cannot be written: {}", refusal.reason);
                checks.add("disk", Outcome::Fail, why);
            }
        }
        if let Some(why) = keeping.log().and_then(|_| keeping.snapshots.failure()) {
            checks.add("snapshot", Outcome::Warn, format!("the last one failed: {why}"));
        }
    }

    /// How the node stands in its cluster. It serves whatever that is.
    fn check_standing(&self, checks: &mut Readiness) {
        let member = &self.0.member;
        let Some(view) = member.view() else {
            return checks.add("cluster", Outcome::Ok, "member of none");
        };
        let silence = member.silence(boot_time());
        let epoch = view.epoch();
        match () {
            () if member.is_leaving() => {
                checks.add("cluster", Outcome::Warn, format!("view {epoch}, is about to stop"));
            }
            () if silence > SILENCE_MAX => {
                let why = format!("view {epoch}, no proxy has asked for {} s", silence.as_secs());
                checks.add("cluster", Outcome::Warn, why);
            }
            () => checks.add("cluster", Outcome::Ok, format!("view {epoch}")),
        }
    }
}
