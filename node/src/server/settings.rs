//! The settings that `CONFIG GET` shows and `CONFIG SET` changes: rows of a table.
//!
//! A change comes in two steps: [`Row::prepare`] checks a value and says what is to be done, and only when all values
//! of a `CONFIG SET` are right, all of it is done. So a wrong value changes nothing. Names, ranges and error texts
//! are Redis's.

mod accepted;
mod events;
mod eviction;
mod fixed;
mod limits;
mod output;
pub(crate) mod parse;
mod scripts;
mod snapshots;

pub(crate) use accepted::Accepted;
pub(crate) use limits::ClientLimits;

use ringmaster_protocol::session::{ChangeError, Setting};

use super::shared::Shared;
use super::timing;

/// What a right value does. It cannot fail.
pub(crate) type Change = Box<dyn FnOnce(&Shared)>;

/// Checks a value and says what is to be done.
pub(crate) type Prepare = fn(&Shared, &[u8]) -> Result<Change, String>;

/// One setting.
pub(crate) struct Row {
    /// Redis's name, in lower case.
    pub(crate) name: &'static str,
    /// Its value now, as Redis prints such a value.
    pub(crate) read: fn(&Shared) -> String,
    /// Checks a value; an error is the reason in Redis's words. `None`: it cannot be changed while the node runs.
    pub(crate) prepare: Option<Prepare>,
}

/// The rows of all parts. A part with settings of its own adds its list.
const FAMILIES: [&[Row]; 9] = [
    accepted::ROWS,
    events::ROWS,
    eviction::ROWS,
    fixed::ROWS,
    limits::ROWS,
    output::ROWS,
    timing::ROWS,
    scripts::ROWS,
    snapshots::ROWS,
];

fn rows() -> impl Iterator<Item = &'static Row> {
    FAMILIES.into_iter().flatten()
}

/// All settings, by name.
pub(crate) fn all(shared: &Shared) -> Vec<Setting> {
    let setting =
        |row: &Row| Setting { name: row.name, value: (row.read)(shared), changeable: row.prepare.is_some() };
    let mut all: Vec<Setting> = rows().map(setting).collect();
    all.sort_unstable_by_key(|setting| setting.name);
    all
}

/// Takes over all of `changes`, or nothing.
pub(crate) fn change(shared: &Shared, changes: &[(&'static str, &[u8])]) -> Result<(), ChangeError> {
    let mut prepared = Vec::with_capacity(changes.len());
    for (setting, value) in changes {
        let prepare = rows().find(|row| row.name == *setting).and_then(|row| row.prepare);
        let prepare = prepare.ok_or_else(|| "can't set immutable config".to_owned());
        let change = prepare.and_then(|prepare| prepare(shared, value));
        prepared.push(change.map_err(|reason| ChangeError { setting, reason })?);
    }
    prepared.into_iter().for_each(|change| change(shared));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ringmaster_runtime::admission::Admission;
    use ringmaster_runtime::door::Doors;

    use super::*;
    use crate::config::Config;
    use crate::engine::Engine;
    use crate::store::Store;

    fn shared() -> Shared {
        let admission = Arc::new(Admission::new(10));
        let config = Config::default();
        let doors = Doors::open(config.listen, None, &[]).unwrap();
        Shared::new(Engine::new(Store::new(None)), config, admission, doors)
    }

    fn value(shared: &Shared, name: &str) -> String {
        all(shared).into_iter().find(|setting| setting.name == name).unwrap().value
    }

    #[test]
    fn no_setting_stands_twice_in_the_table() {
        let mut names: Vec<&str> = rows().map(|row| row.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn one_wrong_value_changes_nothing() {
        let shared = shared();
        let wrong = change(&shared, &[("timeout", b"7"), ("maxclients", b"x")]).unwrap_err();
        assert_eq!((wrong.setting, value(&shared, "timeout")), ("maxclients", "0".to_owned()));
        change(&shared, &[("timeout", b"7"), ("maxclients", b"12")]).unwrap();
        assert_eq!((value(&shared, "timeout"), value(&shared, "maxclients")), ("7".into(), "12".into()));
    }

    #[test]
    fn a_setting_that_is_kept_may_be_set_to_what_it_is() {
        let shared = shared();
        assert_eq!(change(&shared, &[("appendonly", b"NO"), ("save", b"")]), Ok(()));
        assert!(change(&shared, &[("appendonly", b"yes")]).is_err());
    }

    #[test]
    fn a_threshold_without_counterpart_is_kept_under_both_its_names() {
        let shared = shared();
        assert_eq!(value(&shared, "hash-max-ziplist-value"), "64");
        change(&shared, &[("hash-max-listpack-value", b"1kb"), ("lazyfree-lazy-expire", b"YES")]).unwrap();
        assert_eq!(value(&shared, "hash-max-ziplist-value"), "1024");
        assert_eq!(value(&shared, "lazyfree-lazy-expire"), "yes");
        assert!(change(&shared, &[("zset-max-listpack-entries", b"-1")]).is_err());
    }
}
