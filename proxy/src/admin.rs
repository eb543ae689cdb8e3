//! The admin port: is the proxy alive, can it serve, and what has it counted.

mod asking;
mod config;
mod dashboard;
mod hot_keys;
mod metrics;
mod status;

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ringmaster_runtime::admin::{Admin, Page, Program};
use ringmaster_runtime::metrics::CONTENT_TYPE;

pub use metrics::families as metric_families;

use crate::clock;
use crate::shared::Shared;

/// The pages of a proxy.
pub(crate) struct Pages {
    shared: Arc<Shared>,
    status: status::StatusPages,
}

impl Admin for Pages {
    fn page(&self, path: &str) -> Option<Page> {
        match path {
            "/healthz" => Some(Page::text(200, "alive\n")),
            "/readyz" => Some(self.ready()),
            "/hotkeys" => Some(Page::text(200, hot_keys::render(&self.shared))),
            "/status.json" => Some(json(self.status.whole(&self.shared))),
            "/slots.json" => Some(json(self.status.slots(&self.shared))),
            "/config" => Some(Page::text(200, config::render(&self.shared))),
            "/metrics" => {
                Some(Page { status: 200, content_type: CONTENT_TYPE, body: metrics::page(&self.shared) })
            }
            _ => None,
        }
    }

    fn before(&self, path: &str) -> Option<Pin<Box<dyn Future<Output = ()> + '_>>> {
        (path == "/status.json").then(|| Box::pin(self.status.ask_nodes(&self.shared)) as Pin<Box<_>>)
    }

    fn program(&self) -> Option<Program> {
        Some(dashboard::program())
    }
}

fn json(body: String) -> Page {
    Page { status: 200, content_type: "application/json", body }
}

impl Pages {
    /// Those of `shared`.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, status: status::StatusPages::default() }
    }

    /// Ready while at least one node is reached: a proxy that still serves some slots is better than none. The page
    /// names every node that is not reached, and why.
    fn ready(&self) -> Page {
        let (mut reached, mut body) = (false, String::new());
        for node in self.shared.nodes.all() {
            let state = node.reached();
            reached |= state.is_ok();
            let state =
                state.map_or_else(|reason| format!("not reached: {reason}"), |()| "reached".to_owned());
            // Writing to a String cannot fail.
            let _ = writeln!(body, "{node}: {state}");
        }
        let status = self.shared.control.status();
        for problem in &status.problems {
            let node = problem.node.as_ref().map(|node| format!("node '{node}' ")).unwrap_or_default();
            let _ = writeln!(body, "{node}{}", problem.text);
        }
        if let Some(published) = self.shared.published() {
            // Without a lease nothing is answered.
            let lease = published.lease();
            let is_held = clock::now() < lease.until;
            let _ = writeln!(
                body,
                "view {}: {}",
                lease.epoch,
                if is_held { "confirmed" } else { "not confirmed" }
            );
            if status.is_at_fault {
                body.push_str("this proxy does not reach a node that the other proxies reach\n");
            }
            reached &= is_held && !status.is_at_fault;
        }
        let (status, verdict) = if reached { (200, "ready") } else { (503, "not ready") };
        Page::text(status, format!("{verdict}\n{body}"))
    }
}
