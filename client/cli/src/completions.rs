//! `ringmaster completions`: what a shell has to know to complete the words of this tool.

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use clap_complete::Shell;

/// Print a script by which a shell completes the words of this tool.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
bash: ringmaster completions bash > ~/.local/share/bash-completion/completions/ringmaster
zsh:  ringmaster completions zsh > \"${fpath[1]}/_ringmaster\"
fish: ringmaster completions fish > ~/.config/fish/completions/ringmaster.fish")]
pub(crate) struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs `ringmaster completions` for `tool`.
///
/// # Errors
/// Standard output does not take it.
pub(crate) fn run(arguments: &Arguments, tool: clap::Command) -> anyhow::Result<ExitCode> {
    std::io::stdout().write_all(&script(arguments.shell, tool)).context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}

fn script(shell: Shell, mut tool: clap::Command) -> Vec<u8> {
    let name = tool.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut tool, name, &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, ValueEnum as _};

    #[test]
    fn every_shell_is_told_every_tool() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell, crate::Arguments::command())).unwrap();
            for word in ["check-config", "bench", "cacert", "drain"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
