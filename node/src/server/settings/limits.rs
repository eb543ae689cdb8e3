//! Settings that bound clients.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Row;
use super::parse;
use crate::config::Config;

/// The shortest that the longest argument may be, in bytes, and the longest.
const BULK_BYTES: std::ops::RangeInclusive<i64> = 1 << 20..=512 << 20;

/// The shortest that the longest request may be, in bytes, and the longest.
const REQUEST_BYTES: std::ops::RangeInclusive<i64> = 1 << 20..=2 << 30;

/// Bounds of a client, which `CONFIG SET` changes.
#[derive(Debug)]
pub(crate) struct ClientLimits {
    /// A client that sends nothing for so many seconds is closed; 0 is never.
    pub(crate) idle_seconds: AtomicU64,
    /// Longest argument in bytes.
    pub(crate) bulk_bytes_max: AtomicUsize,
    /// Longest request in bytes.
    pub(crate) request_bytes_max: AtomicUsize,
}

impl ClientLimits {
    /// Those of the start.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            idle_seconds: AtomicU64::new(config.client_idle.map_or(0, |idle| idle.as_secs().max(1))),
            bulk_bytes_max: AtomicUsize::new(512 << 20),
            request_bytes_max: AtomicUsize::new(config.request_bytes_max),
        }
    }
}

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        name: "client-query-buffer-limit",
        read: |shared| shared.limits.request_bytes_max.load(Ordering::Relaxed).to_string(),
        prepare: Some(|_, value| {
            let bytes = to_usize(parse::memory(value, REQUEST_BYTES)?);
            Ok(Box::new(move |shared| shared.limits.request_bytes_max.store(bytes, Ordering::Relaxed)))
        }),
    },
    Row {
        name: "maxclients",
        read: |shared| shared.admission.max().to_string(),
        prepare: Some(|_, value| {
            let max = to_usize(parse::integer(value, 1..=0xffff_ffff)?.unsigned_abs());
            Ok(Box::new(move |shared| shared.admission.set_max(max)))
        }),
    },
    Row {
        name: "proto-max-bulk-len",
        read: |shared| shared.limits.bulk_bytes_max.load(Ordering::Relaxed).to_string(),
        prepare: Some(|_, value| {
            let bytes = to_usize(parse::memory(value, BULK_BYTES)?);
            Ok(Box::new(move |shared| shared.limits.bulk_bytes_max.store(bytes, Ordering::Relaxed)))
        }),
    },
    Row {
        name: "timeout",
        read: |shared| shared.limits.idle_seconds.load(Ordering::Relaxed).to_string(),
        prepare: Some(|_, value| {
            let seconds = parse::natural(value, 0x7fff_ffff)?;
            Ok(Box::new(move |shared| shared.limits.idle_seconds.store(seconds, Ordering::Relaxed)))
        }),
    },
];

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
