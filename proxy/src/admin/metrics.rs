//! What a proxy counts, for Prometheus: the tables of its families, in parts.

mod cluster;
mod nodes;
mod traces;
mod traffic;

use std::sync::Arc;

use ringmaster_protocol::view::View;
use ringmaster_runtime::metrics::process::{self, Process};
use ringmaster_runtime::metrics::{Description, Family, Kind, Samples, build, describe, render};

use crate::cluster::controller::Status;
use crate::hot_keys::HotKey;
use crate::shared::Shared;

/// What one page is made of: figures that several families need are read once.
struct Scrape {
    shared: Arc<Shared>,
    /// How things stand; `None` while cluster.yaml alone says where slots are.
    status: Option<Arc<Status>>,
    view: Option<Arc<View>>,
    nodes: Vec<nodes::Node>,
    hottest: Option<HotKey>,
}

/// The families of a proxy itself.
const PARTS: [&[Family<Scrape>]; 5] =
    [&BUILD, &traffic::FAMILIES, &nodes::FAMILIES, &cluster::FAMILIES, &traces::FAMILIES];

static BUILD: [Family<Scrape>; 1] =
    [build::family("ringmaster_proxy_build_info", |_, samples| build::sample(samples))];

/// A family without labels and with one sample.
const fn plain(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    collect: fn(&Scrape, &mut Samples<'_>),
) -> Family<Scrape> {
    Family { name, kind, labels: &[], help, collect }
}

/// The families of a proxy's page, in its order.
#[must_use]
pub fn families() -> Vec<Description> {
    PARTS.into_iter().flat_map(describe).chain(describe(&process::FAMILIES)).collect()
}

/// The page of a proxy's figures.
pub(super) fn page(shared: &Arc<Shared>) -> String {
    let published = shared.published();
    let scrape = Scrape {
        shared: Arc::clone(shared),
        status: published.map(|published| published.status()),
        view: published.and_then(|published| published.view()),
        nodes: nodes::all(shared),
        hottest: shared.hot_keys.hottest().into_iter().next(),
    };
    let mut page = String::with_capacity(32 << 10);
    PARTS.into_iter().for_each(|part| render(part, &scrape, &mut page));
    render(&process::FAMILIES, &Process::look(), &mut page);
    page
}

#[cfg(test)]
mod tests {
    use ringmaster_runtime::metrics::faults;

    use super::*;

    #[test]
    fn the_tables_keep_to_the_conventions() {
        assert_eq!(faults(&families()), [""; 0]);
    }
}
