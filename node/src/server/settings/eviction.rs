//! Settings of the bound of memory and of eviction.

use std::sync::atomic::Ordering;

use super::Row;
use super::parse;
use crate::server::shared::Shared;
use crate::store::eviction::Policy;

/// Most entries that are looked at for each key that goes; Redis allows more, which serves nobody.
const SAMPLES_MAX: i64 = 64;

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        name: "maxmemory",
        read: |shared| shared.maxmemory.load(Ordering::Relaxed).to_string(),
        prepare: Some(|_, value| {
            let bytes = parse::memory(value, 0..=i64::MAX)?;
            Ok(Box::new(move |shared| shared.set_maxmemory(bytes)))
        }),
    },
    Row {
        name: "maxmemory-policy",
        read: |shared| shared.engine.store().replacement().policy().name().to_owned(),
        prepare: Some(|_, value| {
            let policy = Policy::ALL[parse::word(value, &Policy::ALL.map(Policy::name))?];
            Ok(Box::new(move |shared| shared.engine.store().replacement().set_policy(policy)))
        }),
    },
    Row {
        name: "maxmemory-samples",
        read: |shared| shared.eviction_samples.load(Ordering::Relaxed).to_string(),
        prepare: Some(|_, value| {
            let samples = parse::integer(value, 1..=i64::from(i32::MAX))?.min(SAMPLES_MAX);
            let samples = usize::try_from(samples).unwrap_or(1);
            Ok(Box::new(move |shared| shared.eviction_samples.store(samples, Ordering::Relaxed)))
        }),
    },
    Row {
        name: "lfu-log-factor",
        read: |shared| shared.engine.store().replacement().lfu().0.to_string(),
        prepare: Some(|_, value| {
            let factor = sixteen_bits(parse::integer(value, 0..=i64::from(i32::MAX))?);
            Ok(Box::new(move |shared| set_lfu(shared, |(_, decay)| (factor, decay))))
        }),
    },
    Row {
        name: "lfu-decay-time",
        read: |shared| shared.engine.store().replacement().lfu().1.to_string(),
        prepare: Some(|_, value| {
            let minutes = sixteen_bits(parse::integer(value, 0..=i64::from(i32::MAX))?);
            Ok(Box::new(move |shared| set_lfu(shared, |(factor, _)| (factor, minutes))))
        }),
    },
];

fn set_lfu(shared: &Shared, change: impl Fn((u16, u16)) -> (u16, u16)) {
    let replacement = shared.engine.store().replacement();
    let (log_factor, decay_minutes) = change(replacement.lfu());
    replacement.set_lfu(log_factor, decay_minutes);
}

/// What is more makes no difference that lives to be seen.
fn sixteen_bits(number: i64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
