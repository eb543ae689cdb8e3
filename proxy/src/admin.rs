//! The admin port: is the proxy alive, can it serve, and what has it counted.

mod asking;
mod config;
mod dashboard;
mod hot_keys;
mod metrics;
mod readiness;
mod status;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ringmaster_runtime::admin::{Admin, Heap, Page, Program, Readiness};
use ringmaster_runtime::metrics::CONTENT_TYPE;
use ringmaster_runtime::traces::Traces;

pub use metrics::families as metric_families;

use crate::shared::Shared;

/// The pages of a proxy.
pub(crate) struct Pages {
    shared: Arc<Shared>,
    status: status::StatusPages,
}

impl Admin for Pages {
    fn page(&self, path: &str) -> Option<Page> {
        match path {
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

    fn tier(&self) -> &'static str {
        "proxy"
    }

    fn heap(&self) -> Heap {
        Heap { allocator: "of the system", has_profile: false, figures: Vec::new() }
    }

    fn is_profiled(&self) -> bool {
        self.shared.config.profiling
    }

    fn traces(&self) -> Option<&Arc<Traces>> {
        self.shared.traces.as_ref()
    }

    fn readiness(&self) -> Readiness {
        readiness::of(&self.shared)
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
}
