//! Settings of snapshots, by the names that Redis has for rewriting its append-only file: the same trade.

use std::sync::atomic::Ordering;

use super::Row;
use super::parse;

/// The least growth of the log that may be asked for, in bytes, and the greatest.
const GROWTH_BYTES: std::ops::RangeInclusive<i64> = 0..=i64::MAX;

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        name: "auto-aof-rewrite-min-size",
        read: |shared| shared.keeping.snapshots.growth_bytes_min.load(Ordering::Relaxed).to_string(),
        prepare: Some(|_, value| {
            let bytes = parse::memory(value, GROWTH_BYTES)?;
            Ok(Box::new(move |shared| {
                shared.keeping.snapshots.growth_bytes_min.store(bytes, Ordering::Relaxed);
            }))
        }),
    },
    Row {
        name: "auto-aof-rewrite-percentage",
        read: |shared| shared.keeping.snapshots.growth_percent.load(Ordering::Relaxed).to_string(),
        prepare: Some(|_, value| {
            let percent = parse::natural(value, 0x7fff_ffff)?;
            Ok(Box::new(move |shared| {
                shared.keeping.snapshots.growth_percent.store(percent, Ordering::Relaxed);
            }))
        }),
    },
];
