//! Asks before something that cannot be taken back.

use std::io::{self, Write};

use anyhow::ensure;

/// Shows the warning and goes on when `word` is typed, or `is_given` already.
///
/// # Errors
/// Something else is typed, or nothing can be.
pub(crate) fn ask(warning: &str, word: &str, is_given: bool) -> anyhow::Result<()> {
    eprintln!("{warning}");
    if is_given {
        return Ok(());
    }
    eprint!("Type `{word}` to go on (--yes does without): ");
    io::stderr().flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    ensure!(line.trim() == word, "not confirmed, nothing was changed");
    Ok(())
}
