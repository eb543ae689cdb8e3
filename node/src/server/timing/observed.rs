//! The node's times as `SLOWLOG`, `LATENCY` and `INFO` show them.

use std::time::Duration;

use ringmaster_protocol::command::{Spec, all};
use ringmaster_protocol::session::info::{CommandFigures, Section};
use ringmaster_protocol::session::{CommandLatencies, LatencyEvent, Observations, SlowCall};

use super::histogram;
use super::settings::percent;
use crate::server::counters::CommandTotals;
use crate::server::shared::Shared;

impl Observations for Shared {
    fn slow_calls(&self, most: usize) -> Vec<SlowCall> {
        self.timing.slow_log.newest(most)
    }

    fn slow_calls_len(&self) -> usize {
        self.timing.slow_log.len()
    }

    fn forget_slow_calls(&self) {
        self.timing.slow_log.clear();
    }

    fn slow_threshold(&self) -> Option<Duration> {
        self.timing.slow_log.threshold()
    }

    fn latency_events(&self) -> Vec<LatencyEvent> {
        self.timing.events.all()
    }

    fn forget_latency_events(&self, names: &mut dyn ExactSizeIterator<Item = &[u8]>) -> usize {
        self.timing.events.forget(names)
    }

    fn latency_threshold_millis(&self) -> u64 {
        self.timing.events.threshold_millis()
    }

    fn latencies(&self) -> Vec<CommandLatencies> {
        let latencies = used(self).map(|(spec, totals)| CommandLatencies {
            name: spec.name,
            calls: totals.latencies.iter().sum(),
            counts: histogram::by_powers_of_two(&totals.latencies),
        });
        latencies.filter(|latencies| latencies.calls > 0).collect()
    }
}

/// The commands that came at all, and their totals.
fn used(shared: &Shared) -> impl Iterator<Item = (&'static Spec, CommandTotals)> {
    all().iter().zip(shared.command_totals()).filter(|(_, totals)| totals.is_used())
}

/// The figures of the commands that came at all.
pub(crate) fn command_figures(shared: &Shared) -> Vec<CommandFigures> {
    let wanted = if shared.timing.tracks() { shared.timing.percentiles() } else { Vec::new() };
    let figures = |(spec, totals): (&'static Spec, CommandTotals)| {
        let timed = totals.latencies.iter().any(|count| *count > 0);
        let of = |percentile: &f64| {
            let nanos = histogram::percentile(&totals.latencies, *percentile);
            (percent(*percentile), Duration::from_nanos(nanos))
        };
        CommandFigures {
            name: spec.name,
            calls: totals.calls,
            micros: totals.micros(),
            rejected: totals.rejected,
            failed: totals.failed,
            percentiles: if timed { wanted.iter().map(of).collect() } else { Vec::new() },
        }
    };
    used(shared).map(figures).collect()
}

/// What only this node tells of its times, and of what more memory would bring.
pub(crate) fn extra(shared: &Shared) -> Vec<(Section, &'static str, String)> {
    let timing = &shared.timing;
    let line = |name, value: u64| (Section::Ringmaster, name, value.to_string());
    let mut lines = vec![
        line("longest_turn_usec", timing.longest.turn.micros()),
        line("longest_turn_cpu_usec", timing.longest.turn_cpu.micros()),
        line("longest_slot_hold_cpu_usec", shared.engine.store().longest_hold_nanos() / 1000),
        line("exact_timing", u64::from(timing.is_exact())),
    ];
    // Known once memory has been half full; see `store::eviction::curve`.
    if let Some(misses) = shared.engine.store().replacement().misses() {
        let percent = |name, value: f64| (Section::Ringmaster, name, format!("{value:.1}"));
        lines.extend([
            percent("miss_percent", misses.same),
            percent("miss_percent_with_half_the_memory", misses.half),
            percent("miss_percent_with_twice_the_memory", misses.twice),
            percent("miss_percent_with_four_times_the_memory", misses.four_times),
        ]);
    }
    lines
}
