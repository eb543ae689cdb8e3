//! The figures of a round, and medians over rounds.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::super::{options::Plan, window::Window};

/// Figures of one round. Times in microseconds.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figures {
    pub(super) ops_per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p90_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
    pub(super) max_us: f64,
    pub(super) mean_us: f64,
    /// CPU time of the server's process for one operation.
    pub(super) server_cpu_us_per_op: Option<f64>,
    /// CPU time of the generator for one operation.
    pub(super) generator_cpu_us_per_op: f64,
    /// Share of its time that a generating thread was on a CPU, 0..=1.
    pub(super) generator_busy: f64,
    /// How late the generator itself was, 0 in a closed loop.
    pub(super) lateness_p99_us: f64,
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) unanswered: u64,
}

/// How much more a target took than the first one, in microseconds.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Difference {
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
impl Figures {
    /// Of `window`, which was measured as `plan` says.
    pub(super) fn of(plan: &Plan, window: &Window) -> Figures {
        let tally = &window.tally;
        let at = |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        let seconds = plan.duration.as_secs_f64();
        let completed = (tally.completed as f64).max(1.0);
        Figures {
            ops_per_second: tally.completed as f64 / seconds,
            p50_us: at(&tally.latency, 0.5),
            p90_us: at(&tally.latency, 0.9),
            p99_us: at(&tally.latency, 0.99),
            p999_us: at(&tally.latency, 0.999),
            max_us: tally.latency.max() as f64 / 1e3,
            mean_us: tally.latency.mean() / 1e3,
            server_cpu_us_per_op: window.server_cpu.map(|cpu| cpu as f64 / 1e3 / completed),
            generator_cpu_us_per_op: tally.cpu as f64 / 1e3 / completed,
            generator_busy: tally.cpu as f64 / 1e9 / seconds / plan.threads as f64,
            lateness_p99_us: at(&tally.lateness, 0.99),
            requests: tally.latency.len(),
            errors: tally.errors,
            unanswered: tally.unanswered,
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { ops_per_second, p50_us, p99_us, p999_us, max_us, .. } = self;
        write!(f, "{ops_per_second:.0} ops/s, latency us p50 {p50_us:.1} p99 {p99_us:.1} ")?;
        write!(f, "p99.9 {p999_us:.1} max {max_us:.1}")?;
        if let Some(cpu) = self.server_cpu_us_per_op {
            write!(f, ", server {cpu:.3} us/op")?;
        }
        let (cpu, busy) = (self.generator_cpu_us_per_op, self.generator_busy * 100.0);
        write!(f, ", generator {cpu:.3} us/op, busy {busy:.0} %")?;
        match (self.errors, self.unanswered) {
            (0, 0) => Ok(()),
            (errors, unanswered) => write!(f, ", {errors} errors, {unanswered} unanswered"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { p50_us, p99_us, p999_us } = self;
        write!(f, "latency us p50 {p50_us:+.1} p99 {p99_us:+.1} p99.9 {p999_us:+.1}")
    }
}

/// The middle value, of an even number the mean of both; 0 of none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

/// Of each figure the median by itself; counts are sums.
pub(super) fn median_figures(rounds: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| median(rounds.iter().map(figure));
    let sum = |count: fn(&Figures) -> u64| rounds.iter().map(count).sum();
    let server: Vec<f64> = rounds.iter().filter_map(|round| round.server_cpu_us_per_op).collect();
    Figures {
        ops_per_second: of(|figures| figures.ops_per_second),
        p50_us: of(|figures| figures.p50_us),
        p90_us: of(|figures| figures.p90_us),
        p99_us: of(|figures| figures.p99_us),
        p999_us: of(|figures| figures.p999_us),
        max_us: of(|figures| figures.max_us),
        mean_us: of(|figures| figures.mean_us),
        server_cpu_us_per_op: (!server.is_empty()).then(|| median(server.into_iter())),
        generator_cpu_us_per_op: of(|figures| figures.generator_cpu_us_per_op),
        generator_busy: of(|figures| figures.generator_busy),
        lateness_p99_us: of(|figures| figures.lateness_p99_us),
        requests: sum(|figures| figures.requests),
        errors: sum(|figures| figures.errors),
        unanswered: sum(|figures| figures.unanswered),
    }
}

/// The medians of `rounds` minus `base`, round by round: what drifts over the run falls out.
pub(super) fn median_difference(rounds: &[Figures], base: &[Figures]) -> Difference {
    let of = |figure: fn(&Figures) -> f64| {
        median(rounds.iter().zip(base).map(|(round, base)| figure(round) - figure(base)))
    };
    Difference {
        p50_us: of(|figures| figures.p50_us),
        p99_us: of(|figures| figures.p99_us),
        p999_us: of(|figures| figures.p999_us),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(p99_us: f64) -> Figures {
        Figures { p99_us, requests: 1, ..median_figures(&[]) }
    }

    #[test]
    fn a_median_is_the_middle_or_the_mean_of_both_middles() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
    }

    #[test]
    fn differences_are_taken_within_rounds() {
        // The machine became slower from round to round; B is 1 us above A in each.
        let a = [figures(10.0), figures(20.0), figures(30.0)];
        let b = [figures(11.0), figures(21.0), figures(31.0)];
        assert_eq!(median_difference(&b, &a).p99_us, 1.0);
        assert_eq!(median_figures(&a).p99_us, 20.0);
        assert_eq!(median_figures(&a).requests, 3);
    }

    #[test]
    fn a_round_reads_as_one_line() {
        let figures = Figures { ops_per_second: 1000.4, server_cpu_us_per_op: Some(1.5), ..figures(12.34) };
        assert_eq!(
            figures.to_string(),
            "1000 ops/s, latency us p50 0.0 p99 12.3 p99.9 0.0 max 0.0, server 1.500 us/op, \
             generator 0.000 us/op, busy 0 %"
        );
    }
}
