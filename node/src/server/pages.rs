//! The node's admin pages: `/healthz`, `/readyz`, `/metrics`.

use std::sync::Arc;

use ringmaster_runtime::admin::{Admin, Page};
use ringmaster_runtime::metrics::CONTENT_TYPE;

use super::metrics;
use super::shared::Shared;

/// The pages over a node's figures.
pub(crate) struct Pages(pub(crate) Arc<Shared>);

impl Admin for Pages {
    fn page(&self, path: &str) -> Option<Page> {
        match path {
            "/healthz" => Some(Page::text(200, "ok\n")),
            "/readyz" => Some(self.ready()),
            "/metrics" => {
                Some(Page { status: 200, content_type: CONTENT_TYPE, body: metrics::page(&self.0) })
            }
            _ => None,
        }
    }
}

impl Pages {
    fn ready(&self) -> Page {
        if self.0.attention.look().is_loading() {
            return Page::text(503, "the log is being read\n");
        }
        if let Some(refusal) = self.0.keeping.log().and_then(|log| log.refusal()) {
            return Page::text(503, format!("the log cannot be written: {}\n", refusal.reason));
        }
        if self.0.is_full() {
            return Page::text(503, "memory is above maxmemory: writes that need memory are refused\n");
        }
        Page::text(200, "ready\n")
    }
}
