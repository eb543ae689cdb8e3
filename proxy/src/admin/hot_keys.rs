//! `/hotkeys`: the keys that come most often to this proxy, a line each.

use std::fmt::Write as _;

use crate::shared::Shared;

/// The text of the page.
pub(super) fn render(shared: &Shared) -> String {
    let mut page = "commands/s  share  writes  db  key\n".to_owned();
    for key in shared.hot_keys.hottest() {
        let (share, writes) = (100.0 * key.share, 100.0 * key.writes);
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "{:>10.0} {share:>5.1}% {writes:>6.1}% {:>3}  {}",
            key.per_second,
            key.database,
            key.key.escape_ascii()
        );
    }
    page
}
