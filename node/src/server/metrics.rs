//! What a node counts, for Prometheus: the tables of its families, in parts.
//!
//! The counters never fall while the process lives, also not by `CONFIG RESETSTAT`, which is INFO's.

mod cluster;
mod log;
mod store;
mod traces;
mod traffic;

use std::sync::Arc;

use ringmaster_protocol::session::info::MemoryParts;
use ringmaster_runtime::metrics::process::{self, Process};
use ringmaster_runtime::metrics::{Description, Family, Kind, build, describe, render};

use super::counters::{CommandTotals, Totals, sum_of_commands};
use super::shared::Shared;

/// What one page is made of: figures that several families need are read once.
struct Scrape {
    shared: Arc<Shared>,
    totals: Totals,
    /// By the commands' ids.
    commands: Vec<CommandTotals>,
    parts: MemoryParts,
}

/// The families of a node itself.
const PARTS: [&[Family<Scrape>]; 6] =
    [&BUILD, &traffic::FAMILIES, &store::FAMILIES, &log::FAMILIES, &cluster::FAMILIES, &traces::FAMILIES];

static BUILD: [Family<Scrape>; 1] =
    [build::family("ringmaster_node_build_info", |_, samples| build::sample(samples))];

/// A family without labels and with one sample.
const fn plain(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    collect: fn(&Scrape, &mut ringmaster_runtime::metrics::Samples<'_>),
) -> Family<Scrape> {
    Family { name, kind, labels: &[], help, collect }
}

/// The families of a node's page, in its order.
#[must_use]
pub fn families() -> Vec<Description> {
    PARTS.into_iter().flat_map(describe).chain(describe(&process::FAMILIES)).collect()
}

/// The page of a node's figures.
pub(super) fn page(shared: &Arc<Shared>) -> String {
    shared.memory.look();
    shared.memory.look_at_kernel();
    let scrape = Scrape {
        shared: Arc::clone(shared),
        totals: Totals::of(&shared.counters),
        commands: sum_of_commands(&shared.counters),
        parts: shared.memory_parts(),
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
