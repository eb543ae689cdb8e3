//! Settings of what the node tells on its own: keyspace events, changes of what clients keep.

use super::{Row, parse};
use crate::store::event::Wanted;

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        name: "notify-keyspace-events",
        read: |shared| shared.engine.store().events().wanted().to_string(),
        prepare: Some(|_, value| {
            let wrong = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
            let wanted = Wanted::parse(value).ok_or(wrong)?;
            Ok(Box::new(move |shared| shared.engine.store().events().want(wanted)))
        }),
    },
    Row {
        name: "tracking-table-max-keys",
        read: |shared| shared.engine.tracking().keys_max().to_string(),
        prepare: Some(|_, value| {
            let max = usize::try_from(parse::integer(value, 0..=i64::MAX)?).unwrap_or(usize::MAX);
            Ok(Box::new(move |shared| shared.engine.tracking().set_keys_max(max)))
        }),
    },
];
