//! The admin port: is the proxy alive, can it serve, and what has it counted.

mod metrics;

use std::fmt::Write as _;
use std::sync::Arc;

use ringmaster_runtime::admin::{Admin, Page};

use crate::shared::Shared;

/// The pages of a proxy.
pub(crate) struct Pages {
    pub(crate) shared: Arc<Shared>,
}

impl Admin for Pages {
    fn page(&self, path: &str) -> Option<Page> {
        match path {
            "/healthz" => Some(Page::text(200, "alive\n")),
            "/readyz" => Some(self.ready()),
            "/metrics" => Some(Page {
                status: 200,
                content_type: "text/plain; version=0.0.4; charset=utf-8",
                body: metrics::render(&self.shared),
            }),
            _ => None,
        }
    }
}

impl Pages {
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
        let (status, verdict) = if reached { (200, "ready") } else { (503, "not ready: no node is reached") };
        Page::text(status, format!("{verdict}\n{body}"))
    }
}
