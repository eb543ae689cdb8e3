//! What became of spans of commands that were traced; nothing without tracing.

use ringmaster_runtime::metrics::{Family, Kind, Samples};
use ringmaster_runtime::traces::Figures;

use super::{Scrape, plain};

fn count(scrape: &Scrape, figure: fn(&Figures) -> u64, samples: &mut Samples<'_>) {
    if let Some(traces) = &scrape.shared.traces {
        samples.value(figure(traces.figures()));
    }
}

pub(super) static FAMILIES: [Family<Scrape>; 3] = [
    plain(
        "ringmaster_node_spans_exported_total",
        Kind::Counter,
        "Spans of traced commands that the collector took; nothing without `tracing`.",
        |scrape, samples| count(scrape, Figures::exported, samples),
    ),
    plain(
        "ringmaster_node_spans_dropped_total",
        Kind::Counter,
        "Spans for which the queue had no room.",
        |scrape, samples| count(scrape, Figures::dropped, samples),
    ),
    plain(
        "ringmaster_node_spans_failed_total",
        Kind::Counter,
        "Spans that the collector did not take: it is away, hangs, or refused them.",
        |scrape, samples| count(scrape, Figures::failed, samples),
    ),
];
