//! Settings of scripts.

use super::Row;
use super::parse;
use crate::server::shared::Shared;

const fn threshold(name: &'static str) -> Row {
    Row {
        name,
        read: |shared: &Shared| shared.scripts.threshold_millis().to_string(),
        prepare: Some(|_, value| {
            let millis = parse::integer(value, 0..=i64::MAX)?.unsigned_abs();
            Ok(Box::new(move |shared: &Shared| shared.scripts.set_threshold_millis(millis)))
        }),
    }
}

/// The rows: one setting under its new and its old name.
pub(super) const ROWS: &[Row] = &[threshold("busy-reply-threshold"), threshold("lua-time-limit")];
