//! The lines that were typed before: `~/.ringmaster_history`, for its owner only, without secrets.

use std::path::PathBuf;

/// Most lines that are kept.
pub(super) const LINES_MAX: usize = 1000;

/// Where the history lies; `None` without a home: then nothing is kept. `RINGMASTER_HISTORY` names another
/// file, or none when it is empty.
pub(super) fn file() -> Option<PathBuf> {
    match std::env::var_os("RINGMASTER_HISTORY") {
        Some(path) if path.is_empty() => None,
        Some(path) => Some(path.into()),
        None => std::env::home_dir().map(|home| home.join(".ringmaster_history")),
    }
}

/// True for a line that may hold a password: it must not be kept.
pub(super) fn is_secret(words: &[Vec<u8>]) -> bool {
    let is = |index: usize, want: &str| {
        words.get(index).is_some_and(|word| word.eq_ignore_ascii_case(want.as_bytes()))
    };
    let names_auth =
        |word: &Vec<u8>| word.eq_ignore_ascii_case(b"AUTH") || word.eq_ignore_ascii_case(b"AUTH2");
    is(0, "AUTH")
        || is(0, "HELLO")
        || (is(0, "ACL") && is(1, "SETUSER"))
        || (is(0, "CONFIG") && is(1, "SET"))
        || (is(0, "MIGRATE") && words.iter().any(names_auth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_passwords_are_not_kept() {
        let words = |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
        for line in ["auth pw", "HELLO 3 AUTH u p", "acl setuser u >pw", "config set requirepass x"] {
            assert!(is_secret(&words(line)), "{line}");
        }
        for line in ["get auth", "set hello x", "acl list"] {
            assert!(!is_secret(&words(line)), "{line}");
        }
    }
}
