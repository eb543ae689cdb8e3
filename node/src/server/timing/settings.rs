//! The settings of the slow log, of latency events and of latencies.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::server::settings::{Change, Row, parse};
use crate::server::shared::Shared;

/// The rows.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "latency-monitor-threshold",
        read: |shared| shared.timing.events.threshold_millis().to_string(),
        prepare: Some(|_, value| {
            let millis = parse::natural(value, i64::MAX.unsigned_abs())?;
            Ok(Box::new(move |shared| {
                shared.timing.events.set_threshold_millis(millis);
                shared.timing.thresholds_changed();
                shared.engine.store().watch_holds(shared.timing.is_exact());
            }))
        }),
    },
    Row {
        name: "latency-tracking",
        read: |shared| parse::yes_no(shared.timing.tracks()),
        prepare: Some(|_, value| {
            let on = parse::yes_or_no(value)?;
            Ok(Box::new(move |shared| shared.timing.tracking.store(on, Ordering::Relaxed)))
        }),
    },
    Row {
        name: "latency-tracking-info-percentiles",
        read: |shared| {
            let shown = shared.timing.percentiles();
            shown.into_iter().map(percent).collect::<Vec<_>>().join(" ")
        },
        prepare: Some(|_, value| set_percentiles(value)),
    },
    Row {
        name: "slowlog-log-slower-than",
        read: |shared| shared.timing.slow_log.threshold_micros().to_string(),
        prepare: Some(|_, value| {
            let micros = parse::integer(value, -1..=i64::MAX)?;
            Ok(Box::new(move |shared| {
                shared.timing.slow_log.set_threshold_micros(micros);
                shared.timing.thresholds_changed();
            }))
        }),
    },
    Row {
        name: "slowlog-max-len",
        read: |shared: &Shared| shared.timing.slow_log.len_max().to_string(),
        prepare: Some(|_, value| {
            let len = parse::natural(value, i64::MAX.unsigned_abs())?;
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            Ok(Box::new(move |shared| shared.timing.slow_log.set_len_max(len)))
        }),
    },
];

fn set_percentiles(value: &[u8]) -> Result<Change, String> {
    let wrong = || "Invalid latency-tracking-info-percentiles parameters".to_owned();
    let mut percentiles = Vec::new();
    for word in std::str::from_utf8(value).map_err(|_| wrong())?.split_ascii_whitespace() {
        let percent: f64 = word.parse().ok().filter(|percent: &f64| !percent.is_nan()).ok_or_else(wrong)?;
        if !(0.0..=100.0).contains(&percent) {
            let range = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
            return Err(range.to_owned());
        }
        percentiles.push(percent);
    }
    Ok(Box::new(move |shared| {
        *shared.timing.percentiles.lock().unwrap_or_else(PoisonError::into_inner) = percentiles;
    }))
}

/// A percentile as Redis prints it: at most six digits after the point, without zeros at the end.
pub(crate) fn percent(value: f64) -> String {
    format!("{value:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
}
